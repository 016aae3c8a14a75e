"""Answers the REST API of TensorFlow Serving: https://www.tensorflow.org/tfx/serving/api_rest."""

import re
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from job.results.network_npz import SIDE
from job.serving.engine import NAME, Engine
from job.serving.messages import Request, Response, bad_request, json_response
from job.serving.open_inference import INPUT, OUTPUT
from job.serving.pixels import check_range, check_shape, decode, read_numbers

SIGNATURE = "serving_default"
LIST_OF_OBJECTS = re.compile(rb"\[\s*\{")

Floats = NDArray[np.float32]


class PredictRequest(msgspec.Struct):
    """A request for predictions: `instances` lists the images, `inputs` is one tensor."""

    instances: msgspec.Raw = msgspec.Raw()
    inputs: msgspec.Raw = msgspec.Raw()
    signature_name: str = SIGNATURE


class Named(msgspec.Struct):
    """An input by its name."""

    images: msgspec.Raw


def describe_status(engine: Engine) -> Response:
    """Answer `GET /v1/models/…`, for clients of TensorFlow Serving and of KServe."""
    status = {"error_code": "OK", "error_message": ""}
    version = {"version": engine.model.version, "state": "AVAILABLE", "status": status}
    return json_response({"name": NAME, "ready": True, "model_version_status": [version]})


def describe_model(engine: Engine) -> Response:
    """Answer `GET /v1/models/…/metadata`."""
    signature = {
        "inputs": {INPUT: _describe_tensor("serving_default_images:0", -1, SIDE, SIDE)},
        "outputs": {OUTPUT: _describe_tensor("StatefulPartitionedCall:0", -1, len(engine.model.class_names))},
        "method_name": "tensorflow/serving/predict",
    }
    return json_response(
        {
            "model_spec": {"name": NAME, "signature_name": "", "version": engine.model.version},
            "metadata": {"signature_def": {"signature_def": {SIGNATURE: signature}}},
        }
    )


def predict(engine: Engine, request: Request) -> Response:
    """Answer `POST /v1/models/…:predict`.

    Raises:
        HttpError: If the request is not valid.
    """
    with engine.metrics.preprocess():
        query = decode(request.body, PredictRequest)
        has_instances, has_inputs = bool(bytes(query.instances)), bool(bytes(query.inputs))
        if has_instances == has_inputs:
            raise bad_request("the body must have either `instances` or `inputs`")
        if query.signature_name != SIGNATURE:
            raise bad_request(f"the only signature is {SIGNATURE}")
        label = "`instances`" if has_instances else "`inputs`"
        images = _read_instances(query.instances) if has_instances else _read_inputs(query.inputs)
        check_shape(images.shape, label)
        check_range(images, f"pixels in {label}", 1)
    probabilities = engine.predict(images)
    with engine.metrics.postprocess():
        return json_response({"predictions" if has_instances else "outputs": probabilities.tolist()})


def _read_instances(raw: msgspec.Raw) -> Floats:
    """A list of images, or of objects that name their image."""
    if not LIST_OF_OBJECTS.match(bytes(raw)):
        return read_numbers(raw, "`instances`")
    rows = [read_numbers(each.images, "`instances`") for each in decode(bytes(raw), list[Named])]
    if any(row.shape != (SIDE, SIDE) for row in rows):
        raise bad_request(f"each of the `instances` must be an image of {SIDE} x {SIDE} pixels")
    return np.stack(rows)


def _read_inputs(raw: msgspec.Raw) -> Floats:
    """A list of images, or an object that names the list."""
    if bytes(raw).startswith(b"{"):
        raw = decode(bytes(raw), Named).images
    return read_numbers(raw, "`inputs`")


def _describe_tensor(name: str, *sizes: int) -> dict[str, Any]:
    dim = [{"size": str(size), "name": ""} for size in sizes]
    return {"dtype": "DT_FLOAT", "tensor_shape": {"dim": dim, "unknown_rank": False}, "name": name}

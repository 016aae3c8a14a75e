"""Answers the Open Inference Protocol, version 2, with the extension for binary tensors.

https://github.com/kserve/open-inference-protocol. Triton, KServe and MLServer speak it, too.
"""

import math
import reprlib
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from job import __version__
from job.results.network_npz import SIDE, WHITE
from job.serving.engine import NAME, Engine
from job.serving.messages import Request, Response, bad_request, json_response
from job.serving.pixels import check_range, check_shape, decode, read_numbers

INPUT, OUTPUT = "images", "probabilities"
DTYPES: dict[str, np.dtype[Any]] = {"FP32": np.dtype("<f4"), "UINT8": np.dtype("u1")}
HEAD_LENGTH = "Inference-Header-Content-Length"
EXTENSIONS = ["binary_tensor_data"]

Floats = NDArray[np.float32]
Parameters = Mapping[str, Any]


class InferInput(msgspec.Struct):
    """A tensor of a request; its data are in JSON or, if `binary_data_size` is among the parameters, after it."""

    name: str
    shape: list[int]
    datatype: str
    data: msgspec.Raw = msgspec.Raw()
    parameters: Parameters | None = None


class InferOutput(msgspec.Struct):
    """A tensor that the client asks for."""

    name: str
    parameters: Parameters | None = None


class InferRequest(msgspec.Struct):
    """A request for predictions."""

    inputs: list[InferInput]
    id: str | None = None
    outputs: list[InferOutput] | None = None
    parameters: Parameters | None = None


def describe_server() -> Response:
    """Answer `GET /v2`."""
    return json_response({"name": "fashion-job", "version": __version__, "extensions": EXTENSIONS})


def describe_model(engine: Engine) -> Response:
    """Answer `GET /v2/models/…`."""
    return json_response(
        {
            "name": NAME,
            "versions": [engine.model.version],
            "platform": "fashion-job_numpy",
            "inputs": [{"name": INPUT, "datatype": "FP32", "shape": [-1, SIDE, SIDE]}],
            "outputs": [{"name": OUTPUT, "datatype": "FP32", "shape": [-1, len(engine.model.class_names)]}],
        }
    )


def infer(engine: Engine, request: Request) -> Response:
    """Answer `POST /v2/models/…/infer`.

    Raises:
        HttpError: If the request is not valid.
    """
    with engine.metrics.preprocess():
        head, tensors = _split(request)
        query = decode(head, InferRequest)
        images = _read_images(query, tensors)
        is_binary = _wants_binary(query)
    probabilities = engine.predict(images)
    with engine.metrics.postprocess():
        return _describe(engine, query, probabilities, is_binary=is_binary)


def _split(request: Request) -> tuple[bytes, bytes]:
    """The JSON and the binary tensors of a body."""
    text = request.headers.get(HEAD_LENGTH.lower())
    if text is None:
        return request.body, b""
    if not (text.isascii() and text.isdigit() and int(text) <= len(request.body)):
        raise bad_request(f"{HEAD_LENGTH} must be the length of the JSON in bytes, at most that of the body")
    return request.body[: int(text)], request.body[int(text) :]


def _read_images(query: InferRequest, tensors: bytes) -> Floats:
    """The images of a request, with pixels in [0, 1], shape (n, 28, 28)."""
    names = [each.name for each in query.inputs]
    if names != [INPUT]:
        raise bad_request(f"`inputs` must be one tensor named {INPUT}, but has {reprlib.repr(names)}")
    tensor = query.inputs[0]
    if tensor.datatype not in DTYPES:
        raise bad_request(f"the datatype of {INPUT} must be FP32 or UINT8, not {tensor.datatype[:40]!r}")
    check_shape(tensor.shape, INPUT)
    values = _read_values(tensor, tensors)
    if values.size != math.prod(tensor.shape):
        raise bad_request(f"{INPUT} has {values.size:,} values, which is not what its shape {tensor.shape} says")
    images: Floats = values.reshape(tensor.shape).astype(np.float32, copy=False)
    if tensor.datatype == "FP32":
        check_range(images, "pixels of FP32", 1)
        return images
    check_range(images, "pixels of UINT8", WHITE)
    if (images % 1).any():
        raise bad_request("pixels of UINT8 must be whole numbers; send fractions as FP32, from 0 (black) to 1 (white)")
    return images / np.float32(WHITE)


def _read_values(tensor: InferInput, tensors: bytes) -> NDArray[Any]:
    n_bytes = (tensor.parameters or {}).get("binary_data_size")
    if n_bytes is None:
        if not bytes(tensor.data):
            raise bad_request(f"{INPUT} has neither `data` nor `binary_data_size`")
        return read_numbers(tensor.data, f"data of {INPUT}").ravel()
    if bytes(tensor.data):
        raise bad_request(f"{INPUT} has both `data` and `binary_data_size`; send one of them")
    dtype = DTYPES[tensor.datatype]
    if n_bytes != len(tensors) or len(tensors) % dtype.itemsize:
        raise bad_request(f"`binary_data_size` is {reprlib.repr(n_bytes)}, but {len(tensors):,} bytes follow the JSON")
    values: NDArray[Any] = np.frombuffer(tensors, dtype)
    return values


def _wants_binary(query: InferRequest) -> bool:
    """Whether the client wants the probabilities as a binary tensor."""
    outputs = query.outputs or []
    if [each.name for each in outputs] not in ([], [OUTPUT]):
        raise bad_request(f"`outputs` may only name {OUTPUT}, once")
    is_binary = _read_choice(query.parameters, "binary_data_output", default=False)
    for each in outputs:
        is_binary = _read_choice(each.parameters, "binary_data", default=is_binary)
    return is_binary


def _read_choice(parameters: Parameters | None, name: str, *, default: bool) -> bool:
    choice = (parameters or {}).get(name, default)
    if not isinstance(choice, bool):
        raise bad_request(f"`{name}` must be true or false")
    return choice


def _describe(engine: Engine, query: InferRequest, probabilities: Floats, *, is_binary: bool) -> Response:
    tensor: dict[str, Any] = {"name": OUTPUT, "datatype": "FP32", "shape": list(probabilities.shape)}
    content = {"model_name": NAME, "model_version": engine.model.version, "outputs": [tensor]}
    if query.id is not None:
        content["id"] = query.id
    if not is_binary:
        tensor["data"] = probabilities.ravel().tolist()
        return json_response(content)
    body = probabilities.astype(DTYPES["FP32"]).tobytes()
    tensor["parameters"] = {"binary_data_size": len(body)}
    head = msgspec.json.encode(content)
    return Response(head + body, "application/octet-stream", headers={HEAD_LENGTH: str(len(head))})

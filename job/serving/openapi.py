"""Describes every path of the server in an OpenAPI document, from which the page for readers is made, too."""

from collections.abc import Iterable
from typing import Any

from job import __version__
from job.results.network_npz import SIDE, WHITE
from job.serving import limits
from job.serving.engine import NAME
from job.serving.messages import JSON
from job.serving.open_inference import HEAD_LENGTH, INPUT, OUTPUT
from job.serving.predict_api import CHOICES
from job.serving.served_model import ServedModel
from job.serving.tensorflow_serving import SIGNATURE

Schema = dict[str, Any]

ERRORS = {
    "400": "The request is not valid.",
    "404": "The path does not exist.",
    "405": "The path has no such method.",
    "408": f"The request did not arrive within {limits.REQUEST_S:.0f} s.",
    "413": f"The request is too large: {limits.MAX_BODY_BYTES:,} bytes, {limits.MAX_JSON_BYTES:,} bytes of JSON, "
    f"{limits.MAX_PHOTOS} image files, {{max_pixels:,}} pixels in each and {limits.MAX_PIXELS:,} in all are possible.",
    "415": "The body is in a format that the server does not read.",
    "431": f"Target and headers have more than {limits.MAX_HEAD_BYTES:,} bytes.",
    "500": "The server failed because of a bug.",
    "503": "The server is overloaded, or is stopping; Retry-After says when to try again.",
}
"""By status; `max_pixels` is left open."""
WITHOUT_BODY = ("404", "405", "408", "431", "503")
TEXT, NUMBER, WHOLE = {"type": "string"}, {"type": "number"}, {"type": "integer"}
FRACTION = NUMBER | {"minimum": 0, "maximum": 1}


def describe_api(model: ServedModel, max_pixels: int) -> Schema:
    """The OpenAPI document of a server with this model; an image file may have `max_pixels` pixels."""
    paths = {
        "/": {"get": _get("The report", {"text/html": {"schema": TEXT}})},
        "/try-it.html": {"get": _get("A page to try the model", {"text/html": {"schema": TEXT}})},
        "/predict": {"post": _describe_predict(model)},
        "/metrics": {"get": _get("Metrics for Prometheus", {"text/plain": {"schema": TEXT}})},
        "/openapi.json": {"get": _get("This document", _json({"type": "object"}))},
        "/docs": {"get": _get("This document for readers", {"text/html": {"schema": TEXT}})},
        **_describe_open_inference(model),
        **_describe_tensorflow_serving(model),
    }
    description = f"Predictions of model {NAME}, version {model.version}."
    return {
        "openapi": "3.1.0",
        "info": {"title": "fashion-job", "version": __version__, "description": description},
        "paths": paths,
        "components": {
            "schemas": _describe_schemas(model),
            "responses": {
                status: {"description": text.format(max_pixels=max_pixels), "content": _json(_ref("Error"))}
                for status, text in ERRORS.items()
            },
        },
    }


def _describe_schemas(model: ServedModel) -> Schema:
    n_classes = len(model.class_names)
    return {
        "Error": _object({"error": TEXT | {"description": "One line: what is wrong, and what to do."}}),
        "Pixels": _images(0, WHITE, "Images with pixels from 0 (black) to 255 (white)."),
        "Fractions": _images(0, 1, "Images with pixels from 0 (black) to 1 (white)."),
        "Probabilities": _array(_array(FRACTION, n_classes)) | {"description": "A row for each image."},
        "Prediction": _object(
            {
                "class": {"enum": model.class_names},
                "probability": FRACTION,
                "probabilities": _object(dict.fromkeys(model.class_names, FRACTION)),
                "warnings": _array(TEXT) | {"description": "Reasons to doubt the prediction."},
                "pixels": _image(WHOLE | {"minimum": 0, "maximum": WHITE}) | {"description": "What the model saw."},
            }
        ),
    }


def _describe_predict(model: ServedModel) -> Schema:
    image_file = {"schema": {"type": "string", "format": "binary"}}
    form = {"schema": {"type": "object", "properties": {"image": TEXT | {"format": "binary"}}, "required": ["image"]}}
    return _post(
        "Classify image files, or images in JSON",
        {
            **_json(_object({"images": _ref("Pixels")})),
            "multipart/form-data": form,
            "image/*": image_file,
            "application/octet-stream": image_file,
        },
        _json(
            _object(
                {
                    "model": _object({"name": {"const": NAME}, "version": {"const": model.version}}),
                    "predictions": _array(_ref("Prediction")),
                }
            )
        ),
        "A photo is prepared as the images of Fashion-MNIST were: the article is cropped (unless crop=false), reduced "
        f"to {SIDE} x {SIDE} pixels, sharpened, negated (unless invert=true, for a dark background) and centred.",
        [
            {"name": name, "in": "query", "schema": {"type": "string", "enum": [*CHOICES]}, "description": text}
            for name, text in (("invert", "The article is lighter than its background."), ("crop", "Crop the article."))
        ],
    )


def _describe_open_inference(model: ServedModel) -> Schema:
    n_classes = len(model.class_names)
    tensor = {"name": TEXT, "datatype": TEXT, "shape": _array(WHOLE)}
    sent = _object(
        {
            "name": {"const": INPUT},
            "datatype": {"enum": ["FP32", "UINT8"]},
            "shape": {"type": "array", "prefixItems": [WHOLE | {"minimum": 1}, {"const": SIDE}, {"const": SIDE}]}
            | {"minItems": 3, "maxItems": 3},
            "data": _array(_image(NUMBER | {"minimum": 0, "maximum": WHITE}))
            | {
                "description": "As many images as the shape says, also as one flat list; up to 1 as FP32, 255 as UINT8."
            },
        }
    )
    received = _object({**tensor, "data": _array(FRACTION)})
    names = {"model_name": {"const": NAME}, "model_version": {"const": model.version}}
    answer = _json(_object({**names, "outputs": _array(received), "id": TEXT}, optional=["id"]))
    answer["application/octet-stream"] = {"schema": TEXT | {"format": "binary"}}
    infer = _post(
        "Classify images (Open Inference Protocol, version 2)",
        _json(_object({"inputs": _array(sent, 1), "id": TEXT}, optional=["id"])),
        answer,
        f"With the header {HEAD_LENGTH}, tensors follow the JSON in binary form. The output is {OUTPUT}, shape "
        f"(n, {n_classes}).",
    )
    inputs = _array(_object(tensor))
    described = {"name": {"const": NAME}, "versions": _array(TEXT), "platform": TEXT, "inputs": inputs}
    metadata = _get("Model metadata", _json(_object({**described, "outputs": inputs})))
    ready = _get("Whether the model can answer", _json(_object({"name": {"const": NAME}, "ready": {"const": True}})))
    server = _object({"name": TEXT, "version": TEXT, "extensions": _array(TEXT)})
    return {
        "/v2": {"get": _get("Server metadata", _json(server))},
        "/v2/health/live": {"get": _get("Whether the server lives", _json(_object({"live": {"const": True}})))},
        "/v2/health/ready": {"get": _get("Whether the server can answer", _json(_object({"ready": {"const": True}})))},
        **_with_version(f"/v2/models/{NAME}", model, {"get": metadata}),
        **_with_version(f"/v2/models/{NAME}", model, {"get": ready}, "/ready"),
        **_with_version(f"/v2/models/{NAME}", model, {"post": infer}, "/infer"),
    }


def _describe_tensorflow_serving(model: ServedModel) -> Schema:
    signature = {"signature_name": {"const": SIGNATURE}}
    rows = _object({"instances": _ref("Fractions"), **signature}, optional=["signature_name"])
    columns = _object({"inputs": _ref("Fractions"), **signature}, optional=["signature_name"])
    answers = [_object({"predictions": _ref("Probabilities")}), _object({"outputs": _ref("Probabilities")})]
    predict = _post(
        "Classify images (TensorFlow Serving)", _json({"oneOf": [rows, columns]}), _json({"oneOf": answers})
    )
    status = _object({"name": {"const": NAME}, "ready": {"const": True}, "model_version_status": {"type": "array"}})
    metadata = _object({"model_spec": {"type": "object"}, "metadata": {"type": "object"}})
    base = f"/v1/models/{NAME}"
    return {
        **_with_version(base, model, {"get": _get("Model status (TensorFlow Serving, KServe)", _json(status))}),
        **_with_version(
            base, model, {"get": _get("Model metadata (TensorFlow Serving)", _json(metadata))}, "/metadata"
        ),
        **_with_version(base, model, {"post": predict}, ":predict"),
    }


def _with_version(base: str, model: ServedModel, operations: Schema, ending: str = "") -> Schema:
    """The path without and with the version of the model."""
    return {f"{base}{ending}": operations, f"{base}/versions/{model.version}{ending}": operations}


def _get(summary: str, content: Schema) -> Schema:
    return {"summary": summary, "responses": _respond(summary, content, WITHOUT_BODY)}


def _post(
    summary: str, body: Schema, content: Schema, description: str = "", parameters: list[Schema] | None = None
) -> Schema:
    return {
        "summary": summary,
        **({"parameters": parameters} if parameters else {}),
        **({"description": description} if description else {}),
        "requestBody": {"required": True, "content": body},
        "responses": _respond("Predictions", content, ERRORS),
    }


def _respond(description: str, content: Schema, errors: Iterable[str]) -> Schema:
    references = {status: {"$ref": f"#/components/responses/{status}"} for status in errors}
    return {"200": {"description": description, "content": content}, **references}


def _json(schema: Schema) -> Schema:
    return {JSON: {"schema": schema}}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: Schema, optional: list[str] | None = None) -> Schema:
    required = [name for name in properties if name not in (optional or [])]
    return {"type": "object", "properties": properties, "required": required}


def _array(items: Schema, n: int | None = None) -> Schema:
    return {"type": "array", "items": items, **({} if n is None else {"minItems": n, "maxItems": n})}


def _image(pixel: Schema) -> Schema:
    return _array(_array(pixel, SIDE), SIDE)


def _images(minimum: int, maximum: int, description: str) -> Schema:
    images = _array(_image(NUMBER | {"minimum": minimum, "maximum": maximum}))
    return images | {"minItems": 1, "maxItems": limits.MAX_IMAGES, "description": description}

"""Answers `POST /predict`, for people and programs that have pictures rather than tensors."""

from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import numpy as np
from numpy.typing import NDArray

from job.data.photo import SINGLE_COLOUR, prepare_photo
from job.results.network_npz import WHITE
from job.serving import limits
from job.serving.engine import NAME, Engine
from job.serving.messages import JSON, HttpError, Request, Response, bad_request, json_response
from job.serving.multipart import read_files
from job.serving.pixels import check_range, check_shape, decode, read_numbers

PATH = "/predict"
UNLIKE = "This is unlike the data: 99% of the test images are closer to the mean image of a class."
SWITCHES = {"invert": "is_light", "crop": "crops"}
"""Names in a query, and the parameters of `prepare_photo` that they set."""
CHOICES = {"true": True, "false": False}
OTHER_TYPES = {"application/octet-stream", "application/x-www-form-urlencoded", ""}
"""What clients call an image file if nobody tells them its type; `curl --data-binary` calls it a form."""

Pixels = NDArray[np.uint8]


class PredictRequest(msgspec.Struct):
    """Images as lists of rows of pixels from 0 (black) to 255 (white)."""

    images: msgspec.Raw


def predict(engine: Engine, request: Request) -> Response:
    """Answer `POST /predict`.

    Raises:
        HttpError: If the request is not valid.
    """
    with engine.metrics.preprocess():
        images, warnings = _read_images(request, engine.max_pixels)
        distances = engine.model.network.distances(images)
    probabilities = engine.predict(images.astype(np.float32) / np.float32(WHITE))
    with engine.metrics.postprocess():
        for texts, distance in zip(warnings, distances, strict=True):
            if distance > engine.model.network.distance_limit:
                texts.append(UNLIKE)
        rows = zip(images, probabilities, warnings, strict=True)
        predictions = [_describe(engine, *row) for row in rows]
        content = {"model": {"name": NAME, "version": engine.model.version}, "predictions": predictions}
        return json_response(content)


def is_json(request: Request) -> bool:
    """Whether the body is JSON, even if `curl --data` calls it a form, and not image files."""
    return _media_type(request) == JSON or request.body.startswith(b"{")


def _read_images(request: Request, max_pixels: int) -> tuple[Pixels, list[list[str]]]:
    """The images of a request, and the warnings about each."""
    switches = _read_switches(request.query)
    if is_json(request):
        if switches:
            raise bad_request("invert and crop are for image files; JSON has the pixels that the model sees")
        images = _read_json(request.body)
        return images, [[SINGLE_COLOUR] if np.ptp(image) == 0 else [] for image in images]
    from job.serving.photo_formats import check_sizes, decode_photo

    files = _read_files(request)
    check_sizes(files, max_pixels)
    prepared = [prepare_photo(decode_photo(file, max_pixels), **switches) for file in files]
    return np.stack([each.pixels for each in prepared]), [each.warnings for each in prepared]


def _read_files(request: Request) -> list[bytes]:
    """The image files of a request."""
    kind = _media_type(request)
    if kind.startswith("image/") or kind in OTHER_TYPES:
        return [request.body]
    if kind != "multipart/form-data":
        text = f"Content-Type is {kind[:80]!r}, but must be {JSON}, an image, or multipart/form-data with image files"
        raise HttpError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, text)
    files = read_files(request.headers["content-type"], request.body)
    if len(files) > limits.MAX_PHOTOS:
        text = f"the form has {len(files)} files, but may have {limits.MAX_PHOTOS}; send fewer at a time"
        raise HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text)
    return files


def _read_switches(query: str) -> dict[str, bool]:
    """The parameters of `prepare_photo` in the query of a request."""
    switches = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in SWITCHES or value not in CHOICES:
            raise bad_request(f"the query may have {' and '.join(SWITCHES)}, each true or false")
        switches[SWITCHES[name]] = CHOICES[value]
    return switches


def _read_json(body: bytes) -> Pixels:
    values = read_numbers(decode(body, PredictRequest).images, "`images`")
    check_shape(values.shape, "`images`")
    check_range(values, "pixels in `images`", WHITE)
    if values.max() <= 1 and (values % 1).any():
        raise bad_request(f"pixels in `images` are fractions up to 1; multiply them by {WHITE}")
    return np.rint(values).astype(np.uint8)


def _describe(
    engine: Engine, pixels: Pixels, probabilities: NDArray[np.float32], warnings: list[str]
) -> dict[str, Any]:
    by_class = engine.name_classes(probabilities)
    name = engine.model.class_names[int(probabilities.argmax())]
    return {
        "class": name,
        "probability": by_class[name],
        "probabilities": by_class,
        "warnings": warnings,
        "pixels": pixels.tolist(),
    }


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()

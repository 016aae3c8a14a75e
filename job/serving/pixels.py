"""Reads images in JSON: nested lists of pixels."""

from http import HTTPStatus
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from job.results.network_npz import SIDE
from job.serving import limits
from job.serving.messages import HttpError, bad_request

Floats = NDArray[np.float32]

BY_DEPTH: dict[int, msgspec.json.Decoder[Any]] = {
    1: msgspec.json.Decoder(list[float]),
    2: msgspec.json.Decoder(list[list[float]]),
    3: msgspec.json.Decoder(list[list[list[float]]]),
}
SHAPE = f"(n, {SIDE}, {SIDE})"
WHITE = 255


def decode(content: bytes, kind: type[Any]) -> Any:  # noqa: ANN401 - an instance of the struct `kind`
    """Decode the body of a request.

    Raises:
        HttpError: If it is too long, not JSON, or has other fields than the struct `kind`.
    """
    if len(content) > limits.MAX_JSON_BYTES:
        text = (
            f"the JSON has {len(content):,} bytes, but may have {limits.MAX_JSON_BYTES:,}; send fewer images at a time"
        )
        raise HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text)
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise bad_request(f"the body is not valid: {error}") from error


def read_numbers(raw: msgspec.Raw, label: str) -> Floats:
    """Read nested lists of numbers; `label` names them in errors.

    Raises:
        HttpError: If they are something else.
    """
    content = bytes(raw)
    start = content[:64].replace(b" ", b"").replace(b"\n", b"")
    depth = len(start) - len(start.lstrip(b"["))
    if depth not in BY_DEPTH:
        raise bad_request(f"{label} must be lists of numbers, of shape {SHAPE}")
    try:
        return np.array(BY_DEPTH[depth].decode(content), np.float32)
    except (msgspec.MsgspecError, ValueError, OverflowError) as error:
        problem = "the lists differ in length" if "inhomogeneous" in str(error) else str(error)
        raise bad_request(f"{label} must be lists of numbers, of shape {SHAPE}: {problem}") from error


def check_images(images: NDArray[Any], label: str) -> None:
    """Check the number of images and their shape, which must be (n, 28, 28).

    Raises:
        HttpError: If something does not fit.
    """
    if images.ndim != len(("n", SIDE, SIDE)) or images.shape[1:] != (SIDE, SIDE):
        raise bad_request(f"{label} must have the shape {SHAPE}, but has {images.shape}")
    check_count(len(images))


def check_count(n: int) -> None:
    """Check the number of images of a request."""
    if not 0 < n <= limits.MAX_IMAGES:
        raise bad_request(f"a request must have from 1 to {limits.MAX_IMAGES} images, but this one has {n}")


def check_range(images: Floats, label: str, maximum: int) -> None:
    """Check that all pixels are numbers from 0 to `maximum`."""
    lowest, highest = float(images.min()), float(images.max())
    if not (lowest >= 0 and highest <= maximum):  # also if one is NaN
        raise bad_request(
            f"{label} must be from 0 (black) to {maximum} (white), but are from {lowest:g} to {highest:g}"
        )

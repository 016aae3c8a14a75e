"""Reads images in JSON: nested lists of pixels."""

import re
import reprlib
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from job.results.network_npz import SIDE
from job.serving import limits
from job.serving.messages import HttpError, bad_request

Floats = NDArray[np.float32]
T = TypeVar("T")

BY_DEPTH: dict[int, msgspec.json.Decoder[Any]] = {
    1: msgspec.json.Decoder(list[float]),
    2: msgspec.json.Decoder(list[list[float]]),
    3: msgspec.json.Decoder(list[list[list[float]]]),
}
OPENING = re.compile(rb"[\[ \t\r\n]*")
"""The brackets that open lists, and the space between them."""
SHAPE = f"(n, {SIDE}, {SIDE})"


def decode(content: bytes, kind: type[T]) -> T:
    """Decode the JSON of a request.

    Raises:
        HttpError: If it is too long, not JSON, or has other fields than `kind`.
    """
    if len(content) > limits.MAX_JSON_BYTES or content.count(b",") > limits.MAX_JSON_COMMAS:
        text = (
            f"the JSON has {len(content):,} bytes and {content.count(b','):,} commas, but may have "
            f"{limits.MAX_JSON_BYTES:,} and {limits.MAX_JSON_COMMAS:,}; send fewer images at a time"
        )
        raise HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text)
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise bad_request(f"the body is not valid: {error}") from error


def read_numbers(raw: msgspec.Raw, label: str) -> Floats:
    """Read nested lists of numbers; `label` names them in errors. Numbers beyond float32 become infinite.

    Raises:
        HttpError: If they are something else.
    """
    content = bytes(raw)
    opening = OPENING.match(content)
    depth = opening[0].count(b"[") if opening else 0
    if depth not in BY_DEPTH:
        problem = f"have {depth:,} dimensions" if depth else "are no lists"
        raise bad_request(f"{label} must be lists of numbers, of shape {SHAPE}, but {problem}")
    try:
        with np.errstate(over="ignore"):
            return np.array(BY_DEPTH[depth].decode(content), np.float32)
    except (msgspec.MsgspecError, ValueError, OverflowError) as error:
        problem = "the lists differ in length" if "inhomogeneous" in str(error) else str(error)
        raise bad_request(f"{label} must be lists of numbers, of shape {SHAPE}: {problem}") from error


def check_shape(shape: Sequence[int], label: str) -> None:
    """Check the shape of images, which must be (n, 28, 28), and their number.

    Raises:
        HttpError: If something does not fit.
    """
    if tuple(shape[1:]) != (SIDE, SIDE):
        remedy = "; n is 1 for a single image" if tuple(shape) == (SIDE, SIDE) else ""
        raise bad_request(f"{label} must have the shape {SHAPE}, but has {reprlib.repr(tuple(shape))}{remedy}")
    if not 0 < shape[0] <= limits.MAX_IMAGES:
        raise bad_request(f"a request must have from 1 to {limits.MAX_IMAGES} images, but this one has {shape[0]}")


def check_range(images: NDArray[Any], label: str, maximum: int) -> None:
    """Check that all pixels are numbers from 0 to `maximum`.

    Raises:
        HttpError: If one is not.
    """
    lowest, highest = float(images.min()), float(images.max())
    if not (lowest >= 0 and highest <= maximum):  # also if one is NaN
        raise bad_request(
            f"{label} must be from 0 (black) to {maximum} (white), but are from {lowest:g} to {highest:g}"
        )

"""Decodes image files that clients send."""

import contextlib
import threading
from collections.abc import Iterator, Sequence
from http import HTTPStatus

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from job.image_file import (
    BROWSER_FORMATS,
    BYTES_PER_PIXEL,
    ImageError,
    SizeError,
    configure_pillow,
    decode_image,
    open_image,
)
from job.serving import limits
from job.serving.messages import HttpError, bad_request

SMALL = 1_000_000
"""Pixels that are always allowed, and that several threads may decode at the same time."""
THREAD_BYTES = 2**25
"""Memory that a thread needs to decode a small photo, or to prepare any."""
OTHER_BYTES = 2**26
"""Memory that the server needs without any request."""

_ONE_LARGE_PHOTO = threading.Lock()


def limit_pixels(memory_bytes: int | None, n_threads: int) -> int:
    """The pixels that an image file may have if the process may use this much memory (None: any)."""
    if memory_bytes is None:
        return limits.MAX_PIXELS
    free = memory_bytes - OTHER_BYTES - limits.MAX_BUFFERED_BYTES - n_threads * THREAD_BYTES
    return min(limits.MAX_PIXELS, max(SMALL, free // BYTES_PER_PIXEL))


def check_sizes(files: Sequence[bytes], max_pixels: int) -> None:
    """Check the headers of the image files in a request, before any of them is decoded.

    Raises:
        HttpError: If one is no image or too large, or all together are.
    """
    n_pixels = 0
    for file in files:
        with _open(file, max_pixels) as image:
            n_pixels += image.width * image.height
    if n_pixels > limits.MAX_PIXELS:
        text = f"the images have {n_pixels:,} pixels together, but may have {limits.MAX_PIXELS:,}; send fewer at a time"
        raise HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text)


def decode_photo(content: bytes, max_pixels: int = limits.MAX_PIXELS) -> NDArray[np.uint8]:
    """Decode an image file as `job.image_file` does; of the large ones, one at a time.

    Returns:
        Red, green, blue and opacity, shape (height, width, 4), both at most 1,120.

    Raises:
        HttpError: If it is no image, in another format, or too large.
    """
    with (
        _open(content, max_pixels) as image,
        _ONE_LARGE_PHOTO if image.width * image.height > SMALL else contextlib.nullcontext(),
    ):
        return decode_image(image)


@contextlib.contextmanager
def _open(content: bytes, max_pixels: int) -> Iterator[Image.Image]:
    """Read and check the header of an image file; an error until the end is one of the client."""
    configure_pillow()
    try:
        with open_image(content, max_pixels) as image:
            yield image
    except SizeError as error:
        raise HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the image has {error}; send a smaller one") from error
    except ImageError as error:
        names = f"{', '.join(BROWSER_FORMATS[:-1])} or {BROWSER_FORMATS[-1]}"
        raise bad_request(f"this is not a readable image; send a {names} file, or JSON") from error

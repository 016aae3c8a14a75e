"""Decodes image files that strangers send."""

import contextlib
import io
import math
import threading
import warnings
from collections.abc import Iterator, Sequence
from http import HTTPStatus

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from job.serving import limits
from job.serving.messages import HttpError, bad_request

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
"""The formats that browsers show, too; each further decoder would be one more to attack."""
MAX_SIDE = 1120
"""Longest edge of the result; larger photos lose rows and columns, as in the page."""
SMALL = 1_000_000
"""Pixels that are always allowed, and that several threads may decode at the same time."""
BYTES_PER_PIXEL = 16
"""Memory that Pillow takes for WebP; a progressive JPEG takes up to 12, anything else up to 8."""
THREAD_BYTES = 2**25
"""Memory that a thread needs to decode a small photo, or to prepare any."""
OTHER_BYTES = 2**26
"""Memory that the server needs without any request."""

Image.MAX_IMAGE_PIXELS = None  # `_check_size` decides
warnings.filterwarnings("ignore", module="PIL")  # once, because threads share the filters

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
        with _open(file) as image:
            _check_size(image, max_pixels)
            n_pixels += image.width * image.height
    if n_pixels > limits.MAX_PIXELS:
        text = f"the images have {n_pixels:,} pixels together, but may have {limits.MAX_PIXELS:,}; send fewer at a time"
        raise HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text)


def decode_photo(content: bytes, max_pixels: int = limits.MAX_PIXELS) -> NDArray[np.uint8]:
    """Decode an image file: the first frame, upright. Rows and columns of a large one are skipped, as in the page.

    Returns:
        Red, green, blue and opacity, shape (height, width, 4), both at most 1,120.

    Raises:
        HttpError: If it is no image, in another format, or too large.
    """
    with _open(content) as image:
        _check_size(image, max_pixels)
        with _ONE_LARGE_PHOTO if image.width * image.height > SMALL else contextlib.nullcontext():
            ImageOps.exif_transpose(image, in_place=True)
            return np.asarray(_reduce_depth(_skip_pixels(image)).convert("RGBA"))


@contextlib.contextmanager
def _open(content: bytes) -> Iterator[Image.Image]:
    """Read the header of an image file; what Pillow raises until the end is an error of the client."""
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            yield image
    except HttpError:
        raise
    except Exception as error:  # Pillow raises many kinds on damaged files
        names = f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
        raise bad_request(f"this is not a readable image; send a {names} file, or JSON") from error


def _skip_pixels(image: Image.Image) -> Image.Image:
    """Keep each n-th row and column, beginning with the first."""
    step = math.ceil(max(image.size) / MAX_SIDE)
    size = (math.ceil(image.width / step), math.ceil(image.height / step))
    to_centre = (1 - step) / 2  # Pillow looks at the centre of each pixel
    return image.transform(size, Image.Transform.AFFINE, (step, 0, to_centre, 0, step, to_centre))


def _reduce_depth(image: Image.Image) -> Image.Image:
    """Turn 16 bits a pixel, which only grey images can have, into 8."""
    return Image.fromarray((np.asarray(image) // 257).astype(np.uint8)) if image.mode.startswith("I") else image


def _check_size(image: Image.Image, max_pixels: int) -> None:
    """Refuse many pixels before they are decoded."""
    n_pixels = image.width * image.height
    if n_pixels > max_pixels:
        text = f"the image has {n_pixels:,} pixels, but may have {max_pixels:,}; send a smaller one"
        raise HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text)

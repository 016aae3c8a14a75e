"""Decodes image files that may come from strangers."""

import contextlib
import ctypes
import functools
import io
import math
import warnings
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, _imaging

UInt8 = NDArray[np.uint8]

BROWSER_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
"""The formats that browsers show, too; each further decoder would be one more to attack."""
FORMATS = (*BROWSER_FORMATS, "TIFF")
"""The formats of the user's own files."""
MAX_FILE_BYTES = 2**28
MAX_SIDE = 1120
"""Longest edge of the result; larger photos lose rows and columns, as in the page."""
MAX_PIXELS = 50_000_000
"""Few bytes can describe many pixels."""
BYTES_PER_PIXEL = 16
"""Memory that Pillow takes for WebP; a progressive JPEG takes up to 12, anything else up to 8."""


class ImageError(ValueError):
    """A file that is not a readable image."""


class SizeError(ImageError):
    """An image with too many pixels."""


@functools.cache
def configure_pillow() -> None:
    """Let `open_image` alone limit the pixels of images, and print no warnings about them, in the whole process."""
    Image.MAX_IMAGE_PIXELS = None
    warnings.filterwarnings("ignore", module="PIL")  # once, because threads share the filters


@functools.cache
def _silence_libtiff() -> None:
    """Keep libtiff from printing to stderr what Pillow raises as an exception."""
    with contextlib.suppress(AttributeError, OSError):  # Pillow is built without libtiff, or in another way
        ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler(None)


@contextlib.contextmanager
def open_image(content: bytes, max_pixels: int, formats: tuple[str, ...] = BROWSER_FORMATS) -> Iterator[Image.Image]:
    """Read the header of an image file; what Pillow raises until the end of the block becomes an ImageError.

    Raises:
        SizeError: If the image has more than `max_pixels` pixels. None of them is decoded before.
        ImageError: If it is no image, damaged, or in another format.
    """
    _silence_libtiff()
    try:
        with Image.open(io.BytesIO(content), formats=formats) as image:
            _check_size(image, max_pixels)
            yield image
    except ImageError:
        raise
    except Image.DecompressionBombError as error:  # without `configure_pillow`
        raise SizeError(f"more than {max_pixels:,} pixels") from error
    except Exception as error:  # Pillow raises many kinds on damaged files
        raise ImageError("not a readable image") from error


def decode_image(image: Image.Image) -> UInt8:
    """Decode an opened image: the first frame, upright. Rows and columns of a large one are skipped, as in the page.

    Returns:
        Red, green, blue and opacity, shape (height, width, 4), both at most 1,120.
    """
    ImageOps.exif_transpose(image, in_place=True)
    return np.asarray(reduce_depth(_skip_pixels(image)).convert("RGBA"))


def _check_size(image: Image.Image, max_pixels: int) -> None:
    n_pixels = image.width * image.height
    if n_pixels > max_pixels:
        raise SizeError(f"{n_pixels:,} pixels, but may have {max_pixels:,}")


def _skip_pixels(image: Image.Image) -> Image.Image:
    """Keep each n-th row and column, beginning with the first."""
    step = math.ceil(max(image.size) / MAX_SIDE)
    if step == 1:
        return image
    size = (math.ceil(image.width / step), math.ceil(image.height / step))
    to_centre = (1 - step) / 2  # Pillow looks at the centre of each pixel
    return image.transform(size, Image.Transform.AFFINE, (step, 0, to_centre, 0, step, to_centre))


def reduce_depth(image: Image.Image) -> Image.Image:
    """Turn 16 bits a pixel, which only grey images can have, into 8.

    Raises:
        ImageError: If the image has 32 bits a pixel.
    """
    if image.mode in {"I", "F"}:
        raise ImageError("32 bits a pixel, whose range is unknown; save it with 8 or 16")
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image) // 257).astype(np.uint8))

"""Decodes image files that strangers send."""

import io
import warnings
from http import HTTPStatus

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from job.serving import limits
from job.serving.messages import HttpError, bad_request

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
"""The formats that browsers show, too; each further decoder would be one more to attack."""


def decode_photo(content: bytes) -> NDArray[np.uint8]:
    """Decode an image file: the first frame, upright, on white where it is transparent.

    Returns:
        Pixels, shape (height, width, 3).

    Raises:
        HttpError: If it is no image, in another format, or too large.
    """
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(content), formats=FORMATS) as image:
            _check_size(image)
            return np.asarray(_flatten(ImageOps.exif_transpose(image)))
    except HttpError:
        raise
    except Exception as error:  # Pillow raises many kinds on damaged files
        raise bad_request(f"this is not a readable image; send a file of {', '.join(FORMATS)}, or JSON") from error


def _check_size(image: Image.Image) -> None:
    """Refuse many pixels before they are decoded."""
    n_pixels = image.width * image.height
    if n_pixels > limits.MAX_PIXELS:
        text = f"the image has {n_pixels:,} pixels, but may have {limits.MAX_PIXELS:,}; send a smaller one"
        raise HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text)


def _flatten(image: Image.Image) -> Image.Image:
    """Lay an image on white, in RGB."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")

"""Decodes image files that strangers send."""

import io
import math
import warnings
from http import HTTPStatus

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from job.serving import limits
from job.serving.messages import HttpError, bad_request

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
"""The formats that browsers show, too; each further decoder would be one more to attack."""
MAX_SIDE = 1120
OPAQUE = 255
N_CHANNELS = 4


def decode_photo(content: bytes) -> NDArray[np.uint8]:
    """Decode an image file: the first frame, upright. Rows and columns of a large one are skipped, as in the page.

    Returns:
        Red, green, blue and opacity, shape (height, width, 4), both at most 1,120.

    Raises:
        HttpError: If it is no image, in another format, or too large.
    """
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(content), formats=FORMATS) as image:
            _check_size(image)
            upright = ImageOps.exif_transpose(image)
            step = math.ceil(max(upright.size) / MAX_SIDE)
            pixels = np.asarray(upright.convert("RGBA" if upright.has_transparency_data else "RGB"))[::step, ::step]
    except HttpError:
        raise
    except Exception as error:  # Pillow raises many kinds on damaged files
        raise bad_request(f"this is not a readable image; send a file of {', '.join(FORMATS)}, or JSON") from error
    is_opaque = pixels.shape[2] < N_CHANNELS
    return np.pad(pixels, ((0, 0), (0, 0), (0, 1)), constant_values=OPAQUE) if is_opaque else pixels.copy()


def _check_size(image: Image.Image) -> None:
    """Refuse many pixels before they are decoded."""
    n_pixels = image.width * image.height
    if n_pixels > limits.MAX_PIXELS:
        text = f"the image has {n_pixels:,} pixels, but may have {limits.MAX_PIXELS:,}; send a smaller one"
        raise HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text)

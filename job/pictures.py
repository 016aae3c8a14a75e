"""Pictures of test images for the page: as data URIs within it, or as files beside it."""

import base64
import io
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from job.layout import PICTURES


class Pictures:
    """Where the page finds the picture of a test image.

    Attributes:
        files: what must lie beside the page, by name; filled as addresses are asked for.

    Args:
        images: by the index of their test image, shape (28, 28) each.
        embedded: whether the page holds them itself.
    """

    def __init__(self, images: Mapping[int, NDArray[np.uint8]], *, embedded: bool) -> None:
        self._images = images
        self._embedded = embedded
        self.files: dict[str, bytes] = {}

    def address(self, index: int) -> str:
        """The address of a PNG, to be a `src` on the page."""
        file = io.BytesIO()
        Image.fromarray(self._images[index]).save(file, format="PNG", optimize=True)
        if self._embedded:
            return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
        name = f"{PICTURES}/{index}.png"
        self.files[name] = file.getvalue()
        return name

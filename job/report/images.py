"""Pictures of test images for the page: as data URIs within it, or as files beside it."""

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from job.results.file_names import PICTURES

GAP = 2  # pixels between the images of a sheet
ZOOM = 2
OPAQUE = 255


@dataclass(frozen=True)
class Sheet:
    """Many images in one picture: its address, and the size it is shown in, in CSS pixels."""

    picture: str
    width: int
    height: int


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
        return self._placed(Image.fromarray(self._images[index]), str(index))

    def sheet(self, images: NDArray[np.uint8], name: str) -> Sheet:
        """Many images in one picture, with clear lines between them.

        Args:
            images: shape (n_rows, n_columns, 28, 28).
            name: of its file, without the suffix.
        """
        n_rows, n_columns, height, width = images.shape
        pixels = np.zeros((n_rows, height + GAP, n_columns, width + GAP, 2), np.uint8)
        pixels[:, :height, :, :width, 0] = images.transpose(0, 2, 1, 3)
        pixels[:, :height, :, :width, 1] = OPAQUE
        pixels = pixels.reshape(n_rows * (height + GAP), n_columns * (width + GAP), 2)[:-GAP, :-GAP]
        return Sheet(self._placed(Image.fromarray(pixels), name), ZOOM * pixels.shape[1], ZOOM * pixels.shape[0])

    def _placed(self, picture: Image.Image, name: str) -> str:
        """The address of a picture, as it will be a `src`."""
        file = io.BytesIO()
        picture.save(file, format="PNG", optimize=True)
        if self._embedded:
            return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
        path = f"{PICTURES}/{name}.png"
        self.files[path] = file.getvalue()
        return path

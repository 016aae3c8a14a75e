"""Encodes images for the page: as data URIs, or as files that the page links to."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from job.results.file_names import PICTURES

GAP = 2  # pixels between the images of a sheet
ZOOM = 2
OPAQUE = 255
PNG = b"\x89PNG"
GREY = 2  # dimensions of a grey image
BLACK = 32
LARGE = 1500  # bytes of a test image; grey ones of 28 x 28 pixels have at most 900
QUALITY = 80  # of WebP
N_LEVELS = 7  # of each sign of the weights; more would double the size of the picture
POSITIVE, NEGATIVE = (58, 142, 215), (222, 107, 49)  # blue and orange that show on light and on dark pages


@dataclass(frozen=True)
class Sheet:
    """Many images in one picture: its address, and its size on the page in CSS pixels."""

    picture: str
    width: int
    height: int


def have_black_background(images: Sequence[NDArray[np.uint8]]) -> bool:
    """Whether images are grey and mostly black at their edges, so that they are easier to see as negatives."""
    if not images or any(image.ndim > GREY for image in images):
        return False
    edges = [np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]]) for image in images]
    return float(np.median(np.concatenate(edges))) < BLACK


class Pictures:
    """The pictures of the page.

    Attributes:
        files: Files that the page links to, by name; empty if the page embeds its pictures.

    Args:
        images: Test images by index, shape (height, width) or (height, width, 3) each.
        embedded: Whether the page embeds its pictures.
    """

    def __init__(self, images: Mapping[int, NDArray[np.uint8]], *, embedded: bool) -> None:
        self._images = images
        self._embedded = embedded
        self.files: dict[str, bytes] = {}

    def add_image(self, index: int) -> str:
        """Add a test image; returns its address for `src`.

        It is a PNG without loss, or, if that would be large, a WebP of high quality.
        """
        picture = Image.fromarray(self._images[index])
        content = _encode(picture, "PNG", optimize=True)
        if len(content) > LARGE:
            content = min(content, _encode(picture, "WEBP", quality=QUALITY, method=6), key=len)
        return self._store(content, str(index))

    def add_sheet(self, images: NDArray[np.uint8], name: str) -> Sheet:
        """Add one picture of many images with transparent gaps between them.

        Args:
            images: Images, shape (n_rows, n_columns, height, width).
            name: Name of the file, without suffix.
        """
        n_rows, n_columns, height, width = images.shape
        pixels = np.zeros((n_rows, height + GAP, n_columns, width + GAP, 2), np.uint8)
        pixels[:, :height, :, :width, 0] = images.transpose(0, 2, 1, 3)
        pixels[:, :height, :, :width, 1] = OPAQUE
        pixels = pixels.reshape(n_rows * (height + GAP), n_columns * (width + GAP), 2)[:-GAP, :-GAP]
        return Sheet(self._add(Image.fromarray(pixels), name), ZOOM * pixels.shape[1], ZOOM * pixels.shape[0])

    def add_picture(self, pixels: NDArray[np.uint8], name: str) -> str:
        """Add a grey image, shape (height, width), as the file `name` without suffix; returns its address."""
        return self._add(Image.fromarray(pixels), name)

    def add_weights(self, weights: NDArray[np.float64], name: str) -> Sheet:
        """Add one picture of many weights: positive ones are blue, negative ones orange, small ones transparent.

        Args:
            weights: Weights in [-1, 1], shape (n_rows, n_columns, height, width).
            name: Name of the file, without suffix.
        """
        n_rows, n_columns, height, width = weights.shape
        gap = 1 + height // 28
        levels = np.zeros((n_rows, height + gap, n_columns, width + gap), np.int8)
        levels[:, :height, :, :width] = np.round(N_LEVELS * weights).transpose(0, 2, 1, 3)
        levels = levels.reshape(n_rows * (height + gap), n_columns * (width + gap))[:-gap, :-gap]
        picture = Image.fromarray((levels + N_LEVELS).astype(np.uint8))
        picture.putpalette([*NEGATIVE] * N_LEVELS + [*POSITIVE] * (N_LEVELS + 1))
        opacity = [OPAQUE * abs(level) // N_LEVELS for level in range(-N_LEVELS, N_LEVELS + 1)]
        address = self._add(picture, name, transparency=bytes(opacity))
        return Sheet(address, ZOOM * picture.width, ZOOM * picture.height)

    def _add(self, picture: Image.Image, name: str, **options: Any) -> str:  # noqa: ANN401 - Pillow's options
        return self._store(_encode(picture, "PNG", optimize=True, **options), name)

    def _store(self, content: bytes, name: str) -> str:
        kind = "png" if content.startswith(PNG) else "webp"
        if self._embedded:
            return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
        path = f"{PICTURES}/{name}.{kind}"
        self.files[path] = content
        return path


def _encode(picture: Image.Image, kind: str, **options: Any) -> bytes:  # noqa: ANN401 - Pillow's options
    file = io.BytesIO()
    picture.save(file, format=kind, **options)
    return file.getvalue()

"""Reads the images that belong to predictions, and reduces them to what the page shows."""

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from job.errors import PredictionsError
from job.image_file import FORMATS, MAX_FILE_BYTES, MAX_PIXELS, open_image, reduce_depth
from job.log import log
from job.predictions.tables import Table, read_table
from job.system.regular_file import read_regular

MAX_SIDE = 256
"""Height and width of images in an array."""
SHOWN_SIDE = 64
"""Height and width of the images in the report; larger ones are reduced."""
COLOURS = 3
LARGEST = 255
DARK = 16
"""Largest pixel of images that look black, but probably have 4 bits, or are those of scikit-learn's `load_digits`."""
ARRAYS = ("images", "image", "x_test", "x", "test_images", "pixels", "")
CLEAR = ("images", "test_images", "pixels")
"""Names that only images have: `x_test` may be features."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class ImageArray:
    """Images in an array.

    Attributes:
        values: Shape (n, height, width) or (n, height, width, 1 or 3): bytes, or fractions of the largest value.
        name: The file, or what else error messages call the array.
    """

    values: NDArray[Any]
    name: str

    def __post_init__(self) -> None:
        shape = self.values.shape
        problem = f"{self.name}: has the shape {shape}"
        if len(shape) not in {3, 4} or (len(shape) == 4 and not {1, COLOURS} & {shape[1], shape[3]}):  # noqa: PLR2004
            raise PredictionsError(f"{problem}; give images as (n, height, width) or (n, height, width, 3)")
        height, width = self._as_channels_last(self.values[:0]).shape[1:3]
        if not 0 < height <= MAX_SIDE or not 0 < width <= MAX_SIDE:
            raise PredictionsError(f"{problem}; scale the images to at most {MAX_SIDE} x {MAX_SIDE} pixels")
        if self.values.dtype.kind not in "buif":
            raise PredictionsError(f"{self.name}: has the type {self.values.dtype}; give pixels as numbers")

    @property
    def n(self) -> int:
        """Number of images."""
        return len(self.values)

    def load(self, numbers: Sequence[int]) -> Mapping[int, Pixels]:
        """The images of these numbers, at most 64 pixels high and wide."""
        values = self._as_channels_last(np.asarray(self.values[list(numbers)]))
        pixels = self._to_bytes(values, numbers)
        pixels = pixels[..., 0] if pixels.shape[3:] == (1,) else pixels
        return {number: reduce_image(image) for number, image in zip(numbers, pixels, strict=True)}

    def _as_channels_last(self, values: NDArray[Any]) -> NDArray[Any]:
        """Channels last, also if PyTorch's order has them first."""
        if values.ndim == 4 and values.shape[3] not in {1, COLOURS}:  # noqa: PLR2004
            return values.transpose(0, 2, 3, 1)
        return values

    def _to_bytes(self, values: NDArray[Any], numbers: Sequence[int]) -> Pixels:
        if values.dtype.kind == "b":
            return values.astype(np.uint8) * np.uint8(LARGEST)
        is_sound = np.isfinite(values) & (values >= 0) & (values <= LARGEST)
        if not is_sound.all():
            image = int((~is_sound).reshape(len(values), -1).any(axis=1).argmax())
            value = values[image][~is_sound[image]].flat[0]
            raise PredictionsError(
                f"{self.name}, image {numbers[image]:,}: has a pixel of {value:.4g}; give pixels from 0 to 255, or "
                "from 0 to 1, before they were normalized"
            )
        largest = values.max(initial=0)
        if largest <= DARK:
            largest = np.nanmax(self.values)  # the other images decide, too
        if 1 < largest <= DARK:
            log.warning(
                "%s: the largest pixel is %.4g of 255; if the images go from 0 to %.4g, multiply them by 255/%.4g",
                *(self.name, largest, largest, largest),
            )
        scaled: Pixels = np.round(values * float(LARGEST) if largest <= 1 else values).astype(np.uint8)
        return scaled


@dataclass(frozen=True)
class ImageFiles:
    """Images in files that a column of a table names, relative to the folder of the table.

    Attributes:
        rows: The row of the table that has each image, shape (n,).
    """

    table: Table
    column: str
    rows: NDArray[np.intp]

    def exist(self) -> bool:
        """Whether the files of all images exist; False if none does.

        Raises:
            PredictionsError: If only some of them exist.
        """
        paths = [self.path(number) for number in range(len(self.rows))]
        missing = [number for number, path in enumerate(paths) if not os.path.exists(path)]  # noqa: PTH110 - long names
        if 0 < len(missing) < len(paths):
            place = self.table.place(int(self.rows[missing[0]]), self.column)
            raise PredictionsError(
                f"{place}: {paths[missing[0]]}: not found (missing: {len(missing):,} of {len(paths):,} pictures); "
                "correct the paths, or remove the column"
            )
        return not missing

    def path(self, number: int) -> Path:
        """The path of an image."""
        return self.table.folder / str(self.table.columns[self.column][self.rows[number]])

    def load(self, numbers: Sequence[int]) -> Mapping[int, Pixels]:
        """The images of these numbers, at most 64 pixels high and wide; with colours if one of them has some."""
        pictures = {number: self._read(number) for number in numbers}
        mode = "RGB" if any(picture.mode == "RGB" for picture in pictures.values()) else "L"
        return {number: np.asarray(picture.convert(mode)) for number, picture in pictures.items()}

    def _read(self, number: int) -> Image.Image:
        path = self.path(number)
        place = self.table.place(int(self.rows[number]), self.column)
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", module="PIL")
                with open_image(read_regular(path, MAX_FILE_BYTES), MAX_PIXELS, FORMATS) as picture:
                    return _reduce(_flatten(ImageOps.exif_transpose(picture)))
        except (OSError, ValueError) as error:
            reason = "not found" if isinstance(error, FileNotFoundError) else f"cannot be read ({_explain(error)})"
            raise PredictionsError(f"{place}: {path}: {reason}; correct the path or the file") from error


def _explain(error: Exception) -> str:
    return getattr(error, "strerror", None) or " ".join(str(error).split())


def _flatten(picture: Image.Image) -> Image.Image:
    """A picture in grey or in colours, on white where it is transparent."""
    picture = reduce_depth(picture)
    if picture.has_transparency_data:
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture.convert("RGBA"))
    return picture.convert("L" if picture.mode in {"1", "L"} else "RGB")


def reduce_image(image: Pixels) -> Pixels:
    """Reduce an image to at most 64 x 64 pixels, with its proportions; a smaller one stays as it is."""
    if max(image.shape[:2]) <= SHOWN_SIDE:
        return image
    return np.asarray(_reduce(Image.fromarray(image)))


def _reduce(picture: Image.Image) -> Image.Image:
    if max(picture.size) > SHOWN_SIDE:
        picture.thumbnail((SHOWN_SIDE, SHOWN_SIDE), Image.Resampling.LANCZOS)
    return picture


def find_array(table: Table) -> ImageArray | None:
    """The images among arrays that have other names, too.

    Raises:
        PredictionsError: If they are too large, or the name of an array is clearly that of images, but not its shape.
    """
    arrays = {name.lower(): values for name, values in table.columns.items() if values.ndim > 1}
    possible = (name for name in ARRAYS if name in arrays and (name in CLEAR or arrays[name].ndim in {3, 4}))
    name = next(possible, None)
    if name is None:
        return None
    return ImageArray(arrays[name], f"{table.name}, array {name}" if name else table.name)


def open_images(path: Path) -> tuple[ImageArray, str]:
    """Images in an IDX, NPY or NPZ file, and the SHA-256 of the decompressed file.

    Raises:
        PredictionsError: If the file is damaged, or has no array of images.
    """
    table = read_table(path)
    arrays = {name: values for name, values in table.columns.items() if values.ndim in {3, 4}}
    chosen = [name for name in arrays if name.lower() in ARRAYS] or list(arrays)
    if len(chosen) != 1:
        found = ", ".join(f"{name or 'array'} {values.shape}" for name, values in table.columns.items())
        raise PredictionsError(
            f"{path}: has {found[:200]}; give one array of images, shape (n, height, width) or (…, 3)"
        )
    return ImageArray(arrays[chosen[0]], str(path)), table.sha256

"""Reads and writes samples.npz: the images that the report shows."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from job.errors import DataError
from job.results.file_names import SAMPLES
from job.results.metrics_json import as_data_error, damaged
from job.system.regular_file import read_regular

Images = Mapping[int, NDArray[np.uint8]]
"""Test images by index, shape (height, width) each, or (height, width, 3) if they have colours."""

MAX_BYTES = 2**26  # 64 MiB, compressed and decompressed; 28 x 28 pixels take less than 1 MiB
SHAPES = {3: (), 4: (3,)}
"""The last sizes of an array of images by its number of dimensions: grey, or red, green and blue."""
REQUIRED, LEARNT, SIZE = ("index", "image", "augmented"), ("class_means", "first_layer"), "size"
MAX_UNITS = 24  # of the first layer


@dataclass(frozen=True)
class Learnt:
    """What a network has learnt, as pictures.

    Attributes:
        class_means: Mean training image of each class, shape (n_classes, height, width).
        first_layer: Weights of at most 24 units of the first layer as a fraction of the largest one by magnitude, shape
            (n_units, height, width): one weight per pixel of an image, or the kernel of a convolution.
    """

    class_means: NDArray[np.uint8]
    first_layer: NDArray[np.float16]


def write_samples(folder: Path, images: Images, augmented: NDArray[np.uint8], learnt: Learnt | None = None) -> None:
    """Write the test images that the report shows, the augmented training images, and what the network has learnt.

    `augmented` has each training image, followed by its augmented versions, shape (n, 1 + n_epochs, height, width).
    Test images of different sizes are padded to one size; the file then has the size of each.
    """
    index, others = np.array(list(images), np.int64), dict(vars(learnt)) if learnt else {}
    if len({image.shape for image in images.values()}) > 1:
        others[SIZE] = np.array([image.shape[:2] for image in images.values()], np.int64)
    image = _pad(list(images.values()))
    if not len(augmented):
        augmented = np.zeros((0, *augmented.shape[1:2], *image.shape[1:]), np.uint8)
    np.savez_compressed(folder / SAMPLES, index=index, image=image, augmented=augmented, **others)


def _pad(images: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """One array of images of any size, all grey or all with colours; what lies outside of an image is 0."""
    height, width = (max((image.shape[axis] for image in images), default=0) for axis in (0, 1))
    padded = np.zeros((len(images), height, width, *(images[0].shape[2:] if images else ())), np.uint8)
    for room, image in zip(padded, images, strict=True):
        room[: image.shape[0], : image.shape[1]] = image
    return padded


def read_samples(
    folder: Path, indices: Sequence[int], n_classes: int, *, has_augmented: bool
) -> tuple[Images, NDArray[np.uint8], Learnt | None]:
    """Read what `write_samples` wrote: it must have the test images `indices`, and augmented ones if `has_augmented`.

    Files of version 0.5 and before lack what the network has learnt.

    Raises:
        DataError: If the file is missing or damaged, or lacks an image.
    """
    path = folder / SAMPLES
    with as_data_error(path):
        content = io.BytesIO(read_regular(path, MAX_BYTES))
    try:
        arrays = _load_arrays(content)
        numbers, images, augmented = (arrays[name] for name in REQUIRED)
    except Exception as error:  # NumPy and zipfile raise many kinds on damaged files
        raise damaged(path, "not an archive of the arrays `index`, `image` and `augmented`") from error
    is_sound = images.shape[3:] == SHAPES.get(images.ndim) and images.dtype == np.uint8 and images.size > 0
    if not is_sound or images.shape[:1] != numbers.shape or numbers.dtype != np.int64:
        raise damaged(path, "`image` is not a list of grey or RGB images, each with its `index`")
    is_sound = augmented.ndim == images.ndim + 1 and augmented.shape[1] > 1 and augmented.dtype == np.uint8
    if not is_sound or augmented.shape[2:] != images.shape[1:] or bool(len(augmented)) != has_augmented:
        raise damaged(path, "`augmented` does not fit the settings of the run")
    images_by_index = dict(zip(numbers.tolist(), _crop(path, images, arrays.get(SIZE)), strict=True))
    if missing := [index for index in indices if index not in images_by_index]:
        raise DataError(f"{path}: test image {missing[0]} is missing; train again, or make the report again")
    return images_by_index, augmented, _select_learnt(path, arrays, (n_classes, *images.shape[1:]))


def _crop(path: Path, images: NDArray[np.uint8], sizes: NDArray[Any] | None) -> list[NDArray[np.uint8]]:
    """The images without padding; `sizes` has the height and width of each, or is None if all have the same."""
    if sizes is None:
        return list(images)
    is_sound = sizes.shape == (len(images), 2) and sizes.dtype == np.int64
    if not is_sound or not ((sizes > 0) & (sizes <= images.shape[1:3])).all():
        raise damaged(path, "`size` does not fit the images")
    return [image[:height, :width] for image, (height, width) in zip(images, sizes.tolist(), strict=True)]


def _select_learnt(path: Path, arrays: Mapping[str, NDArray[Any]], shape: tuple[int, ...]) -> Learnt | None:
    """Select and check what the network has learnt; `shape` is that of the mean images."""
    if not arrays.keys() & LEARNT:
        return None
    means, weights = (arrays.get(name, np.zeros(())) for name in LEARNT)
    limits = (MAX_UNITS, *shape[1:])
    is_sound = means.shape == shape and means.dtype == np.uint8 and weights.ndim == len(shape)
    is_sound = is_sound and all(0 < size <= limit for size, limit in zip(weights.shape, limits, strict=True))
    if not is_sound or weights.dtype != np.float16 or not (np.abs(weights) <= 1).all():  # NaN is not either
        raise damaged(path, "`class_means` and `first_layer` do not fit the classes and the images of the run")
    return Learnt(means, weights)


def _load_arrays(content: io.BytesIO) -> dict[str, NDArray[Any]]:
    """The arrays of an archive by name; raises an error if a required one is missing."""
    with zipfile.ZipFile(content) as archive:
        if sum(member.file_size for member in archive.infolist()) > MAX_BYTES:  # zipfile reads no byte more
            raise ValueError("larger than allowed")
    with np.load(content, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in (*REQUIRED, *LEARNT, SIZE) if name in REQUIRED or name in arrays}

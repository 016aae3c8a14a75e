"""Reads and writes samples.npz: the images that the report shows."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from job.errors import DataError
from job.results.file_names import SAMPLES
from job.results.metrics_json import as_data_error, damaged
from job.system.regular_file import read_regular

Images = Mapping[int, NDArray[np.uint8]]
"""Test images by index, shape (height, width) each."""

MAX_BYTES = 2**26  # 64 MiB, compressed and decompressed; 28 x 28 pixels take less than 1 MiB
N_DIMENSIONS = 2  # height and width


def write_samples(folder: Path, images: Images, augmented: NDArray[np.uint8]) -> None:
    """Write the test images that the report shows, and the augmented training images.

    `augmented` has each training image, followed by its augmented versions, shape (n, 1 + n_epochs, height, width).
    """
    index, image = np.array(list(images), np.int64), np.array(list(images.values()), np.uint8)
    np.savez_compressed(folder / SAMPLES, index=index, image=image, augmented=augmented)


def read_samples(folder: Path, indices: Sequence[int], *, has_augmented: bool) -> tuple[Images, NDArray[np.uint8]]:
    """Read what `write_samples` wrote: it must have the test images `indices`, and augmented ones if `has_augmented`.

    Raises:
        DataError: If the file is missing or damaged, or lacks an image.
    """
    path = folder / SAMPLES
    with as_data_error(path):
        content = io.BytesIO(read_regular(path, MAX_BYTES))
    try:
        numbers, images, augmented = _load_arrays(content)
    except Exception as error:  # NumPy and zipfile raise many kinds on damaged files
        raise damaged(path, "not an archive of the arrays `index`, `image` and `augmented`") from error
    is_sound = images.ndim == 1 + N_DIMENSIONS and images.dtype == np.uint8 and images.size > 0
    if not is_sound or images.shape[:1] != numbers.shape or numbers.dtype != np.int64:
        raise damaged(path, "`image` is not a list of grey images, each with its `index`")
    is_sound = augmented.ndim == 2 + N_DIMENSIONS and augmented.shape[1] > 1 and augmented.dtype == np.uint8
    if not is_sound or augmented.shape[2:] != images.shape[1:] or bool(len(augmented)) != has_augmented:
        raise damaged(path, "`augmented` does not fit the settings of the run")
    images_by_index = dict(zip(numbers.tolist(), images, strict=True))
    if missing := [index for index in indices if index not in images_by_index]:
        raise DataError(f"{path}: test image {missing[0]} is missing; train again")
    return images_by_index, augmented


def _load_arrays(content: io.BytesIO) -> list[NDArray[Any]]:
    """The arrays `index`, `image` and `augmented` of an archive."""
    with zipfile.ZipFile(content) as archive:
        if sum(member.file_size for member in archive.infolist()) > MAX_BYTES:  # zipfile reads no byte more
            raise ValueError("larger than allowed")
    with np.load(content, allow_pickle=False) as arrays:
        return [arrays[name] for name in ("index", "image", "augmented")]

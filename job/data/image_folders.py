"""Reads a data set of image files: train/CLASS/ and, unless train/ is to be split, test/CLASS/."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from job.data.class_folders import list_images, shorten
from job.data.idx import allocate_aligned
from job.data.image_reader import ReadImages, read_images
from job.data.photo import DARK, SIDE
from job.errors import DataError
from job.log import log, log_stage
from job.text import is_displayable

UInt8 = NDArray[np.uint8]

UNFIT_NAME = "its name has a control character or is not UTF-8"
"""Why no page can show the name of a file."""
MAX_MINORITY = 0.1
"""The part of the photos that may have a background of the other kind without a warning."""


@dataclass(frozen=True)
class ImageFolders:
    """What a data set of image files contains.

    Attributes:
        class_names: Class names in label order.
        test_names: The path of each test image in the folder of the data set, such as `test/cat/1.jpg`.
        values: The arrays of the training and the test part by the keys of `fashion_mnist.FILES`.
    """

    class_names: tuple[str, ...]
    test_names: list[str]
    values: Mapping[str, UInt8]


def read_image_folders(folder: Path, max_bytes: int, seed: int) -> ImageFolders:
    """Read and prepare all image files.

    Args:
        folder: The folder of the data set.
        max_bytes: The memory for the prepared images, and also for the files that are decoded at the same time.
        seed: Seed of the split of train/, if there is no test/, and of the order of the training images.

    Raises:
        DataError: If the folders are not complete, or some of the files are not readable images.
    """
    listing = list_images(folder, seed)
    files = [*listing.train, *listing.test]
    n_bytes = 2 * len(files) * SIDE**2  # each image in two versions
    if n_bytes > max_bytes:
        available = f"only {max_bytes / 1e6:,.0f} MB of memory are available for them"
        raise DataError(
            f"{folder}: has {len(files):,} images, but {available}; give the job more memory, or fewer images"
        )
    read = read_images([path for path, _ in files], max_bytes)
    n_train = len(listing.train)
    names = [path.relative_to(folder).as_posix() for path, _ in files]
    unfit = {index: UNFIT_NAME for index, name in enumerate(names) if not is_displayable(name)}
    problems = [f"{names[index]} ({problem})" for index, problem in sorted((unfit | read.problems).items())]
    if bad := [*problems, *listing.others]:
        n_files = len(files) + len(listing.others)
        raise DataError(
            f"{folder}: {len(bad):,} of {n_files:,} files cannot be used: {shorten(bad)}; repair or rename them, or "
            "move them elsewhere"
        )
    images = read.as_light if _are_light(read, n_train) else read.as_dark
    labels = np.array([label for _, label in files], np.uint8)
    parts = {"train": slice(n_train), "test": slice(n_train, None)}
    values = {
        f"{part}_{kind}": _align(array[rows])
        for part, rows in parts.items()
        for kind, array in (("images", images), ("labels", labels))
    }
    return ImageFolders(listing.class_names, names[n_train:], values)


def _are_light(read: ReadImages, n_train: int) -> bool:
    """Decide for the whole data set whether articles are lighter than their background, from the training images."""
    background = read.background[:n_train]
    background = background[~np.isnan(background)]
    if not len(background):
        return False
    n_dark = int((background < DARK).sum())
    are_light = n_dark > len(background) / 2
    n_kind = n_dark if are_light else len(background) - n_dark
    kind, treatment = ("dark", "kept as they are") if are_light else ("light", "negated")
    text = f"{n_kind:,} of {len(background):,} training photos have a {kind} background, so all are {treatment}"
    if len(background) - n_kind > MAX_MINORITY * len(background):
        log.warning("%s; photos with another background can mislead the model", text)
    else:
        log_stage("data", text)
    return are_light


def _align(values: UInt8) -> UInt8:
    """A copy whose memory TensorFlow can share."""
    aligned = allocate_aligned(values.size).reshape(values.shape)
    aligned[...] = values
    return aligned

"""Reads and checks a data set, before training."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from job.data import fashion_mnist, idx
from job.data.fashion_mnist import FILES
from job.data.photo import SIDE
from job.data.sources import IMAGE_FILES, OPTION, Source, find_idx_file
from job.errors import DataError
from job.system.regular_file import read_regular
from job.text import find_bad_name, is_displayable, split_names

IMAGE_SHAPE = (SIDE, SIDE)
CLASS_NAMES = "classes.txt"
MAX_NAMES_BYTES = 2**20
MEMORY_SHARE = 4  # a file may need a quarter of the memory: the job reads two large ones, and TensorFlow needs some


@dataclass(frozen=True)
class Dataset:
    """A checked data set: every label has a class name, and every class has training and test images.

    Attributes:
        name: `Fashion-MNIST` if the hashes match, otherwise the name of the folder.
        class_names: Class names in label order.
        train_images: Shape (n_train, 28, 28); 0 is black. `test_images` has the same format.
        train_labels: Shape (n_train,). `test_labels` has the same format.
        sha256: Hash of each decompressed file, by the keys of `fashion_mnist.FILES`. If the data set consists of image
            files, the hashes are those of IDX files with the prepared images.
        test_names: A unique name of each test image, n_test of them: its path in the folder; None for IDX files.
    """

    name: str
    class_names: tuple[str, ...]
    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.uint8]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.uint8]
    source: Source
    sha256: Mapping[str, str]
    test_names: Sequence[str] | None

    def __str__(self) -> str:
        counts = f"{len(self.train_images):,} training and {len(self.test_images):,} test images"
        folder = "" if str(self.source.folder) == self.name else f", from {self.source.folder}"
        return f"{self.name}, {counts} of {self.n_classes} classes{folder}"

    def n_train(self, validation_split: float) -> int:
        """Count the images that remain for training if a fraction in [0, 1) of them, the last ones, is held out.

        Raises:
            DataError: If one of the two parts would be empty.
        """
        n_images = len(self.train_images)
        n_train = math.floor(n_images * (1 - validation_split))
        if n_train == 0 or (validation_split and n_train == n_images):
            raise DataError(
                f"--validation-split {validation_split:g} of {n_images:,} training images leaves none for "
                f"{'validation' if n_train else 'training'}; change the fraction, or provide more images"
            )
        return n_train

    def average_classes(self, n_train: int) -> NDArray[np.uint8]:
        """Average the images of each class among the first `n_train` training images.

        Returns:
            Mean images, shape (n_classes, 28, 28); black for a class without an image.
        """
        images, labels = self.train_images[:n_train], self.train_labels[:n_train]
        sums = [images[labels == label].sum(axis=0, dtype=np.uint32) for label in range(self.n_classes)]
        counts = np.bincount(labels, minlength=self.n_classes)
        return np.round(np.stack(sums) / np.maximum(counts, 1)[:, None, None]).astype(np.uint8)

    @property
    def n_classes(self) -> int:
        """The number of classes, 2 to 256."""
        return len(self.class_names)


def load_dataset(source: Source, max_bytes: int = idx.MAX_BYTES, split_seed: int = 0) -> Dataset:
    """Read and check a data set: four IDX files of at most `max_bytes` values each, or image files.

    `split_seed` decides which images of train/ are test images if there is no test/.

    Raises:
        DataError: If a file is damaged, the files do not match each other, Fashion-MNIST is expected and the files are
            not Fashion-MNIST, or the report cannot show the name of the folder.
    """
    folder, name = source.folder, source.folder.resolve().name
    if not is_displayable(f"{folder}{name}"):
        raise DataError(f"{folder}: the name {name} has a control character or is not UTF-8; rename the folder")
    return (
        _load_image_files(source, max_bytes, split_seed) if source.kind == IMAGE_FILES else _load_idx(source, max_bytes)
    )


def _load_image_files(source: Source, max_bytes: int, split_seed: int) -> Dataset:
    from job.data.image_folders import read_image_folders  # imports Pillow

    read = read_image_folders(source.folder, max_bytes, split_seed)
    _check_order(source.folder, read.values)
    sha256 = {role: idx.hash_values(read.values[role]) for role in FILES}
    return Dataset(
        name=source.folder.resolve().name,
        class_names=read.class_names,
        source=source,
        sha256=sha256,
        test_names=read.test_names,
        **read.values,
    )


def _load_idx(source: Source, max_bytes: int) -> Dataset:
    folder, values, sha256 = source.folder, {}, {}
    for role in FILES:
        path = find_idx_file(folder, role)
        values[role], sha256[role] = idx.read_idx(path, 3 if "images" in role else 1, max_bytes)
    is_fashion_mnist = _check_hashes(source, sha256)
    for part in ("train", "test"):
        _check_images(folder, part, values[f"{part}_images"], len(values[f"{part}_labels"]))
    _check_order(folder, values)
    class_names = fashion_mnist.CLASS_NAMES if is_fashion_mnist else _read_class_names(folder, values["train_labels"])
    for part, kind in (("train", "training"), ("test", "test")):
        _check_labels(find_idx_file(folder, f"{part}_labels"), kind, values[f"{part}_labels"], class_names)
    name = fashion_mnist.NAME if is_fashion_mnist else folder.resolve().name
    return Dataset(name=name, class_names=class_names, source=source, sha256=sha256, test_names=None, **values)


def write_idx_files(dataset: Dataset, folder: Path) -> None:
    """Write the four IDX files of a data set, and its class names, into an existing folder."""
    for role, name in FILES.items():
        idx.write_idx(folder / name.removesuffix(".gz"), getattr(dataset, role))
    (folder / CLASS_NAMES).write_text("".join(f"{name}\n" for name in dataset.class_names), encoding="utf-8")


def scale_pixels(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Scale pixels from [0, 255] to [0, 1], as the networks expect them."""
    return images.astype(np.float32) / np.float32(255)


def _check_order(folder: Path, values: Mapping[str, NDArray[np.uint8]]) -> None:
    n_train, n_test = len(values["train_images"]), len(values["test_images"])
    if n_train < n_test:
        raise DataError(
            f"{folder}: {n_train:,} training and {n_test:,} test images: the two parts look swapped; the larger part "
            "must be the training part"
        )


def _check_hashes(source: Source, sha256: Mapping[str, str]) -> bool:
    """Return whether the files are Fashion-MNIST; raise an error if they are swapped, or not the expected ones."""
    roles = {digest: role for role, digest in fashion_mnist.SHA256.items()}
    for role, digest in sha256.items():
        path, actual_role = find_idx_file(source.folder, role), roles.get(digest)
        if actual_role is None and source.kind != OPTION:
            raise DataError(
                f"{path}: is not the file of Fashion-MNIST (its SHA-256 differs); remove the folder and run `make "
                "data`, or name another one: --data DIR"
            )
        if actual_role not in {None, role}:
            raise DataError(
                f"{path}: contains the {str(actual_role).replace('_', ' ')} of Fashion-MNIST; training and test files "
                "are swapped, swap them back"
            )
    return sha256 == fashion_mnist.SHA256


def _check_images(folder: Path, part: str, images: NDArray[np.uint8], n_labels: int) -> None:
    path, labels = (find_idx_file(folder, f"{part}_{kind}") for kind in ("images", "labels"))
    if images.shape[1:] != IMAGE_SHAPE:
        height, width = images.shape[1:]
        raise DataError(f"{path}: the images have {height} x {width} pixels; scale them to 28 x 28")
    if len(images) != n_labels:
        raise DataError(
            f"{path}: contains {len(images):,} images, but {labels.name} contains {n_labels:,} labels; "
            "take both files from the same data set"
        )


def _read_class_names(folder: Path, train_labels: NDArray[np.uint8]) -> tuple[str, ...]:
    """Read classes.txt; without that file, name the classes `class 0` up to the largest training label."""
    path = folder / CLASS_NAMES
    if not os.path.lexists(path):  # a broken link is not ignored
        n_classes = int(train_labels.max()) + 1
        if n_classes == 1:
            raise DataError(
                f"{find_idx_file(folder, 'train_labels')}: every label is 0; at least two classes are needed"
            )
        return tuple(f"class {label}" for label in range(n_classes))
    try:
        text = read_regular(path, MAX_NAMES_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}; make it a readable file, or remove it") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: cannot be read as UTF-8 text ({error}); save it as UTF-8") from error
    names = tuple(split_names(text))
    if problem := find_bad_name(names, are_lines=True):
        raise DataError(f"{path}: {problem}")
    return names


def _check_labels(path: Path, kind: str, labels: NDArray[np.uint8], class_names: tuple[str, ...]) -> None:
    n_classes = len(class_names)
    counts = np.bincount(labels, minlength=n_classes)
    if len(counts) > n_classes:
        index = int(np.argmax(labels >= n_classes))
        raise DataError(
            f"{path}: label {labels[index]} of image {index} is out of range; the labels of {n_classes} classes are 0 "
            f"to {n_classes - 1}. Name each class in classes.txt, or correct the labels"
        )
    if not counts.all():
        label = int(np.argmin(counts))
        name = f"class {label} ({class_names[label]})"
        raise DataError(f"{path}: {name} has no {kind} image; each class needs at least one")

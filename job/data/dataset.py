"""Reads a data set and checks it before anything slow begins."""

import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from job.data import idx
from job.data.sources import FILES, Source
from job.errors import DataError

IMAGE_SHAPE = (28, 28)
MIN_CLASSES, MAX_CLASSES = 2, 256
MEMORY_SHARE = 4
"""One file may hold this part of the memory, one in so many: two are read, and TensorFlow is there too."""

FASHION_MNIST = "Fashion-MNIST"
FASHION_MNIST_CLASSES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
FASHION_MNIST_SHA256 = {
    "train_images": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train_labels": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "test_images": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "test_labels": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
"""Of the decompressed files, whose gzipped originals have the MD5s in Zalando's README."""


@dataclass(frozen=True)
class Dataset:
    """A checked data set: every label names a class, and every class has training and test images.

    Attributes:
        name: `Fashion-MNIST` where the hashes prove it, else the folder's name.
        class_names: in label order.
        train_images: shape (n_train, 28, 28), 0 is black.
        train_labels: shape (n_train,).
        test_images: shape (n_test, 28, 28).
        test_labels: shape (n_test,).
        source: where the files were found.
        sha256: of each decompressed file, by the keys of `sources.FILES`.
    """

    name: str
    class_names: tuple[str, ...]
    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.uint8]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.uint8]
    source: Source
    sha256: Mapping[str, str]

    def __str__(self) -> str:
        counts = f"{len(self.train_images):,} training and {len(self.test_images):,} test images"
        return f"{self.name}, {counts} of {self.n_classes} classes, from {self.source.folder}"

    def n_train(self, validation_split: float) -> int:
        """How many training images, from the first on, train; the others validate. This is Keras's rule.

        Raises:
            DataError: if one of the two parts would be empty.
        """
        n_images = len(self.train_images)
        n = math.floor(n_images * (1 - validation_split))
        if n == 0 or (validation_split and n == n_images):
            raise DataError(
                f"--validation-split {validation_split:g} of {n_images:,} training images leaves none to "
                f"{'validate' if n else 'train'} with; change the split or give more images"
            )
        return n

    @property
    def n_classes(self) -> int:
        """The number of classes, 2 to 256."""
        return len(self.class_names)


def load_dataset(source: Source, max_bytes: int = idx.MAX_BYTES) -> Dataset:
    """Read and check the four files of a data set.

    Args:
        source: of the files.
        max_bytes: of values in each file.

    Raises:
        DataError: if a file is damaged, the files do not fit each other, or what should be Fashion-MNIST is not.
    """
    payloads = {
        role: idx.read(source.folder / file, 3 if "images" in role else 1, max_bytes) for role, file in FILES.items()
    }
    sha256 = {role: payload.sha256 for role, payload in payloads.items()}
    is_fashion_mnist = _is_fashion_mnist(source, sha256)
    values = {role: payload.values for role, payload in payloads.items()}
    _check_images(source.folder, values)
    class_names = FASHION_MNIST_CLASSES if is_fashion_mnist else _class_names(source.folder, values)
    _check_labels(source.folder, values, class_names)
    name = FASHION_MNIST if is_fashion_mnist else source.folder.resolve().name
    return Dataset(name=name, class_names=class_names, source=source, sha256=sha256, **values)


def scale_pixels(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Pixels 0 to 255 as the networks take them: float32 in [0, 1], same shape."""
    return images.astype(np.float32) / np.float32(255)


def _is_fashion_mnist(source: Source, sha256: Mapping[str, str]) -> bool:
    """Whether the four hashes are Fashion-MNIST's; a known file in another's place is an error."""
    if sha256 == FASHION_MNIST_SHA256:
        return True
    roles = {digest: role for role, digest in FASHION_MNIST_SHA256.items()}
    for role, digest in sha256.items():
        known = roles.get(digest, role)
        if known != role:
            raise DataError(
                f"{source.folder / FILES[role]}: holds the {known.replace('_', ' ')} of Fashion-MNIST; "
                "training and test files are swapped, swap them back"
            )
    if source.kind != "--data":
        wrong = next(FILES[role] for role in FILES if sha256[role] != FASHION_MNIST_SHA256[role])
        raise DataError(
            f"{source.folder / wrong}: this is not Fashion-MNIST's (its SHA-256 differs); "
            "remove the folder and run `make data`, or name another: --data DIR"
        )
    return False


def _check_images(folder: Path, values: Mapping[str, NDArray[np.uint8]]) -> None:
    for part in ("train", "test"):
        images, labels = values[f"{part}_images"], values[f"{part}_labels"]
        path = folder / FILES[f"{part}_images"]
        if images.shape[1:] != IMAGE_SHAPE:
            height, width = images.shape[1:]
            raise DataError(f"{path}: the images have {height} x {width} pixels; scale them to 28 x 28")
        if len(images) != len(labels):
            raise DataError(
                f"{path}: {len(images):,} images, but {len(labels):,} labels in {FILES[f'{part}_labels']}; "
                "take both from the same data set"
            )
        if not len(images):
            raise DataError(f"{path}: holds no image; at least one of each class is needed")
    if len(values["train_images"]) < len(values["test_images"]):
        raise DataError(
            f"{folder}: {len(values['train_images']):,} training and {len(values['test_images']):,} test images: "
            "the two look swapped; the larger part must be the training part"
        )


def _class_names(folder: Path, values: Mapping[str, NDArray[np.uint8]]) -> tuple[str, ...]:
    """The lines of classes.txt, or `class 0`, `class 1`, … up to the largest training label."""
    path = folder / "classes.txt"
    if not path.exists():
        n_classes = int(values["train_labels"].max()) + 1
        if n_classes < MIN_CLASSES:
            raise DataError(f"{folder / FILES['train_labels']}: every label is 0; at least two classes are needed")
        return tuple(f"class {label}" for label in range(n_classes))
    try:
        lines = path.read_text(encoding="utf-8-sig").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as UTF-8 text ({error}); save it as UTF-8") from error
    names = tuple(line.strip() for line in lines)
    if not MIN_CLASSES <= len(names) <= MAX_CLASSES:
        raise DataError(f"{path}: names {len(names)} classes; give 2 to 256, one a line")
    if "" in names or len(set(names)) < len(names):
        twice = next(name for name in names if not name or names.count(name) > 1)
        raise DataError(f"{path}: {f'{twice!r} stands there twice' if twice else 'has an empty line'}; name each class")
    if odd := next((name for name in names if not is_text(name)), None):
        raise DataError(f"{path}: {odd!r} has a control character; take it out")
    return names


def is_text(name: str) -> bool:
    """Whether a name is free of characters that no page can show: control characters, surrogates, unassigned ones."""
    return not any(unicodedata.category(letter) in {"Cc", "Cs", "Cn"} for letter in name)


def _check_labels(folder: Path, values: Mapping[str, NDArray[np.uint8]], class_names: tuple[str, ...]) -> None:
    n_classes = len(class_names)
    for part, kind in (("train", "training"), ("test", "test")):
        labels = values[f"{part}_labels"]
        path = folder / FILES[f"{part}_labels"]
        counts = np.bincount(labels, minlength=n_classes)
        if len(counts) > n_classes:
            index = int(np.argmax(labels >= n_classes))
            raise DataError(
                f"{path}: label {labels[index]} of image {index} is out of range; "
                f"the {n_classes} classes are 0 to {n_classes - 1}"
            )
        if not counts.all():
            label = int(np.argmin(counts))
            raise DataError(
                f"{path}: class {label} ({class_names[label]}) has no {kind} image; each class needs at least one"
            )

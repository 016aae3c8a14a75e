"""What test files share: paths, small data sets, edits of JSON files."""

import gzip
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from job.data import fashion_mnist

REPOSITORY = Path(__file__).resolve().parent.parent

UInt8 = NDArray[np.uint8]

CONTAINERS: list[str] = []
"""A line of the table that `make image-test` ends with for each container that ran: status, wall time, what."""


def write_idx(path: Path, values: UInt8) -> None:
    header = bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape)
    path.write_bytes(gzip.compress(header + values.tobytes(), mtime=0))


def write_dataset(folder: Path, *, n_train: int = 300, n_test: int = 100, n_classes: int = 10) -> Path:
    """A data set that can be learned: each class is a bright block in a place of its own, under noise."""
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(7)
    for part, n in (("train", n_train), ("test", n_test)):
        labels = (np.arange(n) % n_classes).astype(np.uint8)
        images = random.integers(0, 100, (n, 28, 28), np.uint8)
        for image, label in zip(images, labels, strict=True):
            row, column = divmod(int(label) % 49, 7)
            image[4 * row : 4 * row + 4, 4 * column : 4 * column + 4] += 120
        write_idx(folder / fashion_mnist.FILES[f"{part}_images"], images)
        write_idx(folder / fashion_mnist.FILES[f"{part}_labels"], labels)
    return folder


def edited(edit: Callable[[dict[str, Any]], object]) -> Callable[[str], str]:
    """What edits the JSON of a file's text."""

    def change(text: str) -> str:
        content = json.loads(text)
        edit(content)
        return json.dumps(content)

    return change

"""Reads IDX files, the format of MNIST and its kin (http://yann.lecun.com/exdb/mnist/).

A file is a big-endian magic number (0, 0, the type of a value, the number of dimensions), the size of each dimension
and then the values.
"""

import gzip
import hashlib
import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from job.errors import DataError

UNSIGNED_BYTE = 0x08
CHUNK_BYTES = 2**20
MAX_BYTES = 2**40
ALIGNMENT = 64
"""Of the first value, in bytes: what TensorFlow wants of memory that it shares."""


@dataclass(frozen=True)
class Payload:
    """The content of one file.

    Attributes:
        values: one axis per dimension of the file, aligned.
        sha256: of the decompressed bytes, header included; a gzip header may differ between equal files.
    """

    values: NDArray[np.uint8]
    sha256: str


def read(path: Path, n_dimensions: int, max_bytes: int = MAX_BYTES) -> Payload:
    """Read one gzipped IDX file of unsigned bytes.

    Args:
        path: of the file.
        n_dimensions: 3 for images, 1 for labels.
        max_bytes: how many values there may be; of a file that promises more, none is read.

    Raises:
        DataError: if the file cannot be read, is damaged, or does not hold `n_dimensions` dimensions of bytes.
    """
    try:
        with gzip.open(path, "rb") as file:
            header = file.read(4 + 4 * n_dimensions)
            shape = _shape(path, header, n_dimensions)
            if math.prod(shape) > max_bytes:
                raise DataError(
                    f"{path}: promises {_size(shape)} values, but only {max_bytes / 1e6:,.0f} MB fit into the memory "
                    "here beside what else a run takes; give it more memory, or fewer images"
                )
            values = aligned(math.prod(shape))
            digest = hashlib.sha256(header)
            n_values = 0
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
                fitting = chunk[: len(values) - n_values]
                values[n_values : n_values + len(fitting)] = np.frombuffer(fitting, np.uint8)
                n_values += len(chunk)
    except gzip.BadGzipFile as error:
        raise DataError(f"{path}: not a sound gzip file ({error}); remove it and fetch it again") from error
    except (EOFError, zlib.error) as error:
        raise DataError(
            f"{path}: the gzip stream is cut off or damaged ({error}); remove it and fetch it again"
        ) from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    if n_values != len(values):
        raise DataError(f"{path}: promises {_size(shape)} values but holds {n_values:,}; remove it and fetch it again")
    return Payload(values.reshape(shape), digest.hexdigest())


def aligned(n_bytes: int) -> NDArray[np.uint8]:
    """Room for values, shape (n_bytes,), whose address is a multiple of `ALIGNMENT`."""
    room = np.empty(n_bytes + ALIGNMENT, np.uint8)
    start = -room.ctypes.data % ALIGNMENT
    return room[start : start + n_bytes]


def _shape(path: Path, header: bytes, n_dimensions: int) -> tuple[int, ...]:
    magic = bytes((0, 0, UNSIGNED_BYTE, n_dimensions))
    if header[:4] != magic:
        found = header[:4].hex() or "nothing"
        raise DataError(
            f"{path}: starts with {found}, not with the IDX magic number {magic.hex()}; "
            f"this file must hold {'images' if n_dimensions > 1 else 'labels'}"
        )
    if len(header) < 4 + 4 * n_dimensions:
        raise DataError(f"{path}: ends inside its header; remove it and fetch it again")
    return struct.unpack(f">{n_dimensions}I", header[4:])


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))

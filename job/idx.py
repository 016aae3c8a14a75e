"""Reads IDX files, the format of MNIST and its kin (http://yann.lecun.com/exdb/mnist/).

A file is a big-endian magic number (0, 0, the type of a value, the number of dimensions), the size of each dimension
and then the values.
"""

import gzip
import hashlib
import math
import struct
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from job.errors import DataError

UNSIGNED_BYTE = 0x08
CHUNK_BYTES = 2**20


@dataclass(frozen=True)
class Payload:
    """The content of one file.

    Attributes:
        values: read-only, one axis per dimension of the file.
        sha256: of the decompressed bytes, header included; a gzip header may differ between equal files.
    """

    values: NDArray[np.uint8]
    sha256: str


def read(path: Path, n_dimensions: int, max_bytes: int = sys.maxsize) -> Payload:
    """Read one gzipped IDX file of unsigned bytes.

    Args:
        path: of the file.
        n_dimensions: 3 for images, 1 for labels.
        max_bytes: how much there may be of it, decompressed; no more than that is read.

    Raises:
        DataError: if the file cannot be read, is damaged, or does not hold `n_dimensions` dimensions of bytes.
    """
    try:
        with gzip.open(path, "rb") as file:
            content = bytearray()
            while chunk := file.read(CHUNK_BYTES):
                content += chunk
                if len(content) <= max_bytes:
                    continue
                raise DataError(
                    f"{path}: holds more than {max_bytes / 1e6:,.0f} MB, as much as fits into the memory here beside "
                    "what else a run takes; give it more memory, or fewer images"
                )
    except gzip.BadGzipFile as error:
        raise DataError(f"{path}: not a sound gzip file ({error}); remove it and fetch it again") from error
    except (EOFError, zlib.error) as error:
        raise DataError(
            f"{path}: the gzip stream is cut off or damaged ({error}); remove it and fetch it again"
        ) from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    return Payload(_values(path, content, n_dimensions), hashlib.sha256(content).hexdigest())


def _values(path: Path, content: bytearray, n_dimensions: int) -> NDArray[np.uint8]:
    n_header = 4 + 4 * n_dimensions
    magic = bytes((0, 0, UNSIGNED_BYTE, n_dimensions))
    if content[:4] != magic:
        found = content[:4].hex() or "nothing"
        raise DataError(
            f"{path}: starts with {found}, not with the IDX magic number {magic.hex()}; "
            f"this file must hold {'images' if n_dimensions > 1 else 'labels'}"
        )
    if len(content) < n_header:
        raise DataError(f"{path}: ends inside its header; remove it and fetch it again")
    shape = struct.unpack(f">{n_dimensions}I", content[4:n_header])
    n_values = len(content) - n_header
    if n_values != math.prod(shape):
        size = " x ".join(map(str, shape))
        raise DataError(f"{path}: promises {size} values but holds {n_values:,}; remove it and fetch it again")
    values = np.frombuffer(content, np.uint8, offset=n_header).reshape(shape)
    values.flags.writeable = False
    return values

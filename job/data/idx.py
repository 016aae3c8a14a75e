"""Reads and writes IDX files, the format of MNIST (http://yann.lecun.com/exdb/mnist/).

A file is a big-endian magic number (0, 0, value type, number of dimensions), the size of each dimension, and then the
values.
"""

import contextlib
import gzip
import hashlib
import math
import struct
import zlib
from io import BufferedReader
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from job.errors import DataError
from job.system.regular_file import open_regular

MAX_BYTES = 2**32
MAX_OVERHEAD = 2**30  # of gzip, if the values cannot be compressed
CHUNK = 2**20
MAGIC = bytes((0, 0, 8))  # 8: the values are unsigned bytes
GZIP_MAGIC = b"\x1f\x8b"
ALIGNMENT = 64  # in bytes; TensorFlow needs it to share an array's memory


def read_idx(path: Path, n_dimensions: int, max_bytes: int = MAX_BYTES) -> tuple[NDArray[np.uint8], str]:
    """Read one IDX file of unsigned bytes, gzipped or not, with 3 dimensions for images or 1 for labels.

    If the header announces more than `max_bytes` values, no value is read. Returns an aligned array, and the SHA-256 of
    the decompressed bytes, header included.

    Raises:
        DataError: If the file cannot be read, is damaged, or does not contain `n_dimensions` dimensions of bytes.
    """
    try:
        with open_regular(path, max_bytes + MAX_OVERHEAD) as stored, _decompress(path, stored) as file:
            header = file.read(4 + 4 * n_dimensions)
            shape = _parse_shape(path, header, n_dimensions, max_bytes)
            values = allocate_aligned(math.prod(shape))
            digest = hashlib.sha256(header)
            n_read = 0
            while chunk := file.read(min(CHUNK, len(values) - n_read)):
                digest.update(chunk)
                values[n_read : n_read + len(chunk)] = np.frombuffer(chunk, np.uint8)
                n_read += len(chunk)
            surplus = file.read(1)  # reads the checksum, too
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path}: is not a valid gzip file ({error}); remove it and download it again") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}; make it a readable file") from error
    if surplus or n_read < len(values):
        raise DataError(
            f"{path}: its header announces {len(values):,} values, but it contains "
            f"{'more' if surplus else f'{n_read:,}'}; remove it and download it again"
        )
    return values.reshape(shape), digest.hexdigest()


def write_idx(path: Path, values: NDArray[np.uint8]) -> None:
    """Write an IDX file that is not compressed."""
    path.write_bytes(_make_header(values) + values.tobytes())


def hash_values(values: NDArray[np.uint8]) -> str:
    """The SHA-256 of an IDX file with these values."""
    digest = hashlib.sha256(_make_header(values))
    digest.update(values.data)
    return digest.hexdigest()


def allocate_aligned(n_bytes: int) -> NDArray[np.uint8]:
    """Allocate an uninitialized array of shape (n_bytes,) whose address is a multiple of `ALIGNMENT`."""
    buffer = np.empty(n_bytes + ALIGNMENT, np.uint8)
    start = -buffer.ctypes.data % ALIGNMENT
    return buffer[start : start + n_bytes]


def _decompress(path: Path, file: BufferedReader) -> contextlib.AbstractContextManager[IO[bytes] | gzip.GzipFile]:
    """The content of a file: as it is if it begins like an IDX file, whatever its name, or is named like one."""
    start = file.peek(2)[:2]
    is_plain = start == MAGIC[:2] or (path.suffix != ".gz" and start != GZIP_MAGIC)
    return contextlib.nullcontext(file) if is_plain else gzip.open(file)


def _make_header(values: NDArray[np.uint8]) -> bytes:
    return MAGIC + bytes((values.ndim,)) + struct.pack(f">{values.ndim}I", *values.shape)


def _parse_shape(path: Path, header: bytes, n_dimensions: int, max_bytes: int) -> tuple[int, ...]:
    magic = MAGIC + bytes((n_dimensions,))
    if header[:4] != magic:
        start = f"starts with {header[:4].hex()}" if header else "is empty"
        raise DataError(
            f"{path}: {start}, but the IDX magic number of {'images' if n_dimensions > 1 else 'labels'} is "
            f"{magic.hex()}; put the right file there"
        )
    if len(header) < 4 + 4 * n_dimensions:
        raise DataError(f"{path}: ends inside its header; remove it and download it again")
    shape = struct.unpack(f">{n_dimensions}I", header[4:])
    announced = f"{path}: its header announces {' x '.join(map(str, shape))} values"
    if not math.prod(shape):
        raise DataError(f"{announced}; put a file with at least one there")
    if math.prod(shape) > max_bytes:
        raise DataError(
            f"{announced}, but only {max_bytes / 1e6:,.0f} MB of memory are available for one file; give the job more "
            "memory, or fewer images"
        )
    return shape

import gzip
import hashlib
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from support import write_idx

from job.data import idx
from job.errors import DataError


def test_reads_what_was_written(tmp_path: Path) -> None:
    """Shape, values and the hash of the decompressed bytes are right."""
    values = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    path = tmp_path / "values.gz"
    write_idx(path, values)
    read, sha256 = idx.read_idx(path, 3)
    assert read.tolist() == values.tolist()
    assert sha256 == hashlib.sha256(gzip.decompress(path.read_bytes())).hexdigest()


HEADER = bytes((0, 0, 8, 1, 0, 0, 0, 3))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"not gzip at all", "is not a valid gzip file"),
        (gzip.compress(HEADER + b"abc")[:-12], "is not a valid gzip file .*end-of-stream"),
        (gzip.compress(b"")[:10] + b"\xff" * 20, "is not a valid gzip file"),
        (gzip.compress(HEADER + b"abc")[:-8] + bytes(8), "is not a valid gzip file .*CRC"),
        (gzip.compress(b""), "is empty"),
        (
            gzip.compress(bytes((0, 0, 8, 3)) + bytes(12)),
            "magic number of labels is 00000801",
        ),
        (gzip.compress(HEADER[:6]), "ends inside its header"),
        (gzip.compress(HEADER + b"ab"), "announces 3 values, but it contains 2"),
        (gzip.compress(HEADER + b"abcd"), "announces 3 values, but it contains more"),
    ],
)
def test_a_damaged_file(tmp_path: Path, content: bytes, words: str) -> None:
    """The error names the file and what is wrong with it."""
    path = tmp_path / "labels.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=words) as caught:
        idx.read_idx(path, 1)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    "shape", [(0, 28, 28), (2**32 - 1, 0, 28), (2**32 - 1, 2**32 - 1, 0), (0, 2**32 - 1, 2**32 - 1)], ids=str
)
def test_a_size_of_zero(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    """NumPy itself refuses some of these shapes."""
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(bytes((0, 0, 8, 3)) + struct.pack(">3I", *shape)))
    words = f"{path}: its header announces {shape[0]} x {shape[1]} x {shape[2]} values; put a file"
    with pytest.raises(DataError, match=words):
        idx.read_idx(path, 3)


def test_reading_stops_at_the_first_surplus_byte(tmp_path: Path) -> None:
    """The rest of the file may be damaged, or decompress to any size."""
    path = tmp_path / "labels.gz"
    content = gzip.compress(HEADER + b"abc" + bytes(50 * 2**20), compresslevel=1)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="announces 3 values, but it contains more"):
        idx.read_idx(path, 1)


def test_a_file_larger_than_memory(tmp_path: Path) -> None:
    """The size in the header decides, before any value is read."""
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(bytes((0, 0, 8, 1)) + (10_000_001).to_bytes(4, "big") + bytes(10_000_001)))
    with pytest.raises(DataError, match=r"a\.gz: its header announces 10000001 values, but only 10 MB of memory"):
        idx.read_idx(path, 1, max_bytes=10_000_000)
    assert len(idx.read_idx(path, 1, max_bytes=10_000_001)[0]) == 10_000_001


def test_values_are_aligned(tmp_path: Path) -> None:
    """The length of the header does not matter; TensorFlow cannot share unaligned memory."""
    for n_dimensions in (1, 2, 3):
        write_idx(tmp_path / "values.gz", np.zeros((5,) * n_dimensions, np.uint8))
        assert idx.read_idx(tmp_path / "values.gz", n_dimensions)[0].ctypes.data % idx.ALIGNMENT == 0


def test_an_unreadable_file(tmp_path: Path) -> None:
    """A folder or a FIFO in place of the file is an error."""
    os.mkfifo(tmp_path / "fifo")
    for path, reason in ((tmp_path, "Is a directory"), (tmp_path / "fifo", "Not a regular file")):
        with pytest.raises(DataError, match=f"cannot be read: {reason}"):
            idx.read_idx(path, 1)


@pytest.mark.parametrize("name", ["labels", "labels.idx1-ubyte", "labels.gz"])
def test_a_file_that_is_not_compressed(tmp_path: Path, name: str) -> None:
    """Its content decides, because browsers decompress a download and keep its name; the hash is the same."""
    values = np.arange(3, dtype=np.uint8)
    idx.write_idx(tmp_path / name, values)
    assert (tmp_path / name).read_bytes() == HEADER + bytes(range(3))
    read, sha256 = idx.read_idx(tmp_path / name, 1)
    assert read.tolist() == [0, 1, 2]
    assert sha256 == hashlib.sha256(HEADER + bytes(range(3))).hexdigest() == idx.hash_values(values)


def test_a_compressed_file_without_its_suffix(tmp_path: Path) -> None:
    """It is decompressed."""
    (tmp_path / "labels").write_bytes(gzip.compress(HEADER + b"abc"))
    assert idx.read_idx(tmp_path / "labels", 1)[0].tolist() == [97, 98, 99]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"text", "starts with 74657874, but the IDX magic number of labels is 00000801"),
        (HEADER + b"ab", "announces 3 values, but it contains 2"),
        (HEADER + b"abcd", "announces 3 values, but it contains more"),
    ],
)
def test_a_damaged_file_that_is_not_compressed(tmp_path: Path, content: bytes, words: str) -> None:
    """The error does not speak of gzip."""
    (tmp_path / "labels").write_bytes(content)
    with pytest.raises(DataError, match=words):
        idx.read_idx(tmp_path / "labels", 1)

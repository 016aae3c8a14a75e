import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest
from support import write_idx

from job.data import idx
from job.errors import DataError


def test_reads_what_was_written(tmp_path: Path) -> None:
    """Shape, values and the hash of the decompressed bytes."""
    values = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    path = tmp_path / "values.gz"
    write_idx(path, values)
    payload = idx.read_idx(path, 3)
    assert payload.values.tolist() == values.tolist()
    assert payload.sha256 == hashlib.sha256(gzip.decompress(path.read_bytes())).hexdigest()


HEADER = bytes((0, 0, 8, 1, 0, 0, 0, 3))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"not gzip at all", "not a sound gzip file"),
        (gzip.compress(HEADER + b"abc")[:-12], "cut off"),
        (gzip.compress(b"")[:10] + b"\xff" * 20, "damaged"),
        (gzip.compress(HEADER + b"abc")[:-8] + bytes(8), "not a sound gzip file .*CRC"),
        (gzip.compress(b""), "starts with nothing"),
        (gzip.compress(bytes((0, 0, 8, 3)) + bytes(12)), "must hold labels"),
        (gzip.compress(HEADER[:6]), "ends inside its header"),
        (gzip.compress(HEADER + b"ab"), "promises 3 values but holds 2"),
        (gzip.compress(HEADER + b"abcd"), "promises 3 values but holds 4"),
    ],
)
def test_says_what_is_wrong_with_a_damaged_file(tmp_path: Path, content: bytes, words: str) -> None:
    """One line that names the file."""
    path = tmp_path / "labels.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=words) as caught:
        idx.read_idx(path, 1)
    assert str(caught.value).startswith(f"{path}: ")


def test_reads_nothing_that_memory_does_not_hold(tmp_path: Path) -> None:
    """A file is judged by what its header promises."""
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(bytes((0, 0, 8, 1)) + (10_000_001).to_bytes(4, "big") + bytes(10_000_001)))
    with pytest.raises(DataError, match=r"a\.gz: promises 10000001 values, but only 10 MB fit into the memory here"):
        idx.read_idx(path, 1, max_bytes=10_000_000)
    assert len(idx.read_idx(path, 1, max_bytes=10_000_001).values) == 10_000_001


def test_values_are_aligned(tmp_path: Path) -> None:
    """However long the header is: TensorFlow shares no others."""
    for n_dimensions in (1, 2, 3):
        write_idx(tmp_path / "values.gz", np.zeros((5,) * n_dimensions, np.uint8))
        assert idx.read_idx(tmp_path / "values.gz", n_dimensions).values.ctypes.data % idx.ALIGNMENT == 0


def test_says_that_a_file_cannot_be_read(tmp_path: Path) -> None:
    """A folder in place of the file."""
    with pytest.raises(DataError, match="cannot be read"):
        idx.read_idx(tmp_path, 1)

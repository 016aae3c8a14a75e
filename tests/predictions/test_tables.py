import gzip
import io
import os
import pickle
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prediction_tables import GOOD, write

from job.errors import PackageError, PredictionsError
from job.predictions import tables
from job.predictions.tables import read_table


def save(arrays: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def zip_of(name: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, "x")
    return file.getvalue()


def damage(content: bytes, start: bytes, replacement: bytes) -> bytes:
    """A content in which something is replaced wherever it occurs."""
    assert start in content
    return content.replace(start, replacement)


def npy(array: Any) -> bytes:  # noqa: ANN401 - any array
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


ARRAYS = {"y_true": np.arange(3), "probabilities": np.eye(3)}


def read_error(path: Path) -> str:
    with pytest.raises(PredictionsError) as caught:
        read_table(path)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"{path}: ")


def test_the_content_decides_about_the_format(tmp_path: Path) -> None:
    """Not the name of the file."""
    for content, names in (
        (save(ARRAYS), ["y_true", "probabilities"]),
        (npy(np.eye(2)), [""]),
        (b"\0\0\x08\1\0\0\0\2\0\1", [""]),
        (GOOD.encode(), ["true", "p_0", "p_1"]),
        (gzip.compress(GOOD.encode()), ["true", "p_0", "p_1"]),
        (gzip.compress(b"\0\0\x08\1\0\0\0\2\0\1"), [""]),
    ):
        assert list(read_table(write(tmp_path, content, "any")).columns) == names


def test_idx_files_of_all_types(tmp_path: Path) -> None:
    """Big-endian numbers of 1 to 8 bytes."""
    for code, kind in ((8, ">u1"), (9, ">i1"), (11, ">i2"), (12, ">i4"), (13, ">f4"), (14, ">f8")):
        values = np.arange(6, dtype=kind).reshape(2, 3)
        content = bytes((0, 0, code, 2)) + b"\0\0\0\2\0\0\0\3" + values.tobytes()
        assert read_table(write(tmp_path, content)).columns[""].tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty; name a file with predictions"),
        (pickle.dumps([1]), "is a pickle, which could run any code; save a table as CSV or Parquet, or arrays with"),
        (b"\x89HDF\r\n", "is an HDF5 file; save a table"),
        (b"ARROW1\0\0", "is a Feather file; save a table"),
        (zip_of("archive/data.pkl"), "is a file of PyTorch (a pickle), which could run any code"),
        (zip_of("xl/workbook.xml"), "is an Excel workbook; save the sheet as CSV"),
        (zip_of("a.txt"), "is a ZIP file, but not one of np.savez"),
        (npy(np.array([{}], object)), "contains Python objects (a pickle), which could run any code"),
        (save({"y_true": np.array(["a"], object)}), "its array y_true contains Python objects (a pickle)"),
        (npy(np.array([1j])), "its array has the type complex128; write numbers or texts"),
        (save(ARRAYS)[:300], "is a damaged NPZ file ("),
        (npy(np.eye(3))[:140], "it is damaged ("),
        (b"\x93NUMPY", "it is damaged ("),
        (damage(npy(np.eye(3)), b"'descr'", b"('descr"), "it is damaged ("),
        (damage(save(ARRAYS), b"PK\1\2-\3-\0\0\0", b"PK\1\2-\3-\0\1\0"), "its array y_true is damaged ("),
        (damage(save(ARRAYS), b"PK\1\2-\3-", b"PK\1\2-\3\xff"), "is a damaged NPZ file ("),
        (b"\0\0\x08\1\0\0\0\5ab", "its IDX header announces 5 bytes, but 2 follow; write it again"),
        (b"\0\0\x08\7\0\0\0\5ab", "is an IDX file of 7 dimensions, or is cut off; write it again"),
        (gzip.compress(GOOD.encode(), mtime=0)[:-4], "is not a valid gzip file ("),
        (b'{"true": [0, 1]}', "JSON is not supported; save a table as CSV or Parquet, or arrays with np.savez"),
        (b'\n[\n {"true": 0, "predicted": 1}]', "JSON is not supported; save"),
        (b"[[0.5, 0.5]]", "JSON is not supported; save"),
        (b"[0, 1,\n2]\n", "JSON is not supported; save"),
        (b"\1\2\0\3", "is neither text nor in a format that the job knows"),
    ],
)
def test_what_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    """Nothing that could run code is loaded, and damage is named."""
    assert read_error(write(tmp_path, content)).startswith(problem)


def test_labels_in_brackets_are_no_json(tmp_path: Path) -> None:
    """Names of classes may begin with a bracket."""
    labels = ["[none]", "[other]"]
    assert read_table(write(tmp_path, "\n".join(labels).encode())).columns[""].tolist() == labels


def test_a_damaged_array(tmp_path: Path) -> None:
    """Its checksum tells, or its compression."""
    file = io.BytesIO()
    np.savez_compressed(file, y_true=np.arange(1000))
    for whole, place in ((save(ARRAYS), 150), (file.getvalue(), 60)):
        content = bytearray(whole)
        content[place] ^= 255
        assert read_error(write(tmp_path, bytes(content))).startswith("its array y_true is damaged (")


def test_files_that_are_no_regular_files(tmp_path: Path) -> None:
    """A FIFO would make the job wait; a link to a file is one."""
    os.mkfifo(tmp_path / "fifo")
    assert read_error(tmp_path / "fifo") == "cannot be read (Not a regular file); name a readable file"
    assert read_error(tmp_path) == "cannot be read (Is a directory); name a readable file"
    assert read_error(tmp_path / "missing") == "not found; name a readable file"
    (tmp_path / "link").symlink_to(write(tmp_path, GOOD))
    assert len(read_table(tmp_path / "link").columns) == 3


def test_a_file_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that is only large when it is decompressed."""
    monkeypatch.setattr(tables, "MAX_BYTES", 1000)
    monkeypatch.setattr(tables, "CHUNK", 100)
    assert read_error(write(tmp_path, b"a" * 1001)) == "cannot be read (Larger than 1,000 bytes); name a readable file"
    assert read_error(write(tmp_path, gzip.compress(b"a" * 1001))) == "decompresses to more than 1,000 bytes; split it"


def test_parquet_needs_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says so, wherever it is missing."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = write(tmp_path, b"PAR1")
    with pytest.raises(PackageError) as caught:
        read_table(path)
    assert str(caught.value).startswith(f"{path}: Parquet files need the package pyarrow, which is not installed")
    assert "`pip install '.[parquet]'`" in str(caught.value)


def test_a_parquet_file(tmp_path: Path) -> None:
    """Texts, categories and numbers; missing numbers are NaN."""
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    categories = pa.array(["cat", "dog", "cat"]).dictionary_encode()
    columns = {"label": categories, "cat": [0.5, None, 1.0], "n": [1, 2, 3], "true": ["a", None, "c"]}
    columns |= {"yes": [True, None, False]}
    pq.write_table(pa.table(columns), tmp_path / "table")
    read = read_table(tmp_path / "table").columns
    assert read["label"].tolist() == ["cat", "dog", "cat"]
    assert read["cat"][[0, 2]].tolist() == [0.5, 1]
    assert np.isnan(read["cat"][1])
    assert (read["yes"][0], np.isnan(read["yes"][1]), read["yes"][2]) == (1, True, 0)
    assert (read["n"].tolist(), read["true"].tolist()) == ([1, 2, 3], ["a", "", "c"])
    (tmp_path / "table").write_bytes((tmp_path / "table").read_bytes()[:60])
    assert read_error(tmp_path / "table").startswith("is a damaged Parquet file (")

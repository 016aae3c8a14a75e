import gzip
import io
import os
import pickle
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prediction_tables import GOOD, write

from job.errors import PackageError, PredictionsError
from job.predictions import parquet_file, tables
from job.predictions.assemble import assemble_predictions
from job.predictions.tables import read_table
from job.system.packages import describe_missing


def save(arrays: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def zip_of(name: str, content: bytes = b"x") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, content)
    return file.getvalue()


def damage(content: bytes, start: bytes, replacement: bytes) -> bytes:
    """A content in which something is replaced wherever it occurs."""
    assert start in content
    return content.replace(start, replacement)


def npy(array: Any) -> bytes:  # noqa: ANN401 - any array
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


NOT_UNICODE = damage(npy(np.array([["ab"]])), "b".encode("utf-32-le"), b"\0\0\x11\0")
"""An array with a number that is no character."""
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


def test_texts_of_other_machines(tmp_path: Path) -> None:
    """Also big-endian ones."""
    for kind in ("<U3", ">U3"):
        assert read_table(write(tmp_path, npy(np.array(["a", "\N{PILE OF POO}", ""], kind)))).columns[""].tolist() == [
            *("a", "\N{PILE OF POO}", "")
        ]


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
        (NOT_UNICODE, "its array is damaged (a character is not Unicode); write it again"),
        (
            damage(npy(np.array(["ab"], ">U2")), "b".encode("utf-32-be"), b"\xff" * 4),
            "its array is damaged (a character",
        ),
        (zip_of("y.npy", NOT_UNICODE), "its array y is damaged (a character is not Unicode); write it again"),
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


@pytest.mark.parametrize(
    ("arrays", "problem"),
    [
        ({"A": np.eye(2), "y": [0, 1]}, "has neither probabilities nor predicted classes (its arrays: A, y); save"),
        ({"arr_0": np.eye(2), "arr_1": [0, 1]}, "has no labels (its arrays: arr_0, arr_1); save"),
    ],
)
def test_arrays_with_other_names(tmp_path: Path, arrays: dict[str, Any], problem: str) -> None:
    """The error lists them, and says how to name them."""
    with pytest.raises(PredictionsError) as caught:
        assemble_predictions(read_table(write(tmp_path, save(arrays), "t.npz")))
    words = f"{tmp_path}/t.npz: {problem} them as np.savez(FILE, y_true=…, probabilities=…)"
    assert str(caught.value).startswith(words)


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
    assert str(caught.value) == f"{path}: {describe_missing('pyarrow')}, or save the table as CSV"


def test_a_parquet_file(tmp_path: Path) -> None:
    """Texts, categories and numbers; missing numbers are NaN."""
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


def write_parquet(folder: Path, table: Any) -> Path:  # noqa: ANN401 - pyarrow has no types
    pq.write_table(table, folder / "table")
    return folder / "table"


@pytest.mark.parametrize("kind", [pa.list_(pa.float64()), pa.large_list(pa.float32()), pa.list_(pa.float64(), 2)])
def test_a_column_of_lists(tmp_path: Path, kind: Any) -> None:  # noqa: ANN401 - as above
    """It is an array with a row for each list; lists of different lengths without a role are ignored."""
    rows = [[0.75, 0.25], [0.5, 0.5], [0.0, 1.0]]
    columns = {"probabilities": pa.chunked_array([rows[:1], rows[1:]], kind), "tokens": [[1], [2, 3], None]}
    read = read_table(write_parquet(tmp_path, pa.table(columns))).columns
    assert {name: values.tolist() for name, values in read.items()} == {"probabilities": rows}


@pytest.mark.parametrize("lists", [[[0.75, 0.25], [1.0]], [[0.75, 0.25], None]])
def test_lists_of_different_lengths(tmp_path: Path, lists: list[Any]) -> None:
    """The row is named."""
    path = write_parquet(tmp_path, pa.table({"probabilities": lists}))
    assert read_error(path) == (
        "row 1, column probabilities: its list is missing, or has another length than that of row 0"
    )


def test_all_types_of_text_in_a_parquet_file(tmp_path: Path) -> None:
    """A missing one is empty."""
    for kind in (pa.string(), pa.large_string(), pa.string_view()):
        path = write_parquet(tmp_path, pa.table({"true": pa.array(["cat", None], kind)}))
        assert read_table(path).columns["true"].tolist() == ["cat", ""]


def test_columns_with_one_name_in_a_parquet_file(tmp_path: Path) -> None:
    """The name is in the message."""
    path = write_parquet(tmp_path, pa.table([[0, 1], [0, 1]], names=["p_0", "p_0"]))
    assert read_error(path) == "the column p_0 is listed twice; give each column its own name"


def test_a_parquet_file_that_becomes_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not read."""
    path = write_parquet(tmp_path, pa.table({"true": np.random.default_rng(0).random(1000)}))
    monkeypatch.setattr(parquet_file, "MAX_BYTES", 8000)
    assert read_error(path).startswith("its columns need 9,")
    monkeypatch.setattr(parquet_file, "MAX_BYTES", 16000)
    assert len(read_table(path).columns["true"]) == 1000


def test_the_number_of_a_row_with_a_line_break(tmp_path: Path) -> None:
    """Rows are counted if they have several lines, otherwise lines."""
    table = read_table(write(tmp_path, b'path,true\n"a\nb",0\nc,1\n'))
    assert table.place(1).removeprefix(f"{tmp_path}/") == "table.csv, row 2"
    table = read_table(write(tmp_path, b'path,true\r\n"a b",0\r\nc,1\r\n'))
    assert table.place(1).removeprefix(f"{tmp_path}/") == "table.csv, line 3"

"""Represents a table of predictions or labels, and reads it from a file of any format that the job knows."""

import gzip
import hashlib
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from job.errors import PackageError, PredictionsError
from job.predictions import array_files, parquet_file, text_tables
from job.system.regular_file import read_regular

MAX_BYTES = 2**32
"""Size of a file, compressed and decompressed."""
CHUNK = 2**20
FIRST_LINE = 2
"""The first row of a text file, below the names of the columns."""

Columns = dict[str, NDArray[Any]]

FOREIGN = {
    b"\x80\x02": "is a pickle",
    b"\x80\x03": "is a pickle",
    b"\x80\x04": "is a pickle",
    b"\x80\x05": "is a pickle",
    b"\x89HDF": "is an HDF5 file",
    b"\xff\xfe": "is UTF-16 text",
    b"\xfe\xff": "is UTF-16 text",
    b"ARROW1": "is a Feather file",
}
REMEDIES = {
    "is a pickle": ", which could run any code; save a table as CSV or Parquet, or arrays with np.savez",
    "is UTF-16 text": "; save it as UTF-8",
}
JSON = re.compile(rb'\s*(\{\s*"|\[\s*[\[{"])')
NUMBERS = re.compile(rb"\[[-+0-9.eE,\s]*\]\s*")
REMEDY = "; save a table as CSV or Parquet, or arrays with np.savez"


@dataclass(frozen=True)
class Table:
    """Named arrays of equal length.

    Attributes:
        name: The file, or what else error messages call it.
        columns: Arrays of shape (n,) or more dimensions, by name; "" is an array without a name.
        unit: What error messages call a row: a line of a text file; a row of arrays, or if rows have several lines.
        first: Number of the first row.
        folder: Folder that relative paths in the table refer to.
        sha256: Hash of the decompressed file; empty if there is none.
        has_header: Whether the first line of a text file has the names of the columns.
        is_archive: Whether it is an NPZ file.
    """

    name: str
    columns: Mapping[str, NDArray[Any]]
    unit: str = "row"
    first: int = 0
    folder: Path = Path()
    sha256: str = ""
    has_header: bool = False
    is_archive: bool = False

    def place(self, row: int, column: str = "") -> str:
        """Name a row, counted from 0, and a column if there are several, as the beginning of an error message."""
        if list(self.columns) == [column]:
            column = ""
        return f"{self.name}, {self.unit} {row + self.first:,}{f', column {column}' if column else ''}"


def read_table(path: Path) -> Table:
    """Read a table; its first bytes, not its name, decide about the format.

    Raises:
        PredictionsError: If the file cannot be read, is damaged, or has an unknown format.
        PackageError: If it is a Parquet file, and pyarrow is not installed.
    """
    content = read_content(path)
    reader, is_text = _choose_reader(path, content)
    sha256, is_archive = hashlib.sha256(content).hexdigest(), reader is array_files.read_npz
    table = Table(str(path), {}, folder=path.parent, sha256=sha256, is_archive=is_archive)
    try:
        columns = reader(content)
    except PackageError as error:
        raise PackageError(f"{path}: {error}") from error
    except (ValueError, OverflowError) as error:
        raise PredictionsError(f"{path}: {' '.join(str(error).split())[:500]}") from error
    if is_text and list(columns) == [""]:
        table = replace(table, unit="line", first=1)
    elif is_text:
        is_long = text_tables.has_long_rows(content, len(next(iter(columns.values()))))
        unit, first = ("row", 1) if is_long else ("line", FIRST_LINE)
        table = replace(table, unit=unit, first=first, has_header=True)
    return replace(table, columns=columns)


def read_content(path: Path) -> bytes:
    """Read a file, decompressed if it is a gzip file."""
    try:
        content = read_regular(path, MAX_BYTES)
    except OSError as error:
        reason = "not found" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        raise PredictionsError(f"{path}: {reason}; name a readable file") from error
    if not content:
        raise PredictionsError(f"{path}: is empty; name a file with predictions")
    return _decompress(path, content) if content.startswith(b"\x1f\x8b") else content


def _decompress(path: Path, content: bytes) -> bytes:
    parts, n_bytes = [], 0
    try:
        with gzip.open(BytesIO(content)) as file:
            while chunk := file.read(CHUNK):
                parts.append(chunk)
                n_bytes += len(chunk)
                if n_bytes > MAX_BYTES:
                    raise PredictionsError(f"{path}: decompresses to more than {MAX_BYTES:,} bytes; split it")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise PredictionsError(f"{path}: is not a valid gzip file ({error}); write it again") from error
    return b"".join(parts)


def _choose_reader(path: Path, content: bytes) -> tuple[Callable[[bytes], Columns], bool]:
    """What reads the content, and whether it is text."""
    for start, problem in FOREIGN.items():
        if content.startswith(start):
            raise PredictionsError(f"{path}: {problem}{REMEDIES.get(problem, REMEDY)}")
    if content.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return array_files.read_npz, False
    if content.startswith(b"\x93NUMPY"):
        return array_files.read_npy, False
    if content.startswith(b"PAR1"):
        return parquet_file.read_parquet, False
    if array_files.is_idx(content):
        return array_files.read_idx, False
    if b"\0" in content[:CHUNK]:
        raise PredictionsError(f"{path}: is neither text nor in a format that the job knows{REMEDY}")
    if JSON.match(content) or (content.startswith(b"[") and NUMBERS.fullmatch(content)):
        raise PredictionsError(f"{path}: JSON is not supported{REMEDY}")
    return text_tables.read_text, True

"""Reads the columns of CSV files, also with semicolons or tabs, and of plain lists of labels."""

import csv
import re
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from job.predictions.roles import find_role, is_own_name
from job.text import split_names

if TYPE_CHECKING:
    import pandas as pd

SEPARATORS = ",;\t|"
UTF8_MARK = b"\xef\xbb\xbf"
DECIMAL_COMMA = re.compile(rb"\d,\d")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
MAX_COLUMNS = 2000
TAIL = 2**17
"""Bytes at the end of a file in which its last two lines usually are; no value that `csv` splits is longer."""
SPLIT = 1.5
"""Decimal commas seem to split the numbers of a line if it has this many times as many values as names."""


def read_text(content: bytes) -> dict[str, NDArray[Any]]:
    """The columns of a CSV file by name; a file with one value a line and no header is one column without a name.

    Columns of numbers become numbers; all others stay texts, also those in which a number is missing.

    Raises:
        ValueError: If the content is not UTF-8 text, has no header, or a line has more or fewer values than it.
    """
    content = content.removeprefix(UTF8_MARK)
    lines = _first_lines(content)
    if not lines[0].strip():
        raise ValueError("line 1 is empty; write the names of the columns there, or the first label of a list")
    separator = max(SEPARATORS, key=_outside_quotes(lines[0]).count)
    header = [name.strip() for name in _split(lines[0], separator)]
    second = _split(lines[1], separator) if len(lines) > 1 else []
    if len(header) == 1 and find_role(header[0]) is None:
        return _read_list(content)
    if len(header) > MAX_COLUMNS:
        raise ValueError(f"line 1 has {len(header):,} columns; at most {MAX_COLUMNS:,} are read")
    if all(NUMBER.fullmatch(name) for name in header) and not _is_numbered(header):
        raise ValueError("line 1 has numbers, but must have the names of the columns, such as true,p_0,p_1")
    named = [name for name in header if name]
    if repeated := next((name for name in named if named.count(name) > 1), None):
        remedy = "" if any(map(find_role, header)) else ", or write a header above this line if it is data"
        raise ValueError(f"line 1: the column {repeated} is listed twice; give each column its own name{remedy}")
    if len([value for value in second if value.strip()]) > len(header):
        raise ValueError(_explain_number(2, len(second), len(header), separator))
    options = {"sep": separator, "decimal": "," if separator == ";" and DECIMAL_COMMA.search(content) else "."}
    table = _read_lines(content, header, max(len(header), len(second)), **options)
    if not len(table):
        raise ValueError("has the names of columns, but no row below them")
    if not has_long_rows(content, len(table)):
        _check_end(content, header, len(table) + 1, separator)
    columns = {name: _to_array(table[index]) for index, name in enumerate(header)}
    return columns if options["decimal"] == "." else {name: _unify(name, values) for name, values in columns.items()}


def has_long_rows(content: bytes, n_rows: int) -> bool:
    """Whether a row of a CSV file has several lines, because a quoted text contains a line break."""
    content = content.rstrip(b"\r\n")
    return max(content.count(b"\n"), content.count(b"\r")) > n_rows


def _first_lines(content: bytes) -> list[str]:
    """The first two lines; raises a ValueError about the first line of the content that is not UTF-8."""
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line:,} is not UTF-8 text; save the file as UTF-8") from error
    return re.split(r"\r\n|\r|\n", content[: 2**20].decode(errors="ignore").rstrip("\r\n"))[:2] or [""]


def _outside_quotes(line: str) -> str:
    return re.sub(r'"[^"]*"', "", line)


def _split(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator, skipinitialspace=True), [""])
    except csv.Error as error:
        raise ValueError(f"is not a CSV file ({error}); close each quote") from error


def _is_numbered(header: list[str]) -> bool:
    """Whether names are those of classes that are called 0, 1, 2 and so on."""
    return header == [str(number) for number in range(len(header))]


def _read_list(content: bytes) -> dict[str, NDArray[Any]]:
    """Labels, one per line, without a header."""
    labels = split_names(content.decode())
    if "" in labels:
        raise ValueError(f"line {labels.index('') + 1:,} is empty; write one label per line")
    return {"": np.array(labels)}


def _read_lines(content: bytes, header: list[str], n: int, **options: Any) -> "pd.DataFrame":  # noqa: ANN401
    """The lines below the header, with numbers in place of names; of `n` values, those without a name are empty.

    Further values than the header has names come from a separator at the end of each line.
    """
    import pandas as pd

    texts = [*range(len(header), n)]
    texts += [index for index, name in enumerate(header) if find_role(name) or is_own_name(name, header)]
    options |= {"names": range(n), "header": 0, "dtype": dict.fromkeys(texts, str)}
    options |= {"skipinitialspace": True, "index_col": False, "skip_blank_lines": False}
    options |= {"keep_default_na": False, "low_memory": False}
    try:
        table: pd.DataFrame = pd.read_csv(BytesIO(content.rstrip(b"\r\n")), **options)
    except pd.errors.ParserError as error:
        found = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
        if not found:
            raise ValueError(f"is not a CSV file ({error}); close each quote") from error
        raise ValueError(_explain_number(int(found[2]), int(found[3]), len(header), options["sep"])) from error
    for index in range(len(header), n):
        filled = np.flatnonzero(table[index].str.strip() != "")
        if filled.size:
            raise ValueError(_explain_number(int(filled[0]) + 2, index + 1, len(header), options["sep"]))
    return table


def _explain_number(line: int, n_values: int, n_names: int, separator: str) -> str:
    """Say that a line has more values than the header has names."""
    text = f"line {line:,} has {n_values} values, but line 1 names {n_names} columns"
    are_split = separator == "," and n_values > SPLIT * n_names
    return f"{text}; if the numbers have decimal commas, separate the columns by semicolons" if are_split else text


def _check_end(content: bytes, header: list[str], line: int, separator: str) -> None:
    """Check that the last line, whose number is given, is not shorter than the header and the line above."""
    last_lines = content[-TAIL:].rstrip(b"\r\n").splitlines()[-2:]
    if len(last_lines) < 2:  # noqa: PLR2004 - the last two lines
        return
    n_above, *_, n_values = (len(_split(each.decode(errors="ignore"), separator)) for each in last_lines)
    if n_values < min(n_above, len(header)) and last_lines[-1].strip():
        raise ValueError(
            f"line {line:,}, the last one, has {n_values} of {len(header)} values and seems to be cut off; write the "
            "file again"
        )


def _to_array(column: "pd.Series[Any]") -> NDArray[Any]:
    """Numbers, or texts without the spaces around them."""
    if column.dtype.kind in "biuf":
        return column.to_numpy()
    return np.strings.strip(column.to_numpy(dtype=np.str_))


def _unify(name: str, values: NDArray[Any]) -> NDArray[Any]:
    """The values of a file with decimal commas; if some are no numbers, all others get decimal points.

    So an error message is about the former. A number with a decimal point could also have a separator of thousands.
    """
    if values.dtype.kind != "U" or find_role(name):
        return values
    texts = values.tolist()
    are_numbers = [bool(NUMBER.fullmatch(text.replace(",", ".")) and "." not in text) for text in texts]
    if sum(are_numbers) <= len(texts) / 2:
        return values
    for row, text in enumerate(texts):
        if NUMBER.fullmatch(text) and not are_numbers[row]:
            raise ValueError(
                f"line {row + 2:,}, column {name}: {text} has a decimal point, but other numbers have a decimal comma; "
                "write all of them alike"
            )
    return np.array(
        [text.replace(",", ".") if is_one else text for text, is_one in zip(texts, are_numbers, strict=True)]
    )

"""Reads the columns of a Parquet file with pyarrow, which is an optional package."""

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from job.errors import PackageError
from job.predictions.array_files import MAX_BYTES
from job.predictions.roles import find_role
from job.system.packages import describe_missing


def read_parquet(content: bytes) -> dict[str, NDArray[Any]]:
    """The columns of a Parquet file by name; missing values are NaN, or "" among texts.

    A column of lists becomes an array with two dimensions. Columns of other types, such as times, are left out.

    Raises:
        PackageError: If pyarrow is not installed.
        ValueError: If the content is damaged, two columns have the same name, or the lists of labels or probabilities
            have different lengths.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError as error:
        raise PackageError(f"{describe_missing('pyarrow')}, or save the table as CSV") from error
    try:
        with pq.ParquetFile(BytesIO(content)) as file:
            names, groups = file.schema_arrow.names, range(file.num_row_groups)
            n_bytes = sum(file.metadata.row_group(group).total_byte_size for group in groups)
            _check_header(names, n_bytes)
            table = file.read()
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"is a damaged Parquet file ({error}); write it again") from error
    columns = {name: _to_array(name, column) for name, column in zip(names, table.columns, strict=True)}
    return {name: values for name, values in columns.items() if values is not None}


def _check_header(names: list[str], n_bytes: int) -> None:
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"the column {repeated} is listed twice; give each column its own name")
    if n_bytes > MAX_BYTES:
        raise ValueError(f"its columns need {n_bytes:,} bytes; write fewer or smaller ones")


def _to_array(name: str, column: Any) -> NDArray[Any] | None:  # noqa: ANN401 - pyarrow has no types
    """The values of a column, shape (n,), or (n, length) of lists; None if its type is of no use here."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    if is_text or pa.types.is_null(kind):
        return np.array(["" if text is None else text for text in column.to_pylist()], dtype=np.str_)
    if pa.types.is_boolean(kind):
        return _to_numpy(column.cast(pa.uint8()))
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _to_numpy(column)
    if pa.types.is_decimal(kind):
        return _to_numpy(column.cast(pa.float64()))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _stack_lists(name, column)
    return None


def _stack_lists(name: str, column: Any) -> NDArray[Any] | None:  # noqa: ANN401 - as above
    import pyarrow.compute as pc

    lengths = pc.list_value_length(column).to_numpy()
    values = _to_array(name, pc.list_flatten(column))
    if values is None or values.ndim > 1 or not len(lengths):
        return None
    if not (lengths == lengths[0]).all():
        if find_role(name) is None:
            return None
        row = int(np.argmax(lengths != lengths[0]))
        raise ValueError(f"row {row:,}, column {name}: its list is missing, or has another length than that of row 0")
    return values.reshape(len(lengths), -1)


def _to_numpy(column: Any) -> NDArray[Any]:  # noqa: ANN401 - as above
    values: NDArray[Any] = column.to_numpy()
    return values

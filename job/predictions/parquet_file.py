"""Reads the columns of a Parquet file with pyarrow, which is an optional package."""

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from job.errors import PackageError

MISSING = (
    "Parquet files need the package pyarrow, which is not installed; run `pip install '.[parquet]'` in the repository "
)
"of fashion-job, or save the table as CSV"


def read_parquet(content: bytes) -> dict[str, NDArray[Any]]:
    """The columns of a Parquet file by name; missing values are NaN, or "" among texts.

    Raises:
        PackageError: If pyarrow is not installed.
        ValueError: If the content is damaged, or a column has neither numbers nor texts.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError as error:
        raise PackageError(MISSING) from error
    try:
        table = pq.read_table(BytesIO(content))
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"is a damaged Parquet file ({error}); write it again") from error
    columns = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)  # noqa: PLW2901 - the same values
        kind = column.type
        if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind):
            columns[name] = np.array(["" if text is None else text for text in column.to_pylist()], dtype=np.str_)
        elif pa.types.is_boolean(kind):
            columns[name] = column.cast(pa.uint8()).to_numpy()
        elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
            columns[name] = column.to_numpy()
        elif pa.types.is_decimal(kind):
            columns[name] = column.cast(pa.float64()).to_numpy()
        # Columns of other types, such as times and lists, are of no use here.
    return columns

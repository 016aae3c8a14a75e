"""Makes tables of whatever NumPy can convert: arrays, lists, tensors, series and data frames."""

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from job.errors import PredictionsError
from job.predictions.array_files import KINDS
from job.predictions.roles import find_role
from job.predictions.tables import Table

ROLES = {"y_true": "true", "probabilities": "predicted"}
"""What a list of classes is, by the name of the argument."""


def check_indexes(y_true: Any, probabilities: Any) -> None:  # noqa: ANN401 - whatever NumPy can convert
    """Check that the indexes of pandas, by which nothing is matched, do not contradict the order of the rows.

    Raises:
        PredictionsError: If both have the same index, but in another order.
    """
    ours, theirs = (list(map(str, each.index)) if hasattr(each, "iloc") else [] for each in (y_true, probabilities))
    if ours != theirs and set(ours) == set(theirs) and len(set(ours)) == len(ours) == len(theirs):
        raise PredictionsError(
            "y_true: has the index of the probabilities in another order; give y_true.loc[probabilities.index], or if "
            "the order of the rows is right, y_true.to_numpy()"
        )


def to_table(values: Any, name: str) -> Table:  # noqa: ANN401 - whatever NumPy can convert
    """The table of an argument; the columns of a data frame keep their names, unless these only count them from 0.

    Raises:
        PredictionsError: If the values are no array of numbers or texts with one or two dimensions.
    """
    columns = list(getattr(values, "columns", ()))
    are_named = all(isinstance(each, str | Integral) for each in columns) and columns != list(range(len(columns)))
    if are_named and (len(columns) > 1 or find_role(str(columns[0]))):
        if len(set(columns)) < len(columns):
            raise PredictionsError(f"{name}: two columns have the same name; give each column its own name")
        table = Table(name, {str(each): to_array(values[each], name) for each in columns})
        is_one_hot = name == "y_true" and not any(map(find_role, table.columns))
        are_numbers = all(each.dtype.kind in "biuf" for each in table.columns.values())
        return _decode_one_hot(table) if is_one_hot and are_numbers else table
    array = to_array(values, name)
    if array.ndim not in {1, 2}:
        raise PredictionsError(f"{name}: has the shape {array.shape}; give (n,) or (n, n_classes)")
    return Table(name, {ROLES[name] if array.ndim == 1 or name == "y_true" else "": array})


def _decode_one_hot(table: Table) -> Table:
    """A column of labels in place of one column for each class, whose name is that of the class."""
    values = np.column_stack(list(table.columns.values()))
    bad = np.flatnonzero((values.sum(axis=1) != 1) | ((values != 0) & (values != 1)).any(axis=1))
    if bad.size:
        raise PredictionsError(
            f"{table.place(int(bad[0]))}: is not one-hot; give a column of labels, or one-hot columns"
        )
    return Table(table.name, {"true": np.array(list(table.columns))[values.argmax(axis=1)]})


def to_array(values: Any, name: str) -> NDArray[Any]:  # noqa: ANN401 - whatever NumPy can convert
    """The array of an argument, also of a tensor on a GPU or with gradients.

    Raises:
        PredictionsError: If it is no array of numbers or texts.
    """
    if hasattr(values, "detach"):  # PyTorch
        values = values.detach().cpu()
        values = values.float() if "bfloat16" in str(values.dtype) else values
    if np.ma.is_masked(values):
        raise PredictionsError(f"{name}: has masked values; leave out their images")
    try:
        array = np.asarray(values)
        if array.dtype.kind == "O":
            array = _convert_objects(array)
    except (TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise PredictionsError(f"{name}: is not an array ({reason}); concatenate batches to one array") from error
    if array.dtype.kind not in KINDS:
        array = array.astype(np.float32) if "bfloat16" in str(array.dtype) else array
    if array.dtype.kind not in KINDS:
        raise PredictionsError(f"{name}: has the type {array.dtype}; give numbers or texts")
    return array


def _convert_objects(array: NDArray[Any]) -> NDArray[Any]:
    """Texts or numbers that pandas holds as Python objects."""
    values = array.ravel().tolist()
    if all(isinstance(each, str) for each in values):
        return array.astype(np.str_)
    for row, each in enumerate(values):
        if each is None or not isinstance(each, bool | int | float | str | np.generic):
            raise ValueError(f"value {row} is {each!r}")
    if any(isinstance(each, str) for each in values):
        return array.astype(np.str_)
    return array.astype(np.float64)

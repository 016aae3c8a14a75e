"""Makes tables of whatever NumPy can convert: arrays, lists, tensors, series and data frames."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from job.errors import PredictionsError
from job.predictions.array_files import KINDS
from job.predictions.tables import Table

ROLES = {"y_true": "true", "probabilities": "predicted"}
"""What a list of classes is, by the name of the argument."""


def to_table(values: Any, name: str) -> Table:  # noqa: ANN401 - whatever NumPy can convert
    """The table of an argument; the columns of a data frame keep their names if these are texts.

    Raises:
        PredictionsError: If the values are no array of numbers or texts with one or two dimensions.
    """
    columns = getattr(values, "columns", None)
    if columns is not None and all(isinstance(each, str) for each in columns) and len(columns) > 1:
        return Table(name, {str(each): to_array(values[each], name) for each in columns})
    array = to_array(values, name)
    if array.ndim not in {1, 2}:
        raise PredictionsError(f"{name}: has the shape {array.shape}; give (n,) or (n, n_classes)")
    return Table(name, {ROLES[name] if array.ndim == 1 or name == "y_true" else "": array})


def to_array(values: Any, name: str) -> NDArray[Any]:  # noqa: ANN401 - whatever NumPy can convert
    """The array of an argument, also of a tensor on a GPU or with gradients.

    Raises:
        PredictionsError: If it is no array of numbers or texts.
    """
    if hasattr(values, "detach"):  # PyTorch
        values = values.detach().cpu()
        values = values.float() if "bfloat16" in str(values.dtype) else values
    try:
        array = np.asarray(values)
        if array.dtype.kind == "O":
            array = _convert_objects(array)
    except (TypeError, ValueError, RuntimeError) as error:
        raise PredictionsError(f"{name}: is not an array ({' '.join(str(error).split())[:200]})") from error
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

"""Recognizes whole numbers, also those that another program wrote as `7.0`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST = 2.0**53
"""Larger whole numbers are not exact in double precision."""


def are_whole(values: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """Whether each number is whole, and exact in double precision; in the shape of `values`."""
    values = values.astype(np.float64)  # a half-precision number cannot be compared with the largest one
    is_whole: NDArray[np.bool_] = (values == np.round(values)) & (np.abs(values) <= LARGEST)
    return is_whole


def to_whole_numbers(values: NDArray[Any]) -> NDArray[np.int64] | None:
    """The values as whole numbers, in their shape; None if one of them is none.

    Texts are numbers, too: "7", "07" and "7.0" are all 7.
    """
    if values.dtype.kind == "U":
        if (np.strings.find(values, "_") >= 0).any():  # Python takes 1_0 for 10
            return None
        try:
            return values.astype(np.int64)
        except (ValueError, OverflowError):
            pass
        try:
            values = values.astype(np.float64)
        except ValueError:
            return None
    if values.dtype.kind == "f":
        return values.astype(np.int64) if are_whole(values).all() else None
    is_unsigned = values.dtype.kind == "u" and int(values.max(initial=0)) <= np.iinfo(np.int64).max
    return values.astype(np.int64) if is_unsigned or values.dtype.kind == "i" else None

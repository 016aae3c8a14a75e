from typing import Any

import numpy as np
import pytest

from job.predictions.whole_numbers import to_whole_numbers


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", "<i1", "<u8", "<U5"])
def test_whole_numbers_of_any_type(dtype: str) -> None:
    """Half precision, too, in which the largest whole number is infinite."""
    numbers = to_whole_numbers(np.array([7, 0, 3], dtype))
    assert numbers is not None
    assert numbers.dtype == np.int64
    assert numbers.tolist() == [7, 0, 3]


@pytest.mark.parametrize(
    "values",
    [
        np.array([0.5, 1]),
        np.array([np.nan, 1]),
        np.array([np.inf, 1], np.float16),
        np.array([1e300, 1]),
        np.array([2**64 - 1], np.uint64),
        np.array([True, False]),
        np.array(["1_0", "1_1"]),
        np.array(["", "1"]),
        np.array(["nan", "1"]),
        np.array(["9" * 400]),
    ],
    ids=str,
)
def test_what_is_no_whole_number(values: np.ndarray[Any, Any]) -> None:
    """One of them is enough."""
    assert to_whole_numbers(values) is None

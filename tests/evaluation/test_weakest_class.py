import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest

from job.evaluation.weakest_class import find_weakest_class


def make_matrix(n_right: list[int], n_each: list[int]) -> NDArray[np.int64]:
    """A confusion matrix whose errors fall on the next class."""
    right = np.array(n_right)
    return np.diag(right) + np.roll(np.diag(np.array(n_each) - right), 1, axis=1)


def is_clearly_lower(lowest: tuple[int, int], other: tuple[int, int], n_comparisons: int) -> bool:
    """Newcombe's interval of the difference of two fractions, each right and of n, is above 0."""
    level = 1 - 0.05 / n_comparisons
    upper = binomtest(*lowest).proportion_ci(level, "wilson").high
    lower = binomtest(*other).proportion_ci(level, "wilson").low
    p, q = lowest[0] / lowest[1], other[0] / other[1]
    return q - p - math.sqrt((upper - p) ** 2 + (q - lower) ** 2) > 0


@pytest.mark.parametrize("n_second", range(60, 100))
def test_the_lowest_recall_must_differ_from_every_other(n_second: int) -> None:
    """60 of 100 images of class 1 are right; Bonferroni's correction is for three comparisons."""
    expected = 1 if is_clearly_lower((60, 100), (n_second, 100), 3) else None
    assert find_weakest_class(make_matrix([99, 60, n_second, 99], [100] * 4)) == expected


def test_small_classes_are_uncertain() -> None:
    """Class 0 has the lowest recall but one, of two images: it might be lower still."""
    assert find_weakest_class(make_matrix([1, 450, 900, 900], [2, 1000, 1000, 1000])) is None
    assert find_weakest_class(make_matrix([900, 450, 900, 900], [1000] * 4)) == 1


def test_a_class_without_images_is_not_the_weakest() -> None:
    """Its recall is unknown."""
    assert find_weakest_class(make_matrix([0, 90, 90], [0, 100, 100])) is None


def test_equal_classes_have_no_weakest() -> None:
    """Of 500 test sets with 10 equal classes, at most 5 % have one."""
    random = np.random.default_rng(0)
    hits = random.binomial(100, 0.87, (500, 10)).tolist()
    named = [find_weakest_class(make_matrix(row, [100] * 10)) for row in hits]
    assert sum(label is not None for label in named) <= 25

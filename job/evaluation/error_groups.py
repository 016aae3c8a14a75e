"""Finds the smallest group of classes that are mostly confused with each other."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from job.evaluation.intervals import SIGNIFICANCE_LEVEL
from job.evaluation.predictions import Counts

MIN_SHARE = 0.75
MAX_EXACT = 12  # classes for which every group is tried: at most 2,497 groups
MAX_SIZE = 8  # classes in a group; nobody grasps a longer list


@dataclass(frozen=True)
class ErrorGroup:
    """Classes that hold most of the errors: those whose true and predicted class both belong to the group.

    Attributes:
        labels: Class numbers, those that take part in most of these errors first.
        n_within: Number of errors within the group.
        n_wrong: Number of all errors.
    """

    labels: list[int]
    n_within: int
    n_wrong: int

    @property
    def share(self) -> float:
        """Fraction of the errors within the group."""
        return self.n_within / self.n_wrong


def find_error_group(matrix: Counts) -> ErrorGroup | None:
    """The smallest group of at most half the classes that holds at least three quarters of the errors.

    Args:
        matrix: Image counts, shape (n_classes, n_classes); rows are true classes, columns predicted ones.

    Returns:
        None if no group of up to 8 classes holds so many, or if chance could give such a group in 5 % of the cases:
        errors that are as frequent in each true class as its images, and fall evenly on the other classes.
    """
    errors = matrix.copy()
    np.fill_diagonal(errors, 0)
    n_wrong, pairs = int(errors.sum()), errors + errors.T
    sizes = range(2, min(len(matrix) // 2, MAX_SIZE) + 1)
    n_groups = sum(math.comb(len(matrix), size) for size in sizes)
    for size in sizes if n_wrong else ():
        group = max(_propose_groups(pairs, size), key=lambda labels: _count_within(pairs, labels))
        n_within = _count_within(pairs, group)
        if n_within >= MIN_SHARE * n_wrong:
            by_chance = float(matrix[group].sum() / matrix.sum()) * (size - 1) / (len(matrix) - 1)
            bound = bound_chance(n_within, n_wrong, by_chance, n_groups)
            return ErrorGroup(_order(pairs, group), n_within, n_wrong) if bound < SIGNIFICANCE_LEVEL else None
    return None


def _propose_groups(pairs: Counts, size: int) -> Iterator[list[int]]:
    """All groups of this size, or of many classes the two that greedy searches find."""
    if len(pairs) <= MAX_EXACT:
        yield from map(list, itertools.combinations(range(len(pairs)), size))
        return
    yield _grow(pairs, size)
    yield _peel(pairs, size)


def _grow(pairs: Counts, size: int) -> list[int]:
    """Begin with the two classes that are confused most, then add the class that brings the most errors."""
    group = [int(label) for label in np.unravel_index(pairs.argmax(), pairs.shape)]
    while len(group) < size:
        gains = pairs[:, group].sum(axis=1)
        gains[group] = -1
        group.append(int(gains.argmax()))
    return group


def _peel(pairs: Counts, size: int) -> list[int]:
    """Begin with all classes, then leave out the class with the fewest errors within the rest (Charikar 2000)."""
    n_left = len(pairs)
    n_errors = pairs.sum(axis=1).astype(np.float64)
    while n_left > size:
        fewest = int(n_errors.argmin())
        n_errors -= pairs[fewest]
        n_errors[fewest] = np.inf  # left out
        n_left -= 1
    return [int(label) for label in np.flatnonzero(np.isfinite(n_errors))]


def _count_within(pairs: Counts, group: list[int]) -> int:
    return int(pairs[np.ix_(group, group)].sum()) // 2


def _order(pairs: Counts, group: list[int]) -> list[int]:
    n_errors = pairs[np.ix_(group, group)].sum(axis=1)
    return [group[index] for index in np.argsort(-n_errors, kind="stable")]


def bound_chance(n_hits: int, n: int, probability: float, n_choices: int) -> float:
    """Bound on the probability that chance alone gives any of several choices so many hits (Bonferroni).

    It is the binomial probability of at least `n_hits` hits among `n`, times the number of choices.
    """
    from scipy.stats import binom  # only the process that evaluates loads SciPy

    return float(n_choices * binom.sf(n_hits - 1, n, probability))

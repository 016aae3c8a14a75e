"""Finds classes that seem to be swapped: their labels or their predictions may be in another order."""

import numpy as np
from numpy.typing import NDArray

from job.evaluation.intervals import wilson_interval

MAJORITY = 0.5
"""Classes seem swapped if significantly more than this fraction of the images of one are predicted as the next."""


def find_cycle(matrix: NDArray[np.int64]) -> list[int]:
    """Find classes of which most images are predicted as the next one, and most of the last one as the first.

    Args:
        matrix: Confusion matrix, a row for each true class, shape (n_classes, n_classes).

    Returns:
        The labels of at least two classes in that cycle, beginning with the lowest; empty if there is no cycle. Of
        several cycles, it is the one with the lowest label.
    """
    successors = [_find_majority(row) for row in matrix]
    for start in range(len(matrix)):
        cycle = [start]
        while (following := successors[cycle[-1]]) is not None and following not in cycle:
            cycle.append(following)
        if following == start and len(cycle) > 1:
            return cycle
    return []


def _find_majority(counts: NDArray[np.int64]) -> int | None:
    """The class that significantly more than half of the images of a class are predicted as."""
    label = int(counts.argmax())
    return label if wilson_interval(int(counts[label]), int(counts.sum())).lower > MAJORITY else None

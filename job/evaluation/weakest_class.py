"""Finds the class of clearly lowest recall; `python -m bench.weakest_coverage` simulates how often it is right."""

import math
from statistics import NormalDist

import numpy as np

from job.evaluation.intervals import SIGNIFICANCE_LEVEL, wilson_interval
from job.evaluation.predictions import Counts


def find_weakest_class(matrix: Counts) -> int | None:
    """Label of the class whose recall is significantly lower than that of every other class.

    The lowest of many recalls is low by chance, too, so its own interval would seldom contain the true recall. Only a
    class that is clearly the weakest can be named with it. The difference from each other class has Newcombe's hybrid
    score interval (Newcombe 1998, Statistics in Medicine 17:873, method 10), with Bonferroni's correction for their
    number.

    Args:
        matrix: Image counts, shape (n_classes, n_classes); rows are true classes, columns predicted ones.

    Returns:
        None if the interval of a difference contains 0.
    """
    n, hits = matrix.sum(axis=1), np.diag(matrix)
    recalls = hits / np.maximum(n, 1)
    lowest = int(recalls.argmin())
    z = NormalDist().inv_cdf(1 - SIGNIFICANCE_LEVEL / 2 / (len(matrix) - 1))
    above = wilson_interval(int(hits[lowest]), int(n[lowest]), z).upper - recalls[lowest]
    for label in range(len(matrix)):
        below = recalls[label] - wilson_interval(int(hits[label]), int(n[label]), z).lower
        if label != lowest and recalls[label] - recalls[lowest] <= math.hypot(above, below):
            return None
    return lowest

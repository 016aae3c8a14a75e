"""Computes intervals and p-values of estimates whose variance has several parts, such as over images and over seeds."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from job.evaluation.intervals import LEVEL, ROUNDING
from job.evaluation.predictions import Floats

LOWEST_P = 1e-100
"""Smaller p-values are not computed."""


@dataclass(frozen=True)
class VarianceParts:
    """The variances that add up to those of estimates, such as of differences between recipes.

    Attributes:
        variances: Variance of each part, shape (..., n_parts); the first part is that of the images, without the
            disagreement of networks on single images.
        freedoms: Degrees of freedom of each part, of the same shape.
        over_images: Variance over the images with that disagreement, shape (...).
    """

    variances: Floats
    freedoms: Floats
    over_images: Floats

    def __getitem__(self, index: Any) -> "VarianceParts":  # noqa: ANN401 - any index of an array
        """The parts of some of the estimates."""
        return VarianceParts(self.variances[index], self.freedoms[index], self.over_images[index])


def measure_margins(parts: VarianceParts, alpha: float | Floats = 1 - LEVEL) -> Floats:
    """Half the widths of confidence intervals over seeds and images, shape (...): Howe's, as in `crossed_interval`.

    They are never narrower than those over the images alone. A few seeds may be equally accurate by chance, more often
    with few images, and would then seem to have no variance. `alpha` is 1 minus the confidence level: a number, or an
    array of shape (...).
    """
    from scipy.special import stdtrit  # only the process that evaluates loads SciPy

    quantiles = stdtrit(parts.freedoms, np.asarray(alpha)[..., np.newaxis] / 2)
    squares = (parts.variances * quantiles**2).sum(axis=-1)
    margins: Floats = np.sqrt(np.maximum(squares, parts.over_images * quantiles[..., 0] ** 2))
    return margins


def solve_p_values(differences: Floats, parts: VarianceParts) -> Floats:
    """Two-sided p-values of differences from 0, such that p < alpha where the interval of that alpha excludes 0.

    Args:
        differences: Measured differences, shape (n_differences,).
        parts: The parts of their variances.

    Returns:
        p-values of at least 1e-100, shape (n_differences,); 1 if nothing varies.
    """
    from scipy.optimize.elementwise import find_root

    p_values, distances = np.ones(len(differences)), np.abs(differences)
    at_lowest = measure_margins(parts, LOWEST_P)
    p_values[(distances > at_lowest) & (at_lowest > ROUNDING)] = LOWEST_P
    rows = np.flatnonzero((distances > 0) & (distances <= at_lowest))

    def exceed(log_p: Floats, indices: Floats) -> Floats:
        chosen = rows[indices.astype(np.intp)]
        return measure_margins(parts[chosen], np.exp(log_p)) - distances[chosen]

    if len(rows):
        bounds = (np.full(len(rows), math.log(LOWEST_P)), np.zeros(len(rows)))
        p_values[rows] = np.exp(find_root(exceed, bounds, args=(np.arange(len(rows), dtype=np.float64),)).x)
    return p_values

"""Computes 95 % confidence intervals from closed formulas; `python -m bench.coverage` simulates how often they hold.

An interval without an honest width is None: nothing is known about errors of which the test images show none.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from job.errors import DIVERGED_LOSS

LEVEL = 0.95
SIGNIFICANCE_LEVEL = 0.05
Z = NormalDist().inv_cdf((1 + LEVEL) / 2)

ROUNDING = 1e-9
SYMMETRIC = 1e-9  # a skewness below it makes no difference
SIMULATED_IMAGES = 300
"""Intervals of smaller test sets were not simulated, or hold their level less reliably."""
MIN_OUTCOMES = 5
"""Fewer images of a kind tell too little of how different such images are."""
MIN_ERRORS = 10
"""With fewer errors, the intervals of ROC AUC and average precision contain the true value in only 90 % of cases."""

Amount = Annotated[float, Meta(ge=0, lt=DIVERGED_LOSS)]
"""The loss of a training, or a time. Reading metrics.json checks the ranges of the annotated types."""
Fraction = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0, lt=10**12)]
Positive = Annotated[int, Meta(ge=1, lt=10**12)]


@dataclass(frozen=True)
class Interval:
    """A 95 % confidence interval, bounds included."""

    lower: float
    upper: float

    @property
    def excludes_zero(self) -> bool:
        """Whether 0 is outside."""
        return not self.lower <= 0 <= self.upper


def wilson_interval(n_hits: float, n: float, z: float = Z) -> Interval:
    """Confidence interval of a fraction of independent images: the score interval without continuity correction.

    Unlike the fraction ± 1.96 standard errors, it stays within [0, 1] and has a width if all or no images are hits.
    Without any image it is [0, 1]. Wilson 1927, JASA 22:209; recommended by Newcombe 1998, Statistics in Medicine
    17:857 (method 3). `z` is the normal quantile of another level than 95 %.
    """
    if n == 0:
        return Interval(0.0, 1.0)
    fraction, shrinkage = n_hits / n, 1 + z**2 / n
    centre = (fraction + z**2 / (2 * n)) / shrinkage
    margin = z / shrinkage * math.sqrt(fraction * (1 - fraction) / n + z**2 / (4 * n**2))
    return Interval(centre - margin if n_hits else 0.0, centre + margin if n_hits < n else 1.0)


def bounded_interval(value: float, variance: float, lowest: float = 0.0) -> Interval | None:
    """Confidence interval of a metric between `lowest` and 1 whose estimate has this variance.

    It is Wilson's interval of a fraction with the same variance: of n_eff images, where p (1 - p) / n_eff is the
    variance and p the position of the value between `lowest` and 1 (effective sample size; Korn and Graubard 1998,
    Survey Methodology 24:193). It stays in the range of the metric and is longer towards its middle, as the error is.

    Returns:
        None if the variance is 0, or only what rounding left of 0.
    """
    fraction = (value - lowest) / (1 - lowest)
    if variance <= ROUNDING**2 or not 0 < fraction < 1:
        return None
    n_effective = fraction * (1 - fraction) * (1 - lowest) ** 2 / variance
    interval = wilson_interval(fraction * n_effective, n_effective)
    return Interval(*(lowest + (1 - lowest) * bound for bound in (interval.lower, interval.upper)))


def mean_interval(values: NDArray[np.float64]) -> Interval | None:
    """Confidence interval of a mean, corrected for skewness: Hall's transformation of Student's t.

    Losses are skewed: a sample without the rare large ones has both a low mean and a low variance, and an ordinary t
    interval then ends too early. Hall 1992, Journal of the Royal Statistical Society B 54:221, the cubic transformation
    g(t) = t + a t² + a² t³ / 3 + b with a = skewness / (3 sqrt n) and b = skewness / (6 sqrt n).

    Args:
        values: One per image, shape (n,).

    Returns:
        None if all values are equal.
    """
    n, mean = len(values), float(values.mean())
    deviations = values - mean
    sd = math.sqrt(float(deviations @ deviations) / max(n - 1, 1))
    if not sd > abs(mean) * ROUNDING:  # the values differ
        return None
    from scipy.special import stdtrit  # only the process that evaluates loads SciPy

    skewness = float(np.mean(deviations**3)) / sd**3
    a, b = skewness / (3 * math.sqrt(n)), skewness / (6 * math.sqrt(n))
    quantile = float(stdtrit(n - 1, (1 + LEVEL) / 2))
    bounds = (mean - sd / math.sqrt(n) * _invert_cubic(x, a, b) for x in (quantile, -quantile))
    return Interval(*bounds)


def score_interval(scores: NDArray[np.float64], is_correct: NDArray[np.bool_]) -> Interval | None:
    """Confidence interval of the mean of a loss, one per image; both arrays have shape (n,).

    Returns:
        None with fewer than 5 right or 5 wrong predictions: the scores of the others are unknown, and very different.
    """
    n_right = int(is_correct.sum())
    if min(n_right, len(scores) - n_right) < MIN_OUTCOMES or (interval := mean_interval(scores)) is None:
        return None
    return Interval(max(interval.lower, 0.0), interval.upper)


def _invert_cubic(x: float, a: float, b: float) -> float:
    """The t at which t + a t² + a² t³ / 3 + b equals x."""
    if abs(a) < SYMMETRIC:
        return x - b
    return (math.cbrt(1 + 3 * a * (x - b)) - 1) / a


def f1_interval(n_hits: int, n_union: int) -> Interval:
    """Confidence interval of the F1 score of one class.

    F1 = 2 J / (1 + J), where J is the fraction of hits among the images that belong to the class or were predicted as
    it (Hand, Christen and Kirielle 2021, Machine Learning 110:451). The bounds follow from Wilson's interval of J,
    `n_hits` of `n_union` images.
    """
    jaccard = wilson_interval(n_hits, n_union)
    return Interval(*(2 * bound / (1 + bound) for bound in (jaccard.lower, jaccard.upper)))

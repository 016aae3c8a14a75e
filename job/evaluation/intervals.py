"""Computes 95 % confidence intervals of fractions of the test images."""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Annotated

from msgspec import Meta

from job.errors import DIVERGED_LOSS

LEVEL = 0.95
Z = NormalDist().inv_cdf((1 + LEVEL) / 2)

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


def wilson_interval(n_hits: int, n: int) -> Interval:
    """Confidence interval of a fraction of independent images: the score interval without continuity correction.

    Unlike the fraction ± 1.96 standard errors, it stays within [0, 1] and has a width if all or no images are hits.
    Without any image it is [0, 1]. Wilson 1927, JASA 22:209; recommended by Newcombe 1998, Statistics in Medicine
    17:857 (method 3).
    """
    if n == 0:
        return Interval(0.0, 1.0)
    fraction, shrinkage = n_hits / n, 1 + Z**2 / n
    centre = (fraction + Z**2 / (2 * n)) / shrinkage
    margin = Z / shrinkage * math.sqrt(fraction * (1 - fraction) / n + Z**2 / (4 * n**2))
    return Interval(centre - margin if n_hits else 0.0, centre + margin if n_hits < n else 1.0)


def f1_interval(n_hits: int, n_union: int) -> Interval:
    """Confidence interval of the F1 score of one class.

    F1 = 2 J / (1 + J), where J is the fraction of hits among the images that belong to the class or were predicted as
    it (Hand, Christen and Kirielle 2021, Machine Learning 110:451). The bounds follow from Wilson's interval of J,
    `n_hits` of `n_union` images.
    """
    jaccard = wilson_interval(n_hits, n_union)
    return Interval(*(2 * bound / (1 + bound) for bound in (jaccard.lower, jaccard.upper)))

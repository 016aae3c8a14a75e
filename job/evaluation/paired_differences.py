"""Compares the probabilities of two models on the same test images: loss, Brier score and overconfidence."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from types import MappingProxyType

import numpy as np

from job.evaluation.intervals import LEVEL, Interval
from job.evaluation.predictions import Floats, Predictions

MIN_IMAGES = 300
"""With fewer images, the interval of a difference in loss can contain the true one in less than 93 % of all cases: in
91 % with 100 images, if one model is far too confident (`bench/comparison_coverage.py`)."""


@dataclass(frozen=True)
class PairedDifference:
    """A mean over the test images for both models.

    Attributes:
        reference: Mean of the reference.
        current: Mean of this model.
        difference: `current` minus `reference`.
        interval: 95 % confidence interval of the difference; None with fewer than 300 images, or if the models differ
            by the same amount on each image.
    """

    reference: float
    current: float
    difference: float
    interval: Interval | None

    @property
    def is_significant(self) -> bool:
        """Whether the interval excludes 0."""
        return self.interval is not None and not self.interval.lower <= 0 <= self.interval.upper


def measure_overconfidence(predictions: Predictions) -> Floats:
    """Confidence minus correctness of each image, in [-1, 1], shape (n,); the mean is 0 for a calibrated model."""
    return predictions.confidence.astype(np.float64) - predictions.is_correct


MEASURES: Mapping[str, Callable[[Predictions], Floats]] = MappingProxyType(
    {
        "loss": attrgetter("losses"),
        "brier": attrgetter("brier_scores"),
        "overconfidence": measure_overconfidence,
    }
)
"""What each image contributes to a mean, by the name of the mean."""


def compare_means(current: Floats, reference: Floats) -> PairedDifference:
    """Compare the means of both models; the arrays have one value per image, shape (n,)."""
    before, now = float(reference.mean()), float(current.mean())
    return PairedDifference(before, now, now - before, paired_mean_interval(current - reference))


def paired_mean_interval(differences: Floats) -> Interval | None:
    """Student's t interval of the mean of paired differences, shape (n,); None if it would not hold its level."""
    from scipy.stats import t  # only the process that evaluates loads SciPy

    n = len(differences)
    if n < MIN_IMAGES or not np.ptp(differences):
        return None
    mean, error = float(differences.mean()), float(differences.std(ddof=1)) / math.sqrt(n)
    margin = float(t.ppf((1 + LEVEL) / 2, n - 1)) * error
    return Interval(mean - margin, mean + margin)

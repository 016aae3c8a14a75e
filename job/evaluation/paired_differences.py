"""Compares the probabilities of two models on the same test images: loss, Brier score and overconfidence."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from types import MappingProxyType

import numpy as np

from job.evaluation.intervals import Interval, mean_interval
from job.evaluation.predictions import Floats, Predictions

MIN_IMAGES = 300
"""With fewer images, the interval of a difference in loss can contain the true one in less than 93 % of all cases
(`bench/comparison_coverage.py`)."""
MIN_PAIRED_OUTCOMES = 10
"""With fewer right or fewer wrong predictions of a model, it contains the true one in 91 to 93 % if that model is far
too confident."""


@dataclass(frozen=True)
class PairedDifference:
    """A mean over the test images for both models.

    Attributes:
        reference: Mean of the reference.
        current: Mean of this model.
        difference: `current` minus `reference`.
        interval: 95 % confidence interval of the difference; None with fewer than 300 images, or fewer than 10
            right or 10 wrong predictions of a model, or if the models differ by the same amount on each image.
    """

    reference: float
    current: float
    difference: float
    interval: Interval | None

    @property
    def is_significant(self) -> bool:
        """Whether the interval excludes 0."""
        return self.interval is not None and self.interval.excludes_zero


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


def compare_means(
    measure: Callable[[Predictions], Floats], current: Predictions, reference: Predictions
) -> PairedDifference:
    """Compare the means of a measure of both models, which predict the same images."""
    values, values_before = measure(current), measure(reference)
    now, before = float(values.mean()), float(values_before.mean())
    n_rare = min(map(count_rarest_outcome, (current, reference)))
    return PairedDifference(before, now, now - before, paired_mean_interval(values - values_before, n_rare))


def count_rarest_outcome(predictions: Predictions) -> int:
    """Number of right or of wrong predictions, whichever is smaller."""
    n_right = int(predictions.is_correct.sum())
    return min(n_right, len(predictions.y_true) - n_right)


def paired_mean_interval(differences: Floats, n_rare: int) -> Interval | None:
    """Confidence interval of the mean of paired differences, shape (n,), corrected for their skewness.

    Of accurate models, few images have a large loss. Student's t interval then ends too early: with 98 % accuracy, it
    contains the true difference in 88 % of all cases with 300 images.

    Returns:
        None with fewer than 300 images, or fewer than 10 right or 10 wrong predictions of a model (`n_rare`), or if
        all differences are equal.
    """
    return mean_interval(differences) if len(differences) >= MIN_IMAGES and n_rare >= MIN_PAIRED_OUTCOMES else None

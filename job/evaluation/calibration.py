"""Measures how well the predicted probabilities match the accuracy.

The confidence of a prediction is the probability of the predicted class.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from job.evaluation.calibrated_model import CountDistribution, calibration_error_if_calibrated, count_right
from job.evaluation.intervals import Interval, wilson_interval
from job.evaluation.predictions import Labels

N_BINS = 15
EDGES = np.arange(N_BINS + 1) / N_BINS
HIGH_CONFIDENCE = 0.9
N_COVERAGES = 20


@dataclass(frozen=True)
class Bin:
    """The `n` images whose confidence is above `lower` and at most `upper`; `confidence` is its mean.

    `consistency` is the range of the accuracy of a perfectly calibrated model with these confidences in at least 95 %
    of all cases (Bröcker and Smith 2007, Weather and Forecasting 22:651; with the images of the bin given).
    """

    lower: float
    upper: float
    n: int
    confidence: float
    accuracy: float
    accuracy_interval: Interval
    consistency: Interval


@dataclass(frozen=True)
class HighConfidence:
    """The `n` images whose confidence is above `threshold`.

    Attributes:
        n_wrong_expected: Incorrect predictions that the probabilities predict, on average.
        n_wrong_expected_interval: Range of their number in at least 95 % of all cases, for a calibrated model.
    """

    threshold: float
    n: int
    n_wrong: int
    n_wrong_expected: float
    n_wrong_expected_interval: Interval


@dataclass(frozen=True)
class Coverage:
    """Accuracy on the `n` most confident predictions, if the model abstains from the others.

    Attributes:
        coverage: Fraction of the images that the model predicts.
        threshold: Lowest confidence among them.
    """

    coverage: float
    n: int
    threshold: float
    n_right: int
    accuracy: float


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """How confidence and accuracy relate.

    Attributes:
        ece: Expected calibration error: mean over the images of the distance between the accuracy and the mean
            confidence of their bin; 0 is best. It is never below what chance alone makes of it.
        ece_debiased: The same without an estimate of what chance adds; see `debiased_error`.
        ece_if_calibrated: Mean `ece` of a perfectly calibrated model with these confidences.
        ece_if_calibrated_95: The `ece` that 95 % of such models stay below.
        mean_confidence: Mean probability of the predicted class.
        overconfidence: `mean_confidence` minus accuracy; negative if the model is underconfident.
        bins: Bins that contain images, ascending.
        coverage: Accuracy at each coverage, ascending.
    """

    ece: float
    ece_debiased: float
    ece_if_calibrated: float
    ece_if_calibrated_95: float
    mean_confidence: float
    overconfidence: float
    overconfidence_interval: Interval
    high_confidence: HighConfidence
    bins: list[Bin]
    coverage: list[Coverage]

    @property
    def tendency(self) -> Literal["overconfident", "underconfident"] | None:
        """What the interval of the overconfidence shows; None if it contains 0."""
        if self.overconfidence_interval.lower > 0:
            return "overconfident"
        return "underconfident" if self.overconfidence_interval.upper < 0 else None

    @property
    def is_miscalibrated(self) -> bool:
        """Whether the `ece` is larger than that of 95 % of perfectly calibrated models.

        It may be so without a tendency: overconfident and underconfident bins cancel each other out on average.
        """
        return self.ece > self.ece_if_calibrated_95


def measure_calibration(confidence: NDArray[np.floating], is_correct: NDArray[np.bool_]) -> Calibration:
    """Compare the confidence of each prediction, in [0, 1], with its correctness; both have shape (n,)."""
    n, numbers = len(confidence), assign_bins(confidence)
    expected = {number: count_right(confidence[numbers == number]) for number in np.unique(numbers).tolist()}
    if_calibrated, if_calibrated_95 = calibration_error_if_calibrated(list(expected.values()), n)
    mean_confidence, accuracy = float(confidence.mean(dtype=np.float64)), float(is_correct.mean())
    return Calibration(
        ece=plug_in_error(numbers, confidence, is_correct),
        ece_debiased=debiased_error(numbers, confidence, is_correct),
        ece_if_calibrated=if_calibrated,
        ece_if_calibrated_95=if_calibrated_95,
        mean_confidence=mean_confidence,
        overconfidence=mean_confidence - accuracy,
        overconfidence_interval=_overconfidence_interval(confidence, is_correct),
        high_confidence=_measure_high_confidence(confidence, is_correct),
        bins=_fill_bins(numbers, confidence, is_correct, expected),
        coverage=_measure_coverage(confidence, is_correct),
    )


def assign_bins(confidence: NDArray[np.floating]) -> NDArray[np.intp]:
    """Bin number of each image, shape (n,): 15 bins of equal width, each including its upper edge only.

    Guo et al. 2017, arXiv 1706.04599, section 2. A confidence of 0 belongs to the first bin.
    """
    return np.maximum(np.searchsorted(EDGES, confidence) - 1, 0)


def plug_in_error(bins: NDArray[np.intp], probabilities: NDArray[np.floating], is_hit: NDArray[np.bool_]) -> float:
    """Distance of hits and mean probability of a bin, averaged over the images; all arrays have shape (n,)."""
    gaps = np.bincount(bins, is_hit - probabilities.astype(np.float64))
    return float(np.abs(gaps).sum()) / len(bins)


def debiased_error(bins: NDArray[np.intp], probabilities: NDArray[np.floating], is_hit: NDArray[np.bool_]) -> float:
    """The plug-in error without an estimate of its bias (Kumar, Liang and Ma 2019, arXiv 1909.10155).

    Chance moves the hits of a bin away from their expected number, and distances only add up. For absolute distances,
    the authors' code lets the hits of each bin vary by a normal distribution around those observed, with the variance
    of as many independent images. The mean error under this variation, minus the plug-in error, estimates the bias. The
    mean of the folded normal distribution gives the same without simulation. If the model is nearly calibrated, about
    half of the bias is left.

    The result may be below the distance of all hits and the mean probability, because chance is part of that distance,
    too. A negative estimate counts as 0.
    """
    from scipy.special import ndtr  # only the process that evaluates loads SciPy

    n, n_hits, sums = (np.bincount(bins, weights) for weights in (None, is_hit, probabilities.astype(np.float64)))
    n, n_hits, sums = n[n > 0], n_hits[n > 0], sums[n > 0]
    gaps, sd = np.abs(n_hits - sums), np.sqrt(n_hits * (1 - n_hits / n))
    z = np.divide(gaps, sd, out=np.full(len(n), np.inf), where=sd > 0)
    mean_gaps = sd * np.sqrt(2 / np.pi) * np.exp(-(z**2) / 2) + gaps * (1 - 2 * ndtr(-z))
    return max(float((2 * gaps - mean_gaps).sum()), 0.0) / len(bins)


def class_errors(y_true: Labels, probabilities: NDArray[np.floating]) -> list[float]:
    """Debiased calibration error of the probability of each class, against whether the image belongs to it."""
    return [
        debiased_error(assign_bins(column), column, y_true == label) for label, column in enumerate(probabilities.T)
    ]


def _overconfidence_interval(confidence: NDArray[np.floating], is_correct: NDArray[np.bool_]) -> Interval:
    """Confidence interval of the mean confidence minus the accuracy.

    It is Wilson's interval of the accuracy, mirrored at the mean confidence, for so many images that its variance is
    that of the difference. If every prediction is correct or none, it is that of the accuracy itself.
    """
    n, accuracy = len(confidence), float(is_correct.mean())
    mean_confidence = float(confidence.mean(dtype=np.float64))
    variance = float(np.var(confidence.astype(np.float64) - is_correct))
    certain = accuracy in {0, 1} or not variance
    n_effective = n if certain else n * accuracy * (1 - accuracy) / variance
    interval = wilson_interval(accuracy * n_effective, n_effective)
    return Interval(mean_confidence - interval.upper, mean_confidence - interval.lower)


def _measure_high_confidence(confidence: NDArray[np.floating], is_correct: NDArray[np.bool_]) -> HighConfidence:
    is_high = confidence > HIGH_CONFIDENCE
    n, n_wrong = int(is_high.sum()), int((is_high & ~is_correct).sum())
    expected, limits = 0.0, Interval(0.0, 0.0)
    if n:
        right = count_right(confidence[is_high])
        expected, inner = n - right.mean, right.central_range()
        limits = Interval(n - inner.upper, n - inner.lower)
    return HighConfidence(HIGH_CONFIDENCE, n, n_wrong, expected, limits)


def _fill_bins(
    numbers: NDArray[np.intp],
    confidence: NDArray[np.floating],
    is_correct: NDArray[np.bool_],
    expected: Mapping[int, CountDistribution],
) -> list[Bin]:
    sums, n_right, counts = (
        np.bincount(numbers, weights, N_BINS).tolist() for weights in (confidence, is_correct, None)
    )
    filled = []
    for number, right in expected.items():
        n, limits = counts[number], right.central_range()
        filled.append(
            Bin(
                lower=float(EDGES[number]),
                upper=float(EDGES[number + 1]),
                n=n,
                confidence=sums[number] / n,
                accuracy=n_right[number] / n,
                accuracy_interval=wilson_interval(n_right[number], n),
                consistency=Interval(limits.lower / n, limits.upper / n),
            )
        )
    return filled


def _measure_coverage(confidence: NDArray[np.floating], is_correct: NDArray[np.bool_]) -> list[Coverage]:
    """Accuracy at coverages of 5 %, 10 %, …, each extended to images of the same confidence as its last one."""
    n = len(confidence)
    order = np.argsort(confidence)
    ascending, n_right = confidence[order], np.cumsum(is_correct[order][::-1])
    targets = -(-n * np.arange(1, N_COVERAGES + 1) // N_COVERAGES)  # rounded up
    kept = np.unique(n - np.searchsorted(ascending, ascending[n - targets]))
    rows = zip(kept.tolist(), ascending[n - kept].tolist(), n_right[kept - 1].tolist(), strict=True)
    return [Coverage(n_kept / n, n_kept, threshold, right, right / n_kept) for n_kept, threshold, right in rows]

"""Measures how well the predicted probabilities match the accuracy.

The confidence of a prediction is the probability of the predicted class.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from job.evaluation.intervals import Interval, wilson_interval

N_BINS = 15
EDGES = np.arange(N_BINS + 1) / N_BINS
HIGH_CONFIDENCE = 0.9
N_COVERAGES = 20


@dataclass(frozen=True)
class Bin:
    """Images whose confidence is above `lower` and at most `upper`.

    Attributes:
        n: Number of images.
        confidence: Their mean confidence.
        accuracy: Fraction of them predicted correctly.
    """

    lower: float
    upper: float
    n: int
    confidence: float
    accuracy: float
    accuracy_interval: Interval


@dataclass(frozen=True)
class Overconfidence:
    """Images whose confidence is above `threshold`.

    Attributes:
        n: Number of images.
        n_wrong: Number of incorrect predictions among them.
        share_of_wrong: `n_wrong` as a fraction of all incorrect predictions; 0 if there are none.
    """

    threshold: float
    n: int
    n_wrong: int
    share_of_wrong: float


@dataclass(frozen=True)
class Coverage:
    """Accuracy on the most confident predictions, if the model abstains from the others.

    Attributes:
        coverage: Fraction of the images that the model predicts.
        n: Number of these images.
        threshold: Lowest confidence among them.
        n_right: Number of correct predictions among them.
        accuracy: `n_right` as a fraction of `n`.
    """

    coverage: float
    n: int
    threshold: float
    n_right: int
    accuracy: float


@dataclass(frozen=True)
class Calibration:
    """How confidence and accuracy relate.

    Attributes:
        ece: Expected calibration error: mean over the images of the distance between the accuracy and the mean
            confidence of their bin; 0 is best.
        bins: Bins that contain images, ascending.
        coverage: Points of accuracy against coverage, ascending.
    """

    ece: float
    ece_interval: Interval
    bins: list[Bin]
    overconfidence: Overconfidence
    coverage: list[Coverage]


def measure_calibration(
    confidence: NDArray[np.floating], is_correct: NDArray[np.bool_], ece_interval: Interval
) -> Calibration:
    """Compare confidence and accuracy.

    Args:
        confidence: Confidence of each prediction, in [0, 1], shape (n,).
        is_correct: Whether each image was predicted correctly, shape (n,).
        ece_interval: Interval of the calibration error, from `bootstrap.bootstrap_loss_and_ece`.
    """
    bins = _fill_bins(confidence, is_correct)
    return Calibration(
        ece=sum(each.n * abs(each.accuracy - each.confidence) for each in bins) / len(is_correct),
        ece_interval=ece_interval,
        bins=bins,
        overconfidence=_measure_overconfidence(confidence, is_correct),
        coverage=_measure_coverage(confidence, is_correct),
    )


def assign_bins(confidence: NDArray[np.floating]) -> NDArray[np.intp]:
    """Bin number of each image, shape (n,): 15 bins of equal width, each including its upper edge only.

    Guo et al. 2017, arXiv 1706.04599, section 2. A confidence of 0 belongs to the first bin.
    """
    return np.maximum(np.searchsorted(EDGES, confidence) - 1, 0)


def _fill_bins(confidence: NDArray[np.floating], is_correct: NDArray[np.bool_]) -> list[Bin]:
    numbers = assign_bins(confidence)
    counts = np.bincount(numbers, minlength=N_BINS)
    sums = np.bincount(numbers, weights=confidence, minlength=N_BINS)
    n_right = np.bincount(numbers[is_correct], minlength=N_BINS)
    return [
        Bin(
            lower=float(EDGES[number]),
            upper=float(EDGES[number + 1]),
            n=(n := int(counts[number])),
            confidence=float(sums[number] / n),
            accuracy=float(n_right[number] / n),
            accuracy_interval=wilson_interval(int(n_right[number]), n),
        )
        for number in np.flatnonzero(counts)
    ]


def _measure_overconfidence(confidence: NDArray[np.floating], is_correct: NDArray[np.bool_]) -> Overconfidence:
    high = confidence > HIGH_CONFIDENCE
    n_wrong, n_all_wrong = int((high & ~is_correct).sum()), int((~is_correct).sum())
    return Overconfidence(HIGH_CONFIDENCE, int(high.sum()), n_wrong, n_wrong / max(n_all_wrong, 1))


def _measure_coverage(confidence: NDArray[np.floating], is_correct: NDArray[np.bool_]) -> list[Coverage]:
    """Accuracy at coverages of 5 %, 10 %, …, each raised to include images of the same confidence as the last one."""
    n = len(confidence)
    order = np.argsort(confidence)
    ascending, n_right = confidence[order], np.cumsum(is_correct[order][::-1])
    targets = -(-n * np.arange(1, N_COVERAGES + 1) // N_COVERAGES)  # rounded up
    kept = np.unique(n - np.searchsorted(ascending, ascending[n - targets]))
    return [
        Coverage(
            coverage=n_kept / n,
            n=n_kept,
            threshold=float(ascending[n - n_kept]),
            n_right=int(n_right[n_kept - 1]),
            accuracy=float(n_right[n_kept - 1] / n_kept),
        )
        for n_kept in kept.tolist()
    ]

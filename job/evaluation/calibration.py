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
    """The `n` images whose confidence is above `lower` and at most `upper`; `confidence` is its mean."""

    lower: float
    upper: float
    n: int
    confidence: float
    accuracy: float
    accuracy_interval: Interval


@dataclass(frozen=True)
class Overconfidence:
    """The `n` images whose confidence is above `threshold`.

    `share_of_wrong` is `n_wrong` as a fraction of all incorrect predictions; 0 if every prediction is correct.
    """

    threshold: float
    n: int
    n_wrong: int
    share_of_wrong: float


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


@dataclass(frozen=True)
class Calibration:
    """How confidence and accuracy relate.

    Attributes:
        ece: Expected calibration error: mean over the images of the distance between the accuracy and the mean
            confidence of their bin; 0 is best.
        bins: Bins that contain images, ascending.
        coverage: Accuracy at each coverage, ascending.
    """

    ece: float
    ece_interval: Interval
    bins: list[Bin]
    overconfidence: Overconfidence
    coverage: list[Coverage]


def measure_calibration(
    confidence: NDArray[np.floating], is_correct: NDArray[np.bool_], ece_interval: Interval
) -> Calibration:
    """Compare the confidence of each prediction, in [0, 1], with its correctness; both have shape (n,).

    The interval of the calibration error comes from `bootstrap.bootstrap_loss_and_ece`.
    """
    bins, is_high = _fill_bins(confidence, is_correct), confidence > HIGH_CONFIDENCE
    n_high, n_high_wrong, n_wrong = (int(group.sum()) for group in (is_high, is_high & ~is_correct, ~is_correct))
    return Calibration(
        ece=sum(bin_.n * abs(bin_.accuracy - bin_.confidence) for bin_ in bins) / len(is_correct),
        ece_interval=ece_interval,
        bins=bins,
        overconfidence=Overconfidence(HIGH_CONFIDENCE, n_high, n_high_wrong, n_high_wrong / max(n_wrong, 1)),
        coverage=_measure_coverage(confidence, is_correct),
    )


def assign_bins(confidence: NDArray[np.floating]) -> NDArray[np.intp]:
    """Bin number of each image, shape (n,): 15 bins of equal width, each including its upper edge only.

    Guo et al. 2017, arXiv 1706.04599, section 2. A confidence of 0 belongs to the first bin.
    """
    return np.maximum(np.searchsorted(EDGES, confidence) - 1, 0)


def _fill_bins(confidence: NDArray[np.floating], is_correct: NDArray[np.bool_]) -> list[Bin]:
    bins = assign_bins(confidence)
    sums, n_right, counts = (np.bincount(bins, weights, N_BINS).tolist() for weights in (confidence, is_correct, None))
    rows = zip(EDGES[:-1].tolist(), EDGES[1:].tolist(), counts, sums, n_right, strict=True)
    return [
        Bin(lower, upper, n, confidence_sum / n, right / n, wilson_interval(right, n))
        for lower, upper, n, confidence_sum, right in rows
        if n
    ]


def _measure_coverage(confidence: NDArray[np.floating], is_correct: NDArray[np.bool_]) -> list[Coverage]:
    """Accuracy at coverages of 5 %, 10 %, …, each extended to images of the same confidence as its last one."""
    n = len(confidence)
    order = np.argsort(confidence)
    ascending, n_right = confidence[order], np.cumsum(is_correct[order][::-1])
    targets = -(-n * np.arange(1, N_COVERAGES + 1) // N_COVERAGES)  # rounded up
    kept = np.unique(n - np.searchsorted(ascending, ascending[n - targets]))
    rows = zip(kept.tolist(), ascending[n - kept].tolist(), n_right[kept - 1].tolist(), strict=True)
    return [Coverage(n_kept / n, n_kept, threshold, right, right / n_kept) for n_kept, threshold, right in rows]

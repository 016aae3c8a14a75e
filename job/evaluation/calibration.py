"""Whether a classifier's confidence is worth what it says.

The confidence in an image is the probability of the class that was predicted.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from job.evaluation import intervals
from job.evaluation.intervals import Interval

N_BINS = 15
EDGES = np.arange(N_BINS + 1) / N_BINS
HIGH_CONFIDENCE = 0.9
N_COVERAGES = 20


@dataclass(frozen=True)
class Bin:
    """The images whose confidence is above `lower` and at most `upper`.

    Attributes:
        n: how many they are.
        confidence: their mean.
        accuracy: the share of them that was predicted correctly.
    """

    lower: float
    upper: float
    n: int
    confidence: float
    accuracy: float
    accuracy_interval: Interval


@dataclass(frozen=True)
class Overconfidence:
    """The images whose confidence is above `threshold`.

    Attributes:
        n: how many they are.
        n_wrong: how many of them were mistaken.
        share_of_wrong: the share of all mistaken images that `n_wrong` is; 0 where none was mistaken.
    """

    threshold: float
    n: int
    n_wrong: int
    share_of_wrong: float


@dataclass(frozen=True)
class Coverage:
    """What is left if only images of at least a confidence are judged, and the others left to somebody else.

    Attributes:
        coverage: the share of the images that are judged.
        n: how many they are.
        threshold: the least confidence among them.
        n_right: how many of them were predicted correctly.
        accuracy: the share of `n` that `n_right` is.
    """

    coverage: float
    n: int
    threshold: float
    n_right: int
    accuracy: float


@dataclass(frozen=True)
class Calibration:
    """How confidence and accuracy go together.

    Attributes:
        ece: the expected calibration error, the mean over the images of how far their bin's accuracy is from its
            confidence; 0 is best.
        bins: those that hold images, in ascending order.
        coverage: in ascending order.
    """

    ece: float
    ece_interval: Interval
    bins: list[Bin]
    overconfidence: Overconfidence
    coverage: list[Coverage]


def calibrate(confidence: NDArray[np.floating], hits: NDArray[np.bool_], ece_interval: Interval) -> Calibration:
    """Compare confidence and accuracy.

    Args:
        confidence: of each image, in [0, 1], shape (n,).
        hits: whether each image was predicted correctly, shape (n,).
        ece_interval: of the error that this finds (see `bootstrap.of_images`).
    """
    found = _bins(confidence, hits)
    return Calibration(
        ece=sum(one.n * abs(one.accuracy - one.confidence) for one in found) / len(hits),
        ece_interval=ece_interval,
        bins=found,
        overconfidence=_overconfidence(confidence, hits),
        coverage=_coverage(confidence, hits),
    )


def bin_numbers(confidence: NDArray[np.floating]) -> NDArray[np.intp]:
    """The bin of each image, shape (n,): of 15 equally wide ones, each without its lower edge and with its upper.

    Guo et al. 2017, arXiv 1706.04599, section 2. A confidence of 0 counts to the first bin.
    """
    return np.maximum(np.searchsorted(EDGES, confidence) - 1, 0)


def _bins(confidence: NDArray[np.floating], hits: NDArray[np.bool_]) -> list[Bin]:
    numbers = bin_numbers(confidence)
    counts = np.bincount(numbers, minlength=N_BINS)
    sums = np.bincount(numbers, weights=confidence, minlength=N_BINS)
    n_right = np.bincount(numbers[hits], minlength=N_BINS)
    return [
        Bin(
            lower=float(EDGES[number]),
            upper=float(EDGES[number + 1]),
            n=(n := int(counts[number])),
            confidence=float(sums[number] / n),
            accuracy=float(n_right[number] / n),
            accuracy_interval=intervals.wilson(int(n_right[number]), n),
        )
        for number in np.flatnonzero(counts)
    ]


def _overconfidence(confidence: NDArray[np.floating], hits: NDArray[np.bool_]) -> Overconfidence:
    high = confidence > HIGH_CONFIDENCE
    n_wrong, n_all_wrong = int((high & ~hits).sum()), int((~hits).sum())
    return Overconfidence(HIGH_CONFIDENCE, int(high.sum()), n_wrong, n_wrong / max(n_all_wrong, 1))


def _coverage(confidence: NDArray[np.floating], hits: NDArray[np.bool_]) -> list[Coverage]:
    """At 5 %, 10 %, … of the images, or the next larger share where others are just as confident as the last one."""
    n = len(confidence)
    order = np.argsort(confidence)
    ascending, right = confidence[order], np.cumsum(hits[order][::-1])
    wanted = -(-n * np.arange(1, N_COVERAGES + 1) // N_COVERAGES)  # rounded up
    kept = np.unique(n - np.searchsorted(ascending, ascending[n - wanted]))
    return [
        Coverage(
            coverage=one / n,
            n=one,
            threshold=float(ascending[n - one]),
            n_right=int(right[one - 1]),
            accuracy=float(right[one - 1] / one),
        )
        for one in kept.tolist()
    ]

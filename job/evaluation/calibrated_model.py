"""Computes what a perfectly calibrated model would show: of the predictions with a confidence of 0.8, 80 % are right.

Each prediction of such a model is right with a probability of its confidence, whatever the others are. The number of
right ones then has a known distribution (Poisson-binomial), so nothing here is simulated. The distribution is exact for
up to 100 images; more are sorted into 100 groups, whose images count as equally confident.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from job.evaluation.intervals import LEVEL, Interval
from job.evaluation.predictions import Floats

N_GROUPS = 100  # of equal size
N_SD = 10  # standard deviations on each side of the mean; the rest has a probability below 1e-20
N_STEPS = 2**13  # of the distribution of the calibration error


@dataclass(frozen=True)
class CountDistribution:
    """Distribution of a number of right predictions.

    Attributes:
        counts: Consecutive numbers, shape (n_counts,).
        probabilities: Their probabilities, shape (n_counts,).
        mean: Expected number.
    """

    counts: NDArray[np.int64]
    probabilities: Floats
    mean: float

    def central_range(self) -> Interval:
        """The numbers between the 2.5 % and the 97.5 % quantile: at least 95 % of the probability."""
        cumulative = np.cumsum(self.probabilities)
        quantiles = np.searchsorted(cumulative, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
        return Interval(*(float(self.counts[min(index, len(self.counts) - 1)]) for index in quantiles))


def count_right(confidence: NDArray[np.floating]) -> CountDistribution:
    """How many of these predictions are right, if each is with a probability of its confidence, shape (n,), n > 0.

    The discrete Fourier transform of the characteristic function (Hong 2013, Computational Statistics and Data Analysis
    59:41), in a window around the mean.
    """
    bounds = np.linspace(0, len(confidence), min(N_GROUPS, len(confidence)) + 1).astype(np.intp)
    sizes = np.diff(bounds)
    p = np.add.reduceat(np.sort(confidence.astype(np.float64)), bounds[:-1]) / sizes
    mean, sd = float(sizes @ p), float(np.sqrt(sizes @ (p * (1 - p))))
    margin = int(N_SD * sd) + 20  # a skewed distribution of small variance needs more
    lowest, highest = max(int(mean) - margin, 0), min(int(mean) + margin, int(sizes.sum()))
    counts = np.arange(lowest, highest + 1)
    angles = 2j * np.pi * np.arange(len(counts)) / len(counts)
    characteristic = np.prod((1 + np.outer(np.exp(angles) - 1, p)) ** sizes, axis=1)
    window = np.fft.fft(characteristic).real / len(counts)  # of the counts modulo the length of the window
    probabilities = np.clip(window[counts % len(counts)], 0, None)
    return CountDistribution(counts, probabilities / probabilities.sum(), mean)


def calibration_error_if_calibrated(bins: Sequence[CountDistribution], n: int) -> tuple[float, float]:
    """Mean and 95 % quantile of the expected calibration error of a calibrated model.

    The error is a sum over the bins, whose numbers of right predictions are independent.

    Args:
        bins: The number of right predictions of each bin.
        n: Number of images in all bins.
    """
    distances = [np.abs(each.counts - each.mean) for each in bins]
    mean = sum(float(each.probabilities @ distance) for each, distance in zip(bins, distances, strict=True))
    step = sum(float(distance.max()) for distance in distances) / (N_STEPS - 1 - len(bins)) or 1.0
    transform = np.ones(N_STEPS // 2 + 1, np.complex128)
    for each, distance in zip(bins, distances, strict=True):
        below, rest = np.divmod(distance / step, 1)  # shared by the steps below and above, which keeps the mean
        steps = below.astype(np.intp)
        on_grid = np.bincount(steps, each.probabilities * (1 - rest), N_STEPS)
        on_grid += np.bincount(steps + 1, each.probabilities * rest, N_STEPS)
        transform *= np.fft.rfft(on_grid)
    cumulative = np.cumsum(np.fft.irfft(transform, N_STEPS))
    quantile = int(np.searchsorted(cumulative, LEVEL))
    return mean / n, quantile * step / n

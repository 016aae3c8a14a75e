"""95 % intervals of figures that are no share of images: from what they would be on other images of the same kind.

Such images are drawn from those there are, with replacement (Efron and Tibshirani 1993, An Introduction to the
Bootstrap, chapter 13). The same seed draws the same. Where every image is a hit, no resample has a miss: such an
interval has no width, though there is doubt.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from job.evaluation import calibration, metrics
from job.evaluation.intervals import LEVEL, Interval
from job.evaluation.metrics import Floats

N_RESAMPLES, N_RESAMPLES_OF_MANY = 1000, 200
MANY = 100_000  # images; a draw of more takes its time, and their intervals are narrow
BLOCK_CELLS = 2**20  # of the resampled matrices that are in memory at once; no figure depends on it


def n_resamples(n: int) -> int:
    """How often `n` images are drawn."""
    return N_RESAMPLES if n <= MANY else N_RESAMPLES_OF_MANY


def of_matrix(matrix: NDArray[np.int64], seed: int) -> tuple[list[Interval], list[Interval]]:
    """Intervals of the macro and of the weighted averages: of precision, recall and F1 each.

    Percentile intervals. A class that a resample lacks does not count in its macro average.

    Args:
        matrix: image counts, shape (n_classes, n_classes), rows true, columns predicted.
        seed: of the draws.
    """
    macro, weighted = [], []
    for resampled in _resampled(matrix, seed):
        support = resampled.sum(axis=-1)
        macro.append(metrics.averages(resampled, support > 0))
        weighted.append(metrics.averages(resampled, support))
    return _percentiles(macro), _percentiles(weighted)


def of_images(
    losses: Floats, confidence: NDArray[np.floating], hits: NDArray[np.bool_], seed: int
) -> tuple[Interval, Interval]:
    """Intervals of the mean loss and of the expected calibration error.

    That of the loss is a percentile interval. The calibration error is too large on average, since chance alone moves
    the accuracy of a bin away from its confidence, and in a resample chance does so twice. So its interval is the
    basic one, which mirrors the resamples at the error itself and takes that surplus off (Davison and Hinkley 1997,
    Bootstrap Methods and their Application, section 5.2), but not below 0. It may lie wholly below the error.

    Args:
        losses: of each image, shape (n,).
        confidence: the probability of the class predicted, shape (n,).
        hits: whether the class predicted is the true one, shape (n,).
        seed: of the draws.
    """
    n = len(losses)
    numbers = calibration.bin_numbers(confidence)
    order = np.argsort(numbers, kind="stable")
    losses = losses[order]
    gaps: Floats = (hits - confidence.astype(np.float64))[order]
    starts = np.flatnonzero(np.diff(numbers[order], prepend=-1))
    random = np.random.default_rng(seed)
    mean_losses, errors = [], []
    for _ in range(n_resamples(n)):
        times = np.bincount(random.integers(0, n, n), minlength=n)
        mean_losses.append(times @ losses / n)
        errors.append(np.abs(np.add.reduceat(times * gaps, starts)).sum() / n)
    error = np.abs(np.add.reduceat(gaps, starts)).sum() / n
    mirrored = _percentile(2 * error - np.array(errors))
    ece_interval = Interval(max(mirrored.lower, 0.0), max(mirrored.upper, 0.0))
    return _percentile(np.array(mean_losses)), ece_interval


def _resampled(matrix: NDArray[np.int64], seed: int) -> Iterator[NDArray[np.int64]]:
    """The matrices of the resamples in blocks, shape (n_block, n_classes, n_classes).

    To draw images and count them cell by cell is to draw the counts from a multinomial distribution.
    """
    n, random = int(matrix.sum()), np.random.default_rng(seed)
    filled = np.flatnonzero(matrix)
    shares = matrix.ravel()[filled] / n
    todo, block = n_resamples(n), max(BLOCK_CELLS // matrix.size, 1)
    for start in range(0, todo, block):
        resampled = np.zeros((min(block, todo - start), matrix.size), np.int64)
        resampled[:, filled] = random.multinomial(n, shares, len(resampled))
        yield resampled.reshape(-1, *matrix.shape)


def _percentiles(blocks: list[Floats]) -> list[Interval]:
    return [_percentile(values) for values in np.concatenate(blocks, axis=-1)]


def _percentile(values: Floats) -> Interval:
    lower, upper = np.quantile(values, ((1 - LEVEL) / 2, (1 + LEVEL) / 2)).tolist()
    return Interval(lower, upper)

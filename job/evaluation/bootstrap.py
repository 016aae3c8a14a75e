"""Computes bootstrap 95 % confidence intervals of metrics that are not a fraction of the images.

The bootstrap resamples the test images with replacement (Efron and Tibshirani 1993, An Introduction to the Bootstrap,
chapter 13). The same seed gives the same intervals. If every prediction is correct, no resample contains an error: the
interval then has no width, although the metric is uncertain.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from job.evaluation import calibration
from job.evaluation.intervals import LEVEL, Interval
from job.evaluation.predictions import Floats

N_RESAMPLES, N_RESAMPLES_LARGE = 1000, 200
LARGE_N = 100_000  # images; more images take longer to resample, and have narrow intervals anyway
BLOCK_CELLS = 2**20  # cells of resampled matrices in memory at once; no result depends on it


def n_resamples(n: int) -> int:
    """Number of resamples for `n` images."""
    return N_RESAMPLES if n <= LARGE_N else N_RESAMPLES_LARGE


def bootstrap_averages(matrix: NDArray[np.int64], seed: int) -> tuple[list[Interval], list[Interval]]:
    """Percentile intervals of precision, recall and F1: macro averages, then weighted averages.

    If a resample lacks a class, its macro average omits this class. The confusion matrix has shape (n_classes,
    n_classes); rows are true classes, columns predicted classes.
    """
    macro, weighted = [], []
    for resampled in _resample_matrices(matrix, seed):
        support = resampled.sum(axis=-1)
        macro.append(average_metrics(resampled, support > 0))
        weighted.append(average_metrics(resampled, support))
    return _percentile_intervals(np.hstack(macro)), _percentile_intervals(np.hstack(weighted))


def bootstrap_loss_and_ece(
    losses: Floats, confidence: NDArray[np.floating], is_correct: NDArray[np.bool_], seed: int
) -> tuple[Interval, Interval]:
    """Intervals of the mean loss (percentile interval) and of the expected calibration error (basic interval).

    The calibration error is biased upwards, because chance alone moves the accuracy of a bin away from its confidence.
    Resampling adds the same bias again. The basic interval mirrors the resamples at the estimate and so removes the
    bias (Davison and Hinkley 1997, Bootstrap Methods and their Application, section 5.2). It is limited to values of at
    least 0, and can be entirely below the estimate.

    The arrays have shape (n,); `confidence` is the probability of the predicted class. `seed` seeds the resampling.
    """
    n, random = len(losses), np.random.default_rng(seed)
    bins = calibration.assign_bins(confidence)
    order = np.argsort(bins, kind="stable")
    losses = losses[order]
    gaps: Floats = (is_correct - confidence.astype(np.float64))[order]
    starts = np.flatnonzero(np.diff(bins[order], prepend=-1))  # first image of each non-empty bin
    mean_losses, errors = [], []
    for _ in range(n_resamples(n)):
        weights = np.bincount(random.integers(0, n, n), minlength=n)
        mean_losses.append(weights @ losses / n)
        errors.append(np.abs(np.add.reduceat(weights * gaps, starts)).sum() / n)
    error = np.abs(np.add.reduceat(gaps, starts)).sum() / n
    loss_interval, mirrored = _percentile_intervals(np.array([mean_losses, 2 * error - np.array(errors)]))
    return loss_interval, Interval(max(mirrored.lower, 0.0), max(mirrored.upper, 0.0))


def average_metrics(matrices: NDArray[np.int64], weights: NDArray[np.integer | np.bool_]) -> Floats:
    """Precision, recall and F1 of many confusion matrices, averaged over the classes, shape (3, …).

    A class that was never predicted has precision 0, as with scikit-learn's `zero_division=0`. The matrices have shape
    (…, n_classes, n_classes); rows are true classes, columns predicted classes. The weights have shape (…, n_classes):
    the support of each class, or 1 for the macro average.
    """
    n_hits = np.diagonal(matrices, axis1=-2, axis2=-1)
    n_predicted, n_true = matrices.sum(axis=-2), matrices.sum(axis=-1)
    ratios = ((n_hits, n_predicted), (n_hits, n_true), (2 * n_hits, n_predicted + n_true))
    per_class = np.stack([hits / np.maximum(total, 1) for hits, total in ratios])
    return np.average(per_class, axis=-1, weights=np.broadcast_to(weights, per_class.shape))


def _resample_matrices(matrix: NDArray[np.int64], seed: int) -> Iterator[NDArray[np.int64]]:
    """Confusion matrices of the resamples in blocks, shape (n_block, n_classes, n_classes).

    Counting resampled images cell by cell is the same as drawing the counts from a multinomial distribution.
    """
    n, random = int(matrix.sum()), np.random.default_rng(seed)
    filled = np.flatnonzero(matrix)
    fractions = matrix.ravel()[filled] / n
    n_total, n_block = n_resamples(n), max(BLOCK_CELLS // matrix.size, 1)
    for start in range(0, n_total, n_block):
        resampled = np.zeros((min(n_block, n_total - start), matrix.size), np.int64)
        resampled[:, filled] = random.multinomial(n, fractions, len(resampled))
        yield resampled.reshape(-1, *matrix.shape)


def _percentile_intervals(resampled: Floats) -> list[Interval]:
    """One interval per row of an array of shape (n_metrics, n_resamples)."""
    bounds = np.quantile(resampled, ((1 - LEVEL) / 2, (1 + LEVEL) / 2), axis=-1)
    return [Interval(lower, upper) for lower, upper in bounds.T.tolist()]

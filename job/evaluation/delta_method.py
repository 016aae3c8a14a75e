"""Computes 95 % confidence intervals of averages over the classes, and of Matthews's correlation.

Both are smooth functions of the confusion matrix, so their variance follows from their slopes (the delta method;
Bishop, Fienberg and Holland 1975, Discrete Multivariate Analysis, section 14.6). A slope is the derivative of the
metric by the fraction of the images in one cell. The number of images of a class varies from sample to sample, too.
"""

from typing import Literal

import numpy as np

from job.evaluation.intervals import MIN_OUTCOMES, Interval, bounded_interval
from job.evaluation.predictions import Counts, Floats

Average = Literal["precision", "recall", "f1"]


def average_interval(matrix: Counts, name: Average, *, weighted: bool) -> Interval | None:
    """Interval of precision, recall or F1, averaged over the classes, with equal weights or weighted by support.

    Returns:
        None if a class has fewer than 5 images or is predicted for fewer than 5: its contribution is hardly known. Also
        None if every image is right, or none.
    """
    n, n_true, n_predicted = matrix.sum(), matrix.sum(axis=1), matrix.sum(axis=0)
    if min(n_true.min(), n_predicted.min()) < MIN_OUTCOMES:
        return None
    by_row, by_column = {"precision": (0.0, 1.0), "recall": (1.0, 0.0), "f1": (0.5, 0.5)}[name]
    totals = by_row * n_true + by_column * n_predicted
    weights = n_true / n if weighted else np.full(len(matrix), 1 / len(matrix))
    scores: Floats = np.diag(matrix) / totals
    gains = weights * n / totals  # slope of the average by the hits of each class
    losses = gains * scores  # slope by its total, downwards
    slopes = np.diag(gains) - by_row * losses[:, np.newaxis] - by_column * losses
    if weighted:
        slopes = slopes + scores[:, np.newaxis]
    return bounded_interval(float(weights @ scores), _variance(matrix, slopes))


def mcc_interval(matrix: Counts, mcc: float) -> Interval | None:
    """Interval of Matthews's correlation (Gorodkin 2004, Computational Biology and Chemistry 28:367), or None.

    With t and p, the fractions of the images that belong to a class and that are predicted as it, the correlation is
    (accuracy - Σ t p) / sqrt((1 - Σ t²) (1 - Σ p²)).
    """
    n = matrix.sum()
    true, predicted = matrix.sum(axis=1) / n, matrix.sum(axis=0) / n
    spread_true, spread_predicted = 1 - float(true @ true), 1 - float(predicted @ predicted)
    if not spread_true * spread_predicted:
        return None
    by_row = mcc * true / spread_true - predicted / np.sqrt(spread_true * spread_predicted)
    by_column = mcc * predicted / spread_predicted - true / np.sqrt(spread_true * spread_predicted)
    slopes = np.eye(len(matrix)) / np.sqrt(spread_true * spread_predicted) + by_row[:, np.newaxis] + by_column
    return bounded_interval(mcc, _variance(matrix, slopes), lowest=-1.0)


def _variance(matrix: Counts, slopes: Floats) -> float:
    """Variance of a metric whose slopes by the cells of the matrix are these."""
    n = matrix.sum()
    fractions = matrix / n
    centred = slopes - (fractions * slopes).sum()
    return float((fractions * centred**2).sum() / n)

"""Computes 95 % confidence intervals of averages over the classes, and of Matthews's correlation.

Both are smooth functions of the confusion matrix, so their variance follows from their slopes (the delta method; Bishop,
Fienberg and Holland 1975, Discrete Multivariate Analysis, section 14.6). A slope is the derivative of the metric by
the fraction of the images in one cell. The number of images of a class varies from sample to sample, too.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from job.evaluation.intervals import Interval, bounded_interval
from job.evaluation.predictions import Floats

Counts = NDArray[np.int64]
"""A confusion matrix, shape (n_classes, n_classes); rows are true classes, columns predicted ones."""
Average = Literal["precision", "recall", "f1"]


def average_interval(matrix: Counts, name: Average, *, weighted: bool) -> Interval | None:
    """Interval of precision, recall or F1, averaged over the classes, with equal weights or weighted by support.

    Returns:
        None if the average contains a class whose metric is undefined, because it has no image or is never predicted,
        and if every image is right, or none.
    """
    n, n_hits = matrix.sum(), np.diag(matrix)
    n_true, n_predicted = matrix.sum(axis=1), matrix.sum(axis=0)
    totals = {"precision": n_predicted, "recall": n_true, "f1": (n_predicted + n_true) / 2}[name]
    weights = n_true / n if weighted else np.full(len(matrix), 1 / len(matrix))
    if not totals[weights > 0].all():
        return None
    scores: Floats = n_hits / np.maximum(totals, 1)
    by_total = weights * n / np.maximum(totals, 1)  # how far one image more or less of the class moves the average
    slopes = np.diag(by_total)
    shares = {"precision": (0.0, 1.0), "recall": (1.0, 0.0), "f1": (0.5, 0.5)}[name]
    for share, axis in zip(shares, (1, 0), strict=True):
        slopes = slopes - share * np.expand_dims(by_total * scores, axis)
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

"""The figures that judge a classifier, from labels and probabilities alone.

Definitions are scikit-learn's, with its `zero_division=0`: a class that was never predicted has precision 0.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.integer]
Floats = NDArray[np.float64]

LOG_LOSS_FLOOR = float(np.finfo(np.float64).eps)  # as in scikit-learn


@dataclass(frozen=True)
class Averages:
    """Precision, recall and F1 averaged over the classes."""

    precision: float
    recall: float
    f1: float


def accuracy(matrix: NDArray[np.int64]) -> float:
    """Share of all images on the diagonal of a confusion matrix."""
    return float(np.trace(matrix) / matrix.sum())


def log_loss(y_true: Labels, probabilities: NDArray[np.floating]) -> float:
    """Mean categorical cross-entropy in nats, as scikit-learn computes it.

    A probability below 2.2e-16 counts as 2.2e-16, so that one certain mistake cannot make the mean infinite.

    Args:
        y_true: class numbers, shape (n,).
        probabilities: rows that sum to 1, shape (n, n_classes).
    """
    of_truth = probabilities[np.arange(len(y_true)), y_true].astype(np.float64)
    return float(-np.log(np.clip(of_truth, LOG_LOSS_FLOOR, 1 - LOG_LOSS_FLOOR)).mean())


def confusion_matrix(y_true: Labels, y_pred: Labels, n_classes: int) -> NDArray[np.int64]:
    """Image counts, shape (n_classes, n_classes): rows are true classes, columns predicted ones."""
    cells = y_true.astype(np.int64) * n_classes + y_pred
    return np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes)


def precision_per_class(matrix: NDArray[np.int64]) -> Floats:
    """Share of the images predicted as each class that belong to it, shape (n_classes,); 0 where none was predicted."""
    return _ratio(np.diag(matrix), matrix.sum(axis=0))


def recall_per_class(matrix: NDArray[np.int64]) -> Floats:
    """Share of each true class that was predicted correctly, shape (n_classes,); 0 where a class has no image."""
    return _ratio(np.diag(matrix), matrix.sum(axis=1))


def f1_per_class(matrix: NDArray[np.int64]) -> Floats:
    """Harmonic mean of precision and recall of each class, shape (n_classes,); 0 where both are."""
    return _ratio(2 * np.diag(matrix), matrix.sum(axis=0) + matrix.sum(axis=1))


def averages(matrix: NDArray[np.int64], weights: NDArray[np.int64] | None = None) -> Averages:
    """The three figures averaged over the classes.

    Args:
        matrix: image counts, shape (n_classes, n_classes).
        weights: of each class, shape (n_classes,); its support gives the weighted average, None the macro average.
    """
    per_class = (precision_per_class(matrix), recall_per_class(matrix), f1_per_class(matrix))
    return Averages(*(float(np.average(values, weights=weights)) for values in per_class))


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> Floats:
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)

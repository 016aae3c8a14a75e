"""The figures that judge a classifier, from labels and probabilities alone.

Definitions are scikit-learn's, with its `zero_division=0`: a class that was never predicted has precision 0.
"""

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.integer]
Floats = NDArray[np.float64]

LOG_LOSS_FLOOR = float(np.finfo(np.float64).eps)  # as in scikit-learn


def accuracy(matrix: NDArray[np.int64]) -> float:
    """Share of all images on the diagonal of a confusion matrix."""
    return float(np.trace(matrix) / matrix.sum())


def losses(of_truth: NDArray[np.floating]) -> Floats:
    """The categorical cross-entropy of each image in nats, shape (n,); their mean is what scikit-learn calls log loss.

    A probability below 2.2e-16 counts as 2.2e-16, so that one certain mistake cannot make the mean infinite.

    Args:
        of_truth: the probability of each image's true class, shape (n,).
    """
    return -np.log(np.clip(of_truth.astype(np.float64), LOG_LOSS_FLOOR, 1 - LOG_LOSS_FLOOR))


def confusion_matrix(y_true: Labels, y_pred: Labels, n_classes: int) -> NDArray[np.int64]:
    """Image counts, shape (n_classes, n_classes): rows are true classes, columns predicted ones."""
    cells = y_true.astype(np.int64) * n_classes + y_pred
    return np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes)


def precision_per_class(matrix: NDArray[np.int64]) -> Floats:
    """Share of the images predicted as each class that belong to it, shape (…, n_classes); 0 where none was predicted.

    Args:
        matrix: image counts, shape (…, n_classes, n_classes): one matrix, or many. So it is of all functions below.
    """
    return _ratio(_diagonal(matrix), matrix.sum(axis=-2))


def recall_per_class(matrix: NDArray[np.int64]) -> Floats:
    """Share of each true class that was predicted correctly, shape (…, n_classes); 0 where a class has no image."""
    return _ratio(_diagonal(matrix), matrix.sum(axis=-1))


def f1_per_class(matrix: NDArray[np.int64]) -> Floats:
    """Harmonic mean of precision and recall of each class, shape (…, n_classes); 0 where both are."""
    return _ratio(2 * _diagonal(matrix), matrix.sum(axis=-2) + matrix.sum(axis=-1))


def averages(matrix: NDArray[np.int64], weights: NDArray[np.integer | np.bool_]) -> Floats:
    """Precision, recall and F1 averaged over the classes, shape (3, …).

    Args:
        matrix: image counts, shape (…, n_classes, n_classes).
        weights: of each class, shape (…, n_classes). Its support gives the weighted average, 1 the macro average.
    """
    per_class = np.stack([precision_per_class(matrix), recall_per_class(matrix), f1_per_class(matrix)])
    return np.average(per_class, axis=-1, weights=np.broadcast_to(weights, per_class.shape))


def _diagonal(matrix: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.diagonal(matrix, axis1=-2, axis2=-1)


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> Floats:
    return np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)

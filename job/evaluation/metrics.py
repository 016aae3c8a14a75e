"""Metrics that no library computes for many confusion matrices, or for each image, at once.

The bootstrap needs both. Definitions are scikit-learn's with `zero_division=0`: a class that was never predicted has
precision 0.
"""

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.integer]
Floats = NDArray[np.float64]

MIN_PROBABILITY = float(np.finfo(np.float64).eps)  # scikit-learn's


def accuracy_and_loss(y_true: Labels, probabilities: NDArray[np.float32]) -> tuple[float, float]:
    """Accuracy and mean cross-entropy in nats, without scikit-learn.

    Args:
        y_true: True class numbers, shape (n,).
        probabilities: Rows that sum to 1, shape (n, n_classes).
    """
    losses = cross_entropy(probabilities[np.arange(len(y_true)), y_true])
    return float((probabilities.argmax(axis=1) == y_true).mean()), float(losses.mean())


def cross_entropy(p_true: NDArray[np.floating]) -> Floats:
    """Categorical cross-entropy of each image in nats, shape (n,); its mean is scikit-learn's log loss.

    Probabilities are clipped to [2.2e-16, 1 - 2.2e-16], so that one confident mistake cannot make the mean infinite.

    Args:
        p_true: Probability of each image's true class, shape (n,).
    """
    return -np.log(np.clip(p_true.astype(np.float64), MIN_PROBABILITY, 1 - MIN_PROBABILITY))


def average_metrics(matrices: NDArray[np.int64], weights: NDArray[np.integer | np.bool_]) -> Floats:
    """Precision, recall and F1 averaged over the classes, shape (3, …).

    Args:
        matrices: Image counts, shape (…, n_classes, n_classes); rows are true classes, columns predicted classes.
        weights: Weight of each class, shape (…, n_classes): its support for the weighted average, 1 for the macro
            average.
    """
    n_correct = np.diagonal(matrices, axis1=-2, axis2=-1)
    n_predicted, n_true = matrices.sum(axis=-2), matrices.sum(axis=-1)
    per_class = np.stack(
        [_ratio(n_correct, n_predicted), _ratio(n_correct, n_true), _ratio(2 * n_correct, n_predicted + n_true)]
    )
    return np.average(per_class, axis=-1, weights=np.broadcast_to(weights, per_class.shape))


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> Floats:
    return np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)

"""Has a trained network judge the test images, and judges the network by that."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from job import metrics, samples
from job.data import scale
from job.metrics import Averages, Labels
from job.samples import Samples

if TYPE_CHECKING:
    import keras

BATCH_SIZE = 1000  # no figure depends on it


@dataclass(frozen=True)
class ClassMetrics:
    """One row of the classification report; `support` is the class's number of test images."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """Every figure that follows from the predictions alone.

    Attributes:
        accuracy: the share of the test images whose most probable class is the true one.
        loss: mean categorical cross-entropy on the test images, in nats.
        confusion_matrix: counts of test images, rows true classes, columns predicted.
        samples: the test images whose pictures are kept.
    """

    accuracy: float
    loss: float
    macro: Averages
    weighted: Averages
    per_class: list[ClassMetrics]
    confusion_matrix: list[list[int]]
    samples: Samples


def predict(model: "keras.Model", images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The probabilities the model gives to each class, every image counted once.

    Args:
        model: takes pixels in [0, 1].
        images: shape (n, 28, 28).

    Returns:
        Rows that sum to 1, shape (n, n_classes), in the order of the images.
    """
    parts = (images[start : start + BATCH_SIZE] for start in range(0, len(images), BATCH_SIZE))
    return np.concatenate([np.asarray(model(scale(part), training=False)) for part in parts])


def judge(y_true: Labels, probabilities: NDArray[np.float32], class_names: Sequence[str], seed: int) -> Judgement:
    """Compute the figures.

    Args:
        y_true: class numbers, shape (n,).
        probabilities: rows that sum to 1, shape (n, n_classes).
        class_names: in label order.
        seed: of the choice of samples.
    """
    y_pred = probabilities.argmax(axis=1)
    matrix = metrics.confusion_matrix(y_true, y_pred, len(class_names))
    support = matrix.sum(axis=1)
    columns = (
        class_names,
        metrics.precision_per_class(matrix).tolist(),
        metrics.recall_per_class(matrix).tolist(),
        metrics.f1_per_class(matrix).tolist(),
        support.tolist(),
    )
    return Judgement(
        accuracy=metrics.accuracy(matrix),
        loss=metrics.log_loss(y_true, probabilities),
        macro=metrics.averages(matrix),
        weighted=metrics.averages(matrix, weights=support),
        per_class=[ClassMetrics(*row) for row in zip(*columns, strict=True)],
        confusion_matrix=matrix.tolist(),
        samples=samples.choose(y_true, y_pred, seed),
    )

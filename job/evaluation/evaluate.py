"""Has a trained network judge the test images, and judges the network by that."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from job.evaluation import bootstrap, calibration, intervals, metrics, sample_selection
from job.evaluation.calibration import Calibration
from job.evaluation.intervals import Interval
from job.evaluation.metrics import Labels
from job.evaluation.sample_selection import Samples


@dataclass(frozen=True)
class Averages:
    """Precision, recall and F1 averaged over the classes."""

    precision: float
    recall: float
    f1: float
    precision_interval: Interval
    recall_interval: Interval
    f1_interval: Interval


@dataclass(frozen=True)
class ClassMetrics:
    """One row of the classification report; `support` is the class's number of test images."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int
    precision_interval: Interval
    recall_interval: Interval
    f1_interval: Interval


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """Every figure that follows from the predictions alone, each with its 95 % interval.

    Attributes:
        accuracy: the share of the test images whose most probable class is the true one.
        loss: mean categorical cross-entropy on the test images, in nats.
        confusion_matrix: counts of test images, rows true classes, columns predicted.
        n_resamples: behind each interval that no formula gives: of the loss, the averages and the calibration error.
        samples: the test images whose pictures are kept.
    """

    accuracy: float
    accuracy_interval: Interval
    loss: float
    loss_interval: Interval
    macro: Averages
    weighted: Averages
    per_class: list[ClassMetrics]
    confusion_matrix: list[list[int]]
    calibration: Calibration
    n_resamples: int
    samples: Samples


def score(y_true: Labels, probabilities: NDArray[np.float32]) -> tuple[float, float]:
    """Accuracy and mean loss in nats alone, as `judge` computes them.

    Args:
        y_true: class numbers, shape (n,).
        probabilities: rows that sum to 1, shape (n, n_classes).
    """
    losses = metrics.losses(probabilities[np.arange(len(y_true)), y_true])
    return float((probabilities.argmax(axis=1) == y_true).mean()), float(losses.mean())


def judge(y_true: Labels, probabilities: NDArray[np.float32], class_names: Sequence[str], seed: int) -> Judgement:
    """Compute the figures.

    Args:
        y_true: class numbers, shape (n,).
        probabilities: rows that sum to 1, shape (n, n_classes).
        class_names: in label order.
        seed: of the choice of samples and of the resamples behind the intervals.
    """
    y_pred, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    hits = y_pred == y_true
    losses = metrics.losses(probabilities[np.arange(len(y_true)), y_true])
    matrix = metrics.confusion_matrix(y_true, y_pred, len(class_names))
    loss_interval, ece_interval = bootstrap.of_images(losses, confidence, hits, seed)
    macro, weighted = _averages(matrix, seed)
    return Judgement(
        accuracy=metrics.accuracy(matrix),
        accuracy_interval=weighted.recall_interval,
        loss=float(losses.mean()),
        loss_interval=loss_interval,
        macro=macro,
        weighted=weighted,
        per_class=_per_class(matrix, class_names),
        confusion_matrix=matrix.tolist(),
        calibration=calibration.calibrate(confidence, hits, ece_interval),
        n_resamples=bootstrap.n_resamples(len(y_true)),
        samples=sample_selection.choose(y_true, y_pred, confidence, len(class_names), seed),
    )


def _averages(matrix: NDArray[np.int64], seed: int) -> tuple[Averages, Averages]:
    """Macro and weighted; weighted recall is the accuracy, a share of the images, and has the interval of a share."""
    support = matrix.sum(axis=1)
    macro, (precision, _, f1) = bootstrap.of_matrix(matrix, seed)
    recall = intervals.wilson(int(np.trace(matrix)), int(matrix.sum()))
    return (
        Averages(*metrics.averages(matrix, np.ones_like(support)).tolist(), *macro),
        Averages(*metrics.averages(matrix, support).tolist(), *[precision, recall, f1]),
    )


def _per_class(matrix: NDArray[np.int64], class_names: Sequence[str]) -> list[ClassMetrics]:
    n_hits, n_true, n_predicted = np.diag(matrix).tolist(), matrix.sum(axis=1).tolist(), matrix.sum(axis=0).tolist()
    columns = (
        class_names,
        metrics.precision_per_class(matrix).tolist(),
        metrics.recall_per_class(matrix).tolist(),
        metrics.f1_per_class(matrix).tolist(),
        n_true,
        map(intervals.wilson, n_hits, n_predicted),
        map(intervals.wilson, n_hits, n_true),
        (intervals.f1(hit, true + said - hit) for hit, true, said in zip(n_hits, n_true, n_predicted, strict=True)),
    )
    return [ClassMetrics(*row) for row in zip(*columns, strict=True)]

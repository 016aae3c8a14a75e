"""Computes every metric of a classifier from its predictions.

Only `evaluate` imports scikit-learn, because the training process needs only the dataclasses.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from job.evaluation import bootstrap, intervals
from job.evaluation.calibration import Calibration, measure_calibration
from job.evaluation.intervals import Count, Interval
from job.evaluation.predictions import Predictions
from job.evaluation.sample_selection import Samples, select_samples


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
    """Metrics of one class; `support` is its number of test images."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int
    precision_interval: Interval
    recall_interval: Interval
    f1_interval: Interval


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Every metric that follows from the predictions alone, each with its 95 % confidence interval.

    Attributes:
        loss: Mean categorical cross-entropy in nats.
        macro: Unweighted averages over the classes.
        weighted: Averages over the classes, weighted by support.
        per_class: Metrics of each class, in label order.
        confusion_matrix: Image counts; rows are true classes, columns predicted classes.
        n_resamples: Number of bootstrap samples behind the intervals of loss, averages and calibration error.
        seed: Seed of the bootstrap and of the random samples.
    """

    n_test: int
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
    seed: Count
    samples: Samples

    @property
    def class_names(self) -> list[str]:
        """Class names in label order."""
        return [row.name for row in self.per_class]

    @property
    def matrix(self) -> NDArray[np.int64]:
        """The confusion matrix, shape (n_classes, n_classes)."""
        return np.array(self.confusion_matrix, np.int64)

    @property
    def n_correct(self) -> int:
        """Number of test images predicted correctly."""
        return int(np.trace(self.matrix))


def evaluate(predictions: Predictions, class_names: Sequence[str], seed: int) -> Evaluation:
    """Compute the metrics; a class that was never predicted has precision 0.

    The class names are in label order. The seed is that of the bootstrap and of the random samples.
    """
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    y_true, y_pred, labels = predictions.y_true, predictions.y_pred, range(len(class_names))
    matrix = confusion_matrix(y_true, y_pred, labels=labels)
    score = partial(precision_recall_fscore_support, y_true, y_pred, labels=labels, zero_division=0)
    accuracy_interval = intervals.wilson_interval(int(np.trace(matrix)), len(y_true))
    loss_interval, ece_interval = bootstrap.bootstrap_loss_and_ece(
        predictions.losses, predictions.confidence, predictions.is_correct, seed
    )
    macro_intervals, weighted_intervals = bootstrap.bootstrap_averages(matrix, seed)
    weighted_intervals[1] = accuracy_interval  # weighted recall is the accuracy
    return Evaluation(
        n_test=len(y_true),
        accuracy=predictions.accuracy,
        accuracy_interval=accuracy_interval,
        loss=predictions.loss,
        loss_interval=loss_interval,
        macro=_averages(score(average="macro"), macro_intervals),
        weighted=_averages(score(average="weighted"), weighted_intervals),
        per_class=_class_metrics(class_names, score(), matrix),
        confusion_matrix=matrix.tolist(),
        calibration=measure_calibration(predictions.confidence, predictions.is_correct, ece_interval),
        n_resamples=bootstrap.n_resamples(len(y_true)),
        seed=seed,
        samples=select_samples(predictions, seed),
    )


def _averages(scores: Sequence[Any], bootstrapped: list[Interval]) -> Averages:
    precision, recall, f1, _ = scores
    return Averages(float(precision), float(recall), float(f1), *bootstrapped)


def _class_metrics(
    class_names: Sequence[str], scores: Sequence[NDArray[Any]], matrix: NDArray[np.int64]
) -> list[ClassMetrics]:
    """Metrics of each class; `scores` are precision, recall, F1 and support, shape (n_classes,) each."""
    n_hits, n_predicted = np.diag(matrix).tolist(), matrix.sum(axis=0).tolist()
    rows = zip(class_names, *(column.tolist() for column in scores), n_hits, n_predicted, strict=True)
    return [
        ClassMetrics(
            *(name, precision, recall, f1, support),
            precision_interval=intervals.wilson_interval(hits, predicted),
            recall_interval=intervals.wilson_interval(hits, support),
            f1_interval=intervals.f1_interval(hits, support + predicted - hits),
        )
        for name, precision, recall, f1, support, hits, predicted in rows
    ]

"""Computes every metric of a classifier from its predictions.

Only `evaluate` imports scikit-learn, because the training process needs only the dataclasses.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from job.evaluation import intervals
from job.evaluation.calibration import Calibration, class_errors, measure_calibration
from job.evaluation.delta_method import Average, average_interval, mcc_interval
from job.evaluation.intervals import Count, Interval
from job.evaluation.predictions import AnyPredictions, Predictions
from job.evaluation.ranking import measure_ranking
from job.evaluation.sample_selection import Samples, select_samples


@dataclass(frozen=True)
class Averages:
    """Precision, recall and F1 averaged over the classes; an interval is None where its width would not be honest."""

    precision: float
    recall: float
    f1: float
    precision_interval: Interval | None
    recall_interval: Interval | None
    f1_interval: Interval | None


@dataclass(frozen=True)
class ClassMetrics:
    """Metrics of one class; `support` is its number of test images.

    The last four compare the probability of this class with whether an image belongs to it; without probabilities, they
    are None.

    Attributes:
        roc_auc: Area under the ROC curve, or None if no image or every image is of this class.
        average_precision: Mean precision over the thresholds that admit each image of the class, or None likewise.
        brier: Mean squared error of the probability.
        calibration_error: Debiased calibration error of the probability; see `calibration.debiased_error`.
    """

    name: str
    precision: float
    recall: float
    f1: float
    support: int
    precision_interval: Interval
    recall_interval: Interval
    f1_interval: Interval
    roc_auc: float | None = None
    average_precision: float | None = None
    brier: float | None = None
    calibration_error: float | None = None


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Every metric that follows from the predictions alone, with its 95 % confidence interval.

    An interval is None where no formula gives one of honest width: most are if every image is right, or none. Without
    probabilities, the metrics with the default None are None.

    Attributes:
        top_2_accuracy: Fraction of the images whose true class is among the two most probable; None for two classes.
        top_3_accuracy: Fraction of those among the three most probable; None for up to three classes.
        loss: Mean categorical cross-entropy in nats.
        brier: Mean squared distance of the probabilities from the true class, summed over the classes, in [0, 2].
        mcc: Matthews's correlation of true and predicted classes, in [-1, 1]; 0 if either is always the same.
        roc_auc: Area under the ROC curve of each class against the rest, averaged; None if a class has no image.
        average_precision: Average precision of each class against the rest, averaged; None likewise.
        macro: Unweighted averages over the classes; the mean recall is also called balanced accuracy.
        weighted: Averages over the classes, weighted by support.
        per_class: Metrics of each class, in label order.
        confusion_matrix: Image counts; rows are true classes, columns predicted classes.
        seed: Seed of the random samples.
    """

    n_test: int
    accuracy: float
    accuracy_interval: Interval
    top_2_accuracy: float | None = None
    top_2_accuracy_interval: Interval | None = None
    top_3_accuracy: float | None = None
    top_3_accuracy_interval: Interval | None = None
    loss: float | None = None
    loss_interval: Interval | None = None
    brier: float | None = None
    brier_interval: Interval | None = None
    mcc: float
    mcc_interval: Interval | None
    roc_auc: float | None = None
    roc_auc_interval: Interval | None = None
    average_precision: float | None = None
    average_precision_interval: Interval | None = None
    macro: Averages
    weighted: Averages
    per_class: list[ClassMetrics]
    confusion_matrix: list[list[int]]
    calibration: Calibration | None = None
    seed: Count
    samples: Samples

    @property
    def is_small(self) -> bool:
        """Whether there are fewer test images than in the simulations of the intervals."""
        return self.n_test < intervals.SIMULATED_IMAGES

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


def evaluate(predictions: AnyPredictions, class_names: Sequence[str], seed: int) -> Evaluation:
    """Compute the metrics; a class that was never predicted has precision 0.

    The class names are in label order. The seed is that of the random samples.
    """
    from sklearn.metrics import confusion_matrix, matthews_corrcoef

    n, labels = len(predictions.y_true), range(len(class_names))
    matrix = confusion_matrix(predictions.y_true, predictions.y_pred, labels=labels)
    accuracy_interval = intervals.wilson_interval(int(np.trace(matrix)), n)
    mcc = float(_score_cells(matthews_corrcoef, matrix))
    overall, of_classes = _score_probabilities(predictions) if isinstance(predictions, Predictions) else ({}, {})
    return Evaluation(
        n_test=n,
        accuracy=predictions.accuracy,
        accuracy_interval=accuracy_interval,
        mcc=mcc,
        mcc_interval=mcc_interval(matrix, mcc),
        macro=_averages(matrix, weighted=False),
        weighted=replace(_averages(matrix, weighted=True), recall_interval=accuracy_interval),  # it is the accuracy
        per_class=_class_metrics(class_names, matrix, of_classes),
        confusion_matrix=matrix.tolist(),
        seed=seed,
        samples=select_samples(predictions, seed),
        **overall,
    )


def _score_probabilities(predictions: Predictions) -> tuple[Mapping[str, Any], Mapping[str, Sequence[Any]]]:
    """The metrics that need probabilities: by field of `Evaluation`, and of each class by field of `ClassMetrics`."""
    top_2, top_3 = (_top_accuracy(predictions, k) for k in (2, 3))
    ranking = measure_ranking(predictions)
    overall = {
        "top_2_accuracy": top_2[0],
        "top_2_accuracy_interval": top_2[1],
        "top_3_accuracy": top_3[0],
        "top_3_accuracy_interval": top_3[1],
        "loss": predictions.loss,
        "loss_interval": intervals.score_interval(predictions.losses, predictions.is_correct),
        "brier": float(predictions.brier_scores.mean()),
        "brier_interval": intervals.score_interval(predictions.brier_scores, predictions.is_correct),
        "roc_auc": ranking.mean_roc_auc,
        "roc_auc_interval": ranking.mean_roc_auc_interval,
        "average_precision": ranking.mean_average_precision,
        "average_precision_interval": ranking.mean_average_precision_interval,
        "calibration": measure_calibration(predictions.confidence, predictions.is_correct),
    }
    return overall, {
        "roc_auc": ranking.roc_auc,
        "average_precision": ranking.average_precision,
        "brier": _class_brier_scores(predictions),
        "calibration_error": class_errors(predictions.y_true, predictions.probabilities),
    }


def _top_accuracy(predictions: Predictions, k: int) -> tuple[float, Interval] | tuple[None, None]:
    if predictions.probabilities.shape[1] <= k:
        return None, None
    n, n_hits = len(predictions.y_true), int(predictions.is_among(k).sum())
    return n_hits / n, intervals.wilson_interval(n_hits, n)


def _score_cells(score: Callable[..., Any], matrix: NDArray[np.int64], **options: Any) -> Any:  # noqa: ANN401
    """A score by scikit-learn of as many images as the confusion matrix counts, quickly."""
    true, predicted = np.indices(matrix.shape).reshape(2, -1)
    return score(true, predicted, sample_weight=matrix.ravel(), **options)


def _averages(matrix: NDArray[np.int64], *, weighted: bool) -> Averages:
    from sklearn.metrics import precision_recall_fscore_support

    kind = "weighted" if weighted else "macro"
    scores = _score_cells(precision_recall_fscore_support, matrix, average=kind, zero_division=0)
    bounds = [average_interval(matrix, name, weighted=weighted) for name in get_args(Average)]
    return Averages(float(scores[0]), float(scores[1]), float(scores[2]), *bounds)


def _class_metrics(
    class_names: Sequence[str], matrix: NDArray[np.int64], scores_of_probabilities: Mapping[str, Sequence[Any]]
) -> list[ClassMetrics]:
    from sklearn.metrics import precision_recall_fscore_support

    *scores, _ = _score_cells(precision_recall_fscore_support, matrix, zero_division=0)
    precision, recall, f1 = (column.tolist() for column in scores)
    hits, supports, n_predicted = (np.diag(matrix).tolist(), *(matrix.sum(axis=axis).tolist() for axis in (1, 0)))
    rows = []
    for i, name in enumerate(class_names):
        rows.append(
            ClassMetrics(
                name=name,
                precision=precision[i],
                recall=recall[i],
                f1=f1[i],
                support=supports[i],
                precision_interval=intervals.wilson_interval(hits[i], n_predicted[i]),
                recall_interval=intervals.wilson_interval(hits[i], supports[i]),
                f1_interval=intervals.f1_interval(hits[i], supports[i] + n_predicted[i] - hits[i]),
                **{field: values[i] for field, values in scores_of_probabilities.items()},
            )
        )
    return rows


def _class_brier_scores(predictions: Predictions) -> list[float]:
    """Mean squared error of the probability of each class."""
    return [
        float(np.mean((column.astype(np.float64) - (predictions.y_true == label)) ** 2))
        for label, column in enumerate(predictions.probabilities.T)
    ]

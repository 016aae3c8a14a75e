"""Traces the ROC and precision-recall curves of the classes, each one against the rest."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from job.evaluation.predictions import Floats, Predictions

FALSE_POSITIVE_RATES = (0.01, 0.05)
RECALLS = (0.8, 0.95)
MAX_POINTS = 60  # of a thinned curve
TOLERANCE = 0.003  # distance between a curve and its thinned copy; invisible in a chart of 150 pixels
GRID = 2000  # steps per unit, to which a long curve is rounded before it is thinned


@dataclass(frozen=True, kw_only=True)
class ClassCurves:
    """How well the probability of one class separates its images from all others, for every threshold.

    Attributes:
        label: Class number.
        n: Number of test images of the class.
        n_test: Number of all test images.
        roc: Thinned points (false positive rate, recall) from (0, 0) to (1, 1), shape (n_points, 2).
        precision_recall: Thinned points (recall, precision) with ascending recall from 0 to 1, shape (n_points, 2);
            the area below them is the average precision.
        recalls: Highest recall at a false positive rate of at most `FALSE_POSITIVE_RATES`.
        precisions: Highest precision at a recall of at least `RECALLS`.
    """

    label: int
    n: int
    n_test: int
    roc: Floats
    precision_recall: Floats
    recalls: list[float]
    precisions: list[float]


def trace_curves(predictions: Predictions, labels: Iterable[int]) -> list[ClassCurves]:
    """Trace the curves of some classes, in the order of `labels`; each class has images, and so have the others."""
    return [_trace_class(predictions.y_true == label, predictions.probabilities[:, label], label) for label in labels]


def _trace_class(is_class: NDArray[np.bool_], probability: NDArray[np.float32], label: int) -> ClassCurves:
    from sklearn.metrics import confusion_matrix_at_thresholds

    _, n_false, _, n_true, _ = confusion_matrix_at_thresholds(is_class, probability)  # thresholds descend
    false_positive_rate, recall = n_false / n_false[-1], n_true / n_true[-1]
    precision = n_true / (n_true + n_false)
    roc = np.column_stack([np.append(0, false_positive_rate), np.append(0, recall)])
    return ClassCurves(
        label=label,
        n=int(n_true[-1]),
        n_test=len(is_class),
        roc=thin_curve(roc),
        precision_recall=thin_curve(_draw_steps(recall, precision)),
        recalls=[float(roc[roc[:, 0] <= rate, 1].max()) for rate in FALSE_POSITIVE_RATES],
        precisions=[float(precision[recall >= minimum].max()) for minimum in RECALLS],
    )


def _draw_steps(recall: Floats, precision: Floats) -> Floats:
    """Points of the step function below which the area is the average precision, as scikit-learn defines it.

    Each threshold has its precision between the recall of the threshold before it and its own.
    """
    before = np.append(0, recall[:-1])
    rises = recall > before  # a threshold that adds no image of the class adds no area
    x, y = np.column_stack([before[rises], recall[rises]]), np.column_stack([precision[rises]] * 2)
    return np.column_stack([x.ravel(), y.ravel()])


def thin_curve(points: Floats, tolerance: float = TOLERANCE) -> Floats:
    """Keep at most 60 points of a curve, so that the line through them stays within `tolerance` where 60 suffice.

    Uses the algorithm of Ramer (1972) and of Douglas and Peucker (1973). Points have the shape (n_points, 2), and both
    coordinates are in [0, 1].
    """
    rounded = np.round(points * GRID)
    changes = np.any(np.diff(rounded, axis=0), axis=1)
    points = points[np.append(True, changes) | np.append(changes, True)]
    while len(thinned := points[_select_points(points, tolerance)]) > MAX_POINTS:
        tolerance *= 1.25
    return thinned


def _select_points(points: Floats, tolerance: float) -> list[int]:
    """Indices of the points to keep, ascending."""
    kept, segments = {0, len(points) - 1}, [(0, len(points) - 1)]
    while segments:
        first, last = segments.pop()
        distances = _measure_distances(points[first : last + 1])
        farthest = int(distances.argmax())
        if distances[farthest] > tolerance:
            kept.add(first + farthest)
            segments += [(first, first + farthest), (first + farthest, last)]
    return sorted(kept)


def _measure_distances(points: Floats) -> Floats:
    """Distance of each point from the straight segment between the first and the last one, shape (n_points,)."""
    offsets, chord = points - points[0], points[-1] - points[0]
    along = np.clip(offsets @ chord / max(chord @ chord, np.finfo(float).tiny), 0, 1)
    distances: Floats = np.hypot(*(offsets - along[:, None] * chord).T)
    return distances

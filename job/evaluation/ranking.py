"""Measures how well the probability of a class separates its images from all others: ROC AUC and average precision.

Both compare one class with the rest, at every threshold. They are computed here and not by scikit-learn, because one
sort of the probabilities gives both and the variance; the tests compare them with scikit-learn.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from job.evaluation.intervals import Interval, bounded_interval
from job.evaluation.predictions import Floats, Predictions


@dataclass(frozen=True)
class Ranking:
    """How well the probabilities rank the images.

    Attributes:
        roc_auc: Area under the ROC curve of each class: the probability that an image of the class gets a higher
            probability of it than an image of another class. None for a class without images.
        average_precision: Mean precision over the thresholds that admit each image of the class; None likewise.
        macro_roc_auc: Mean of the areas; None if a class has none.
        macro_average_precision: Mean over the classes; None likewise.
    """

    roc_auc: list[float | None]
    average_precision: list[float | None]
    macro_roc_auc: float | None
    macro_roc_auc_interval: Interval | None
    macro_average_precision: float | None
    macro_average_precision_interval: Interval | None


def measure_ranking(predictions: Predictions) -> Ranking:
    """Compute both metrics of each class against the rest, and their means over the classes with intervals.

    The variance of the mean area is DeLong's (DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44:837), with all
    classes measured on the same images. That of the mean precision follows in the same way from what each image
    contributes.
    """
    n, n_classes = predictions.probabilities.shape
    areas: list[float | None] = []
    precisions: list[float | None] = []
    influences = np.zeros((2, n))
    for label in range(n_classes):
        is_class = predictions.y_true == label
        if not 0 < is_class.sum() < n:
            areas.append(None)
            precisions.append(None)
            continue
        area, precision, influence = _rank(is_class, predictions.probabilities[:, label])
        areas.append(area)
        precisions.append(precision)
        influences += influence / n_classes
    means, intervals = [], []
    for values, influence in zip((areas, precisions), influences, strict=True):
        known = [value for value in values if value is not None]
        mean = sum(known) / n_classes if len(known) == n_classes else None
        means.append(mean)
        intervals.append(None if mean is None else bounded_interval(mean, float(influence @ influence) / n**2))
    return Ranking(areas, precisions, means[0], intervals[0], means[1], intervals[1])


def _rank(is_class: NDArray[np.bool_], scores: NDArray[np.float32]) -> tuple[float, float, Floats]:
    """Area, average precision, and by how much each image moves them, times n, shape (2, n)."""
    order = np.argsort(scores)
    ascending, positive = scores[order], is_class[order]
    n, n_positive = len(order), int(positive.sum())
    starts = np.flatnonzero(np.diff(ascending, prepend=-1.0) != 0)  # of each group of equal scores
    sizes = np.diff(starts, append=n)
    n_hits = np.add.reduceat(positive, starts, dtype=np.int64)
    hits_below = np.cumsum(n_hits) - n_hits
    others, others_below = sizes - n_hits, starts - hits_below
    n_other = n - n_positive
    above_others = (others_below + others / 2) / n_other  # fraction of the other images that each group outranks
    below_hits = (n_positive - hits_below - n_hits / 2) / n_positive
    area = float(n_hits @ above_others) / n_positive
    precision = (n_positive - hits_below) / (n - starts)  # with each group's score as the threshold
    average = float(n_hits @ precision) / n_positive
    reach = n_hits / n_positive * n / (n - starts)
    admitted, expected = np.cumsum(reach), np.cumsum(reach * precision)
    groups = np.repeat(np.arange(len(starts)), sizes)
    share = n_positive / n
    influences = np.empty((2, n))
    influences[0, order] = np.where(positive, (above_others[groups] - area) / share, (below_hits[groups] - area) / (1 - share))
    influences[1, order] = np.where(positive, (precision[groups] - average) / share, 0) + positive * admitted[groups] - expected[groups]
    return area, average, influences

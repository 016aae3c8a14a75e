"""Measures how well the probability of a class separates its images from all others: ROC AUC and average precision.

Both compare one class with the rest, at every threshold. One sort of the probabilities gives both and their variance;
scikit-learn would sort twice and give no variance, and takes several times as long. The tests compare both with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from job.evaluation.intervals import MIN_ERRORS, MIN_OUTCOMES, Interval, bounded_interval
from job.evaluation.predictions import Floats, Predictions


@dataclass(frozen=True)
class ClassRanking:
    """How well the probability of one class ranks the images.

    Attributes:
        roc_auc: Area under the ROC curve: the probability that an image of the class gets a higher probability of it
            than another image does.
        average_precision: Mean precision over the thresholds that admit each image of the class.
        influences: By how much each image moves the two metrics, times n, shape (2, n).
    """

    roc_auc: float
    average_precision: float
    influences: Floats


@dataclass(frozen=True)
class Ranking:
    """Both metrics of each class, None if no image or every image is of this class, and their means.

    A mean is None if a class has none; its interval is also None if a class has fewer than 5 images, or if fewer than
    10 predictions are wrong.
    """

    roc_auc: list[float | None]
    average_precision: list[float | None]
    mean_roc_auc: float | None
    mean_roc_auc_interval: Interval | None
    mean_average_precision: float | None
    mean_average_precision_interval: Interval | None


def measure_ranking(predictions: Predictions) -> Ranking:
    """Compute both metrics of each class against the rest, and their means over the classes.

    The variance of the mean area is DeLong's (DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44:837), for areas
    that were measured on the same images. That of the mean precision is the delta method's. Both follow from the
    influence of each image.
    """
    n, n_classes = predictions.probabilities.shape
    areas: list[float | None] = []
    precisions: list[float | None] = []
    influences = np.zeros((2, n))
    for label in range(n_classes):
        is_class = predictions.y_true == label
        ranking = _rank(is_class, predictions.probabilities[:, label]) if 0 < is_class.sum() < n else None
        areas.append(ranking.roc_auc if ranking else None)
        precisions.append(ranking.average_precision if ranking else None)
        if ranking:
            influences += ranking.influences / n_classes
    fewest, n_wrong = np.bincount(predictions.y_true, minlength=n_classes).min(), int((~predictions.is_correct).sum())
    is_enough = fewest >= MIN_OUTCOMES and n_wrong >= MIN_ERRORS
    variances = [float(row @ row) / n**2 if is_enough else 0.0 for row in influences]
    return Ranking(areas, precisions, *_average(areas, variances[0]), *_average(precisions, variances[1]))


def _average(values: Sequence[float | None], variance: float) -> tuple[float | None, Interval | None]:
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None, None
    mean = float(np.mean(known))
    return mean, bounded_interval(mean, variance)


def _rank(is_class: NDArray[np.bool_], scores: NDArray[np.float32]) -> ClassRanking:
    """Rank the images by their scores, shape (n,); equal scores are one group and one threshold."""
    order = np.argsort(scores)
    ascending, is_hit = scores[order], is_class[order]
    n, n_class = len(order), int(is_hit.sum())
    n_other, share = n - n_class, n_class / n
    starts = np.flatnonzero(np.diff(ascending, prepend=-1))  # of each group
    sizes = np.diff(starts, append=n)
    hits = np.add.reduceat(is_hit, starts, dtype=np.int64)
    hits_below = np.cumsum(hits) - hits
    outranked = (starts - hits_below + (sizes - hits) / 2) / n_other  # fraction of the others below each group
    outranking = (n_class - hits_below - hits / 2) / n_class  # fraction of the class above it
    precision = (n_class - hits_below) / (n - starts)  # with the score of the group as threshold
    roc_auc, average_precision = float(hits @ outranked) / n_class, float(hits @ precision) / n_class
    # An image also changes the precision at each threshold that admits it, all those up to its own group.
    weights = hits / share / (n - starts)
    admitted, expected = np.cumsum(weights), np.cumsum(weights * precision)
    of_hits = [(outranked - roc_auc) / share, (precision - average_precision) / share + admitted - expected]
    of_others = [(outranking - roc_auc) / (1 - share), -expected]
    influences = np.empty((2, n))
    influences[:, order] = np.where(is_hit, np.repeat(of_hits, sizes, axis=1), np.repeat(of_others, sizes, axis=1))
    return ClassRanking(roc_auc, average_precision, influences)

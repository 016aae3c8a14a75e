"""Images whose true class probabilities are known, and models that claim others: what bench.coverage draws from."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics

from job.evaluation.predictions import MIN_PROBABILITY, Floats, Predictions

BASELINE: Floats = np.array(
    [
        [891, 2, 13, 9, 4, 1, 75, 0, 5, 0],
        [5, 971, 0, 16, 5, 0, 1, 0, 2, 0],
        [15, 0, 761, 7, 101, 0, 112, 0, 4, 0],
        [56, 10, 14, 858, 41, 1, 15, 0, 5, 0],
        [1, 2, 130, 26, 792, 0, 44, 0, 5, 0],
        [0, 0, 0, 0, 0, 961, 0, 22, 1, 16],
        [188, 0, 86, 22, 85, 0, 605, 0, 14, 0],
        [0, 0, 0, 0, 0, 21, 0, 935, 1, 43],
        [5, 0, 3, 4, 2, 4, 4, 9, 969, 0],
        [0, 0, 0, 0, 0, 12, 1, 28, 0, 959],
    ],
    np.float64,
)
"""The confusion matrix of the baseline with seed 0."""
CONCENTRATION = 3.0
"""Gives about as many confident predictions, and as skewed losses, as the baseline has."""
N_IMAGES = 50_000
ALL_SIZES = (20, 300, 1000, 10_000)


def _make_equal_classes(n_classes: int, recall: float, group: int) -> Floats:
    """Shares of equal classes; the errors of a class fall on the others of its group, in equal parts."""
    groups = np.arange(n_classes) // group
    counts: Floats = (groups[:, np.newaxis] == groups) * (1 - recall) / (group - 1)
    np.fill_diagonal(counts, recall)
    return counts


def _keep_errors(matrix: Floats, share: float) -> Floats:
    """A matrix with the same support and only this share of the errors."""
    kept: Floats = matrix * share
    np.fill_diagonal(kept, 0)
    np.fill_diagonal(kept, matrix.sum(axis=1) - kept.sum(axis=1))
    return kept


@dataclass(frozen=True)
class Model:
    """A model to simulate.

    Attributes:
        matrix: Its confusion matrix, roughly.
        exponent: Exponent of the true probabilities in those that the model claims.
        sizes: Numbers of images for which its intervals must hold.
        has_few_errors: Intervals of counts that are nearly 0 may be conservative, because counts cannot be divided.
    """

    matrix: Floats
    exponent: float = 1.0
    sizes: tuple[int, ...] = (300, 1000)
    has_few_errors: bool = False

    @property
    def is_calibrated(self) -> bool:
        """Whether it claims the true probabilities."""
        return self.exponent == 1


MODELS = {
    "calibrated": Model(BASELINE, 1.0, ALL_SIZES),
    "overconfident": Model(BASELINE, 1.5, ALL_SIZES),
    "underconfident": Model(BASELINE, 0.7, ALL_SIZES),
    "98% accurate": Model(_keep_errors(BASELINE, 0.14), has_few_errors=True),
    "98%, overconfident": Model(_keep_errors(BASELINE, 0.14), 1.5, has_few_errors=True),
    "99.5% accurate": Model(_keep_errors(BASELINE, 0.015), sizes=(1000,), has_few_errors=True),
    "2 classes": Model(_make_equal_classes(2, 0.87, 2)),
    "100 classes": Model(_make_equal_classes(100, 0.8, 5)),
}


@dataclass(frozen=True)
class Population:
    """An image of row i belongs to class j with probability `truth[i, j]`; a model claims `probabilities` instead.

    Both have shape (N_IMAGES, n_classes). Every value of a metric is exact for test sets drawn from these rows.
    """

    truth: Floats
    probabilities: NDArray[np.float32]

    def draw(self, n: int, random: np.random.Generator) -> tuple[Predictions, NDArray[np.intp]]:
        """Predictions for n images drawn at random, and the rows of these images, shape (n,)."""
        rows = random.integers(0, len(self.truth), n)
        n_below = (np.cumsum(self.truth[rows], axis=1) < random.random((n, 1))).sum(axis=1)
        y_true = np.minimum(n_below, self.truth.shape[1] - 1)
        return Predictions(y_true, self.probabilities[rows]), rows

    @cached_property
    def p_correct(self) -> Floats:
        """True probability that the prediction is correct, shape (N_IMAGES,)."""
        p_correct: Floats = self.truth[np.arange(len(self.truth)), self.probabilities.argmax(axis=1)]
        return p_correct

    @cached_property
    def matrix(self) -> Floats:
        """The expected confusion matrix, in fractions of all images."""
        y_pred = self.probabilities.argmax(axis=1)
        columns = [self.truth[y_pred == label].sum(axis=0) for label in range(self.truth.shape[1])]
        return np.stack(columns, axis=1) / len(self.truth)

    @cached_property
    def values(self) -> dict[str, float]:
        """Value of each metric of all images, by its name."""
        p, confidence = self.probabilities.astype(np.float64), self.probabilities.max(axis=1)
        true, predicted = np.indices(self.matrix.shape).reshape(2, -1)
        by_rank = np.take_along_axis(self.truth, np.argsort(-p, axis=1), axis=1)
        return {
            "accuracy": float(self.p_correct.mean()),
            "top-2 accuracy": float(by_rank[:, :2].sum(axis=1).mean()),
            "top-3 accuracy": float(by_rank[:, :3].sum(axis=1).mean()),
            "MCC": float(metrics.matthews_corrcoef(true, predicted, sample_weight=self.matrix.ravel())),
            "loss": float((self.truth * -np.log(np.maximum(p, MIN_PROBABILITY))).sum(axis=1).mean()),
            "Brier score": float((p**2).sum(axis=1).mean() + 1 - 2 * (self.truth * p).sum(axis=1).mean()),
            "ROC AUC": self._rank(metrics.roc_auc_score),
            "average precision": self._rank(metrics.average_precision_score),
            "overconfidence": float((confidence - self.p_correct).mean()),
        }

    @cached_property
    def scores(self) -> dict[str, dict[str, Any]]:
        """Precision, recall and F1 by name: of each class, and averaged."""
        true, predicted = np.indices(self.matrix.shape).reshape(2, -1)
        score = partial(metrics.precision_recall_fscore_support, true, predicted, sample_weight=self.matrix.ravel())
        averages = {"class": None, "macro": "macro", "weighted": "weighted"}
        names = ("precision", "recall", "f1")
        return {kind: dict(zip(names, score(average=average), strict=False)) for kind, average in averages.items()}

    def _rank(self, score: Callable[..., float]) -> float:
        """A score of the ranking of each class against the rest, averaged: each image counts as both, in part."""
        is_class = np.repeat([1, 0], len(self.truth))
        columns = zip(self.truth.T, self.probabilities.T, strict=True)
        weighted = (score(is_class, np.tile(p, 2), sample_weight=np.concatenate([q, 1 - q])) for q, p in columns)
        return float(np.mean(list(weighted)))


def make_population(model: str) -> Population:
    """Images of the classes of one of MODELS, which predicts them."""
    random, matrix = np.random.default_rng(0), MODELS[model].matrix
    n_predicted = random.multinomial(N_IMAGES, matrix.sum(axis=0) / matrix.sum())
    columns = zip((matrix / matrix.sum(axis=0)).T, n_predicted, strict=True)
    truth = np.concatenate([random.dirichlet(CONCENTRATION * share + 1e-3, n) for share, n in columns])
    claimed = truth ** MODELS[model].exponent
    return Population(truth, (claimed / claimed.sum(axis=1, keepdims=True)).astype(np.float32))

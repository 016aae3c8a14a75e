"""Compares a model with a reference model that was evaluated on the same test images.

Both models predict each image, so the predictions are paired: only the images that exactly one model gets right show
which model is better, and how certain that is.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from job.evaluation.intervals import Interval, Z, wilson_interval
from job.evaluation.predictions import Loss, Predictions
from job.evaluation.sample_selection import select_changed_images


@dataclass(frozen=True, kw_only=True)
class Reference:
    """The run to compare with.

    Attributes:
        folder: Its output folder, as the command line named it.
        started: Start of the run, UTC, ISO 8601.
        command: Command that repeats the run.
        network: Its network in one line; empty if it was not trained by this job.
        loss: Mean cross-entropy on the test images, in nats.
    """

    folder: str
    started: str
    command: str
    network: str
    accuracy: float
    accuracy_interval: Interval
    loss: Loss
    loss_interval: Interval | None


@dataclass(frozen=True)
class PairedCounts:
    """Counts of images that both, one or none of the two models get right, and the values derived from them.

    Attributes:
        n_fixed: Images that the reference gets wrong and this model right.
        n_broken: Images that the reference gets right and this model wrong.
        reference: Fraction that the reference gets right: its accuracy, or its recall of a class.
        current: Fraction that this model gets right.
        difference: `current` minus `reference`.
        interval: 95 % confidence interval of the difference.
    """

    n: int
    n_both_right: int
    n_fixed: int
    n_broken: int
    n_both_wrong: int
    reference: float
    current: float
    difference: float
    interval: Interval

    @property
    def n_discordant(self) -> int:
        """Number of images that exactly one model gets right."""
        return self.n_fixed + self.n_broken


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A model compared with a reference model.

    Attributes:
        counts: Counts over all test images.
        p_value: Two-sided p-value of the exact McNemar test.
        per_class: Counts over the test images of each class, in label order.
        fixed: Indices of at most 12 fixed images, the most confident predictions first.
        broken: Indices of at most 12 broken images, the most confident wrong predictions first.
    """

    reference: Reference
    counts: PairedCounts
    p_value: float
    per_class: list[PairedCounts]
    fixed: list[int]
    broken: list[int]


def compare(reference: Reference, predictions: Predictions) -> Comparison:
    """Compare a model with a reference model; the accuracy of the reference is computed from its predictions.

    Raises:
        ValueError: If the predictions of the reference are missing.
    """
    if predictions.y_reference is None:
        raise ValueError("the predictions of the reference are missing")
    is_right, was_right = predictions.is_correct, predictions.y_reference == predictions.y_true
    groups = (is_right & was_right, is_right & ~was_right, was_right & ~is_right, ~is_right & ~was_right)
    n_classes = predictions.probabilities.shape[1]
    counts = np.stack([np.bincount(predictions.y_true[group], minlength=n_classes) for group in groups])
    overall = _count(*counts.sum(axis=1).tolist())
    interval = wilson_interval(overall.n_both_right + overall.n_broken, overall.n)
    fixed, broken = select_changed_images(predictions)
    return Comparison(
        reference=replace(reference, accuracy=overall.reference, accuracy_interval=interval),
        counts=overall,
        p_value=mcnemar_p_value(overall.n_fixed, overall.n_broken),
        per_class=[_count(*column) for column in counts.T.tolist()],
        fixed=fixed,
        broken=broken,
    )


def _count(n_both_right: int, n_fixed: int, n_broken: int, n_both_wrong: int) -> PairedCounts:
    n = n_both_right + n_fixed + n_broken + n_both_wrong
    return PairedCounts(
        *(n, n_both_right, n_fixed, n_broken, n_both_wrong),
        reference=(n_both_right + n_broken) / n,
        current=(n_both_right + n_fixed) / n,
        difference=(n_fixed - n_broken) / n,
        interval=paired_difference_interval(n_fixed, n_broken, n),
    )


def paired_difference_interval(n_fixed: int, n_broken: int, n: int) -> Interval:
    """95 % confidence interval of the difference between two fractions of the same images.

    This is Wald's interval after adding 1/2 to each of the four counts (Wald+2; Agresti and Min 2005, Statistics in
    Medicine 24:729), limited to [-1, 1]. It has a width even if no image changed. The difference is that of this model
    minus the reference: (n_fixed - n_broken) / n.
    """
    centre = (n_fixed - n_broken) / (n + 2)
    margin = Z * math.sqrt(n_fixed + n_broken + 1 - (n_fixed - n_broken) ** 2 / (n + 2)) / (n + 2)
    return Interval(max(centre - margin, -1.0), min(centre + margin, 1.0))


def mcnemar_p_value(n_fixed: int, n_broken: int) -> float:
    """Two-sided p-value of the exact McNemar test (McNemar 1947, Psychometrika 12:153).

    It is the probability that two equally good models split the images that exactly one of them gets right at least as
    unevenly as into `n_fixed` and `n_broken`.
    """
    from scipy.stats import binomtest  # only the process that evaluates loads SciPy

    return float(binomtest(n_fixed, n_fixed + n_broken).pvalue) if n_fixed + n_broken else 1.0

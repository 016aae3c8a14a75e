"""Compares a model with a reference model that was evaluated on the same test images.

Both models predict each image, so the predictions are paired: only the images that exactly one model gets right show
which model is more accurate, and how certain that is. The comparison is about two trained networks;
`recipe_comparison` compares two ways of training.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from job.evaluation.calibration import assign_bins, plug_in_error
from job.evaluation.intervals import SIGNIFICANCE_LEVEL, Interval, Z, wilson_interval
from job.evaluation.paired_differences import MEASURES, PairedDifference, compare_means
from job.evaluation.predictions import AnyPredictions, Loss, Predictions
from job.evaluation.recipe_comparison import RecipeComparison, compare_recipes
from job.evaluation.sample_selection import select_changed_images
from job.evaluation.seed_variation import SeedVariation, measure_reseed_difference

Side = Literal["current", "reference"]


@dataclass(frozen=True, kw_only=True)
class Reference:
    """The run to compare with.

    Attributes:
        folder: Its output folder, as the command line named it.
        started: Start of the run, UTC, ISO 8601.
        command: Command that repeats the run.
        network: Its network in one line; empty if it was not trained by this job.
        name: Its `--name`; empty without one, and in results of earlier versions.
        loss: Mean cross-entropy on the test images, in nats; None without probabilities.
        seed_variation: Its variation over the seeds; None for a single run, and in results of version 0.5.0.
    """

    folder: str
    started: str
    command: str
    network: str
    accuracy: float
    accuracy_interval: Interval
    loss: Loss | None
    seed_variation: SeedVariation | None = None
    name: str = ""


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


@dataclass(frozen=True)
class ClassCounts(PairedCounts):
    """The same of the test images of one class.

    Attributes:
        p_value: Two-sided p-value of the exact McNemar test.
        p_adjusted: The p-value after Holm's correction for the number of classes.
    """

    p_value: float
    p_adjusted: float

    @property
    def is_significant(self) -> bool:
        """Whether the recall changed significantly, with Holm's correction."""
        return self.p_adjusted < SIGNIFICANCE_LEVEL


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A model compared with a reference model.

    Attributes:
        counts: Counts over all test images.
        p_value: Two-sided p-value of the exact McNemar test.
        per_class: Counts over the test images of each class, in label order.
        fixed: Indices of at most 12 fixed images, as `select_changed_images` sorts them.
        broken: Indices of at most 12 broken images, likewise.
        loss: Mean cross-entropy of both models, in nats.
        brier: Mean Brier score of both models.
        overconfidence: Mean confidence minus accuracy of both models.
        ece: Expected calibration error of both models over 15 bins, without an interval. This and the three attributes
            above are None if the probabilities of a model are unknown.
        recipes: Comparison of the recipes; None if a side has fewer than two networks whose predictions are known.
        reseed_difference: Size of the difference in accuracy on these images that 95 % of the pairs of trainings stay
            below if they differ only by their seed; None if neither run knows its variation over seeds.
        reseed_side: The run from whose seeds `reseed_difference` is estimated: the one with more seeds.
    """

    reference: Reference
    counts: PairedCounts
    p_value: float
    per_class: list[ClassCounts]
    fixed: list[int]
    broken: list[int]
    loss: PairedDifference | None
    brier: PairedDifference | None
    overconfidence: PairedDifference | None
    ece: PairedDifference | None
    recipes: RecipeComparison | None
    reseed_difference: float | None
    reseed_side: Side | None

    @property
    def is_significant(self) -> bool:
        """Whether the networks differ in accuracy: the test is significant and the interval excludes 0."""
        return self.p_value < SIGNIFICANCE_LEVEL and self.counts.interval.excludes_zero


def compare(reference: Reference, predictions: AnyPredictions, variation: SeedVariation | None = None) -> Comparison:
    """Compare a model with a reference model; the accuracy of the reference is computed from its predictions.

    `variation` is that of the current run over its seeds.

    Raises:
        ValueError: If the predictions of the reference are missing.
    """
    by_class = _tabulate_outcomes(predictions)
    overall = _count(*by_class.sum(axis=0).tolist())
    fixed, broken = select_changed_images(predictions)
    reseed_side, reseed_difference = _measure_reseeding(variation, reference.seed_variation)
    return Comparison(
        reference=_describe_reference(reference, overall, predictions.reference),
        counts=overall,
        p_value=mcnemar_p_value(overall.n_fixed, overall.n_broken),
        per_class=_count_classes(by_class.tolist()),
        fixed=fixed,
        broken=broken,
        **_compare_probabilities(predictions),
        recipes=compare_recipes(predictions) if isinstance(predictions, Predictions) else None,
        reseed_difference=reseed_difference,
        reseed_side=reseed_side,
    )


def _tabulate_outcomes(predictions: AnyPredictions) -> NDArray[np.intp]:
    """Numbers of images that both, only this model, only the reference and no model get right, shape (n_classes, 4)."""
    if predictions.y_reference is None:
        raise ValueError("the predictions of the reference are missing")
    is_right, was_right = predictions.is_correct, predictions.y_reference == predictions.y_true
    groups = (is_right & was_right, is_right & ~was_right, was_right & ~is_right, ~is_right & ~was_right)
    counts = [np.bincount(predictions.y_true[group], minlength=predictions.n_classes) for group in groups]
    return np.stack(counts, axis=1)


def _describe_reference(reference: Reference, counts: PairedCounts, predictions: Predictions | None) -> Reference:
    """The reference with the metrics of its predictions; the loss of version 0.5.0 is the stored one."""
    return replace(
        reference,
        accuracy=counts.reference,
        accuracy_interval=wilson_interval(counts.n_both_right + counts.n_broken, counts.n),
        loss=predictions.loss if predictions else reference.loss,
    )


def _compare_probabilities(predictions: AnyPredictions) -> Mapping[str, PairedDifference | None]:
    """Compare the metrics of the probabilities, by name; None if those of a model are unknown."""
    before = predictions.reference
    if before is None or not isinstance(predictions, Predictions):
        return dict.fromkeys([*MEASURES, "ece"])
    now, error = _measure_ece(predictions), _measure_ece(before)
    means = {name: compare_means(measure, predictions, before) for name, measure in MEASURES.items()}
    return means | {"ece": PairedDifference(error, now, now - error, None)}


def _measure_ece(predictions: Predictions) -> float:
    confidence = predictions.confidence
    return plug_in_error(assign_bins(confidence), confidence, predictions.is_correct)


def _measure_reseeding(
    current: SeedVariation | None, reference: SeedVariation | None
) -> tuple[Side | None, float | None]:
    """The side with more seeds whose accuracies differ, and the difference that its seeds give."""
    sides: list[tuple[Side, SeedVariation | None]] = [("current", current), ("reference", reference)]
    known = [(len(each.runs), side, size) for side, each in sides if each and (size := measure_reseed_difference(each))]
    _, side, size = max(known, key=lambda row: row[0], default=(0, None, None))
    return side, size


def _count_classes(columns: Sequence[Sequence[int]]) -> list[ClassCounts]:
    rows = [_count(*column) for column in columns]
    p_values = [mcnemar_p_value(row.n_fixed, row.n_broken) for row in rows]
    adjusted = adjust_p_values(p_values)
    return [
        ClassCounts(**vars(row), p_value=p, p_adjusted=q) for row, p, q in zip(rows, p_values, adjusted, strict=True)
    ]


def _count(n_both_right: int, n_fixed: int, n_broken: int, n_both_wrong: int) -> PairedCounts:
    n = n_both_right + n_fixed + n_broken + n_both_wrong
    return PairedCounts(
        *(n, n_both_right, n_fixed, n_broken, n_both_wrong),
        reference=(n_both_right + n_broken) / n,
        current=(n_both_right + n_fixed) / n,
        difference=(n_fixed - n_broken) / n,
        interval=paired_difference_interval(n_fixed, n_broken, n),
    )


def paired_difference_interval(n_fixed: int, n_broken: int, n: int, z: float = Z) -> Interval:
    """95 % confidence interval of the difference between two fractions of the same images.

    This is Wald's interval after adding 1/2 to each of the four counts (Wald+2; Agresti and Min 2005, Statistics in
    Medicine 24:729), limited to [-1, 1]. It has a width even if no image changed. The difference is that of this model
    minus the reference: (n_fixed - n_broken) / n. `z` is the normal quantile of another level than 95 %.
    """
    centre = (n_fixed - n_broken) / (n + 2)
    margin = z * math.sqrt(n_fixed + n_broken + 1 - (n_fixed - n_broken) ** 2 / (n + 2)) / (n + 2)
    return Interval(max(centre - margin, -1.0), min(centre + margin, 1.0))


def mcnemar_p_value(n_fixed: int, n_broken: int) -> float:
    """Two-sided p-value of the exact McNemar test (McNemar 1947, Psychometrika 12:153).

    It is the probability that two equally good models split the images that exactly one of them gets right at least as
    unevenly as into `n_fixed` and `n_broken`.
    """
    from scipy.stats import binomtest  # only the process that evaluates loads SciPy

    return float(binomtest(n_fixed, n_fixed + n_broken).pvalue) if n_fixed + n_broken else 1.0


def adjust_p_values(p_values: Sequence[float], n_tests: int | None = None) -> list[float]:
    """Adjust the p-values of several tests by Holm's method (Holm 1979, Scandinavian Journal of Statistics 6:65).

    If every adjusted p-value below 0.05 counts as significant, the probability of any false one is at most 5 %. With
    only some p-values of `n_tests` tests, the results are upper bounds of those with all.
    """
    n_tests = n_tests or len(p_values)
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, (n_tests - rank) * p_values[index])
        adjusted[index] = min(highest, 1.0)
    return adjusted

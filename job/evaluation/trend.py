"""Follows the results of runs over time: tests each step of the trend, and compares a run with the best earlier one.

The errors of each run on the test images are known, so tests are paired: McNemar's exact test for single networks, and
crossed random effects over seeds and images if both runs have several networks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import Annotated

import numpy as np
from msgspec import Meta

from job.config.gate import MAX_POINTS
from job.evaluation.history_entry import HistoryEntry, Name, TrendPoint
from job.evaluation.intervals import SIGNIFICANCE_LEVEL, Count, Fraction, Interval, Positive
from job.evaluation.paired_comparison import adjust_p_values, mcnemar_p_value, paired_difference_interval
from job.evaluation.paired_differences import MIN_IMAGES
from job.evaluation.recipe_comparison import crossed_p_value, list_parts, summarize_networks
from job.evaluation.variance_parts import measure_margins


@dataclass(frozen=True)
class EarlierRuns:
    """What a run needs to know of its history.

    Attributes:
        entries: The latest entries, the oldest first.
        best: The most accurate of them on the same test set; None if there is none.
        n_candidates: Number of different results among which it was picked.
        n_others: Number of the entries that are on another test set.
    """

    entries: Sequence[HistoryEntry] = ()
    best: HistoryEntry | None = None
    n_candidates: int = 0
    n_others: int = 0


@dataclass(frozen=True)
class Step:
    """The difference between two runs in a row.

    Attributes:
        difference: Accuracy minus that of the run before; of runs with several networks, mean accuracy.
        p_value: Two-sided p-value of equal accuracies.
        p_adjusted: The p-value after Holm's correction for the number of steps; 1 if no image changed.
    """

    difference: float
    p_value: Fraction
    p_adjusted: Fraction

    @property
    def is_significant(self) -> bool:
        """Whether the accuracy changed significantly, with Holm's correction."""
        return self.p_adjusted < SIGNIFICANCE_LEVEL


@dataclass(frozen=True, kw_only=True)
class BestRun:
    """This run compared with the best of the runs before it in the trend.

    Picking the best among several flatters it, so interval and p-value are corrected by Bonferroni's method for the
    number of different earlier results. `bench/gate_errors.py` simulates both.

    Attributes:
        accuracy: Accuracy of the best run; mean accuracy if it has several networks.
        difference: Accuracy of this run minus that of the best run; of mean accuracies if both have several networks.
        interval: Corrected 95 % confidence interval of the difference.
        p_adjusted: Corrected two-sided p-value of equal accuracies.
        n_candidates: Number of different earlier results on the same test set.
        n_networks: Number of networks of this run and of the best one that were compared.
    """

    started: str
    revision: Name
    name: Name
    accuracy: Fraction
    difference: float
    interval: Interval
    p_adjusted: Fraction
    n_candidates: Positive
    n_networks: tuple[Positive, Positive]

    @property
    def is_significant(self) -> bool:
        """Whether this run differs from the best one: the test is significant and the interval excludes 0."""
        return self.p_adjusted < SIGNIFICANCE_LEVEL and self.interval.excludes_zero


@dataclass(frozen=True)
class Trend:
    """The latest runs of a history.

    Attributes:
        points: At most 50 runs, the oldest first and this run last.
        steps: What each run but the first changed; None unless it and the run before have the test set of this run.
        best: Comparison with the best of the other points; None if none of them is on the same test set.
        n_others: Number of points on another test set.
    """

    points: Annotated[Sequence[TrendPoint], Meta(min_length=1, max_length=MAX_POINTS)]
    steps: Annotated[Sequence[Step | None], Meta(max_length=MAX_POINTS - 1)]
    best: BestRun | None
    n_others: Count


def select_earlier(entries: Sequence[HistoryEntry], test_set: str, n_test: int) -> EarlierRuns:
    """What a run on a test set of `n_test` images needs to know of these entries, the oldest first."""
    latest = entries[-(MAX_POINTS - 1) :]
    candidates = [entry for entry in latest if entry.tested_on == (test_set, n_test)]
    return EarlierRuns(
        entries=latest,
        best=max(candidates, key=_measure_accuracy, default=None),  # the earliest of equals
        n_candidates=len({tuple(entry.errors) for entry in candidates}),
        n_others=len(latest) - len(candidates),
    )


def _measure_accuracy(entry: HistoryEntry) -> float:
    """Mean accuracy over the networks of a run."""
    if len(entry.errors) == 1:
        return entry.accuracy
    return 1 - float(np.mean([column.mean() for column in entry.decode()]))


def measure_trend(earlier: EarlierRuns, entry: HistoryEntry) -> Trend:
    """Compare a run, described by its own entry, with earlier ones."""
    entries = [*earlier.entries, entry]
    tested: dict[int, tuple[float, float]] = {}
    for index, (before, now) in enumerate(pairwise(entries)):
        if before.tested_on == now.tested_on == entry.tested_on:
            difference, _, p_value = _compare(now, before)
            tested[index] = difference, p_value
    changed = [index for index in tested if entries[index].errors != entries[index + 1].errors]
    adjusted = dict(zip(changed, adjust_p_values([tested[index][1] for index in changed]), strict=True))
    return Trend(
        points=[each.point for each in entries],
        steps=[
            Step(*tested[index], adjusted.get(index, 1.0)) if index in tested else None
            for index in range(len(entries) - 1)
        ],
        best=_compare_with_best(earlier, entry) if earlier.best else None,
        n_others=earlier.n_others,
    )


def _compare_with_best(earlier: EarlierRuns, entry: HistoryEntry) -> BestRun:
    best, n = earlier.best, earlier.n_candidates
    assert best is not None  # noqa: S101 - for mypy
    difference, interval, p_value = _compare(entry, best, SIGNIFICANCE_LEVEL / n)
    is_crossed = _is_crossed(entry, best)
    return BestRun(
        started=best.started,
        revision=best.revision,
        name=best.name,
        accuracy=_measure_accuracy(best) if is_crossed else best.accuracy,
        difference=difference,
        interval=interval,
        p_adjusted=min(n * p_value, 1.0),
        n_candidates=n,
        n_networks=(len(entry.errors), len(best.errors)) if is_crossed else (1, 1),
    )


def _is_crossed(now: HistoryEntry, before: HistoryEntry) -> bool:
    """Whether both runs have several networks, and enough images for an interval over seeds and images."""
    return min(len(now.errors), len(before.errors)) > 1 and now.n_test >= MIN_IMAGES


def _compare(
    now: HistoryEntry, before: HistoryEntry, alpha: float = SIGNIFICANCE_LEVEL
) -> tuple[float, Interval, float]:
    """Difference in accuracy, its interval of the level 1 - alpha, and the p-value."""
    wrong, was_wrong = now.decode(), before.decode()
    if _is_crossed(now, before):
        current, reference = (
            summarize_networks((~column).astype(np.float64) for column in each) for each in (wrong, was_wrong)
        )
        difference = current.mean - reference.mean
        margin = float(measure_margins(list_parts(current, reference), alpha))
        interval = Interval(max(difference - margin, -1.0), min(difference + margin, 1.0))
        return difference, interval, crossed_p_value(current, reference)
    n_fixed = int((was_wrong[0] & ~wrong[0]).sum())
    n_broken = int((wrong[0] & ~was_wrong[0]).sum())
    z = NormalDist().inv_cdf(1 - alpha / 2)
    interval = paired_difference_interval(n_fixed, n_broken, now.n_test, z)
    return (n_fixed - n_broken) / now.n_test, interval, mcnemar_p_value(n_fixed, n_broken)

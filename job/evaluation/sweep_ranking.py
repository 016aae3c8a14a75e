"""Ranks the configurations of a sweep, and says how much the choice of the best flatters it.

Validation accuracy ranks, so that the test images choose nothing: the accuracy of the chosen networks on the test
images is then as good an estimate as that of any other network. What remains is luck with the seeds: a configuration
whose seeds happen to be good has both a high validation and a high test accuracy.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from job.evaluation.intervals import Interval
from job.evaluation.predictions import Floats
from job.evaluation.sweep_means import ConfigurationMean, expect_maximum
from job.evaluation.sweep_networks import Configuration
from job.evaluation.sweep_pairs import PairTests

Criterion = Literal["validation accuracy", "test accuracy"]
PAIR = 2
MAX_INTERVALS = 10
"""With more configurations, intervals of differences from the best would hold too rarely, because the best of many is
lucky; `bench/sweep_coverage.py` simulates up to this number."""
DIGITS = 12  # of accuracies that count as different; the order of a sum changes the last ones


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """The order of the configurations.

    Attributes:
        criterion: The mean that ranks; test accuracy if a configuration has no validation accuracy.
        order: Indices of the configurations, the best first; the earlier one among equals.
        ranks: Rank of each configuration in `order`, from 1. Equal configurations share a rank: 1, 1, 3.
        n_candidates: Number of configurations, and of pruned trials of a search, among which the best was chosen.
        optimism: By how much the mean test accuracy of the best is too high on average if all candidates are equally
            good; 0 for a single configuration or if the test images cannot have been lucky, None if unknown.
        best_has_seeds: Whether the best has several networks.
        interval: Confidence interval of the accuracy of the best. It is that of its configuration, but begins
            `optimism` lower.
    """

    criterion: Criterion
    order: Sequence[int]
    ranks: Sequence[int]
    n_candidates: int
    optimism: float | None
    best_has_seeds: bool
    interval: Interval | None

    @property
    def allows_intervals(self) -> bool:
        """Whether the intervals of differences from the best hold although it was picked.

        With two configurations, picking the best decides only about the sign. The more there are, the luckier are the
        seeds of the best; single networks stay what they are.
        """
        if len(self.order) == PAIR:
            return True
        return self.criterion == "validation accuracy" and (len(self.order) <= MAX_INTERVALS or not self.best_has_seeds)

    @property
    def best(self) -> int:
        """Index of the best configuration; of several that share the first rank, the earliest."""
        return self.order[0]

    @property
    def ranked(self) -> list[tuple[int, int]]:
        """Rank and index of each configuration, the best first."""
        return list(zip(self.ranks, self.order, strict=True))

    @property
    def n_equal(self) -> int:
        """Number of configurations that share the first rank."""
        return self.ranks.count(1)


def rank_configurations(
    configurations: Sequence[Configuration],
    means: Sequence[ConfigurationMean],
    pairs: PairTests | None,
    n_pruned: int = 0,
) -> Ranking:
    """Rank the configurations; `means` has one element for each, and `pairs` is None for a single one.

    `n_pruned` further ones were candidates, too, but a search stopped them because they were worse.
    """
    n_candidates = len(configurations) + n_pruned
    criterion, values = _choose_values(means)
    order = _sort(values)
    rising = [-round(values[index], DIGITS) for index in order]
    optimism = _measure_optimism(criterion, order[0], configurations, pairs, n_candidates) if pairs else 0.0
    interval = means[order[0]].accuracy_interval
    if interval and optimism:
        interval = Interval(max(interval.lower - optimism, 0.0), interval.upper)
    return Ranking(
        criterion=criterion,
        order=order,
        ranks=[1 + bisect_left(rising, value) for value in rising],
        n_candidates=n_candidates,
        optimism=optimism,
        best_has_seeds=configurations[order[0]].has_seeds,
        interval=interval,
    )


def find_best(means: Sequence[ConfigurationMean]) -> int:
    """Index of the configuration that ranks first; of equal ones, the earliest."""
    return _sort(_choose_values(means)[1])[0]


def _sort(values: Sequence[float]) -> list[int]:
    """Indices of the values, the highest first; the earlier one among equals."""
    return sorted(range(len(values)), key=lambda index: -round(values[index], DIGITS))


def _choose_values(means: Sequence[ConfigurationMean]) -> tuple[Criterion, list[float]]:
    known = [mean.val_accuracy for mean in means if mean.val_accuracy is not None]
    if len(known) == len(means):
        return "validation accuracy", known
    return "test accuracy", [mean.accuracy for mean in means]


def _measure_optimism(
    criterion: Criterion, best: int, configurations: Sequence[Configuration], pairs: PairTests, n_candidates: int
) -> float | None:
    """The expected maximum of as many normal variables as there are candidates, with the noise of a mean as sd."""
    scale = expect_maximum(n_candidates)
    if criterion == "test accuracy":
        others = np.delete(pairs.standard_errors[pairs.rows.index(best)], best)
        return scale * _root_mean_square(others) / math.sqrt(2)
    if not configurations[best].has_seeds:
        return 0.0
    means = (each.crossed for each in configurations if each.has_seeds)
    variances = [max(mean.seed_variance - mean.interaction_variance, 0.0) for mean in means]  # of the seeds alone
    return scale * _root_mean_square(np.sqrt(variances))


def _root_mean_square(values: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def find_frontier(costs: Sequence[float], accuracies: Sequence[float]) -> list[int]:
    """Indices of the configurations that none of the others beats, by rising cost.

    A configuration beats another one if it costs no more and is at least as accurate, and better in one of them.
    Of configurations with equal cost and accuracy, all are on the frontier.
    """
    frontier: list[int] = []
    for index in sorted(range(len(costs)), key=lambda each: (costs[each], -accuracies[each])):
        last = frontier[-1] if frontier else None
        is_equal = last is not None and (costs[index], accuracies[index]) == (costs[last], accuracies[last])
        if last is None or accuracies[index] > accuracies[last] or is_equal:
            frontier.append(index)
    return frontier

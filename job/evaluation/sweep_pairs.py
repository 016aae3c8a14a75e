"""Tests the difference in accuracy between each two configurations of a sweep.

Several seeds on both sides show how much the seed matters, so the configurations can be compared, over seeds and test
images. With one seed on a side, only two trained networks can be compared, over test images. Every pair counts as one
of the tests that Holm's correction is for, so a pair may be picked by its result.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from job.evaluation.intervals import LEVEL, ROUNDING, SIGNIFICANCE_LEVEL, Interval
from job.evaluation.paired_comparison import adjust_p_values, paired_difference_interval
from job.evaluation.paired_differences import MIN_IMAGES
from job.evaluation.predictions import Floats
from job.evaluation.sweep_networks import Configuration
from job.evaluation.sweep_products import count_discordant, list_pair_parts
from job.evaluation.variance_parts import VarianceParts, measure_margins, solve_p_values

Compared = Literal["configurations", "networks"]

MAX_COMPARED = 500
"""The most configurations of which all pairs are tested; time and memory grow with the number of pairs. Of more
configurations, only the pairs with the best are tested."""


@dataclass(frozen=True, kw_only=True)
class PairDifference:
    """The difference in accuracy between two configurations, or between a network of each.

    Attributes:
        first: Index of a configuration.
        second: Index of another one.
        compared: What is compared: configurations by the mean accuracy of their networks, or two networks.
        seeds: Seeds of the two networks; None if configurations are compared.
        difference: Accuracy of the first minus accuracy of the second.
        interval: 95 % confidence interval of this difference by itself; None if it is not asked for or nothing varies.
        p_value: Two-sided p-value: of crossed random effects for configurations, of McNemar's exact test for networks.
        p_adjusted: The p-value after Holm's correction for the number of all pairs.
    """

    first: int
    second: int
    compared: Compared
    seeds: tuple[int, int] | None
    difference: float
    interval: Interval | None
    p_value: float
    p_adjusted: float

    @property
    def is_significant(self) -> bool:
        """Whether the difference is significant, with Holm's correction."""
        return self.p_adjusted < SIGNIFICANCE_LEVEL


@dataclass(frozen=True)
class PairTests:
    """The tests of all pairs, or of those with one configuration.

    Each array has the shape (n_rows, n_configurations).

    Attributes:
        rows: Indices of the configurations in the rows: all, or one.
        differences: Accuracy of the row minus accuracy of the column.
        p_values: p-value of each pair.
        p_adjusted: The same after Holm's correction for all pairs. If only some were tested, the others count as if
            their p-values were 1, so that these are upper bounds.
        standard_errors: Standard error of each difference.
        n_fixed: Images that only the network of the row gets right; of the networks that stand for the configurations.
        n_broken: Images that only the network of the column gets right.
        parts: The parts of the variance of each difference where `are_by_seeds`.
        are_by_seeds: Whether both configurations have several seeds, and enough images to compare them by their seeds.
        n: Number of test images.
    """

    configurations: Sequence[Configuration]
    rows: range
    differences: Floats
    p_values: Floats
    p_adjusted: Floats
    standard_errors: Floats
    n_fixed: NDArray[np.int64]
    n_broken: NDArray[np.int64]
    parts: VarianceParts | None
    are_by_seeds: NDArray[np.bool_]
    n: int

    @property
    def n_pairs(self) -> int:
        """Number of pairs, of which not all need to be tested."""
        return _count_pairs(len(self.configurations))

    @property
    def are_all(self) -> bool:
        """Whether all pairs were tested."""
        return len(self.rows) == len(self.configurations)

    def is_significant(self, first: int, second: int) -> bool:
        """Whether the difference of a pair is significant, with Holm's correction."""
        return bool(self.p_adjusted[self.rows.index(first), second] < SIGNIFICANCE_LEVEL)

    def describe(self, first: int, second: int, *, has_interval: bool = False) -> PairDifference:
        """The difference between two configurations, which have these indices; the first is in a row.

        An interval does not hold for a pair that was picked by its result, as the corrected p-value does.
        """
        cell = (self.rows.index(first), second)
        by_seeds = bool(self.are_by_seeds[cell])
        networks = [self.configurations[index].reported_network for index in (first, second)]
        return PairDifference(
            first=first,
            second=second,
            compared="configurations" if by_seeds else "networks",
            seeds=None if by_seeds else (networks[0].seed, networks[1].seed),
            difference=float(self.differences[cell]),
            interval=self.find_interval(first, second) if has_interval else None,
            p_value=float(self.p_values[cell]),
            p_adjusted=float(self.p_adjusted[cell]),
        )

    def find_interval(self, first: int, second: int, alpha: float = 1 - LEVEL) -> Interval | None:
        """Confidence interval of the difference of a pair by itself; `alpha` is 1 minus its level."""
        cell = (self.rows.index(first), second)
        if self.parts is None or not self.are_by_seeds[cell]:
            z = NormalDist().inv_cdf(1 - alpha / 2)
            return paired_difference_interval(int(self.n_fixed[cell]), int(self.n_broken[cell]), self.n, z)
        margin, difference = float(measure_margins(self.parts[cell], alpha)), float(self.differences[cell])
        return Interval(max(difference - margin, -1.0), min(difference + margin, 1.0)) if margin > ROUNDING else None


def compare_pairs(configurations: Sequence[Configuration], best: int = 0) -> PairTests:
    """Test the differences between at least two configurations: of all pairs, or of more than 500 those with `best`."""
    n, k = len(configurations[0].y_true), len(configurations)
    rows = range(k) if k <= MAX_COMPARED else range(best, best + 1)
    n_fixed, n_broken = count_discordant(configurations, rows)
    differences, p_values = (n_fixed - n_broken) / n, _mcnemar_p_values(n_fixed, n_broken)
    variances = (n_fixed + n_broken - n * differences**2) / n**2
    have_seeds = np.array([each.has_seeds and n >= MIN_IMAGES for each in configurations])
    by_seeds = have_seeds[list(rows), np.newaxis] & have_seeds
    columns, each_row = np.arange(k), np.array(rows)[:, np.newaxis]
    tested = columns > each_row if len(rows) == k else columns != each_row  # each pair once
    parts = None
    if (by_seeds & tested).any():
        accuracies = np.array([statistics.fmean(each.accuracies) for each in configurations])
        differences = np.where(by_seeds, accuracies[list(rows), np.newaxis] - accuracies, differences)
        parts = list_pair_parts(configurations, rows, have_seeds)
        variances = np.where(by_seeds, parts.variances.sum(axis=-1), variances)
        chosen = by_seeds & tested
        p_values[chosen] = solve_p_values(differences[chosen], parts[chosen])
    adjusted = np.ones_like(p_values)
    adjusted[tested] = adjust_p_values(p_values[tested].tolist(), _count_pairs(k))
    if len(rows) == k:
        for values in (p_values, adjusted):
            values.T[tested] = values[tested]
    return PairTests(
        configurations=configurations,
        rows=rows,
        differences=differences,
        p_values=p_values,
        p_adjusted=adjusted,
        standard_errors=np.sqrt(np.maximum(variances, 0)),
        n_fixed=n_fixed,
        n_broken=n_broken,
        parts=parts,
        are_by_seeds=by_seeds,
        n=n,
    )


def _count_pairs(n_configurations: int) -> int:
    return n_configurations * (n_configurations - 1) // 2


def _mcnemar_p_values(n_fixed: NDArray[np.int64], n_broken: NDArray[np.int64]) -> Floats:
    """p-values of the exact McNemar test, as `mcnemar_p_value` computes that of one pair."""
    from scipy.special import bdtr  # only the process that evaluates loads SciPy

    n_discordant = n_fixed + n_broken
    tails = bdtr(np.minimum(n_fixed, n_broken).astype(np.float64), n_discordant, 0.5)
    p_values: Floats = np.where(n_discordant > 0, np.minimum(2 * tails, 1.0), 1.0)
    return p_values

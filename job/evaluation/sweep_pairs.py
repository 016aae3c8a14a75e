"""Tests the difference in accuracy between each two configurations of a sweep.

Several seeds on both sides show how much the seed matters, so the configurations can be compared, over seeds and test
images. With one seed on a side, only two trained networks can be compared, over test images. Every pair counts as one
of the tests that Holm's correction is for, so a pair may be picked by its result.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from job.evaluation.intervals import ROUNDING, SIGNIFICANCE_LEVEL, Interval
from job.evaluation.paired_comparison import adjust_p_values, paired_difference_interval
from job.evaluation.paired_differences import MIN_IMAGES
from job.evaluation.predictions import Floats
from job.evaluation.recipe_comparison import CrossedMean
from job.evaluation.sweep_networks import Configuration
from job.evaluation.variance_parts import VarianceParts, measure_margins, solve_p_values

Compared = Literal["configurations", "networks"]


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
    """The tests of all pairs; each array has the shape (n_configurations, n_configurations).

    Attributes:
        differences: Accuracy of the row minus accuracy of the column.
        p_values: p-value of each pair.
        p_adjusted: The same after Holm's correction.
        standard_errors: Standard error of each difference.
        n_fixed: Images that only the network of the row gets right; of the networks that stand for the configurations.
        parts: The parts of the variance of each difference between configurations that have several seeds.
        places: Index of each configuration in `parts`; None if it has one seed or cannot be compared by its seeds.
        n: Number of test images.
    """

    configurations: Sequence[Configuration]
    differences: Floats
    p_values: Floats
    p_adjusted: Floats
    standard_errors: Floats
    n_fixed: NDArray[np.int64]
    parts: VarianceParts | None
    places: Sequence[int | None]
    n: int

    @property
    def n_pairs(self) -> int:
        """Number of pairs."""
        return len(self.differences) * (len(self.differences) - 1) // 2

    def is_significant(self, first: int, second: int) -> bool:
        """Whether the difference of a pair is significant, with Holm's correction."""
        return bool(self.p_adjusted[first, second] < SIGNIFICANCE_LEVEL)

    def describe(self, first: int, second: int, *, has_interval: bool = False) -> PairDifference:
        """The difference between two configurations, which have these indices.

        An interval does not hold for a pair that was picked by its result, as the corrected p-value does.
        """
        by_seeds = self.places[first] is not None and self.places[second] is not None
        networks = [self.configurations[index].reported_network for index in (first, second)]
        return PairDifference(
            first=first,
            second=second,
            compared="configurations" if by_seeds else "networks",
            seeds=None if by_seeds else (networks[0].seed, networks[1].seed),
            difference=float(self.differences[first, second]),
            interval=self._find_interval(first, second) if has_interval else None,
            p_value=float(self.p_values[first, second]),
            p_adjusted=float(self.p_adjusted[first, second]),
        )

    def _find_interval(self, first: int, second: int) -> Interval | None:
        cell = (self.places[first], self.places[second])
        if self.parts is None or None in cell:
            return paired_difference_interval(
                int(self.n_fixed[first, second]), int(self.n_fixed[second, first]), self.n
            )
        margin, difference = float(measure_margins(self.parts[cell])), float(self.differences[first, second])
        return Interval(max(difference - margin, -1.0), min(difference + margin, 1.0)) if margin > ROUNDING else None


def compare_pairs(configurations: Sequence[Configuration]) -> PairTests:
    """Test the differences between all pairs of configurations, of which there are at least two."""
    n, k = len(configurations[0].y_true), len(configurations)
    n_fixed = _count_fixed(configurations)
    differences, p_values = (n_fixed - n_fixed.T) / n, _mcnemar_p_values(n_fixed)
    variances = (n_fixed + n_fixed.T - n * differences**2) / n**2
    rows = [row for row, each in enumerate(configurations) if each.has_seeds and n >= MIN_IMAGES]
    parts = None
    if len(rows) > 1:
        cells = np.ix_(rows, rows)
        differences[cells], parts, p_values[cells] = _compare_by_seeds([configurations[row] for row in rows])
        variances[cells] = parts.variances.sum(axis=-1)
    upper = np.triu_indices(k, 1)
    adjusted = np.ones_like(p_values)
    adjusted[upper] = adjust_p_values(p_values[upper].tolist())
    adjusted.T[upper] = adjusted[upper]
    return PairTests(
        configurations=configurations,
        differences=differences,
        p_values=p_values,
        p_adjusted=adjusted,
        standard_errors=np.sqrt(np.maximum(variances, 0)),
        n_fixed=n_fixed,
        parts=parts,
        places=[rows.index(row) if parts and row in rows else None for row in range(k)],
        n=n,
    )


def _count_fixed(configurations: Sequence[Configuration]) -> NDArray[np.int64]:
    """Number of images that the network of the row gets right and that of the column wrong, for each pair."""
    is_right = np.stack([each.reported_network.y_pred == each.y_true for each in configurations]).astype(np.float64)
    n_both = is_right @ is_right.T
    fixed: NDArray[np.int64] = np.rint(np.diag(n_both)[:, np.newaxis] - n_both).astype(np.int64)
    return fixed


def _mcnemar_p_values(n_fixed: NDArray[np.int64]) -> Floats:
    """p-values of the exact McNemar test, as `mcnemar_p_value` computes that of one pair."""
    from scipy.special import bdtr  # only the process that evaluates loads SciPy

    n_discordant = n_fixed + n_fixed.T
    tails = bdtr(np.minimum(n_fixed, n_fixed.T).astype(np.float64), n_discordant, 0.5)
    p_values: Floats = np.where(n_discordant > 0, np.minimum(2 * tails, 1.0), 1.0)
    return p_values


def _compare_by_seeds(configurations: Sequence[Configuration]) -> tuple[Floats, VarianceParts, Floats]:
    """Differences, parts of their variances and p-values of all pairs, as `crossed_interval` has them."""
    means = [each.crossed for each in configurations]
    parts = _list_parts(means)
    accuracies = np.array([mean.mean for mean in means])
    differences, upper = accuracies[:, np.newaxis] - accuracies, np.triu_indices(len(means), 1)
    p_values = np.ones_like(differences)
    p_values[upper] = solve_p_values(differences[upper], parts[upper])
    p_values.T[upper] = p_values[upper]
    return differences, parts, p_values


def _list_parts(means: Sequence[CrossedMean]) -> VarianceParts:
    """The parts of all pairs at once, as `recipe_comparison.list_parts` has those of one pair."""
    n, k = len(means[0].image_means), len(means)
    covariances = np.atleast_2d(np.cov(np.stack([mean.image_means for mean in means])))
    variances, interactions, over_seeds, freedoms = (
        np.broadcast_to(values[:, np.newaxis], (k, k))
        for values in (
            np.diag(covariances),
            np.array([mean.interaction_variance for mean in means]),
            np.array([mean.seed_variance for mean in means]),
            np.array([mean.n_runs - 1.0 for mean in means]),
        )
    )
    over_images = np.maximum(variances + variances.T - 2 * covariances, 0.0) / n
    apart = np.maximum(over_images - interactions - interactions.T, 0.0)
    return VarianceParts(
        np.stack([apart, over_seeds, over_seeds.T], axis=-1),
        np.stack([np.full((k, k), n - 1.0), freedoms, freedoms.T], axis=-1),
        over_images,
    )

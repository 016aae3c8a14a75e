"""Tests the difference in accuracy between each two configurations of a sweep.

Several seeds on both sides show how much the seed matters, so the configurations can be compared, over seeds and test
images. With one seed on a side, only two trained networks can be compared, over test images. Every pair counts as one
of the tests that Holm's correction is for, so a pair may be picked by its result.
"""

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
from job.evaluation.recipe_comparison import measure_margins, solve_p_values
from job.evaluation.sweep_networks import Configuration

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
        interval: Confidence interval of the difference. All intervals of a sweep together contain the true differences
            with a probability of 95 %. None if nothing varies.
        p_value: Two-sided p-value: of crossed random effects for configurations, of the exact McNemar test for networks.
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
        parts: Variance of the parts of each difference between configurations, shape (..., 3): over images, over the
            seeds of the row, and of the column.
        has_seeds: Whether a configuration can be compared by its seeds, shape (n_configurations,).
        n: Number of test images.
    """

    configurations: Sequence[Configuration]
    differences: Floats
    p_values: Floats
    p_adjusted: Floats
    standard_errors: Floats
    n_fixed: NDArray[np.int64]
    parts: Floats
    has_seeds: NDArray[np.bool_]
    n: int

    @property
    def n_pairs(self) -> int:
        """Number of pairs."""
        return len(self.differences) * (len(self.differences) - 1) // 2

    def is_significant(self, first: int, second: int) -> bool:
        """Whether the difference of a pair is significant, with Holm's correction."""
        return bool(self.p_adjusted[first, second] < SIGNIFICANCE_LEVEL)

    def describe(self, first: int, second: int) -> PairDifference:
        """The difference between two configurations, which have these indices."""
        by_seeds = bool(self.has_seeds[first] and self.has_seeds[second])
        networks = [self.configurations[index].reported_network for index in (first, second)]
        return PairDifference(
            first=first,
            second=second,
            compared="configurations" if by_seeds else "networks",
            seeds=None if by_seeds else (networks[0].seed, networks[1].seed),
            difference=float(self.differences[first, second]),
            interval=self._find_interval(first, second, by_seeds=by_seeds),
            p_value=float(self.p_values[first, second]),
            p_adjusted=float(self.p_adjusted[first, second]),
        )

    def _find_interval(self, first: int, second: int, *, by_seeds: bool) -> Interval | None:
        """The interval of a level that makes all intervals hold together (Bonferroni)."""
        alpha = (1 - LEVEL) / self.n_pairs
        if not by_seeds:
            counts = (int(self.n_fixed[first, second]), int(self.n_fixed[second, first]))
            return paired_difference_interval(*counts, self.n, z=NormalDist().inv_cdf(1 - alpha / 2))
        freedoms = [self.n - 1.0, *(self.configurations[index].n_seeds - 1.0 for index in (first, second))]
        margin = float(measure_margins(self.parts[first, second], np.array(freedoms), alpha))
        difference = float(self.differences[first, second])
        return Interval(max(difference - margin, -1.0), min(difference + margin, 1.0)) if margin > ROUNDING else None


def compare_pairs(configurations: Sequence[Configuration]) -> PairTests:
    """Test the differences between all pairs of configurations, of which there are at least two."""
    n = len(configurations[0].y_true)
    has_seeds = np.array([each.has_seeds and n >= MIN_IMAGES for each in configurations])
    n_fixed = _count_fixed(configurations)
    differences, p_values = (n_fixed - n_fixed.T) / n, _mcnemar_p_values(n_fixed)
    variances = (n_fixed + n_fixed.T - n * differences**2) / n**2
    parts = np.zeros((*differences.shape, 3))
    rows = np.flatnonzero(has_seeds)
    if len(rows) > 1:
        chosen = [configurations[row] for row in rows]
        cells = np.ix_(rows, rows)
        differences[cells], parts[cells], p_values[cells] = _compare_by_seeds(chosen)
        variances[cells] = parts[cells].sum(axis=-1)
    upper = np.triu_indices(len(configurations), 1)
    adjusted = np.ones_like(p_values)
    adjusted[upper] = adjust_p_values(p_values[upper].tolist())
    adjusted.T[upper] = adjusted[upper]
    return PairTests(
        configurations, differences, p_values, adjusted, np.sqrt(np.maximum(variances, 0)), n_fixed, parts, has_seeds, n
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


def _compare_by_seeds(configurations: Sequence[Configuration]) -> tuple[Floats, Floats, Floats]:
    """Differences, variances of their parts and p-values of all pairs, as `crossed_interval` has them."""
    means = [each.crossed for each in configurations]
    n, k = len(means[0].image_means), len(means)
    covariances = np.atleast_2d(np.cov(np.stack([mean.image_means for mean in means])))
    variances, interactions = np.diag(covariances), np.array([mean.interaction_variance for mean in means])
    over_images = (variances[:, np.newaxis] + variances - 2 * covariances) / n
    over_images = np.maximum(over_images - interactions[:, np.newaxis] - interactions, 0.0)
    over_seeds = np.broadcast_to(np.array([mean.seed_variance for mean in means])[:, np.newaxis], (k, k))
    parts = np.stack([over_images, over_seeds, over_seeds.T], axis=-1)
    own = np.broadcast_to(np.array([mean.n_runs - 1.0 for mean in means])[:, np.newaxis], (k, k))
    freedoms = np.stack([np.full((k, k), n - 1.0), own, own.T], axis=-1)
    accuracies = np.array([mean.mean for mean in means])
    differences = accuracies[:, np.newaxis] - accuracies
    p_values, upper = np.ones((k, k)), np.triu_indices(k, 1)
    p_values[upper] = solve_p_values(differences[upper], parts[upper], freedoms[upper])
    p_values.T[upper] = p_values[upper]
    return differences, parts, p_values

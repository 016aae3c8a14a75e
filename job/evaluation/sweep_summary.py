"""Evaluates a sweep: every number that its page, sweep.json and sweep.csv show."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from job.evaluation.sweep_effects import Effect, measure_effects
from job.evaluation.sweep_gates import SweepGate, evaluate_sweep_gates
from job.evaluation.sweep_means import ConfigurationMean, pool_times, summarize_configuration
from job.evaluation.sweep_networks import Configuration, SweepResults
from job.evaluation.sweep_pairs import PairDifference, PairTests, compare_pairs
from job.evaluation.sweep_ranking import Ranking, find_best, find_frontier, rank_configurations


@dataclass(frozen=True, kw_only=True)
class SweepSummary:
    """A sweep and what follows from its predictions.

    Attributes:
        means: One for each configuration of the results.
        times: Pooled training time of each network of each configuration, in seconds.
        pairs: The tests of all pairs, or of more than 500 configurations with the best; None for a single one.
        effects: The effects of the settings that vary.
        time_frontier: Indices of the configurations that no other beats in both accuracy and training time.
        size_frontier: The same with the number of parameters; empty if a number is unknown.
        gates: The gates and their results, in the order in which they were set.
    """

    results: SweepResults
    means: Sequence[ConfigurationMean]
    times: Sequence[Sequence[float]]
    pairs: PairTests | None
    ranking: Ranking
    effects: Sequence[Effect]
    time_frontier: Sequence[int]
    size_frontier: Sequence[int]
    gates: Sequence[SweepGate] = ()

    @property
    def best(self) -> Configuration:
        """The configuration that ranks first."""
        return self.results.configurations[self.ranking.best]

    @property
    def best_mean(self) -> ConfigurationMean:
        """What its networks have in common."""
        return self.means[self.ranking.best]

    @cached_property
    def differences(self) -> list[PairDifference]:
        """The best minus each other configuration, in the order of their ranks."""
        if self.pairs is None:
            return []
        best, *others = self.ranking.order
        has_interval = self.ranking.allows_intervals
        return [self.pairs.describe(best, other, has_interval=has_interval) for other in others]


def summarize_sweep(results: SweepResults) -> SweepSummary:
    """Compute every number of a sweep, and compare its runs with its gates."""
    configurations = results.configurations
    times = pool_times(configurations)
    means = [summarize_configuration(each, its) for each, its in zip(configurations, times, strict=True)]
    accuracies = [mean.accuracy for mean in means]
    pairs = compare_pairs(configurations, find_best(means)) if len(configurations) > 1 else None
    n_pruned = results.search.states.get("pruned", 0) if results.search else 0
    sizes = [each.n_parameters for each in configurations if each.n_parameters is not None]
    has_sizes = len(sizes) == len(configurations)
    ranking = rank_configurations(configurations, means, pairs, n_pruned)
    best = configurations[ranking.best], means[ranking.best]
    return SweepSummary(
        results=results,
        means=means,
        times=times,
        pairs=pairs,
        ranking=ranking,
        effects=measure_effects(results, accuracies, pairs),
        time_frontier=find_frontier([mean.training_s for mean in means], accuracies),
        size_frontier=find_frontier(sizes, accuracies) if has_sizes else [],
        gates=evaluate_sweep_gates(results.gated, *best, ranking),
    )

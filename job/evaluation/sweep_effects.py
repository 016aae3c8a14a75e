"""Measures which settings of a sweep matter: the mean accuracy at each value of a setting, over all other settings."""

import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from job.evaluation.sweep_networks import Configuration, SweepResults, Value
from job.evaluation.sweep_pairs import PairTests


@dataclass(frozen=True, kw_only=True)
class Effect:
    """The effect of one setting.

    Attributes:
        parameter: Name of the setting in `Config`.
        values: Its values: numbers in rising order, others in the order of the configurations.
        means: Mean accuracy of the configurations with each value; each configuration counts once. Empty if the grid is
            not balanced: then the means would also differ by the other settings.
        accuracies: Mean accuracy of each configuration with each value, in the order of the other settings.
        is_consistent: Whether the value of the highest mean is significantly better than that of the lowest mean in
            every pair of configurations that differ only in this setting. False if not all pairs were tested.
    """

    parameter: str
    values: Sequence[Value]
    means: Sequence[float]
    accuracies: Sequence[Sequence[float]]
    is_consistent: bool

    @property
    def is_balanced(self) -> bool:
        """Whether each value occurs once with every combination of the other settings that occurs."""
        return bool(self.means)

    @property
    def span(self) -> float:
        """Highest minus lowest mean; 0 if the grid is not balanced."""
        return max(self.means) - min(self.means) if self.means else 0.0

    @property
    def extremes(self) -> tuple[Value, Value]:
        """The values of the lowest and of the highest mean, of a balanced grid."""
        means = list(self.means)
        return self.values[means.index(min(means))], self.values[means.index(max(means))]


def measure_effects(results: SweepResults, accuracies: Sequence[float], pairs: PairTests | None) -> list[Effect]:
    """The effects of all settings that vary; those of a balanced grid first, the largest first.

    `accuracies` has the mean accuracy of each configuration.
    """
    if pairs is None:
        return []
    effects = [_measure_effect(name, results.configurations, accuracies, pairs) for name in results.varying]
    return sorted(effects, key=lambda effect: -effect.span)


def _measure_effect(
    parameter: str, configurations: Sequence[Configuration], accuracies: Sequence[float], pairs: PairTests
) -> Effect:
    cells: dict[Value, dict[tuple[Value, ...], int]] = defaultdict(dict)
    for index, configuration in enumerate(configurations):
        others = tuple(value for name, value in configuration.values.items() if name != parameter)
        cells[configuration.values[parameter]][others] = index
    values = _sort_values(list(cells))
    combinations = list(cells[values[0]])
    if any(cells[value].keys() != cells[values[0]].keys() for value in values):
        return Effect(parameter=parameter, values=values, means=(), accuracies=(), is_consistent=False)
    rows = [[cells[value][others] for others in combinations] for value in values]
    means = [statistics.fmean(accuracies[index] for index in row) for row in rows]
    lowest, highest = rows[means.index(min(means))], rows[means.index(max(means))]
    is_consistent = pairs.are_all and all(
        pairs.differences[high, low] > 0 and pairs.is_significant(high, low)
        for high, low in zip(highest, lowest, strict=True)
    )
    return Effect(
        parameter=parameter,
        values=values,
        means=means,
        accuracies=[[accuracies[index] for index in row] for row in rows],
        is_consistent=is_consistent,
    )


def _sort_values(values: Sequence[Value]) -> list[Value]:
    numbers = [value for value in values if isinstance(value, int | float)]
    return sorted(numbers) if len(numbers) == len(values) else list(values)

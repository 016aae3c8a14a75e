"""Represents the trials of a search."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from job.config.search_space import Objective


@dataclass(frozen=True, kw_only=True)
class SearchTrial:
    """A trial that has ended.

    Attributes:
        state: `complete`, `pruned`, `diverged`, `refused` or `failed`.
        objective: Mean validation accuracy or loss over its seeds; None unless it is complete.
        values: The chosen settings, by their names in `Config`.
    """

    name: str
    state: str
    objective: float | None
    values: Mapping[str, str | int | float | bool]


@dataclass(frozen=True, kw_only=True)
class SearchHistory:
    """The trials of a search.

    Attributes:
        objective: What the search optimizes: the highest validation accuracy, or the lowest validation loss.
        trials: In the order of their numbers.
        parameters: The searched settings, by their names in `Config`.
        ranges: Those that were chosen from a range instead of a list, and whether by their logarithm.
    """

    objective: Objective
    trials: Sequence[SearchTrial]
    parameters: Sequence[str]
    ranges: Mapping[str, bool]

    @property
    def states(self) -> Mapping[str, int]:
        """How many trials ended in which way."""
        return Counter(trial.state for trial in self.trials)

    @property
    def best_so_far(self) -> list[tuple[int, float]]:
        """Index of each trial that was better than all before, and its objective."""
        sign, best = (1 if self.objective == "accuracy" else -1), list[tuple[int, float]]()
        for index, trial in enumerate(self.trials):
            if trial.objective is not None and (not best or sign * trial.objective > sign * best[-1][1]):
                best.append((index, trial.objective))
        return best

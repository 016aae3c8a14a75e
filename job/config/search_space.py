"""Describes a search: which settings it chooses from, by what, and how many trials it makes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Objective = Literal["accuracy", "loss"]


@dataclass(frozen=True)
class Range:
    """The numbers from `low` to `high`, both included; with `log`, their logarithms are equally likely at first."""

    low: float
    high: float
    log: bool = False


Values = Sequence[Any]
"""Values without an order, each once."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """What the key `search` of a sweep's file has.

    Attributes:
        trials: Number of trials; each trains one configuration with all seeds of the sweep.
        parameters: What each searched option is chosen from, by field of `Config`. The numbers of a range are of the
            type of the option.
        objective: The mean over the seeds of a trial that decides: highest validation accuracy, or lowest validation
            loss.
        pruning: Whether to stop trials that are worse than the median of the earlier ones at the same epoch.
        seed: Seed of the choices.
    """

    trials: int
    parameters: Mapping[str, Range | Values]
    objective: Objective = "accuracy"
    pruning: bool = True
    seed: int = 0

    def values(self, name: str) -> list[Any]:
        """The values of a parameter, of a range the two ends."""
        space = self.parameters[name]
        return [space.low, space.high] if isinstance(space, Range) else list(space)

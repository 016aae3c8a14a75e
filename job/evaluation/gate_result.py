"""What the comparison of a run with a gate gives, in numbers and in words."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from job.config.gate import Gate, format_threshold
from job.evaluation.intervals import Interval
from job.text import count_noun


@dataclass(frozen=True, kw_only=True)
class GateResult:
    """Whether a run met a gate.

    Attributes:
        value: The metric; for a `worse` gate, accuracy minus that of the other run. None if the run has no such number.
        interval: 95 % confidence interval of the value; None if it has none.
        compared: What was compared with the threshold: the value or an end of the interval; None if it is missing.
        margin: How far `compared` is from missing the gate, in the unit of the metric; negative beyond the threshold.
        is_significant: For a `worse` gate, whether the difference is significant.
        is_mean: For a `worse` gate, whether the difference is one of mean accuracies over several seeds.
        passed: Whether the gate is met; a gate without a number to compare is missed.
        n_others: For a `worse` gate, the number of earlier runs in the trend if all have another test set, else 0.
    """

    gate: Gate
    value: float | None
    interval: Interval | None
    compared: float | None
    margin: float | None
    is_significant: bool | None = None
    is_mean: bool = False
    passed: bool
    n_others: int = 0

    @property
    def is_error(self) -> bool:
        """Whether the gate is missed and sets the exit status."""
        return not self.passed and self.gate.severity == "error"

    @property
    def is_warning(self) -> bool:
        """Whether the gate only warns: it is missed without an effect on the exit status, or compares nothing."""
        return not self.is_error and (not self.passed or self.n_others > 0)

    @property
    def label(self) -> str:
        """The gate in a few words, such as `accuracy ≥ 0.88`."""
        return self.gate.label

    @property
    def value_text(self) -> str:
        """The value as text; a difference has a sign."""
        if self.value is None:
            return "no value"
        return self.format(self.value, "+" if self.gate.bound == "worse" else "")

    @property
    def compared_text(self) -> str:
        """What was compared with the threshold, as text: the value, or an end of its interval."""
        if self.gate.end == "estimate" or self.value is None:
            return self.value_text
        if self.compared is None:
            return "no interval"
        return f"{'lower' if self.gate.bound == 'under' else 'upper'} end of the interval {self.format(self.compared)}"

    @property
    def outcome_text(self) -> str:
        """The value, and the end of its interval if that is what was compared with the threshold."""
        is_value = self.compared_text == self.value_text
        return self.value_text if is_value else f"{self.value_text}, {self.compared_text}"

    @property
    def sentence(self) -> str:
        """The result in one sentence."""
        gate, outcome = self.gate, "passed" if self.passed else "missed"
        if gate.bound == "worse" and self.value is None:
            if gate.against == "history":
                return f"{outcome}: {self.reason}, so {gate.metric} is not compared"
            return f"{outcome}: {gate.other_run} is missing, so {gate.metric} has nothing to compare with"
        if self.value is None:
            subject = "this run" if gate.scope == "run" else "the best configuration"
            return f"{outcome}: {subject} has no {gate.metric}; {self._requirement}"
        interval, bounds = self.interval, " (no 95% interval)" if gate.end == "interval" else ""
        if interval:
            bounds = f" (95% interval {self.format(interval.lower)} to {self.format(interval.upper)})"
        if gate.bound == "worse":
            word = "significant" if self.is_significant else "not significant"
            value = f"{self.value_text}{bounds}, {word}"
            name, tolerance = f"{'mean ' * self.is_mean}{gate.metric}", format_threshold(gate.threshold)
            return f"{outcome}: {name} minus that of {gate.other_run} is {value}; tolerance {tolerance}"
        margin = "" if self.margin is None else f", margin {self.format(self.margin, '+')}"
        name = gate.metric if gate.scope == "run" else f"mean {gate.metric} of the best configuration"
        caution = f"; {gate.caution}" if gate.caution else ""
        return f"{outcome}: {name} is {self.value_text}{bounds}; {self._requirement}{margin}{caution}"

    @property
    def reason(self) -> str:
        """Why a gate has no run of the history to compare with."""
        if self.n_others == 0:
            return "the history has no earlier run"
        if self.n_others == 1:
            return "the only earlier run in the history has another test set"
        return f"none of the last {self.n_others:,} runs in the history has the same test set"

    def format(self, number: float, sign: str = "") -> str:
        """A number of this result with as many digits as its margin needs; `sign` is "+" to always show the sign."""
        if number.is_integer() and abs(number) != 1:
            return f"{number:{sign if number else ''}.0f}"
        return f"{number:{sign}.{_choose_digits(self.margin or 0.0)}f}"

    @property
    def _requirement(self) -> str:
        gate = self.gate
        end = "lower end" if gate.bound == "under" else "upper end"
        subject = "it" if gate.end == "estimate" else f"the {end} of its interval"
        return f"{subject} must be at {'least' if gate.bound == 'under' else 'most'} {format_threshold(gate.threshold)}"


class Warnable(Protocol):
    """The result of a gate of a run or a sweep."""

    @property
    def is_error(self) -> bool:
        """Whether the gate is missed and sets the exit status."""

    @property
    def is_warning(self) -> bool:
        """Whether the gate only warns."""


def count_missed(results: Sequence[Warnable]) -> str:
    """How many gates are missed or only warn, such as `2 gates missed, 1 warning (of 3 gates)`; empty if none does."""
    n_errors = sum(each.is_error for each in results)
    n_warnings = sum(each.is_warning for each in results)
    counts = [f"{count_noun(n_errors, 'gate')} missed"] if n_errors else []
    counts += [count_noun(n_warnings, "warning")] if n_warnings else []
    of_all = f" (of {len(results):,} gates)" if counts and len(results) > 1 else ""
    return f"{', '.join(counts)}{of_all}"


def _choose_digits(margin: float) -> int:
    """Digits after the point that show a margin that is not 0: at least 4."""
    return 4 if margin == 0 else min(max(4, -math.floor(math.log10(abs(margin)))), 12)

"""Compares metrics of a run with the gates that the user set.

The metrics come as what metrics.json contains, so that a gate can name each number in that file.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from job.config.gate import Gate, format_threshold
from job.config.gate_metrics import PARTS
from job.evaluation.intervals import SIGNIFICANCE_LEVEL, Interval
from job.text import count_noun

CLASS_METRICS = (
    *("precision", "recall", "f1", "support"),
    *("roc_auc", "average_precision", "brier", "calibration_error"),
)
"""Metrics of a class whose names a class may follow: `recall.Shirt`."""

CALIBRATION = ("ece", "ece_debiased", "mean_confidence", "overconfidence")
"""Metrics of the calibration that need no prefix."""

ROUNDING = 1e-12
"""A margin below it is 0: a mean may be one rounding error below a threshold that it meets."""


@dataclass(frozen=True)
class Measurement:
    """A number of metrics.json and its 95 % confidence interval; None if it has no value, or no interval."""

    value: float | None
    interval: Interval | None = None


@dataclass(frozen=True)
class _Difference:
    """A difference in accuracy; between recipes, the interval alone decides, so p counts as low."""

    value: float
    interval: Interval | None
    has_low_p: bool
    is_mean: bool


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
        n_others: For a `worse` gate, the number of earlier runs in the trend if all have other test labels, else 0.
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
            return "the only earlier run in the history has other test labels"
        return f"none of the last {self.n_others:,} runs in the history has the same test labels"

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


def evaluate_gates(gates: Iterable[Gate], metrics: Mapping[str, Any]) -> list[GateResult]:
    """Compare the metrics of a run with its gates; `metrics` is what metrics.json contains."""
    return [_evaluate_loss(gate, metrics) if gate.bound == "worse" else _evaluate(gate, metrics) for gate in gates]


def _evaluate(gate: Gate, metrics: Mapping[str, Any]) -> GateResult:
    return compare_with_gate(gate, find_metric(metrics, gate.metric) or Measurement(None))


def compare_with_gate(gate: Gate, found: Measurement) -> GateResult:
    """Compare a number with a gate that is not about another run."""
    compared = found.value
    if gate.end == "interval":
        ends = found.interval
        compared = (ends.lower if gate.bound == "under" else ends.upper) if ends else None
    margin = None
    if compared is not None:
        margin = _measure_margin(compared - gate.threshold if gate.bound == "under" else gate.threshold - compared)
    return GateResult(
        gate=gate,
        value=found.value,
        interval=found.interval,
        compared=compared,
        margin=margin,
        passed=margin is not None and margin >= 0,
    )


def _measure_margin(difference: float) -> float:
    return 0.0 if abs(difference) < ROUNDING else difference


def _evaluate_loss(gate: Gate, metrics: Mapping[str, Any]) -> GateResult:
    """Compare the accuracy with that of another run; a history without a comparable run cannot miss the gate."""
    found = _find_best(metrics) if gate.against == "history" else _find_reference(metrics)
    if found is None:
        is_history = gate.against == "history"
        n_others = (metrics.get("trend") or {}).get("n_others", 0) if is_history else 0
        return GateResult(
            gate=gate, value=None, interval=None, compared=None, margin=None, passed=is_history, n_others=n_others
        )
    is_significant = found.has_low_p and found.interval is not None and found.interval.excludes_zero
    margin = _measure_margin(found.value + gate.threshold)
    return GateResult(
        gate=gate,
        value=found.value,
        interval=found.interval,
        compared=found.value,
        margin=margin,
        is_significant=is_significant,
        is_mean=found.is_mean,
        passed=not is_significant or margin >= 0,
    )


def _find_reference(metrics: Mapping[str, Any]) -> _Difference | None:
    """The difference from the reference: between recipes over several seeds, or else between networks."""
    comparison = metrics.get("comparison")
    if not comparison:
        return None
    if recipes := comparison["recipes"]:
        return _Difference(recipes["difference"], _read_interval(recipes["interval"]), has_low_p=True, is_mean=True)
    counts, has_low_p = comparison["counts"], comparison["p_value"] < SIGNIFICANCE_LEVEL
    return _Difference(counts["difference"], _read_interval(counts["interval"]), has_low_p=has_low_p, is_mean=False)


def _find_best(metrics: Mapping[str, Any]) -> _Difference | None:
    """The difference from the best of the last runs."""
    best = (metrics.get("trend") or {}).get("best")
    if not best:
        return None
    has_low_p, is_mean = best["p_adjusted"] < SIGNIFICANCE_LEVEL, min(best["n_networks"]) > 1
    return _Difference(best["difference"], _read_interval(best["interval"]), has_low_p=has_low_p, is_mean=is_mean)


def find_metric(metrics: Mapping[str, Any], name: str) -> Measurement | None:
    """The number with this name in the content of metrics.json; None if there is none.

    A name is the path to the number with dots between its parts, such as `evaluation.macro.f1`. `evaluation.` may be
    left out, and `timings_s.total`, `ece` and `recall.Shirt` are short for longer paths. In a list, a part is the
    name of a class, or a number from 0.
    """
    class_names = [row["name"] for row in metrics["evaluation"]["per_class"]]
    node: Any = metrics
    parent: Any = None
    key, rest = "", _expand(name, class_names)
    while rest:
        if isinstance(node, Mapping):
            known: dict[str, Any] = {str(each): each for each in node}
        elif isinstance(node, Sequence) and not isinstance(node, str):
            known = {str(index): index for index in range(len(node))}
            if len(node) == len(class_names):
                known |= {each: index for index, each in enumerate(class_names)}
        else:
            return None
        matches = [each for each in known if rest == each or rest.startswith(f"{each}.")]
        if not matches:
            return None
        key = max(matches, key=len)
        parent, node, rest = node, node[known[key]], rest[len(key) + 1 :]
    if node is None:
        return Measurement(None)
    if isinstance(node, bool) or not isinstance(node, int | float):
        return None
    interval = (
        parent.get("interval" if key == "difference" else f"{key}_interval") if isinstance(parent, Mapping) else None
    )
    return Measurement(float(node), _read_interval(interval))


def _expand(name: str, class_names: Sequence[str]) -> str:
    """The whole path of a short name."""
    first, _, rest = name.partition(".")
    if first in PARTS:
        return name
    if first == "timings_s":
        return f"provenance.{name}"
    if first in CLASS_METRICS and rest in class_names:
        return f"evaluation.per_class.{rest}.{first}"
    return f"evaluation.calibration.{name}" if name in CALIBRATION else f"evaluation.{name}"


def _read_interval(content: Any) -> Interval | None:  # noqa: ANN401 - JSON
    return Interval(content["lower"], content["upper"]) if content else None

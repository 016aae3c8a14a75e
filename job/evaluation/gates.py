"""Compares metrics of a run with the gates that the user set.

The metrics come as what metrics.json contains, so that a gate can name each number in that file.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from job.config.gate import Gate
from job.evaluation.gate_result import GateResult
from job.evaluation.intervals import SIGNIFICANCE_LEVEL, Interval
from job.evaluation.metric_lookup import Measurement, find_metric, read_interval

ROUNDING = 1e-12
"""A margin below it is 0: a mean may be one rounding error below a threshold that it meets."""


@dataclass(frozen=True)
class _Difference:
    """A difference in accuracy; between recipes, the interval alone decides, so p counts as low."""

    value: float
    interval: Interval | None
    has_low_p: bool
    is_mean: bool


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
        return _Difference(recipes["difference"], read_interval(recipes["interval"]), has_low_p=True, is_mean=True)
    counts, has_low_p = comparison["counts"], comparison["p_value"] < SIGNIFICANCE_LEVEL
    return _Difference(counts["difference"], read_interval(counts["interval"]), has_low_p=has_low_p, is_mean=False)


def _find_best(metrics: Mapping[str, Any]) -> _Difference | None:
    """The difference from the best of the last runs."""
    best = (metrics.get("trend") or {}).get("best")
    if not best:
        return None
    has_low_p, is_mean = best["p_adjusted"] < SIGNIFICANCE_LEVEL, min(best["n_networks"]) > 1
    return _Difference(best["difference"], read_interval(best["interval"]), has_low_p=has_low_p, is_mean=is_mean)

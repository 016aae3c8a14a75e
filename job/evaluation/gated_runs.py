"""Measures what the gates of a sweep need of each run, so that its other numbers need not be kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from job.config.gate import Gate
from job.evaluation.gate_result import GateResult
from job.evaluation.gates import evaluate_gates
from job.evaluation.metric_lookup import find_metric


@dataclass(frozen=True)
class MeasuredRun:
    """What the gates of a sweep need of a run.

    Attributes:
        name: Name of the run.
        folder: Its output folder.
        results: The results of the gates of every run.
        values: The metrics of the gates of the best configuration, by name; None if the run lacks one.
        p_value: P-value of the comparison with the reference; None without one, or if several seeds are compared.
    """

    name: str
    folder: str
    results: Sequence[GateResult]
    values: Mapping[str, float | None]
    p_value: float | None = None


@dataclass(frozen=True)
class GatedRuns:
    """The gates of a sweep and its measured runs."""

    gates: Sequence[Gate] = ()
    runs: Sequence[MeasuredRun] = ()


def measure_run(name: str, folder: str, gates: Sequence[Gate], metrics: Mapping[str, Any]) -> MeasuredRun:
    """What the gates need of a run; `metrics` is the content of its metrics.json."""
    of_runs = [gate for gate in gates if gate.scope == "run"]
    of_best = {gate.metric for gate in gates if gate.scope == "best"}
    found = {metric: find_metric(metrics, metric) for metric in of_best}
    values = {metric: each.value if each else None for metric, each in found.items()}
    comparison = metrics.get("comparison")
    p_value = comparison["p_value"] if comparison and not comparison["recipes"] else None
    return MeasuredRun(name, folder, evaluate_gates(of_runs, metrics), values, p_value)

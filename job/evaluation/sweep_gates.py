"""Compares the runs of a sweep, and the means of its best configuration, with its gates."""

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, replace

from job.config.gate import Gate
from job.evaluation.gate_result import GateResult
from job.evaluation.gated_runs import GatedRuns
from job.evaluation.gates import compare_with_gate
from job.evaluation.intervals import SIGNIFICANCE_LEVEL
from job.evaluation.metric_lookup import Measurement
from job.evaluation.paired_comparison import adjust_p_values
from job.evaluation.sweep_means import ConfigurationMean
from job.evaluation.sweep_networks import Configuration
from job.evaluation.sweep_ranking import Ranking


@dataclass(frozen=True)
class SweepGate:
    """A gate and its results.

    Attributes:
        results: The result of each run by its name, or of the best configuration by its label.
        folders: The folders of the runs by name; empty for the best configuration.
    """

    gate: Gate
    results: Mapping[str, GateResult]
    folders: Mapping[str, str]

    @property
    def missed(self) -> dict[str, GateResult]:
        """The results that miss the gate, the worst first."""
        found = {name: each for name, each in self.results.items() if not each.passed}
        return dict(sorted(found.items(), key=lambda pair: _get_margin(pair[1])))

    @property
    def worst(self) -> GateResult:
        """The result with the smallest margin, of those that miss the gate if there are some.

        A result without a margin is worse than any other.
        """
        return min((self.missed or self.results).values(), key=_get_margin)

    @property
    def is_error(self) -> bool:
        """Whether the gate is missed and sets the exit status."""
        return bool(self.missed) and self.gate.severity == "error"

    @property
    def is_warning(self) -> bool:
        """Whether the gate is missed, and only warns."""
        return bool(self.missed) and self.gate.severity == "warning"

    @property
    def sentence(self) -> str:
        """The result in one sentence."""
        missed, n = self.missed, len(self.results)
        if self.gate.scope == "best" or n == 1:
            ((name, result),) = self.results.items()
            return f"{result.sentence} ({name})"
        if not missed:
            text = f"passed: {self.gate.label} in all {n:,} runs"
        else:
            name, worst = next(iter(missed.items()))
            text = f"missed: {self.gate.label} in {len(missed):,} of {n:,} runs, worst: {name}, {worst.outcome_text}"
        return f"{text}; {self.gate.caution}" if self.gate.caution else text


def _get_margin(result: GateResult) -> float:
    return -math.inf if result.margin is None else result.margin


def evaluate_sweep_gates(
    gated: GatedRuns, best: Configuration, mean: ConfigurationMean, ranking: Ranking
) -> list[SweepGate]:
    """Compare the runs, and the best configuration with its mean, with the gates."""
    folders = {run.name: run.folder for run in gated.runs}
    of_runs = [gate for gate in gated.gates if gate.scope == "run"]
    found = []
    for gate in gated.gates:
        if gate.scope == "run":
            index = of_runs.index(gate)
            results = {run.name: run.results[index] for run in gated.runs}
            found.append(SweepGate(gate, apply_holm(results, gated) if gate.bound == "worse" else results, folders))
        else:
            result = compare_with_gate(gate, _measure_best(gate.metric, gated, best, mean, ranking))
            found.append(SweepGate(gate, {best.label: result}, {}))
    return found


def apply_holm(results: Mapping[str, GateResult], gated: GatedRuns) -> dict[str, GateResult]:
    """The results of a `worse` gate with Holm's correction for the number of runs that are compared as networks."""
    p_values = {run.name: run.p_value for run in gated.runs if run.p_value is not None}
    adjusted = dict(zip(p_values, adjust_p_values([*p_values.values()]), strict=True))
    return {
        name: replace(each, is_significant=False, passed=True)
        if each.is_significant and adjusted.get(name, 0.0) >= SIGNIFICANCE_LEVEL
        else each
        for name, each in results.items()
    }


def _measure_best(
    metric: str, gated: GatedRuns, best: Configuration, mean: ConfigurationMean, ranking: Ranking
) -> Measurement:
    """The mean of a metric over the runs of the best configuration; that of the accuracy is over its networks."""
    if metric == "accuracy":
        return Measurement(mean.accuracy, ranking.interval)
    folders = {network.folder for network in best.networks}
    values = [run.values[metric] for run in gated.runs if run.folder in folders]
    known = [value for value in values if value is not None]
    return Measurement(statistics.fmean(known) if len(known) == len(values) else None)

"""Describes what the command `sweep` has done, for people or programs (`--summary`)."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from job.config.run_config import SummaryForm
from job.errors import GateError

if TYPE_CHECKING:
    from job.evaluation.sweep_gates import SweepGate
    from job.evaluation.sweep_summary import SweepSummary


@dataclass(frozen=True, kw_only=True)
class FinishedSweep:
    """What the command has done.

    Attributes:
        text: The result in one line of words, or the plan in several.
        problem: Which gates are missed, and which runs have no result; empty if none.
        output: The folder of the sweep.
        summary: What the page shows; None if the command wrote none.
    """

    text: str
    problem: str = ""
    output: str = ""
    summary: "SweepSummary | None" = None

    def describe(self, form: SummaryForm, seconds: float) -> str:
        """The result in words, or if there is a page as a JSON object in one line; the command took `seconds`."""
        if form == "text" or self.summary is None:
            return self.text
        best, results = self.summary.best, self.summary.results
        content = {
            "accuracy": self.summary.best_mean.accuracy,
            "accuracy_interval": msgspec.to_builtins(self.summary.ranking.interval),
            "n_test": results.n_test,
            "configuration": best.label,
            "n_seeds": best.n_seeds,
            "n_runs": results.n_runs,
            "n_failures": len(results.failures),
            "gates": [_describe_gate(each) for each in self.summary.gates],
            "output": self.output,
            "seconds": round(seconds, 3),
            "exit_status": GateError.exit_status if self.problem else 0,
        }
        return json.dumps(content, ensure_ascii=False)


def _describe_gate(gate: "SweepGate") -> dict[str, Any]:
    """A gate with the result that is nearest to missing it, or farthest beyond."""
    from job.report.ci.finished import describe_gate

    return {**describe_gate(gate.worst), "n_results": len(gate.results), "n_missed": len(gate.missed)}

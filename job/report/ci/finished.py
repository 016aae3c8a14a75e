"""Describes what a command has done, in one line for people or programs (`--summary`)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import msgspec

from job.config.run_config import SummaryForm
from job.errors import GateError
from job.evaluation.gate_result import GateResult
from job.evaluation.history_entry import HistoryEntry
from job.evaluation.intervals import Interval
from job.results.run import Run


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What a command needs to know of the run whose report it writes.

    Attributes:
        accuracy: Accuracy on the test images, as `accuracy_interval` is its 95 % confidence interval.
        loss: Mean cross-entropy in nats; None without probabilities.
        gates: Results of the gates.
        entry: What to append to the history; None without a history.
    """

    accuracy: float
    accuracy_interval: Interval
    loss: float | None
    n_test: int
    gates: Sequence[GateResult]
    entry: HistoryEntry | None

    @classmethod
    def from_run(cls, run: Run) -> Self:
        """The scores of a run."""
        evaluation = run.evaluation
        return cls(
            accuracy=evaluation.accuracy,
            accuracy_interval=evaluation.accuracy_interval,
            loss=evaluation.loss,
            n_test=evaluation.n_test,
            gates=run.gates,
            entry=run.describe_entry() if run.trend else None,
        )


@dataclass(frozen=True, kw_only=True)
class Finished:
    """What a command has done.

    Attributes:
        output: The output folder, as the user named it.
        page: Where the report is.
    """

    scores: Scores
    output: str
    page: str

    @property
    def gates(self) -> Sequence[GateResult]:
        """Results of the gates."""
        return self.scores.gates

    @property
    def text(self) -> str:
        """The result in one line of words."""
        return f"accuracy {self.scores.accuracy:.4f} on {self.scores.n_test:,} test images: {self.page}"

    def describe(self, form: SummaryForm, seconds: float) -> str:
        """The result in one line, of words or a JSON object; the command took `seconds`."""
        if form == "text":
            return self.text
        missed = any(each.is_error for each in self.gates)
        content = {
            "accuracy": self.scores.accuracy,
            "accuracy_interval": msgspec.to_builtins(self.scores.accuracy_interval),
            "n_test": self.scores.n_test,
            "gates": [describe_gate(each) for each in self.gates],
            "output": self.output,
            "seconds": round(seconds, 3),
            "exit_status": GateError.exit_status if missed else 0,
        }
        return json.dumps(content, ensure_ascii=False)


def describe_gate(result: GateResult) -> dict[str, Any]:
    """The result of a gate as JSON; the threshold of `worse` is the tolerance."""
    return {
        "gate": result.label,
        "metric": result.gate.name,
        "bound": result.gate.bound,
        "threshold": result.gate.threshold,
        "severity": result.gate.severity,
        "value": result.value,
        "interval": msgspec.to_builtins(result.interval),
        "margin": result.margin,
        "passed": result.passed,
    }

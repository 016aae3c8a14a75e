"""Arranges the gates of a sweep in the rows of a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from job.evaluation.gate_result import GateResult
from job.evaluation.sweep_gates import SweepGate
from job.evaluation.sweep_summary import SweepSummary
from job.report.gate_view import MINUS
from job.report.sweep_page.rows import find_report

MOST_RUNS = 10
"""The most runs that a row names."""


@dataclass(frozen=True)
class MissedRun:
    """A run or configuration that misses a gate: its name, its value and the address of its report, or empty."""

    name: str
    value: str
    href: str


@dataclass(frozen=True)
class GateRow:
    """A gate of a sweep.

    Attributes:
        note: A remark on the gate; may be empty.
        count: How many runs pass, such as `18 of 20`; empty if the gate is about the best configuration.
        value: The value of the best configuration; empty if the gate is about every run.
        margin: The smallest margin of all runs.
        missed: The runs, or the best configuration, that miss the gate; at most ten.
        n_more: Number of further ones.
    """

    label: str
    note: str
    count: str
    value: str
    margin: str
    outcome: Literal["passed", "missed", "warning"]
    missed: Sequence[MissedRun]
    n_more: int


def list_gate_rows(summary: SweepSummary, folder: Path) -> list[GateRow]:
    """The rows of all gates, the first one that every run finishes; links lead from `folder` to the reports."""
    if not summary.gates:
        return []
    n_failed, n_runs = len(summary.results.failures), summary.results.n_runs
    finishes = GateRow(
        label="every run finishes",
        note="",
        count=f"{n_runs:,} of {n_runs + n_failed:,}",
        value="",
        margin="",
        outcome="missed" if n_failed else "passed",
        missed=[],
        n_more=0,
    )
    return [finishes, *(_make_row(each, folder) for each in summary.gates)]


def _make_row(gate: SweepGate, folder: Path) -> GateRow:
    missed, n = gate.missed, len(gate.results)
    worst = gate.worst
    is_best = gate.gate.scope == "best"
    shown = list(missed.items())[:MOST_RUNS]
    return GateRow(
        label=gate.gate.label,
        note=gate.gate.caution,
        count="" if is_best else f"{n - len(missed):,} of {n:,}",
        value=_write(worst.value_text) if is_best else "",
        margin="" if worst.margin is None else _write(worst.format(worst.margin, "+")),
        outcome="passed" if not missed else "missed" if gate.is_error else "warning",
        missed=[_describe_run(name, each, gate, folder) for name, each in shown],
        n_more=len(missed) - len(shown),
    )


def _describe_run(name: str, result: GateResult, gate: SweepGate, folder: Path) -> MissedRun:
    href = find_report(Path(gate.folders[name]), folder) if name in gate.folders else ""
    return MissedRun(name, _write(result.outcome_text), href)


def describe_gate(gate: SweepGate) -> str:
    """A missed gate in a few words."""
    missed, n = gate.missed, len(gate.results)
    if gate.gate.scope == "best":
        return f"{gate.gate.bare_label} ({_write(next(iter(missed.values())).compared_text)})"
    return f"{gate.gate.label} in {len(missed):,} of {n:,} runs"


def _write(text: str) -> str:
    return text.replace("-", MINUS)

"""Arranges the results of the gates in the rows of a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from job.evaluation.gate_result import GateResult, count_missed
from job.results.run import Run

MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class GateRow:
    """A gate and its result, as texts; those that are unknown are empty.

    Attributes:
        note: What else decides, such as that a difference is not significant.
    """

    label: str
    note: str
    value: str
    interval: str
    margin: str
    outcome: Literal["passed", "missed", "warning"]


@dataclass(frozen=True)
class GatesView:
    """The section of the gates: a sentence about all of them, and their rows."""

    summary: str
    rows: Sequence[GateRow]


def view_gates(run: Run) -> GatesView | None:
    """Describe the gates of a run; None if it has none."""
    if not run.gates:
        return None
    best = run.trend.best if run.trend else None
    n_candidates = best.n_candidates if best else 0
    return GatesView(_summarize(run.gates), [_view(each, n_candidates) for each in run.gates])


def _summarize(results: Sequence[GateResult]) -> str:
    counts, n = count_missed(results), len(results)
    if not counts:
        return "The run passes its gate." if n == 1 else f"The run passes its {n:,} gates."
    return f"{counts}. The job exits with status {int(any(each.is_error for each in results))}."


def _view(result: GateResult, n_candidates: int) -> GateRow:
    def write(number: float | None, sign: str = "") -> str:
        return "" if number is None else result.format(number, sign).replace("-", MINUS)

    interval = result.interval
    return GateRow(
        label=result.label,
        note=_describe(result, n_candidates),
        value="" if result.value is None else result.value_text.replace("-", MINUS),
        interval=f"{write(interval.lower)} to {write(interval.upper)}" if interval else "",
        margin=write(result.margin, "+"),
        outcome="missed" if result.is_error else "warning" if result.is_warning else "passed",
    )


def _describe(result: GateResult, n_candidates: int) -> str:
    """The note; the best run of the history is one of `n_candidates` different earlier results."""
    if result.is_significant is not None:
        name, negation = "mean accuracy" if result.is_mean else "accuracy", "" if result.is_significant else "not "
        is_corrected = result.gate.against == "history" and n_candidates > 1
        correction = f" (corrected for the choice among {n_candidates:,} earlier results)" if is_corrected else ""
        return f"difference in {name}, {negation}significant{correction}"
    if result.value is None:
        return result.reason if result.passed else "this run has no such number"
    return "no interval in this run" if result.compared is None else result.gate.caution

"""Arranges the results of the gates in the rows of a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from job.evaluation.gates import GateResult
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
    return GatesView(_summarize(run.gates), [_view(each) for each in run.gates])


def _summarize(results: Sequence[GateResult]) -> str:
    n_missed, n = sum(not each.passed for each in results), len(results)
    if not n_missed:
        return "The run passes its gate." if n == 1 else f"The run passes its {n:,} gates."
    n_errors = sum(each.is_error for each in results)
    missed = "The run misses its gate" if n == 1 else f"The run misses {n_missed:,} of {n:,} gates"
    if n_errors == 0:
        return f"{missed}, which only warn{'s' if n_missed == 1 else ''}."
    n_warnings = n_missed - n_errors
    others = f"; {n_warnings:,} of them only warn{'s' if n_warnings == 1 else ''}" if n_warnings else ""
    return f"{missed}{others}. The job exits with status 1."


def _view(result: GateResult) -> GateRow:
    def write(number: float | None, sign: str = "") -> str:
        return "" if number is None else result.format(number, sign).replace("-", MINUS)

    interval = result.interval
    return GateRow(
        label=result.label,
        note=_describe(result),
        value="" if result.value is None else result.value_text.replace("-", MINUS),
        interval=f"{write(interval.lower)} to {write(interval.upper)}" if interval else "",
        margin=write(result.margin, "+"),
        outcome="passed" if result.passed else "missed" if result.is_error else "warning",
    )


def _describe(result: GateResult) -> str:
    if result.is_significant is not None:
        return (
            "difference in accuracy, significant"
            if result.is_significant
            else "difference in accuracy, not significant"
        )
    if result.value is None:
        return "no earlier run on these test labels" if result.passed else "this run has no such number"
    return "no interval in this run" if result.compared is None else ""

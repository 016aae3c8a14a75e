"""Finds the gates that the run missed."""

from collections.abc import Sequence

from job.evaluation.gates import GateResult
from job.report.first_screen.statements import Finding, Level, list_names
from job.text import format_change

MOST_GATES = 3


def find_missed_gates(results: Sequence[GateResult]) -> Finding | None:
    """The missed gates; those that only warn are named if no other one is missed."""
    errors = [each for each in results if each.is_error]
    missed = errors or [each for each in results if not each.passed]
    if not missed:
        return None
    kind = "error" if errors else "warning"
    n_gates = sum(each.gate.severity == kind for each in results)
    noun = "gate" if errors else "gate that only warns"
    start = (
        f"The {noun} is missed: "
        if n_gates == 1
        else f"{len(missed)} of {n_gates} {noun.replace('gate', 'gates')} missed: "
    )
    names = [f"{each.label}{_describe_value(each)}" for each in missed]
    return Finding(Level.FAULT, 1.0, "gates", (start, *list_names(names, MOST_GATES), "."))


def _describe_value(result: GateResult) -> str:
    if result.value is None:
        return " (no value)"
    if result.gate.bound == "worse":
        return f" (difference {format_change(result.value, '.2f')} points)"
    return f" ({result.value_text})".replace("-", "\N{MINUS SIGN}")

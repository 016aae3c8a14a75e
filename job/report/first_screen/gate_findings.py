"""Finds the gates that the run missed."""

from collections.abc import Sequence

from job.evaluation.gate_result import GateResult, count_missed
from job.report.first_screen.statements import Alert, Finding, Level, list_names
from job.text import format_change

MOST_GATES = 3


def find_missed_gates(results: Sequence[GateResult]) -> Finding | None:
    """The missed gates; those that only warn, or compare nothing, are named if no other one is missed."""
    errors = [each for each in results if each.is_error]
    missed = errors or [each for each in results if each.is_warning]
    if not missed:
        return None
    names = [f"{each.gate.bare_label} ({_describe_value(each)})" for each in missed]
    return Finding(Level.FAULT, 1.0, "gates", (Alert(count_missed(results)), ": ", *list_names(names, MOST_GATES), "."))


def _describe_value(result: GateResult) -> str:
    if result.passed:
        return result.reason
    if result.gate.bound == "worse" and result.value is not None:
        return f"difference {format_change(result.value, '.2f')} points"
    return result.compared_text.replace("-", "\N{MINUS SIGN}")

"""Reports the results of gates: a line each in the log, and in words those that are missed."""

from collections.abc import Sequence

from job.evaluation.gate_result import GateResult, count_missed
from job.log import log, log_stage

MOST_NAMED = 5


def log_gates(results: Sequence[GateResult]) -> None:
    """Log a line for each gate; one that only warns, or has no other run to compare with, is a warning."""
    for each in results:
        if each.is_warning or (each.passed and each.value is None):
            log.warning("gate %s", each.sentence)
        else:
            log_stage("gate", each.sentence)


def describe_missed(results: Sequence[GateResult]) -> str:
    """The gates that are missed and set the exit status, in one line; empty if there is none."""
    missed = [each for each in results if each.is_error]
    if not missed:
        return ""
    sentences = [each.sentence.removeprefix("missed: ") for each in missed[:MOST_NAMED]]
    if len(missed) > MOST_NAMED:
        sentences.append(f"and {len(missed) - MOST_NAMED:,} more")
    return f"{count_missed(results)}: {'; '.join(sentences)}"

"""Reports the results of gates: a line each in the log, and an error if one was missed."""

from collections.abc import Sequence

from job.errors import GateError
from job.evaluation.gates import GateResult
from job.log import log, log_stage

MOST_NAMED = 5


def log_gates(results: Sequence[GateResult]) -> None:
    """Log a line for each gate; a missed one that only warns is a warning."""
    for each in results:
        if each.passed or each.is_error:
            log_stage("gate", each.sentence)
        else:
            log.warning("gate %s", each.sentence)


def require_gates(results: Sequence[GateResult]) -> None:
    """Check that no gate is missed, apart from those that only warn; the report is written before.

    Raises:
        GateError: If one is missed.
    """
    missed = [each for each in results if each.is_error]
    if not missed:
        return
    sentences = [each.sentence.removeprefix("missed: ") for each in missed[:MOST_NAMED]]
    if len(missed) > MOST_NAMED:
        sentences.append(f"and {len(missed) - MOST_NAMED:,} more")
    n_gates = sum(each.gate.severity == "error" for each in results)
    words = "gate missed" if n_gates == 1 else f"{len(missed):,} of {n_gates:,} gates missed"
    raise GateError(f"{words}: {'; '.join(sentences)}")

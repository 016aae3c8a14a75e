"""Reports the results of gates: a line each in the log, and an error if one was missed."""

from collections.abc import Sequence

from job.errors import GateError
from job.evaluation.gates import GateResult, count_missed
from job.log import log, log_stage

MOST_NAMED = 5


def log_gates(results: Sequence[GateResult]) -> None:
    """Log a line for each gate; one that only warns is a warning."""
    for each in results:
        if each.is_warning:
            log.warning("gate %s", each.sentence)
        else:
            log_stage("gate", each.sentence)


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
    raise GateError(f"{count_missed(results)}: {'; '.join(sentences)}")

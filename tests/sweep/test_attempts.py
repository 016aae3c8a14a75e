"""What becomes of the end of a run."""

from pathlib import Path

import pytest

from job.config.run_config import Config
from job.errors import OutputError
from job.execution.executor import Outcome, describe_failure
from job.sweep.attempts import Attempts
from job.sweep.plan import PlannedRun

RUN = PlannedRun("baseline-seed0", "baseline", Config())


def test_a_run_with_status_1_is_no_sweep(tmp_path: Path) -> None:
    """Its error is not that of a sweep."""
    assert describe_failure(1, tmp_path / "missing") == "exit status 1"
    assert describe_failure(64, tmp_path / "missing").startswith("usage: ")


def test_a_full_disk_stops_the_sweep(tmp_path: Path) -> None:
    """Every other run would fail, too; with space left, it is the error of that run alone."""
    failed = Outcome(RUN, OutputError.exit_status, "No space left on device")
    attempts = Attempts(tmp_path, run_bytes=1)
    assert attempts.judge(failed) is None
    assert attempts.failures == {RUN.name: "No space left on device (status 73)"}
    with pytest.raises(OutputError, match="MB are free; free some space"):
        Attempts(tmp_path, run_bytes=2**62).judge(failed)

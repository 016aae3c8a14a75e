"""The process that watches over a run, and what becomes of its end."""

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from support import REPOSITORY

from job.config.run_config import Config
from job.errors import OutputError
from job.execution import worker
from job.execution.executor import Outcome, describe_failure
from job.sweep.attempts import Attempts
from job.sweep.plan import PlannedRun

RUN = PlannedRun("baseline-seed0", "baseline", Config())


def run_worker(log: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = worker.build_command(log, words)
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        process.wait()
        return subprocess.CompletedProcess(command, process.returncode, process.stdout.read(), process.stderr.read())


def test_the_folder_of_the_log_may_be_missing(tmp_path: Path) -> None:
    """The worker creates it."""
    assert run_worker(tmp_path / "logs" / "a.txt", "echo", "said").returncode == 0
    assert (tmp_path / "logs" / "a.txt").read_text() == "said\n"


def test_a_log_that_cannot_be_written(tmp_path: Path) -> None:
    """One line, and the status of an output that cannot be written."""
    (tmp_path / "logs").touch()
    done = run_worker(tmp_path / "logs" / "a.txt", "true")
    assert done.returncode == 73
    assert done.stderr.startswith(f"fashion-job: error: {tmp_path / 'logs' / 'a.txt'}: cannot be written (")
    assert done.stderr.count("\n") == 1


def test_an_ended_command_needs_no_signal() -> None:
    """It may end between the end of stdin and the signal."""
    with subprocess.Popen(("true",), process_group=0) as process:
        process.wait()
    worker._signal_group(process.pid, signal.SIGTERM)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills it")
def test_a_parent_that_was_killed_at_once() -> None:
    """The command does not begin."""
    follow = partial(worker._end_with_parent, os.getpid() + 1)
    with subprocess.Popen(("sleep", "60"), preexec_fn=follow) as process:  # noqa: PLW1509 - no thread
        assert process.wait() == -signal.SIGKILL


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

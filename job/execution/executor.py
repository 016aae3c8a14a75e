"""What others ask of an executor, which runs several trainings at the same time."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from job.errors import EXIT_STATUSES, GateError

KILLED, TERMINATED = 137, 143
RETRIED = (KILLED, TERMINATED)
"""Exit statuses of a run that something outside stopped; every other one would occur again."""

ERROR = "fashion-job: error: "
MAX_LOG_BYTES = 4096  # of the end of a log, which contains the error


class Run(Protocol):
    """A training, as an executor needs to know it."""

    @property
    def name(self) -> str:
        """Name that no other run has, valid as that of a file."""


R = TypeVar("R", bound=Run)


@dataclass(frozen=True)
class Outcome(Generic[R]):
    """How an attempt of a run ended.

    Attributes:
        status: Exit status of its process; None if the machine that ran it is lost.
        error: What went wrong, in one line; empty after a success.
    """

    run: R
    status: int | None
    error: str = ""

    @property
    def is_retried(self) -> bool:
        """Whether another attempt may succeed."""
        return self.status is None or self.status in RETRIED


class Executor(Protocol[R]):
    """Runs trainings; what a run leaves behind shows whether it has succeeded."""

    @property
    def n_slots(self) -> int:
        """How many runs may be started and not yet ended."""

    def start(self, run: R) -> None:
        """Start a run."""

    @property
    def has_live_logs(self) -> bool:
        """Whether the folder of logs shows what a run prints while it prints it."""

    def wait(self, timeout_s: float | None = None) -> Sequence[Outcome[R]]:
        """Wait until at least one run ends, and return how; returns nothing after `timeout_s`."""

    def stop_run(self, run: R) -> None:
        """Stop one run, if it has not ended; `wait` returns how it ends."""

    def stop(self) -> None:
        """Stop all runs within a few seconds; a signal handler may call this, also twice."""


def describe_failure(status: int, log: Path) -> str:
    """The error that a run printed last, or the meaning of its exit status."""
    if status not in RETRIED and (error := find_error(log)):
        return error
    unknown = f"exit status {status}"
    return unknown if status == GateError.exit_status else EXIT_STATUSES.get(status, unknown)  # a run is no sweep


def find_error(log: Path) -> str:
    """The error that a run printed last; empty if there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - MAX_LOG_BYTES))
            lines = file.read(MAX_LOG_BYTES).decode(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.removeprefix(ERROR) for line in reversed(lines) if line.startswith(ERROR)), "")

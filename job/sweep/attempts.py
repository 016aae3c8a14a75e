"""Decides after each attempt of a run whether the run is finished, repeated or failed."""

from dataclasses import dataclass, field
from pathlib import Path

from job.errors import DivergenceError, GateError, OutputError, UsageError
from job.execution.executor import Outcome
from job.log import log
from job.results.output_folder.preparation import require_free_space
from job.sweep.folder import RunResult, read_finished
from job.sweep.plan import PlannedRun

MAX_ATTEMPTS = 3
"""How often a run is tried that something outside stops."""

BY_SETTINGS = (UsageError.exit_status, DivergenceError.exit_status)
"""Exit statuses of a run that fails every time, unless a setting is changed."""

INCOMPLETE = "it ended without an error, but its folder is incomplete"


@dataclass
class Attempts:
    """The attempts of the runs in the folder of a sweep.

    Attributes:
        run_bytes: Space that a run needs, in bytes.
        failures: The error of each run that failed, by name.
        may_succeed: Whether a run failed for a reason that may go away without another setting.
    """

    folder: Path
    fail_fast: bool = False
    run_bytes: int = 0
    failures: dict[str, str] = field(default_factory=dict)
    may_succeed: bool = False

    def __post_init__(self) -> None:
        self._n_attempts: dict[str, int] = {}  # of the runs that are running or waiting to be repeated

    def judge(self, outcome: Outcome[PlannedRun]) -> RunResult | None:
        """The finished run, or None if it failed or is to be repeated; only if it failed, `failures` has its error.

        Raises:
            GateError: If the run failed and `fail_fast` is set.
            OutputError: If it failed because the disk is full, which the others would find, too.
        """
        name = outcome.run.name
        is_complete = outcome.status in {0, GateError.exit_status}  # a run that misses a gate is finished
        finished = read_finished(self.folder, outcome.run) if is_complete else None
        if finished:
            self._n_attempts.pop(name, None)
            return finished
        n_attempts = self._n_attempts.get(name, 0) + 1
        error = outcome.error or INCOMPLETE
        if outcome.is_retried and n_attempts < MAX_ATTEMPTS:
            self._n_attempts[name] = n_attempts
            log.warning("%s: %s; the run is repeated (attempt %d of %d)", name, error, n_attempts + 1, MAX_ATTEMPTS)
            return None
        self._n_attempts.pop(name, None)
        if outcome.status == OutputError.exit_status:
            require_free_space(self.folder, self.run_bytes)
        place = f"{error} (status {outcome.status})" if outcome.status else error
        self.failures[name] = place
        self.may_succeed |= outcome.status not in BY_SETTINGS
        if self.fail_fast:
            raise GateError(f"{name} failed: {place}; the other runs were stopped (--fail-fast)")
        log.warning("%s failed: %s", name, place)
        return None

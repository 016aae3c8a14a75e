"""Drives the runs of a sweep: starts them, repeats those that something killed, and reports each."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from job.errors import SweepError
from job.log import log, log_stage
from job.sweep.executor import Executor, Outcome
from job.sweep.folder import FinishedRun, read_finished
from job.sweep.plan import PlannedRun
from job.system import signals
from job.training.progress_bar import show_progress

MAX_ATTEMPTS = 3
"""How often a run is tried that something outside stops."""

INCOMPLETE = "it ended without an error, but its folder is incomplete"


@dataclass
class Driver:
    """Runs what is missing in the folder of a sweep.

    The driver keeps a number per run, and nothing else that grows with the plan.

    Attributes:
        cost_s: Estimates the wall time of a run.
        failures: The error of each run that failed, by name.
    """

    folder: Path
    runs: Sequence[PlannedRun]
    executor: Executor
    cost_s: Callable[[PlannedRun], float]
    fail_fast: bool = False
    failures: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._n_done = 0
        self._attempts: dict[str, int] = {}  # of the runs that are running or waiting to be repeated

    def run(self, missing: Iterable[int]) -> None:
        """Run those with these indices, the longest first.

        Raises:
            SweepError: If a run fails and `fail_fast` is set.
        """
        waiting = deque(sorted(missing, key=lambda index: -self.cost_s(self.runs[index])))
        self._n_done = len(self.runs) - len(waiting)
        repeated: deque[PlannedRun] = deque()
        n_running, done_s = 0, 0.0
        total_s = sum(self.cost_s(self.runs[index]) for index in waiting)
        with ExitStack() as stack:
            stack.enter_context(signals.on_exit(self.executor.stop))
            show = stack.enter_context(show_progress(round(total_s) + 1))
            self._set_exit_note()
            while waiting or repeated or n_running:
                while n_running < self.executor.n_slots and (waiting or repeated):
                    self.executor.start(repeated.popleft() if repeated else self.runs[waiting.popleft()])
                    n_running += 1
                for outcome in self.executor.wait():
                    n_running -= 1
                    if self._is_final(outcome):
                        done_s += self.cost_s(outcome.run)
                        show(int(done_s))
                    else:
                        repeated.append(outcome.run)

    def _is_final(self, outcome: Outcome) -> bool:
        """Report an outcome; returns whether its run is not to be repeated."""
        name = outcome.run.name
        finished = read_finished(self.folder, outcome.run) if outcome.status == 0 else None
        if finished:
            self._attempts.pop(name, None)
            self._n_done += 1
            self._set_exit_note()
            log_stage("run", f"{self._n_done:,}/{len(self.runs):,}  {name}  {_describe(finished)}")
            return True
        attempt = self._attempts.get(name, 0) + 1
        error = outcome.error or INCOMPLETE
        if outcome.is_retried and attempt < MAX_ATTEMPTS:
            self._attempts[name] = attempt
            log.warning("%s: %s; the run is repeated (attempt %d of %d)", name, error, attempt + 1, MAX_ATTEMPTS)
            return False
        self._attempts.pop(name, None)
        place = f"{error} (status {outcome.status})" if outcome.status else error
        self.failures[name] = place
        if self.fail_fast:
            raise SweepError(f"{name} failed: {place}; the other runs were stopped (--fail-fast)")
        log.warning("%s failed: %s", name, place)
        return True

    def _set_exit_note(self) -> None:
        n_runs = len(self.runs)
        signals.set_exit_note(f"{self._n_done:,} of {n_runs:,} runs are finished; the same command does the others")


def _describe(finished: FinishedRun) -> str:
    return f"accuracy {finished.accuracy:.4f}  ({finished.wall_time_s:.0f} s)"

"""Drives the runs of a sweep: starts them, repeats those that something killed, and reports each."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from job.execution.executor import Executor, Outcome
from job.log import log_stage
from job.sweep.attempts import Attempts
from job.sweep.folder import RunResult
from job.sweep.plan import PlannedRun
from job.system import signals
from job.training.progress_bar import show_progress


@dataclass
class Driver:
    """Runs what is missing in the folder of a sweep.

    The driver keeps a number per run, and nothing else that grows with the plan.

    Attributes:
        cost_s: Estimates the wall time of a run.
        attempts: Judges how an attempt ended, and has the failures.
    """

    runs: Sequence[PlannedRun]
    executor: Executor[PlannedRun]
    cost_s: Callable[[PlannedRun], float]
    attempts: Attempts

    def __post_init__(self) -> None:
        self._n_done = 0

    def run(self, missing: Iterable[int], meanwhile: Callable[[], None] = lambda: None) -> None:
        """Run those with these indices, the longest first; `meanwhile` is called once when the first ones are started.

        Raises:
            GateError: If a run fails and the others are to be stopped.
            OutputError: If the disk is full.
        """
        waiting = deque(sorted(missing, key=lambda index: -self.cost_s(self.runs[index])))
        self._n_done = len(self.runs) - len(waiting)
        repeated: deque[PlannedRun] = deque()
        n_running, done_s, pending = 0, 0.0, [meanwhile]
        total_s = sum(self.cost_s(self.runs[index]) for index in waiting)
        with ExitStack() as stack:
            stack.enter_context(signals.on_exit(self.executor.stop))
            show = stack.enter_context(show_progress(round(total_s) + 1))
            self._set_exit_note()
            while waiting or repeated or n_running:
                while n_running < self.executor.n_slots and (waiting or repeated):
                    self.executor.start(repeated.popleft() if repeated else self.runs[waiting.popleft()])
                    n_running += 1
                while pending:
                    pending.pop()()
                for outcome in self.executor.wait():
                    n_running -= 1
                    if self._is_final(outcome):
                        done_s += self.cost_s(outcome.run)
                        show(int(done_s))
                    else:
                        repeated.append(outcome.run)

    def _is_final(self, outcome: Outcome[PlannedRun]) -> bool:
        """Report an outcome; returns whether its run is not to be repeated."""
        name = outcome.run.name
        if finished := self.attempts.judge(outcome):
            self._n_done += 1
            self._set_exit_note()
            log_stage("run", f"{self._n_done:,}/{len(self.runs):,}  {name}  {_describe(finished)}")
        return finished is not None or name in self.attempts.failures

    def _set_exit_note(self) -> None:
        n_runs = len(self.runs)
        signals.set_exit_note(f"{self._n_done:,} of {n_runs:,} runs are finished; the same command does the others")


def _describe(finished: RunResult) -> str:
    return f"accuracy {finished.accuracy:.4f}  ({finished.wall_time_s:.0f} s)"

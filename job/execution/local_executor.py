"""Runs trainings side by side on this machine."""

import os
import select
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic

from job.config.recipes import ModelName
from job.execution import worker
from job.execution.executor import Outcome, R, describe_failure
from job.system import signals
from job.training.resources import NEEDED_BYTES, available_memory_bytes, count_processors

STOP_S = worker.GRACE_S + 1.5
"""How long all runs may take to end, which is at most `GRACE_S` after the first signal."""

MAX_THREADS: dict[ModelName, int] = {"mlp": 2, "cnn": 8}
"""The most threads that a run gets by default. At the batch sizes of the recipes, further ones gain little."""


def choose_threads(model: ModelName, n_runs: int) -> int:
    """The threads of each run, so that all runs together use the processors and no more."""
    n_processors = count_processors()
    return max(1, min(n_processors // min(n_runs, n_processors), MAX_THREADS[model]))


def choose_parallel(models: Sequence[ModelName], n_threads: int) -> int:
    """How many runs of these models the processors and the memory take at the same time."""
    needed = max(NEEDED_BYTES[model] for model in models)
    return max(1, min(count_processors() // n_threads, available_memory_bytes() // needed))


class LocalExecutor(Generic[R]):
    """Runs each training as a process, at most `n_slots` at the same time.

    Args:
        logs: Existing folder for what the runs print.
        words: Makes the command of a run.
    """

    has_live_logs = True

    def __init__(self, n_slots: int, logs: Path, words: Callable[[R], Sequence[str]]) -> None:
        self.n_slots = n_slots
        self._logs, self._words = logs, words
        self._running: dict[int, tuple[R, worker.Process]] = {}
        self._ends = select.poll()

    def start(self, run: R) -> None:
        """Start a run.

        The worker holds the other end of its stdout until it ends, which is how `wait` hears of it.
        """
        command = worker.build_command(self._logs / f"{run.name}.txt", self._words(run))
        with signals.deferred():  # a worker that `stop` does not know of would continue for a moment
            process = worker.start(command)
            assert process.stdout is not None  # noqa: S101 - for mypy
            self._running[process.stdout.fileno()] = run, process
            self._ends.register(process.stdout.fileno())

    def wait(self, timeout_s: float | None = None) -> Sequence[Outcome[R]]:
        """Wait until at least one run ends, and return how; returns nothing after `timeout_s`."""
        outcomes = []
        for descriptor, _ in self._ends.poll(None if timeout_s is None else timeout_s * 1000):
            run, process = self._running[descriptor]
            self._ends.unregister(descriptor)
            status = worker.finish(process)
            del self._running[descriptor]
            error = describe_failure(status, self._logs / f"{run.name}.txt") if status else ""
            outcomes.append(Outcome(run, status, error))
        return outcomes

    def stop_run(self, run: R) -> None:
        """Stop one run, if it has not ended; `wait` returns how it ends."""
        for running, process in self._running.values():
            if running.name == run.name and process.stdin:
                process.stdin.close()

    def stop(self) -> None:
        """Stop all runs: their workers end them when stdin ends."""
        processes = [process for _, process in self._running.values()]
        for process in processes:
            if process.stdin:
                process.stdin.close()
        deadline = time.monotonic() + STOP_S
        while any(map(_is_running, processes)) and time.monotonic() < deadline:
            time.sleep(0.01)

    def close(self) -> None:
        """Stop all runs and forget them; a signal handler must not call this."""
        self.stop()
        while self._running:
            self.wait()


def _is_running(process: worker.Process) -> bool:
    """Whether a process runs; a signal handler may call this, unlike `Popen.poll`."""
    try:
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None
    except ChildProcessError:  # already waited for
        return False

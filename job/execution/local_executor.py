"""Runs trainings side by side on this machine."""

import sys
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Generic

from job.config.recipes import ModelName
from job.execution.executor import KILLED, Outcome, R, describe_failure
from job.execution.launcher import Launcher
from job.system.processors import count_processors
from job.training.resources import NEEDED_BYTES, available_memory_bytes, detect_resources

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


def can_share_import(n_runs: int) -> bool:
    """Whether these runs may share one import of TensorFlow: not with a GPU, because CUDA does not survive a fork."""
    return n_runs > 1 and sys.platform == "linux" and detect_resources().n_gpus == 0


class LocalExecutor(Generic[R]):
    """Runs each training as a process, at most `n_slots` at the same time.

    Args:
        logs: Folder for what the runs print.
        words: Makes the command of a run.
        launcher: Starts the processes; the caller closes it.
    """

    has_live_logs = True

    def __init__(self, n_slots: int, logs: Path, words: Callable[[R], Sequence[str]], launcher: Launcher) -> None:
        self.n_slots = n_slots
        self._logs, self._words, self._launcher = logs, words, launcher
        self._running: dict[int, R] = {}
        self._numbers = count()

    def start(self, run: R) -> None:
        """Start a run."""
        number = next(self._numbers)
        self._running[number] = run
        self._request(number)

    def _request(self, number: int) -> None:
        run = self._running[number]
        self._launcher.send("start", number, str(self._log(run)), self._words(run))

    def wait(self, timeout_s: float | None = None) -> Sequence[Outcome[R]]:
        """Wait until at least one run ends, and return how; may return nothing after at most `timeout_s`."""
        while True:
            ended = self._launcher.receive(timeout_s)
            if ended is None:
                ended = self._replace_launcher()
            if ended or timeout_s is not None:
                return [self._describe(self._running.pop(number), status) for number, status in ended]

    def _replace_launcher(self) -> list[tuple[int, int]]:
        """Go on after the end of the launcher, which has killed the runs; returns them with their status."""
        has_begun = self._launcher.is_ready
        self._launcher.restart()
        if has_begun:
            return [(number, KILLED) for number in self._running]
        for number in self._running:
            self._request(number)
        return []

    def _describe(self, run: R, status: int) -> Outcome[R]:
        return Outcome(run, status, describe_failure(status, self._log(run)) if status else "")

    def _log(self, run: R) -> Path:
        return self._logs / f"{run.name}.txt"

    def stop_run(self, run: R) -> None:
        """Stop one run, if it has not ended; `wait` returns how it ends."""
        for number, running in self._running.items():
            if running.name == run.name:
                self._launcher.send("stop", number)

    def stop(self) -> None:
        """Stop all runs within a few seconds; a signal handler may call this, also twice."""
        self._launcher.stop()

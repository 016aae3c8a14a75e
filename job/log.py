"""What the job says while it runs: a line per stage, and a bar in a terminal, on stderr."""

import contextlib
import datetime
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from job import signals

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

log = logging.getLogger("job")

STDERR_LOCK = threading.RLock()
"""Held while stderr is written to, or given another place, so that no line is lost between the two."""


class _StderrHandler(logging.Handler):
    """Writes to whatever stderr is at that moment, so that lines appear above a progress bar."""

    def emit(self, record: logging.LogRecord) -> None:
        with STDERR_LOCK, contextlib.suppress(OSError):  # who stopped listening does not stop the job
            prefix = "fashion-job: warning: " if record.levelno == logging.WARNING else ""
            print(prefix + self.format(record), file=sys.stderr, flush=True)


def open_streams() -> None:
    """Open stdin, stdout and stderr on nothing where the caller closed them, before another file takes their place."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # so that writing to it fails, as it should
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - for the life of the process


def configure_log(level: int) -> None:
    """Send the job's log lines of `level` and above to stderr."""
    log.handlers = [_StderrHandler()]
    log.setLevel(level)
    log.propagate = False


def say(stage: str, text: str) -> None:
    """Log a line on a stage."""
    log.info("%-11s %s", stage, text)


@dataclass
class Stage:
    """A stage under way; `summary` is the line the log shows at its end."""

    summary: str = ""


@dataclass
class Stopwatch:
    """Measures the stages of a run.

    Attributes:
        began: the start of the run, UTC.
        started: `time.monotonic()` then.
        stages_s: wall time of each finished stage in seconds, in order.
    """

    began: datetime.datetime = field(default_factory=lambda: datetime.datetime.now(datetime.UTC))
    started: float = field(default_factory=time.monotonic)
    stages_s: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Time the block, and log its summary and duration when it succeeds."""
        begun = time.monotonic()
        stage = Stage()
        yield stage
        self.stages_s[name] = time.monotonic() - begun
        say(name, f"{stage.summary} ({self.stages_s[name]:.1f} s)")

    def timings_s(self) -> dict[str, float]:
        """The finished stages, and `total`: wall time since the start in seconds."""
        return {**self.stages_s, "total": time.monotonic() - self.started}


class Bar:
    """Shows how far a training of `n_epochs` epochs of `n_steps` steps is: a bar in a terminal, a line per epoch.

    To be used as a context manager.
    """

    def __init__(self, n_epochs: int, n_steps: int) -> None:
        self._n_epochs = n_epochs
        self._n_steps = n_steps
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty() and log.isEnabledFor(logging.INFO):
            self._bar = _terminal_bar()
            self._task = self._bar.add_task("training", total=self._n_epochs * self._n_steps)
            self._cleanup = signals.cleanup(self._bar.stop)  # gives the terminal its cursor back
            self._cleanup.__enter__()
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._cleanup.__exit__(None, None, None)

    def step(self, epoch: int, step: int) -> None:
        """Tell that `step` steps of the `epoch`th epoch (from 0) are done."""
        if self._bar and self._task is not None:
            self._bar.update(self._task, completed=epoch * self._n_steps + step)

    def epoch(self, epoch: int, figures: dict[str, float], wall_time_s: float) -> None:
        """Log the figures at the end of the `epoch`th epoch (from 0)."""
        shown = ", ".join(f"{name} {value:.4f}" for name, value in figures.items() if name != "learning_rate")
        say("training", f"epoch {epoch + 1} of {self._n_epochs}: {shown} ({wall_time_s:.1f} s)")


def _terminal_bar() -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description:<11}"), BarColumn(None), TextColumn("{task.percentage:>3.0f}%"))
    return Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)

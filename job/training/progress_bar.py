"""Shows the progress of a training run: a bar in a terminal, and one log line for each epoch."""

import logging
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from job import signals
from job.log import log, log_stage

if TYPE_CHECKING:
    from rich.progress import Progress


class ProgressBar:
    """Shows how many of `n_epochs` * `n_steps` optimizer steps are done. Use it as a context manager.

    Args:
        n_epochs: Number of epochs.
        n_steps: Number of steps in each epoch.
    """

    def __init__(self, n_epochs: int, n_steps: int) -> None:
        self._n_epochs = n_epochs
        self._n_steps = n_steps
        self._bar: Progress | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        if sys.stderr.isatty() and log.isEnabledFor(logging.INFO):
            self._bar = _create_bar()
            self._task = self._bar.add_task("training", total=self._n_epochs * self._n_steps)
            self._stack.enter_context(signals.on_exit(self._bar.stop))  # which shows the cursor again
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def show_step(self, epoch: int, step: int) -> None:
        """Show that `step` steps of epoch `epoch` (from 0) are done."""
        if self._bar:
            self._bar.update(self._task, completed=epoch * self._n_steps + step)

    def log_epoch(self, epoch: int, metrics: dict[str, float], wall_time_s: float) -> None:
        """Log the metrics at the end of epoch `epoch` (from 0)."""
        values = ", ".join(f"{name} {value:.4f}" for name, value in metrics.items() if name != "learning_rate")
        log_stage("training", f"epoch {epoch + 1} of {self._n_epochs}: {values} ({wall_time_s:.1f} s)")


def _create_bar() -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description:<11}"), BarColumn(None), TextColumn("{task.percentage:>3.0f}%"))
    return Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)

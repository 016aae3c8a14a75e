"""Shows the progress of a training in a terminal."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from job.log import log
from job.system import signals


@contextmanager
def show_progress(n_steps: int) -> Iterator[Callable[[int], object]]:
    """Show a progress bar during the block, if stderr is a terminal and the log is not quiet.

    The training has `n_steps` steps. Yields a function to call with the number of steps done.
    """
    if not (sys.stderr.isatty() and log.isEnabledFor(logging.INFO)):
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description:<11}"), BarColumn(None), TextColumn("{task.percentage:>3.0f}%"))
    bar = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
    task = bar.add_task("training", total=n_steps)
    with signals.on_exit(bar.stop):  # which shows the cursor again
        bar.start()
        yield lambda n_done: bar.update(task, completed=n_done)

"""Reports progress on stderr: one line for each stage of the run, plus warnings and errors."""

import datetime
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

log = logging.getLogger("job")


class _StderrHandler(logging.Handler):
    """Writes to the current `sys.stderr`, so that lines appear above a progress bar."""

    def emit(self, record: logging.LogRecord) -> None:
        prefix = "fashion-job: warning: " if record.levelno == logging.WARNING else ""
        print(prefix + self.format(record), file=sys.stderr, flush=True)


def configure_log(level: int) -> None:
    """Send the job's log lines of `level` and above to stderr."""
    log.handlers = [_StderrHandler()]
    log.setLevel(level)
    log.propagate = False


def log_stage(name: str, text: str) -> None:
    """Log a line about a stage."""
    log.info("%-11s %s", name, text)


@dataclass
class Stage:
    """A running stage; the log shows `summary` when it ends."""

    summary: str = ""


class Stopwatch:
    """Measures the stages of a run, which began at `began` (UTC)."""

    def __init__(self) -> None:
        self.began = datetime.datetime.now(datetime.UTC)
        self._started = time.monotonic()
        self._stages_s: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Time the block; when it succeeds, log its summary and duration, which adds to that of earlier such stages."""
        begun = time.monotonic()
        stage = Stage()
        yield stage
        wall_time_s = time.monotonic() - begun
        self._stages_s[name] = self._stages_s.get(name, 0.0) + wall_time_s
        log_stage(name, f"{stage.summary} ({wall_time_s:.1f} s)")

    def timings_s(self) -> dict[str, float]:
        """Return the wall time of each finished stage, and of the run so far as `total`, in seconds."""
        return {**self._stages_s, "total": time.monotonic() - self._started}

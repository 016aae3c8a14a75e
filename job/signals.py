"""Ends the job at once on SIGINT and SIGTERM, without leaving half-written files.

A library's callback or finalizer can swallow an exception that a signal handler raises, and PID 1 of a container
ignores SIGTERM unless it has a handler. Therefore the handler itself cleans up and exits.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)

_callbacks: list[Callable[[], object]] = []
_exit_note = "no file was changed"


def install() -> None:
    """Make SIGINT and SIGTERM clean up and exit with status 128 + signal number."""
    for number in SIGNALS:
        signal.signal(number, _exit)


def set_exit_note(note: str) -> None:
    """Set what the last line says about the output if a signal ends the process later."""
    global _exit_note  # noqa: PLW0603 - a process has one
    _exit_note = note


@contextmanager
def on_exit(callback: Callable[[], object]) -> Iterator[None]:
    """Call `callback` when the block ends, even if a signal ends the process inside it."""
    _callbacks.append(callback)
    try:
        yield
    finally:
        _callbacks.remove(callback)
        callback()


@contextmanager
def deferred() -> Iterator[None]:
    """Defer SIGINT and SIGTERM until the block ends. Keep the block short."""
    arrived: list[int] = []
    handlers = {number: signal.signal(number, lambda number, _frame: arrived.append(number)) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for deferred_number in arrived:
            signal.raise_signal(deferred_number)


def _exit(number: int, _frame: FrameType | None) -> None:
    try:
        for callback in reversed(_callbacks):
            callback()
        line = f"fashion-job: stopped by {signal.Signals(number).name}; {_exit_note}\n"
        os.write(sys.stderr.fileno(), line.encode())
    finally:
        os._exit(128 + number)

"""SIGINT and SIGTERM end the job at once, with nothing half-written left behind.

A handler that raises an exception can lose it inside a library's callback or finaliser, and PID 1 of a container
ignores SIGTERM without one. So the handler itself cleans up and leaves.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)

_cleanups: list[Callable[[], object]] = []


def install() -> None:
    """Make SIGINT and SIGTERM clean up and exit with 128 + the signal's number."""
    for number in SIGNALS:
        signal.signal(number, _leave)


@contextmanager
def cleanup(callback: Callable[[], object]) -> Iterator[None]:
    """Call `callback` at the end of the block, also where a signal ends the process inside it."""
    _cleanups.append(callback)
    try:
        yield
    finally:
        _cleanups.remove(callback)
        callback()


@contextmanager
def deferred() -> Iterator[None]:
    """Hold SIGINT and SIGTERM back until the end of the block, which must be short."""
    held = {number: signal.signal(number, _remember) for number in SIGNALS}
    _remembered.clear()
    try:
        yield
    finally:
        for number, handler in held.items():
            signal.signal(number, handler)
        for arrived in _remembered:
            signal.raise_signal(arrived)


_remembered: list[int] = []


def _remember(number: int, _frame: FrameType | None) -> None:
    _remembered.append(number)


def _leave(number: int, _frame: FrameType | None) -> None:
    for callback in reversed(_cleanups):
        callback()
    name = signal.Signals(number).name
    sys.stderr.write(f"fashion-job: stopped by {name}; no file was changed\n")
    sys.stderr.flush()
    os._exit(128 + number)

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
_remembered: list[int] = []
_state = "no file was changed"


def tell(state: str) -> None:
    """Have the line that a signal ends the process with say `state` from now on."""
    global _state  # noqa: PLW0603 - a process has one
    _state = state


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
    _remembered.clear()
    held = {number: signal.signal(number, _remember) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in held.items():
            signal.signal(number, handler)
        for arrived in _remembered:
            signal.raise_signal(arrived)


def _remember(number: int, _frame: FrameType | None) -> None:
    _remembered.append(number)


def _leave(number: int, _frame: FrameType | None) -> None:
    try:
        for callback in reversed(_cleanups):
            callback()
        os.write(sys.stderr.fileno(), f"fashion-job: stopped by {signal.Signals(number).name}; {_state}\n".encode())
    finally:
        os._exit(128 + number)

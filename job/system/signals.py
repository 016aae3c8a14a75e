"""Ends the job at once on SIGINT, SIGTERM and SIGHUP, without leaving half-written files.

A library's callback or finalizer can swallow an exception that a signal handler raises, and PID 1 of a container
ignores SIGTERM unless it has a handler. Therefore the handler itself cleans up and exits.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_callbacks: list[Callable[[], object]] = []
_exit_note = "no file was changed"


def install() -> None:
    """Make each signal clean up and exit with status 128 + signal number; nohup keeps SIGHUP ignored."""
    for number in SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _exit)


def set_exit_note(note: str) -> None:
    """Set what the last line says about the output if a signal ends the process later."""
    global _exit_note  # noqa: PLW0603 - a process has one
    _exit_note = note


@contextmanager
def on_exit(callback: Callable[[], object]) -> Iterator[None]:
    """Call `callback` when the block ends, even if a signal ends the process inside it.

    If a signal arrives during the call, `callback` is called again, from its start. The interrupted call does not
    continue.
    """
    _callbacks.append(callback)
    try:
        yield
    finally:
        try:
            callback()
        finally:
            _callbacks.remove(callback)


@contextmanager
def deferred() -> Iterator[None]:
    """Defer the signals until the block ends, unless they are ignored. Keep the block short.

    Only the main thread handles signals, so in another one nothing is deferred.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    before = {number: handler for number in SIGNALS if (handler := signal.getsignal(number)) != signal.SIG_IGN}
    for number in before:
        signal.signal(number, lambda number, _frame: arrived.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for deferred_number in arrived:
            signal.raise_signal(deferred_number)


def _exit(number: int, _frame: FrameType | None) -> None:
    for other in SIGNALS:
        signal.signal(other, signal.SIG_IGN)  # the first signal decides
    try:
        with ExitStack() as stack:  # an error of one callback does not stop the others
            for callback in (lambda: _print_last_line(number), *_callbacks):  # the last one is called first
                stack.callback(callback)
    finally:
        os._exit(128 + number)


def _print_last_line(number: int) -> None:
    line = f"fashion-job: stopped by {signal.Signals(number).name}; {_exit_note}\n"
    os.set_blocking(sys.stderr.fileno(), False)  # a full pipe that nobody reads must not keep the process alive
    os.write(sys.stderr.fileno(), line.encode())  # print fails if the signal interrupted another print

"""The launcher, a process that starts the runs of an executor, as the executor sees it."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self

from job.config.options import PREFIX
from job.execution.fork_server import GRACE_S
from job.system import child_process, signals

STOP_S = GRACE_S + 1.5
"""`GRACE_S`, and time for the kernel to end them."""

KEPT = (f"{PREFIX}IMAGE", f"{PREFIX}IMAGE_REVISION", f"{PREFIX}REVISION")
OF_THE_JOB = ("GITHUB_STEP_SUMMARY",)
"""Variables that are for the whole job, not for each of its runs: GitHub limits the size of a summary."""


def build_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a run: this program on the path, and no setting of a run, which the plan has."""
    kept = {name: text for name, text in environment.items() if not name.startswith(PREFIX) or name in KEPT}
    kept = {name: text for name, text in kept.items() if name not in OF_THE_JOB}
    return child_process.build_environment(kept)


class Launcher:
    """Starts `job.execution.fork_server`; as a context manager, it ends it and all runs.

    Args:
        preload: Whether it imports TensorFlow first, once for all runs.
        folder: Working directory of the runs, by default the current one.
        variables: Further environment variables of the runs.

    Attributes:
        is_ready: Whether the import, if any, has ended well.
    """

    def __init__(
        self, *, preload: bool = False, folder: Path | None = None, variables: Mapping[str, str] | None = None
    ) -> None:
        self._folder, self._variables = folder, variables or {}
        self._exits = ExitStack()
        self._launch(preload=preload)

    def _launch(self, *, preload: bool) -> None:
        self.is_ready, self._received = not preload, b""
        environment = {**build_environment(os.environ), **self._variables}
        streams: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "bufsize": 0}
        with signals.deferred():  # a process that `stop` does not know of would continue for a moment
            read, write = os.pipe()
            self._answers = os.fdopen(read, "rb", buffering=0)
            words = [sys.executable, "-m", "job.execution.fork_server", str(write), *(["--preload"] if preload else [])]
            options = {**streams, "cwd": self._folder, "env": environment, "pass_fds": (write,), "process_group": 0}
            try:
                self._process = subprocess.Popen(words, **options)  # noqa: S603 - our own command
            finally:
                os.close(write)

    def __enter__(self) -> Self:
        self._exits.callback(self._close)
        self._exits.enter_context(signals.on_exit(self.stop))
        return self

    def __exit__(self, *_: object) -> None:
        self._exits.close()

    def send(self, *request: object) -> None:
        """Send a request; if the process has ended, `receive` says so."""
        assert self._process.stdin is not None  # noqa: S101 - for mypy
        content = memoryview(json.dumps(request).encode() + b"\n")
        try:
            while content:
                content = content[os.write(self._process.stdin.fileno(), content) :]
        except BrokenPipeError:
            pass

    def receive(self, timeout_s: float | None = None) -> list[tuple[int, int]] | None:
        """Wait for the next answers, each the number of a run that has ended and its status; None if the process has.

        Returns an empty list after `timeout_s`, and when the process is ready.
        """
        events = select.poll()
        events.register(self._answers.fileno(), select.POLLIN)
        if not events.poll(None if timeout_s is None else timeout_s * 1000):
            return []
        content = os.read(self._answers.fileno(), 2**16)
        *lines, self._received = (self._received + content).split(b"\n")
        answers = [json.loads(line) for line in lines]
        self.is_ready = self.is_ready or None in answers
        return [(number, status) for number, status in filter(None, answers)] if content else None

    def restart(self) -> None:
        """Start the process again after its end, without importing TensorFlow, which may have been the reason."""
        self._close()
        self._launch(preload=False)

    def stop(self) -> None:
        """End the process and all runs within a few seconds; a signal handler may call this, also twice."""
        if self._process.stdin:
            self._process.stdin.close()
        if child_process.is_running(self._process):
            self._signal_group(signal.SIGTERM)  # in the middle of the import, it does not read stdin
        deadline = time.monotonic() + STOP_S
        while child_process.is_running(self._process) and time.monotonic() < deadline:
            time.sleep(0.01)
        if self._process.returncode is None:
            self._signal_group(signal.SIGKILL)

    def _signal_group(self, number: signal.Signals) -> None:
        """Signal the process, and what its import has started; each run has a group of its own."""
        with suppress(ProcessLookupError, PermissionError):  # all have ended
            os.killpg(self._process.pid, number)

    def _close(self) -> None:
        """End the process and all runs, and free what belongs to it."""
        self.stop()
        self._process.wait()
        self._answers.close()

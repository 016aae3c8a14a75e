"""Runs one training in a process of its own, which cannot outlive the one that asked for it.

`python -m job.execution.worker LOG WORD…` runs the command WORD… with its output in the file LOG. When stdin ends,
because the parent closed it or was killed, the command gets SIGTERM, and after some seconds SIGKILL. The exit status is
that of the command.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from job.config.options import PREFIX
from job.errors import OutputError

GRACE_S = 3.0
"""How long a command may take to end after SIGTERM."""

ROOT = Path(__file__).parents[2]
PR_SET_PDEATHSIG = 1  # in <sys/prctl.h>
Process = subprocess.Popen[bytes]
KEPT = (f"{PREFIX}IMAGE", f"{PREFIX}REVISION")


def build_command(log: Path, words: Sequence[str]) -> list[str]:
    """The command of a worker."""
    return [sys.executable, "-m", "job.execution.worker", str(log), *words]


def build_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a worker: this program on the path, and no setting of a run, which the plan has."""
    path = os.pathsep.join(filter(None, (str(ROOT), environment.get("PYTHONPATH"))))
    kept = {name: text for name, text in environment.items() if not name.startswith(PREFIX) or name in KEPT}
    return {**kept, "PYTHONPATH": path}


def start(command: Sequence[str], folder: Path | None = None, variables: Mapping[str, str] | None = None) -> Process:
    """Start a worker in a folder, by default the current one, with these further environment variables.

    It holds the other end of its stdout until it ends.
    """
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "process_group": 0}
    environment = {**build_environment(os.environ), **(variables or {})}
    return subprocess.Popen(command, cwd=folder, env=environment, **pipes)  # noqa: S603


def finish(process: Process) -> int:
    """Wait for the end of a worker; returns its exit status."""
    status = process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()
    return as_exit_status(status)


def as_exit_status(status: int) -> int:
    """The exit status of `Popen` as a shell counts it: 128 more than the number of the signal."""
    return status if status >= 0 else 128 - status


def main(log: str, *words: str) -> int:
    """Run the command; returns its exit status."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all processes; the parent decides
    follow = partial(_end_with_parent, os.getpid()) if sys.platform == "linux" else None
    try:
        Path(log).parent.mkdir(parents=True, exist_ok=True)
        file = Path(log).open("wb")  # noqa: SIM115 - closed below
    except OSError as error:
        problem = f"cannot be written ({error.strerror}); free some space, or make the folder writable"
        print(f"fashion-job: error: {log}: {problem}", file=sys.stderr)
        return OutputError.exit_status
    with file:
        streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": file, "stderr": file}
        process = subprocess.Popen(words, **streams, process_group=0, preexec_fn=follow)  # noqa: PLW1509, S603 - no thread yet
    signal.signal(signal.SIGTERM, lambda *_: _signal_group(process.pid, signal.SIGTERM))
    threading.Thread(target=_stop_at_end_of_stdin, args=(process,), daemon=True).start()
    return as_exit_status(process.wait())


def _end_with_parent(parent: int) -> None:
    """Let Linux kill this process when its parent is killed, which cannot do it then."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was killed before that call
        os.kill(os.getpid(), signal.SIGKILL)


def _stop_at_end_of_stdin(process: Process) -> None:
    while os.read(0, 1):
        pass
    _signal_group(process.pid, signal.SIGTERM)
    time.sleep(GRACE_S)
    _signal_group(process.pid, signal.SIGKILL)


def _signal_group(group: int, number: signal.Signals) -> None:
    """Send a signal to the processes of a command, which may have ended."""
    with suppress(ProcessLookupError):
        os.killpg(group, number)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

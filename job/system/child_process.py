"""Runs a child process that cannot outlive the job."""

import os
import signal
import subprocess
import sysconfig
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from job.system import signals

Process = subprocess.Popen[Any]
"""A process; its streams are of text or of bytes."""

ROOT = Path(__file__).resolve().parents[2]
"""The folder of this package: a repository, or that of an environment's packages."""


def build_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Variables with which another Python imports this package, and nothing from its working directory.

    They are those of this process unless `environment` names others.
    """
    variables = {**(os.environ if environment is None else environment), "PYTHONSAFEPATH": "1"}
    if Path(sysconfig.get_path("purelib")) != ROOT:  # there, it would come before the standard library
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), variables.get("PYTHONPATH"))))
    return variables


@contextmanager
def child_process(
    command: Sequence[str],
    *,
    kill: Callable[[Process], object] = subprocess.Popen.kill,
    **options: Any,  # noqa: ANN401 - those of Popen
) -> Iterator[Process]:
    """Start a process, and kill it when the block ends, even if a signal ends this process while it starts.

    The options are those of `Popen`. `kill` must leave alone a process that has ended.
    """
    with ExitStack() as stack:
        with signals.deferred():  # a process that has started and is not yet known would outlive the job
            process = stack.enter_context(subprocess.Popen(command, **options))  # noqa: S603 - the callers' are fixed
            stack.enter_context(signals.on_exit(lambda: end(process, kill)))
        yield process


def end(process: Process, kill: Callable[[Process], object] = subprocess.Popen.kill) -> None:
    """Kill the process and wait for its end; a signal handler may call this, unlike `Popen.wait`."""
    kill(process)
    with suppress(ChildProcessError, AttributeError):  # already waited for; macOS lacks `waitid` before Python 3.13
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)


def is_running(process: Process) -> bool:
    """Whether the process runs; a signal handler may call this."""
    try:
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None
    except AttributeError:  # macOS lacks `waitid` before Python 3.13; `poll` takes no lock that is held
        return process.poll() is None
    except ChildProcessError:  # already waited for
        return False


def kill_group(process: Process) -> None:
    """Kill a process that was started with `process_group=0` and still runs, and the processes that it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)

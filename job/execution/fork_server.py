"""The launcher: starts runs as processes, which do not outlive the one at the other end of stdin.

On Linux, they do not outlive this one either, even if it is killed.

`python -m job.execution.fork_server ANSWERS` reads requests from stdin, one line of JSON each, and answers into the
pipe with the descriptor ANSWERS. So nothing that prints, such as a library during its import, can disturb an answer.

- `["start", N, LOG, [WORD, …]]` runs a command with its output in the file LOG; `[N, STATUS]` answers when it ends.
- `["stop", N]` sends SIGTERM to its process group, and after some seconds SIGKILL. So does the end of stdin to all.

With `--preload`, this process first imports TensorFlow, and the command `PYTHON -m MODULE …` continues in a fork of it
instead of a new Python. A line `null` says that the import is done. If it fails, this process ends with status 1.
"""

import json
import logging
import os
import runpy
import select
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from job.errors import OutputError, ResourceError
from job.system import isolation
from job.system.forked_process import follow_parent, restore_ignored, separate_fork, unfollow_parent

GRACE_S = 3.0
"""How long a command may take to end after SIGTERM."""

HANDLED = (signal.SIGCHLD, signal.SIGTERM)
STDIN, STDERR = 0, 2


class ForkServer:
    """The commands that run, by the ID of their process, which is also that of their process group."""

    def __init__(self, answers: int, *, is_preloaded: bool) -> None:
        self._answers, self._is_preloaded = answers, is_preloaded
        self._numbers: dict[int, int] = {}
        self._kill_times: dict[int, float] = {}  # of the commands that were asked to end
        self._is_ending = False
        self._wake, self._waker = os.pipe()
        os.set_blocking(self._waker, False)
        signal.set_wakeup_fd(self._waker)
        for number in HANDLED:
            signal.signal(number, lambda *_: None)  # the number arrives in `_wake`

    def serve(self) -> Sequence[str]:
        """Serve until stdin and all commands end; returns in a fork, too, with the command that it continues with."""
        events = select.poll()
        for descriptor in (STDIN, self._wake):
            events.register(descriptor, select.POLLIN)
        received = b""
        while self._numbers or not self._is_ending:
            ready = [descriptor for descriptor, _ in events.poll(self._next_timeout_ms())]
            if self._wake in ready and signal.SIGTERM in os.read(self._wake, 4096):
                self._end()
            if STDIN in ready:
                content = os.read(STDIN, 2**16)
                *lines, received = (received + content).split(b"\n")
                for line in lines:
                    if words := self._follow(*json.loads(line)):
                        return words
                if not content:
                    events.unregister(STDIN)
                    self._end()
            self._reap()
            self._kill_late()
        return ()

    def _next_timeout_ms(self) -> float | None:
        if not self._kill_times:
            return None
        return max(0, min(self._kill_times.values()) - time.monotonic()) * 1000 + 1

    def _follow(self, action: str, number: int, log: str = "", words: Sequence[str] = ()) -> Sequence[str]:
        """Follow a request; returns its command in the fork that continues with it."""
        if action == "stop":
            for process in [process for process, known in self._numbers.items() if known == number]:
                self._terminate(process)
        elif not self._is_ending:
            return self._start(number, log, words)
        return ()

    def _start(self, number: int, log: str, words: Sequence[str]) -> Sequence[str]:
        try:
            Path(log).parent.mkdir(parents=True, exist_ok=True)
            file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        except OSError as error:
            problem = f"cannot be written ({error.strerror}); free some space, or make the folder writable"
            _write_error(STDERR, f"{log}: {problem}")
            self._answer([number, OutputError.exit_status])
            return ()
        signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)  # until the fork has handlers of its own
        server = os.getpid()
        try:
            process = os.fork()
        except OSError as error:
            _write_error(file, f"no process can start ({error.strerror})")
            self._answer([number, ResourceError.exit_status])
        else:
            if process == 0:
                follow_parent(server)
                separate_fork(HANDLED, (self._wake, self._waker, self._answers), file)
                return self._continue(words)
            with suppress(OSError):  # the fork was faster
                os.setpgid(process, process)
            self._numbers[process] = number
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
        os.close(file)
        return ()

    def _continue(self, words: Sequence[str]) -> Sequence[str]:
        """The command if this fork can continue with it; otherwise replaces the fork by it."""
        if self._is_preloaded and words[:2] == [sys.executable, "-m"]:
            return words
        restore_ignored()
        try:
            os.execvp(words[0], list(words))  # noqa: S606 - our own command
        except OSError as error:
            _write_error(STDERR, f"{words[0]}: {error.strerror}")
            os._exit(ResourceError.exit_status)

    def _end(self) -> None:
        """Start nothing more, and end all commands."""
        self._is_ending = True
        for process in self._numbers:
            self._terminate(process)

    def _terminate(self, process: int) -> None:
        if process not in self._kill_times:
            _signal_group(process, signal.SIGTERM)
            self._kill_times[process] = time.monotonic() + GRACE_S

    def _kill_late(self) -> None:
        """Kill the commands that did not end in time; their end is noticed as every other one."""
        for process, kill_time in list(self._kill_times.items()):
            if kill_time <= time.monotonic():
                _signal_group(process, signal.SIGKILL)
                del self._kill_times[process]

    def _reap(self) -> None:
        """Report the commands that have ended."""
        with suppress(ChildProcessError):  # there are no more
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                process, status = ended
                self._kill_times.pop(process, None)
                if process in self._numbers:
                    code = os.waitstatus_to_exitcode(status)
                    self._answer([self._numbers.pop(process), code if code >= 0 else 128 - code])

    def _answer(self, content: Sequence[int] | None) -> None:
        with suppress(BrokenPipeError):  # nobody listens any more, and stdin ends, too
            os.write(self._answers, json.dumps(content).encode() + b"\n")

    def say_ready(self) -> None:
        """Answer that requests are followed from now on."""
        self._answer(None)


def _preload() -> bool:
    """Import TensorFlow; returns whether a fork of this process is safe."""
    follow_parent(os.getppid())  # the import does not notice the end of stdin
    isolation.isolate()
    from job.training.import_tensorflow import import_tensorflow

    logging.disable()  # a run reports what is wrong
    import_tensorflow()
    logging.disable(logging.NOTSET)
    unfollow_parent()
    return len(list(Path("/proc/self/task").iterdir())) == 1


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it has ended
        os.killpg(group, number)


def _write_error(descriptor: int, problem: str) -> None:
    """Write an error if that is possible; the runs go on without it."""
    with suppress(OSError):
        os.write(descriptor, os.fsencode(f"fashion-job: error: {problem}\n"))


def main(answers: str, *options: str) -> Sequence[str]:
    """Serve; returns the command that this process, a fork, continues with, or nothing at the end."""
    os.set_inheritable(int(answers), False)  # noqa: FBT003 - positional only
    is_preloaded = "--preload" in options
    if is_preloaded:
        try:
            is_safe = _preload()
        except Exception:  # noqa: BLE001 - a run reports it
            is_safe = False
        if not is_safe:
            os._exit(1)
    server = ForkServer(int(answers), is_preloaded=is_preloaded)
    server.say_ready()
    return server.serve()


if __name__ == "__main__":
    command = main(*sys.argv[1:])
    if not command:
        os._exit(0)  # skips TensorFlow's teardown, which is slow
    _, _, module, *sys.argv[1:] = command
    runpy.run_module(module, run_name="__main__", alter_sys=True)

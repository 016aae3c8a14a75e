"""Signals at random moments, terminals that go away, and standard streams that are closed, broken, slow or full."""

import io
import os
import pty
import random
import signal
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable

import pytest
from hostile_world import RENDER, TRAIN, Case, World, check_outcome, run_case

HUP, INT, TERM = signal.SIGHUP, signal.SIGINT, signal.SIGTERM
SEED = 15
LONG = ("--data", "{data}", "--epochs", "1000000", "--output", "{report}")
EXPORTS = (*TRAIN, "--layout", "folder", "--export", "litert", "--export", "tf_saved_model")
STREAM = ("--data", "{data}", "--epochs", "1", "--output", "-")
DONE = r"accuracy \d"

Process = subprocess.Popen[str]


def wait_for(stage: str, read: Callable[[], bytes]) -> None:
    """Read the log until the first line of the stage begins."""
    log = b"\n"
    while f"\n{stage} ".encode() not in log.replace(b"\r", b"\n"):
        more = read()
        assert more, log.decode()
        log += more


def send(stage: str, longest_s: float, *numbers: signal.Signals) -> Callable[[Process, World], None]:
    """Send two signals a few milliseconds apart, at a random moment after the first line of the stage."""
    moments = random.Random(f"{SEED} {stage} {numbers}")  # noqa: S311 - repeatable, not secret

    def strike(process: Process, _world: World) -> None:
        assert process.stderr
        wait_for(stage, lambda: os.read(process.stderr.fileno(), 1) if process.stderr else b"")
        time.sleep(moments.uniform(0, longest_s))
        for number in numbers:
            process.send_signal(number)
            time.sleep(moments.uniform(0, 0.02))

    return strike


def stopped(stage: str, longest_s: float, *numbers: signal.Signals, arguments: tuple[str, ...] = LONG) -> Case:
    """The case of two signals; if both arrive before Python looks, the one with the smaller number counts."""
    return Case(
        what=f"{' and '.join(number.name for number in numbers)} after the line {stage}",
        status=128 + numbers[0],
        line=f"^fashion-job: stopped by {numbers[0].name}; no file was changed$",
        arguments=arguments,
        during=send(stage, longest_s, *numbers),
    )


class Terminal:
    """A terminal of its own for the job's stderr; it goes away during the training."""

    def __init__(self, *, nohup: bool) -> None:
        self._nohup = nohup

    def open(self, world: World) -> None:
        """Make a new terminal the controlling one of the job."""
        self._leader, follower = pty.openpty()
        name = os.ttyname(follower)
        self._follower = follower

        def attach() -> None:
            os.close(os.open(name, os.O_RDWR))  # the first terminal that a session opens controls it
            if self._nohup:
                signal.signal(HUP, signal.SIG_IGN)

        world.environment["TERM"] = "xterm"
        world.options.update(stderr=follower, start_new_session=True, preexec_fn=attach)

    def go(self, _process: Process, _world: World) -> None:
        """Close the terminal while the bar is shown."""
        os.close(self._follower)
        wait_for("training", lambda: os.read(self._leader, 1))
        os.close(self._leader)


class Reader:
    """Reads the job's stdout slowly, from a pipe that is non-blocking for the job."""

    def open(self, world: World) -> None:
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)
        world.options["stdout"] = self._writing

    def read(self, _process: Process, _world: World) -> None:
        os.close(self._writing)
        self._chunks: list[bytes] = []
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        while chunk := os.read(self._reading, 8192):
            self._chunks.append(chunk)
            time.sleep(0.001)

    def check(self, _world: World) -> None:
        """The archive is complete."""
        self._thread.join()
        os.close(self._reading)
        with tarfile.open(fileobj=io.BytesIO(b"".join(self._chunks))) as archive:
            assert archive.getnames()[-1] == "report/samples.npz"


def redirect(name: str, path: str = "") -> Callable[[World], None]:
    """Direct a stream of the job to a file, or to a pipe that nobody reads."""

    def prepare(world: World) -> None:
        if path:
            world.options[name] = os.open(path, os.O_WRONLY)
        else:
            reading, world.options[name] = os.pipe()
            os.close(reading)

    return prepare


def close_stdout(world: World) -> None:
    """Start the job without a stdout."""
    world.options["preexec_fn"] = lambda: os.close(1)


hangup, nohup, reader = Terminal(nohup=False), Terminal(nohup=True), Reader()

QUICK = (
    stopped("evaluation", 0.5, INT, INT, arguments=EXPORTS),
    Case(
        what="the terminal goes, with nohup",
        status=0,
        line=DONE,
        arguments=(*TRAIN[:2], "--epochs", "200", *TRAIN[4:]),
        prepare=nohup.open,
        during=nohup.go,
    ),
)

OTHERS = (
    Case(what="exports", status=0, line=DONE, arguments=EXPORTS),
    stopped("output", 0.5, TERM, TERM),
    stopped("system", 0.05, HUP, TERM),
    stopped("data", 3, INT, TERM),
    stopped("tensorflow", 1, HUP, INT),
    stopped("training", 2, TERM, TERM),
    stopped("prediction", 0.1, INT, TERM, arguments=EXPORTS),
    stopped("evaluation", 1, HUP, HUP, arguments=EXPORTS),
    stopped("evaluation", 1.5, TERM, TERM, arguments=EXPORTS),
    Case(
        what="the terminal goes",
        status=128 + HUP,
        line="",
        arguments=LONG,
        prepare=hangup.open,
        during=hangup.go,
    ),
    Case(what="nobody reads stderr", status=0, line=DONE, prepare=redirect("stderr")),
    Case(
        what="stdout is closed, render",
        status=73,
        line=r"stdout cannot be written \(Bad file descriptor\), but the report is in place: accuracy",
        arguments=RENDER,
        prepare=close_stdout,
    ),
    Case(
        what="stdout is closed, --output -",
        status=73,
        line="stdout is closed; pipe it",
        arguments=STREAM,
        prepare=close_stdout,
    ),
    Case(
        what="stdout is full, --output -",
        status=73,
        line=r"stdout broke before the end of the archive \(No space left on device\)$",
        arguments=STREAM,
        prepare=redirect("stdout", "/dev/full"),
    ),
    Case(
        what="stdout is a non-blocking pipe with a slow reader, --output -",
        status=0,
        line="",
        arguments=STREAM,
        prepare=reader.open,
        during=reader.read,
        check=reader.check,
    ),
)


@pytest.mark.parametrize("case", [*QUICK, *(pytest.param(case, marks=pytest.mark.hostile) for case in OTHERS)], ids=str)
def test_the_job_ends_as_documented(case: Case, world: World) -> None:
    """Status and line are the documented ones, an earlier report survives a failure, and nothing is left."""
    check_outcome(case, run_case(case, world))
    case.check(world)

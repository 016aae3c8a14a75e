"""The process that starts the runs: its forks, its end, and what becomes of it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from support import REPOSITORY, is_alive, list_children, wait_until

from job.execution import local_executor
from job.execution.executor import Outcome
from job.execution.launcher import Launcher
from job.execution.local_executor import LocalExecutor, can_share_import
from job.system.forked_process import follow_parent
from job.training.resources import Resources

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is shared")
PROBE = """
import json, os, signal, sys
from job.system import isolation
isolation.isolate()
names = ("SIGINT", "SIGTERM", "SIGCHLD", "SIGHUP")
print(json.dumps({
    "name": __name__,
    "arguments": sys.argv,
    "path": sys.path,
    "variables": {name: text for name, text in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"},
    "is_leader": os.getpgid(0) == os.getpid(),
    "stdin": os.readlink("/proc/self/fd/0"),
    "descriptors": sorted(os.listdir("/proc/self/fd")),
    "handlers": [str(signal.getsignal(getattr(signal, name))) for name in names],
    "blocked": list(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
    "wakeup": signal.set_wakeup_fd(-1),
}), flush=True)
print("tensorflow" in sys.modules, file=sys.stderr)
"""
KERAS = "from unittest.mock import MagicMock\nconfig = MagicMock()\nconfig.backend = lambda: 'tensorflow'\n"


@dataclass(frozen=True)
class Command:
    """A run of any command."""

    name: str
    words: Sequence[str] = field(default=())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of the runs, and modules for them, with a TensorFlow that is imported at once."""
    (tmp_path / "keras.py").write_text(KERAS)
    (tmp_path / "tensorflow.py").touch()
    (tmp_path / "probe.py").write_text(PROBE)
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def module(name: str, *words: str) -> Command:
    return Command(name, (sys.executable, "-m", name, *words))


def script(name: str, text: str) -> Command:
    return Command(name, ("sh", "-c", text))


def open_executor(launcher: Launcher, folder: Path) -> LocalExecutor[Command]:
    return LocalExecutor(9, folder / "logs", lambda command: command.words, launcher)


def run(command: Command, folder: Path, *, preload: bool) -> tuple[Outcome[Command], str]:
    """How a command ends, and what it prints."""
    with Launcher(preload=preload, folder=folder) as launcher:
        executor = open_executor(launcher, folder)
        executor.start(command)
        (outcome,) = executor.wait()
    return outcome, (folder / "logs" / f"{command.name}.txt").read_text()


def find_server(launcher: Launcher) -> int:
    return launcher._process.pid


@linux_only
def test_a_fork_is_as_a_new_process(folder: Path) -> None:
    """Arguments, path, environment, streams, signals and descriptors are the same; only TensorFlow is there already."""
    (forked, text), (new, other) = (run(module("probe", "a b", "--c"), folder, preload=each) for each in (True, False))
    assert (forked.status, new.status) == (0, 0)
    assert json.loads(text.splitlines()[0]) == json.loads(other.splitlines()[0])
    assert (text.splitlines()[1], other.splitlines()[1]) == ("True", "False")


@pytest.mark.training
@linux_only
def test_tensorflow_itself_can_be_shared(folder: Path) -> None:
    """It starts no thread when it is imported, so a fork has all that it needs."""
    for name in ("tensorflow.py", "keras.py"):
        (folder / name).unlink()
    outcome, text = run(module("probe"), folder, preload=True)
    assert outcome.status == 0
    assert text.splitlines()[1] == "True"


@pytest.mark.parametrize("preload", [False, pytest.param(True, marks=linux_only)])
@pytest.mark.parametrize(
    ("code", "status", "printed"),
    [
        ("print('said')", 0, "said\n"),
        ("import sys; sys.exit(70)", 70, ""),
        ("import sys; sys.exit('wrong')", 1, "wrong\n"),
        ("import os; os._exit(79)", 79, ""),
        ("raise KeyError('lost')", 1, "KeyError: 'lost'\n"),
        ("import os; os.kill(os.getpid(), 9)", 137, ""),
        ("import os; os.kill(os.getpid(), 15)", 143, ""),
        ("import os; os.abort()", 134, ""),
    ],
)
def test_the_status_of_a_run(folder: Path, code: str, status: int, printed: str, *, preload: bool) -> None:
    """As a shell counts it; what the run prints is in its log."""
    (folder / "work.py").write_text(code)
    outcome, text = run(module("work"), folder, preload=preload)
    assert outcome.status == status
    assert text.endswith(printed)


@linux_only
@pytest.mark.parametrize(
    "code",
    [
        "import os; os.write(2, b'native'); raise ImportError('missing')",
        "import os; os.abort()",
        "import os; os._exit(0)",
        "import threading, time; threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
    ],
)
def test_an_import_that_cannot_be_shared(folder: Path, capfd: pytest.CaptureFixture[str], code: str) -> None:
    """The runs begin in a new Python, and report themselves what is wrong."""
    (folder / "tensorflow.py").write_text(code)
    outcome, text = run(module("probe"), folder, preload=True)
    assert outcome.status == 0
    assert text.splitlines()[1] == "False"
    assert capfd.readouterr().err == ""


@linux_only
def test_an_import_that_prints(folder: Path) -> None:
    """What it writes to stdout disturbs no answer, and the import is shared."""
    (folder / "tensorflow.py").write_text("import os; print('said', flush=True); os.write(1, b'native\\n[0')")
    outcome, text = run(module("probe"), folder, preload=True)
    assert outcome.status == 0
    assert text.splitlines()[1] == "True"
    assert "said" not in text


@linux_only
def test_what_the_import_started_is_stopped(folder: Path) -> None:
    """Also if it ignores SIGTERM."""
    code = "import subprocess; subprocess.run(['sh', '-c', 'trap \"\" TERM; echo $$ > part; mv part began; sleep 60'])"
    (folder / "tensorflow.py").write_text(code)
    with Launcher(preload=True, folder=folder):
        wait_until((folder / "began").exists)
    wait_until(lambda: not is_alive(int((folder / "began").read_text())))


def test_a_stop_without_waitid(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS with Python 3.12; nothing is left, and a second stop does nothing."""
    monkeypatch.delattr(os, "waitid")
    with Launcher(folder=folder) as launcher:
        process = find_server(launcher)
        launcher.stop()
        launcher.stop()
    assert not is_alive(process)


@linux_only
def test_a_parent_that_was_killed_at_once() -> None:
    """The command does not begin."""
    follow = partial(follow_parent, os.getpid() + 1)
    with subprocess.Popen(("sleep", "60"), preexec_fn=follow) as process:  # noqa: PLW1509 - no thread
        assert process.wait() == -signal.SIGKILL


@pytest.mark.parametrize("name", ["PIPE", "XFSZ"])
def test_a_command_has_the_signals_that_python_ignores(folder: Path, name: str) -> None:
    """A shell whose parent ignores a signal cannot restore it."""
    outcome, _ = run(script("one", f"kill -s {name} $$"), folder, preload=False)
    assert outcome.status == 128 + getattr(signal, f"SIG{name}")


@linux_only
def test_a_stop_during_the_import(folder: Path) -> None:
    """It does not wait for the end of the import."""
    (folder / "tensorflow.py").write_text("import time; open('began', 'w').close(); time.sleep(60)")
    with Launcher(preload=True, folder=folder) as launcher:
        open_executor(launcher, folder).start(module("probe"))
        wait_until((folder / "began").exists)
        began = time.monotonic()
    assert time.monotonic() - began < 4
    assert not (folder / "logs").exists()


@linux_only
@pytest.mark.parametrize("preload", [False, True])
def test_nothing_outlives_a_killed_parent(folder: Path, *, preload: bool) -> None:
    """Neither during the import, nor a run that ignores SIGTERM."""
    (folder / "tensorflow.py").write_text("import time; open('began', 'w').close(); time.sleep(60)")
    parent = (
        "import sys, time\n"
        "from job.execution.launcher import Launcher\n"
        f"launcher = Launcher(preload={preload})\n"
        "launcher.send('start', 0, 'log', ['sh', '-c', 'trap \"\" TERM; touch began; sleep 60'])\n"
        "print(launcher._process.pid, flush=True); time.sleep(60)\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{REPOSITORY}:{folder}"}
    words = (sys.executable, "-c", parent)
    with subprocess.Popen(words, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        server = int(process.stdout.readline())
        wait_until((folder / "began").exists)
        processes = [server, *list_children(server)]
        assert len(processes) == 2 - preload
        process.kill()
        wait_until(lambda: not any(map(is_alive, processes)), timeout_s=10)


@pytest.fixture
def sleepers(folder: Path) -> Callable[..., Command]:
    """Makes commands that say when they have begun, and sleep."""

    def make(name: str, before: str = "") -> Command:
        return script(
            name, f"{before} echo $$ > {folder}/{name}.part; mv {folder}/{name}.part {folder}/{name}; sleep 60"
        )

    return make


@linux_only
def test_the_runs_of_a_killed_launcher(folder: Path, sleepers: Callable[..., Command]) -> None:
    """They count as killed, none is left, and others can start, without another import."""
    with Launcher(preload=True, folder=folder) as launcher:
        executor = open_executor(launcher, folder)
        for name in ("one", "two"):
            executor.start(sleepers(name))
        wait_until(lambda: (folder / "one").exists() and (folder / "two").exists())
        os.kill(find_server(launcher), signal.SIGKILL)
        outcomes = sorted((outcome.run.name, outcome.status) for outcome in executor.wait())
        assert outcomes == [("one", 137), ("two", 137)]
        wait_until(lambda: not any(is_alive(int((folder / name).read_text())) for name in ("one", "two")))
        executor.start(module("probe"))
        (outcome,) = executor.wait()
    assert outcome.status == 0
    assert (folder / "logs" / "probe.txt").read_text().splitlines()[1] == "False"


@pytest.mark.parametrize(("before", "status"), [("", 143), ("trap '' TERM;", 137)])
def test_one_run_is_stopped(folder: Path, sleepers: Callable[..., Command], before: str, status: int) -> None:
    """The other one continues."""
    with Launcher(folder=folder) as launcher:
        executor = open_executor(launcher, folder)
        for command in (sleepers("one", before), sleepers("two")):
            executor.start(command)
        wait_until(lambda: (folder / "one").exists() and (folder / "two").exists())
        executor.stop_run(sleepers("one"))
        (outcome,) = executor.wait()
        assert (outcome.run.name, outcome.status) == ("one", status)
        assert is_alive(int((folder / "two").read_text()))
        assert executor.wait(0.01) == []
    assert not is_alive(int((folder / "two").read_text()))


@linux_only
def test_many_runs_leave_nothing(folder: Path) -> None:
    """Neither a zombie nor an open file, here and in the launcher."""
    with Launcher(folder=folder) as launcher:
        executor, server = open_executor(launcher, folder), find_server(launcher)

        def count_files() -> list[int]:
            return [len(list(Path(f"/proc/{process}/fd").iterdir())) for process in (os.getpid(), server)]

        executor.start(script("first", "true"))
        executor.wait()
        before = count_files()
        for number in range(50):
            executor.start(script(f"run{number}", "true"))
            executor.wait()
        assert count_files() == before
        assert list_children(server) == []


def test_a_log_that_cannot_be_written(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """One line, and the status of an output that cannot be written."""
    (folder / "logs").touch()
    with Launcher(folder=folder) as launcher:
        executor = open_executor(launcher, folder)
        executor.start(script("one", "true"))
        (outcome,) = executor.wait()
    assert outcome.status == 73
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"fashion-job: error: {folder / 'logs' / 'one.txt'}: cannot be written (")


def test_an_error_that_cannot_be_printed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the log nor stderr can be written; the launcher, and the other runs, go on."""
    (folder / "full").touch()
    read, write = os.pipe()
    os.close(read)
    monkeypatch.setattr(subprocess, "Popen", partial(subprocess.Popen, stderr=write))
    with Launcher(folder=folder) as launcher:
        launcher.send("start", 0, str(folder / "full" / "one.txt"), ["true"])
        launcher.send("start", 1, str(folder / "two.txt"), ["true"])
        answers: list[tuple[int, int]] = []
        while len(answers) < 2 and (received := launcher.receive()) is not None:
            answers += received
    os.close(write)
    assert answers == [(0, 73), (1, 0)]


def test_a_command_that_is_missing(folder: Path) -> None:
    """Its error is that of the run."""
    outcome, _ = run(Command("one", ("./missing",)), folder, preload=False)
    assert (outcome.status, outcome.error) == (69, "./missing: No such file or directory")


@pytest.mark.parametrize(
    ("n_runs", "n_gpus", "platform", "expected"),
    [(2, 0, "linux", True), (1, 0, "linux", False), (2, 1, "linux", False), (2, 0, "darwin", False)],
)
def test_runs_on_processors_of_linux_share_the_import(
    monkeypatch: pytest.MonkeyPatch, n_runs: int, n_gpus: int, platform: str, *, expected: bool
) -> None:
    """A single one does not, because nobody shares it."""
    monkeypatch.setattr(local_executor, "detect_resources", lambda: Resources("EPYC", 4, None, n_gpus))
    monkeypatch.setattr(sys, "platform", platform)
    assert can_share_import(n_runs) == expected

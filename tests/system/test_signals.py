import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support import REPOSITORY

from job.system import signals


def run_code(*lines: str, ignored: signal.Signals | None = None) -> subprocess.CompletedProcess[str]:
    """Runs lines of Python after `signals.install()`, in a process that may ignore a signal from its start."""
    before = ("import os, signal, subprocess, sys", "from job.system import signals", "signals.install()")
    command = (sys.executable, "-c", "\n".join((*before, "send = lambda number: os.kill(os.getpid(), number)", *lines)))
    ignore = (lambda: signal.signal(ignored, signal.SIG_IGN)) if ignored else None
    return subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=60, preexec_fn=ignore
    )


@pytest.fixture
def received() -> Iterator[list[int]]:
    """Collects SIGTERMs, which would end the tests."""
    numbers: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: numbers.append(number))
    yield numbers
    signal.signal(signal.SIGTERM, before)


def test_a_deferred_signal_arrives_at_the_end(received: list[int]) -> None:
    """It arrives after the block."""
    with signals.deferred():
        os.kill(os.getpid(), signal.SIGTERM)
        assert received == []
    assert received == [signal.SIGTERM]


def test_another_thread_defers_nothing() -> None:
    """Python accepts signal handlers in the main thread only."""
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(run_deferred).result() == "ran"


def run_deferred() -> str:
    with signals.deferred():
        return "ran"


def test_a_signal_after_the_last_move_reports_success(tmp_path: Path) -> None:
    """A signal that arrives while files are moved is handled after it, and the message says that the report is new."""
    code = (
        "import os, signal, sys; from pathlib import Path; from job.system import signals\n"
        "from job.results.output_folder import atomic_write\n"
        "signals.install()\n"
        "replace = atomic_write._replace\n"
        "def struck(*words): os.kill(os.getpid(), signal.SIGTERM); replace(*words)\n"
        "atomic_write._replace = struck\n"
        "with atomic_write.stage_files(Path(sys.argv[1])) as staging: (staging / 'a').write_text('new')\n"
    )
    command = (sys.executable, "-c", code, str(tmp_path))
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 143
    assert done.stderr == "fashion-job: stopped by SIGTERM; the new report is in place\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["SHA256SUMS", "a"]


def test_callbacks_run_once_even_after_an_error() -> None:
    """A callback runs at the end of the block, whatever ends it."""
    calls = []
    with signals.on_exit(lambda: calls.append("done")):
        assert calls == []
    assert calls == ["done"]
    with pytest.raises(ZeroDivisionError), signals.on_exit(lambda: calls.append("again")):
        raise ZeroDivisionError
    assert calls == ["done", "again"]
    assert signals._callbacks == []


@pytest.mark.parametrize("number", signals.SIGNALS)
def test_each_signal_ends_the_process(number: signal.Signals) -> None:
    """The status is 128 + signal, and one line names it."""
    done = run_code(f"send({number})", "print('after')")
    assert (done.returncode, done.stdout) == (128 + number, "")
    assert done.stderr == f"fashion-job: stopped by {number.name}; no file was changed\n"


@pytest.mark.parametrize("second", signals.SIGNALS)
def test_the_first_signal_decides(second: signal.Signals) -> None:
    """A second one during the cleanup changes neither the status nor the line, and the cleanup runs once."""
    done = run_code(
        f"def clean_up(): print('cleaned up', flush=True); send({second}); send({second})",
        "with signals.on_exit(clean_up): send(signal.SIGTERM)",
    )
    assert (done.returncode, done.stdout) == (143, "cleaned up\n")
    assert done.stderr == "fashion-job: stopped by SIGTERM; no file was changed\n"


def test_an_error_of_one_callback_does_not_stop_the_others() -> None:
    """Such as that of a terminal that went away."""
    done = run_code(
        "with signals.on_exit(lambda: print('removed', flush=True)), signals.on_exit(lambda: 1 / 0): send(2)"
    )
    assert (done.returncode, done.stdout) == (130, "removed\n")
    assert done.stderr == "fashion-job: stopped by SIGINT; no file was changed\n"


def test_a_signal_during_a_callback_calls_it_again() -> None:
    """Otherwise half of the files would stay."""
    done = run_code(
        "calls = []",
        "def clean_up():",
        "    calls.append(1)",
        "    if len(calls) == 1: send(2)",
        "    print(f'removed in call {len(calls)}', flush=True)",
        "with signals.on_exit(clean_up): pass",
    )
    assert (done.returncode, done.stdout) == (130, "removed in call 2\n")


def test_nohup() -> None:
    """A signal that nohup ignores stays ignored, also in a process that starts while signals are deferred."""
    child = "subprocess.run([sys.executable, '-c', 'import os, signal; os.kill(os.getpid(), signal.SIGHUP)'])"
    done = run_code(
        "send(signal.SIGHUP)",
        "with signals.deferred(): send(signal.SIGHUP); status = " + child + ".returncode",
        "send(signal.SIGHUP)",
        "print(status)",
        ignored=signal.SIGHUP,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")


def test_a_program_that_ignored_sigint_does_not_protect_the_job() -> None:
    """A shell script ignores it for the programs that it starts in the background."""
    assert run_code("send(signal.SIGINT)", ignored=signal.SIGINT).returncode == 130

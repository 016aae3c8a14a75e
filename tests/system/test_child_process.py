import os
import signal
import subprocess
import sys
import sysconfig
from contextlib import suppress
from pathlib import Path

import pytest
from support import REPOSITORY

from job.system.child_process import build_environment, child_process

SLEEP = ("sleep", "60")


def test_the_environment_of_another_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """The repository comes first on its path; an installed package is found anyway."""
    assert build_environment({"A": "b", "PYTHONPATH": "/c"}) == {
        "A": "b",
        "PYTHONPATH": f"{REPOSITORY}:/c",
        "PYTHONSAFEPATH": "1",
    }
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(REPOSITORY))
    assert build_environment({"A": "b"}) == {"A": "b", "PYTHONSAFEPATH": "1"}


@pytest.mark.parametrize(
    ("module", "start"),
    [
        ("job.system.child_process", f"child_process({SLEEP}).__enter__()"),
        ("job.data.download", f"_run(*{SLEEP})"),
        ("job.training.import_tensorflow", "_check_xla_flags()"),
        ("job.report.worker", "ReportWorker()"),
    ],
)
def test_a_signal_while_a_process_starts(module: str, start: str) -> None:
    """The process is known to the signal handler as soon as it exists."""
    code = (
        "import os, signal, subprocess\nfrom job.system import signals\n"
        f"from {module} import {start.partition('(')[0]}\n"
        "signals.install()\n"
        "start = subprocess.Popen._execute_child\n"
        "def struck(self, *words):\n"
        "    start(self, *words)\n    print(self.pid, flush=True)\n    os.kill(os.getpid(), signal.SIGTERM)\n"
        "subprocess.Popen._execute_child = struck\n" + start
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env=os.environ | {"XLA_FLAGS": "--xla_cpu_enable_fast_math=false"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 128 + signal.SIGTERM, done.stderr
    with suppress(FileNotFoundError, ProcessLookupError):  # it is gone
        assert Path("/proc", done.stdout.strip(), "cmdline").read_bytes() == b""  # nobody waits for it


def test_it_ends_with_the_block() -> None:
    """An error ends the block, too; nothing is left of the process."""
    with pytest.raises(ZeroDivisionError), child_process(SLEEP) as process:
        raise ZeroDivisionError
    assert process.returncode == -signal.SIGKILL


def test_a_process_that_has_ended_is_left_alone() -> None:
    """Its status stays."""
    with child_process(("sh", "-c", "echo done; exit 3"), stdout=subprocess.PIPE) as process:
        assert process.communicate()[0] == b"done\n"
    assert process.returncode == 3


def test_another_way_to_kill_it() -> None:
    """It gets the process."""
    with child_process(SLEEP, kill=subprocess.Popen.terminate) as process:
        pass
    assert process.returncode == -signal.SIGTERM

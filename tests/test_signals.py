import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import REPOSITORY

from job import signals


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


def test_a_signal_after_the_last_move_reports_success(tmp_path: Path) -> None:
    """A signal that arrives while files are moved is handled after it, and the message says that the report is new."""
    code = (
        "import os, signal, sys; from pathlib import Path; from job import signals\n"
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

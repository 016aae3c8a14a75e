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
    """Collects SIGTERMs instead of dying of them."""
    numbers: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: numbers.append(number))
    yield numbers
    signal.signal(signal.SIGTERM, before)


def test_a_deferred_signal_arrives_at_the_end(received: list[int]) -> None:
    """Not in the block, but not lost either."""
    with signals.deferred():
        os.kill(os.getpid(), signal.SIGTERM)
        assert received == []
    assert received == [signal.SIGTERM]


def test_a_signal_after_the_last_move_says_that_the_report_is_there(tmp_path: Path) -> None:
    """It arrives at the end of the block in which files are moved, and must not say that none was changed."""
    code = (
        "import os, signal, sys; from pathlib import Path; from job import signals; from job.results.output_folder import atomic_write\n"
        "signals.install()\n"
        "replace = atomic_write._replace\n"
        "def struck(*words): os.kill(os.getpid(), signal.SIGTERM); replace(*words)\n"
        "atomic_write._replace = struck\n"
        "with atomic_write.staged(Path(sys.argv[1])) as staging: (staging / 'a').write_text('new')\n"
    )
    command = (sys.executable, "-c", code, str(tmp_path))
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 143
    assert done.stderr == "fashion-job: stopped by SIGTERM; the new report is there\n"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_cleanups_run_once_also_after_an_error() -> None:
    """At the end of the block, whatever ends it."""
    calls = []
    with signals.on_exit(lambda: calls.append("done")):
        assert calls == []
    assert calls == ["done"]
    with pytest.raises(ZeroDivisionError), signals.on_exit(lambda: calls.append("again")):
        raise ZeroDivisionError
    assert calls == ["done", "again"]
    assert signals._callbacks == []

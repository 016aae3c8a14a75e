import errno
import shutil
import signal
from pathlib import Path

import pytest

from job.errors import OutputError
from job.report.worker import Reporter


def test_it_writes_the_report_beside_the_results(finished_run: Path, run_copy: Path) -> None:
    """The one that the job itself has written."""
    (run_copy / "index.html").unlink()
    with Reporter() as reporter:
        reporter.write(run_copy, "single").result()
    assert (run_copy / "index.html").read_bytes() == (finished_run / "index.html").read_bytes()


def test_a_file_that_cannot_be_written_is_the_systems_error(run_copy: Path) -> None:
    """A folder stands in its place."""
    (run_copy / "index.html").unlink()
    (run_copy / "index.html").mkdir()
    with Reporter() as reporter, pytest.raises(IsADirectoryError) as caught:
        reporter.write(run_copy, "single").result()
    assert caught.value.errno == errno.EISDIR


def test_a_killed_process_is_told(run_copy: Path) -> None:
    """As the kernel kills it where memory is short."""
    with Reporter() as reporter:
        reporter._process.send_signal(signal.SIGKILL)
        reporter._process.wait()
        with pytest.raises(OutputError, match=r"was killed \(signal 9\)"):
            reporter.write(run_copy, "single").result()


def test_results_that_contradict_themselves_are_a_bug(run_copy: Path) -> None:
    """They were written a moment ago."""
    shutil.copy(run_copy / "metrics.json", run_copy / "samples.npz")
    with Reporter() as reporter, pytest.raises(RuntimeError, match=r"samples\.npz: damaged"):
        reporter.write(run_copy, "single").result()

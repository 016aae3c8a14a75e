import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import REPOSITORY, make_run

from job.errors import ResourceError
from job.report.ci.finished import Scores
from job.report.page import render_page
from job.report.worker import ReportWorker
from job.results.metrics_json import read_record
from job.results.run import Run
from job.results.schema import RunRecord


@pytest.fixture(scope="module")
def run() -> Run:
    return make_run()


@pytest.fixture
def record(run: Run, tmp_path: Path) -> RunRecord:
    """What is known of a run whose predictions and samples are in `tmp_path`."""
    run.write(tmp_path)
    record = read_record(tmp_path)
    (tmp_path / "metrics.json").unlink()
    return record


def test_it_evaluates_the_predictions_and_writes_the_report(run: Run, record: RunRecord, tmp_path: Path) -> None:
    """The scores, metrics.json and the page are those that this process computes."""
    with ReportWorker() as worker:
        scores = worker.evaluate(tmp_path, "single", record)
        worker.finish()
    assert scores == Scores(
        accuracy=run.evaluation.accuracy,
        accuracy_interval=run.evaluation.accuracy_interval,
        loss=run.evaluation.loss,
        n_test=100,
        gates=[],
        entry=None,
    )
    assert Run.read(tmp_path).evaluation == run.evaluation
    assert (tmp_path / "index.html").read_bytes() == render_page(run, "single")["index.html"]


def test_a_file_that_cannot_be_written_is_a_system_error(record: RunRecord, tmp_path: Path) -> None:
    """The scores are known before; a folder has the name of the page."""
    (tmp_path / "index.html").mkdir()
    with ReportWorker() as worker:
        assert worker.evaluate(tmp_path, "single", record).n_test == 100
        with pytest.raises(IsADirectoryError) as caught:
            worker.finish()
    assert caught.value.errno == errno.EISDIR


def test_a_killed_process_is_reported(record: RunRecord, tmp_path: Path) -> None:
    """The kernel kills a process if memory runs out."""
    with ReportWorker() as worker:
        worker._process.send_signal(signal.SIGKILL)
        worker._process.wait()
        with pytest.raises(ResourceError, match=r"was killed \(signal 9\), usually because memory ran out; give it"):
            worker.evaluate(tmp_path, "single", record)


def test_a_limit_that_stops_the_process_is_named(
    record: RunRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second process finds less than it needs."""
    (tmp_path / "pandas.py").write_text("raise MemoryError('nothing is left')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with (
        ReportWorker() as worker,
        pytest.raises(ResourceError, match=r"limit on memory .* \(nothing is left\); raise it"),
    ):
        worker.evaluate(tmp_path, "single", record)


def test_a_module_in_the_working_directory_does_not_reach_it(
    run: Run, record: RunRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Users have files whose names are those of modules."""
    (tmp_path / "pandas.py").write_text("raise SystemExit('imported from the working directory')")
    monkeypatch.chdir(tmp_path)
    with ReportWorker() as worker:
        assert worker.evaluate(tmp_path, "single", record).accuracy == run.evaluation.accuracy
        worker.finish()


def test_a_status_of_python_is_no_system_error(
    record: RunRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python exits with 120 if it cannot flush its streams at the end."""
    (tmp_path / "pandas.py").write_text("import os; os._exit(120)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with ReportWorker() as worker, pytest.raises(RuntimeError, match="the report process failed"):
        worker.evaluate(tmp_path, "single", record)


def test_files_that_contradict_each_other_are_a_bug(record: RunRecord, tmp_path: Path) -> None:
    """This job wrote them a moment ago."""
    shutil.copy(tmp_path / "predictions.csv", tmp_path / "samples.npz")
    with ReportWorker() as worker, pytest.raises(RuntimeError, match=r"samples\.npz: damaged"):
        worker.evaluate(tmp_path, "single", record)


def test_much_on_stderr_does_not_block_the_process(record: RunRecord, tmp_path: Path) -> None:
    """A pipe holds only 64 kB."""
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.stderr.write('noise ' * 50_000)")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(tmp_path))
        worker = ReportWorker()
    with worker:
        worker.evaluate(tmp_path, "single", record)
        worker.finish()


def test_settings_of_other_programs_do_not_reach_it(
    record: RunRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller may be a notebook, whose environment stays as it is."""
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "")
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    with ReportWorker() as worker:
        worker.evaluate(tmp_path, "single", record)
        worker.finish()
    assert "MPLBACKEND" in os.environ


def test_it_ends_with_its_parent() -> None:
    """Its standard input is then closed."""
    with ReportWorker() as worker:
        assert worker._process.stdin is not None
        worker._process.stdin.close()
        assert worker._process.wait(60) == 0


def test_it_ignores_the_interrupt_of_a_terminal(record: RunRecord, tmp_path: Path) -> None:
    """The terminal sends SIGINT to both processes, and the parent decides."""
    with ReportWorker() as worker:
        scores = worker.evaluate(tmp_path, "folder", record)
        worker._process.send_signal(signal.SIGINT)
        worker.finish()
    assert json.loads((tmp_path / "metrics.json").read_text())["evaluation"]["accuracy"] == scores.accuracy


@pytest.mark.parametrize("wait", ["worker.finish()", "worker._process.stdout.readline()"])
def test_a_signal_ends_both_processes_while_the_parent_waits(wait: str) -> None:
    """The signal handler runs within the call that waits, and must not wait for the same lock."""
    code = (
        "from job.system import signals\nfrom job.report.worker import ReportWorker\nsignals.install()\n"
        "with ReportWorker() as worker:\n"
        f"    print(worker._process.pid, flush=True)\n    {wait}"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        time.sleep(0.5)  # until the parent waits
        parent.terminate()
        try:
            assert parent.wait(20) == 128 + signal.SIGTERM
        finally:
            parent.kill()
    wait_for_the_end(worker)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_with_a_parent_that_is_killed_while_it_imports(tmp_path: Path, number: signal.Signals) -> None:
    """It does not wait until the import ends, and leaves alone what it did not write."""
    (tmp_path / "pandas.py").write_text("import time; time.sleep(60)")
    code = (
        "from job.system import signals\nfrom job.report.worker import ReportWorker\nsignals.install()\n"
        "with ReportWorker() as worker:\n    print(worker._process.pid, flush=True)\n    worker.finish()"
    )
    environment = {"PYTHONPATH": f"{tmp_path}:{REPOSITORY}", "TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        time.sleep(0.5)  # until it imports pandas
        parent.send_signal(number)
    wait_for_the_end(worker)
    assert [path.name for path in tmp_path.iterdir() if path.name != "__pycache__"] == ["pandas.py"]


def wait_for_the_end(pid: int) -> None:
    """Fails if the process still runs after some seconds."""
    deadline = time.monotonic() + 5
    while is_running(pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_running(pid: int) -> bool:
    """Whether a process still runs; one that nobody waits for remains without a command."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except OSError:
        return False

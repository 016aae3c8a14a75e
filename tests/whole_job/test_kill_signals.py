"""SIGINT, SIGTERM and SIGHUP at every stage of a run."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support import REPOSITORY, is_alive, list_children, wait_until

pytestmark = pytest.mark.training


@contextmanager
def started_job(stage: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Runs the job until it logs a line of the stage."""
    command = (sys.executable, "-m", "job", *map(str, arguments))
    with subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True) as process:
        watchdog = threading.Timer(120, process.kill)  # otherwise a job that hangs would block the tests for ever
        watchdog.start()
        try:
            lines = []
            for line in process.stderr or ():
                lines.append(line)
                if line.startswith(stage):
                    break
            assert lines[-1].startswith(stage), lines[:9]
            yield process
        finally:
            watchdog.cancel()


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """An output folder with the page of an earlier run."""
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "index.html").write_text("earlier")
    return folder


@pytest.mark.parametrize(
    ("stage", "number"),
    [
        ("output", signal.SIGTERM),
        ("system", signal.SIGINT),
        ("data", signal.SIGTERM),
        ("tensorflow", signal.SIGINT),
        ("training", signal.SIGINT),
        ("training", signal.SIGTERM),
        ("training", signal.SIGHUP),
    ],
)
def test_a_signal_ends_the_job(dataset_folder: Path, output: Path, stage: str, number: signal.Signals) -> None:
    """The status is 128 + signal, and the earlier report stays."""
    arguments = ("--data", dataset_folder, "--output", output, "--epochs", "100000")
    with started_job(stage, *arguments) as process:
        time.sleep(0.3)
        process.send_signal(number)
        assert process.wait(20) == 128 + number
        assert process.stderr
        assert process.stderr.read().endswith(f"fashion-job: stopped by {number.name}; no file was changed\n")
    assert {path.name: path.read_text() for path in output.iterdir()} == {"index.html": "earlier"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_processes_of_all_seeds(dataset_folder: Path, output: Path, number: signal.Signals) -> None:
    """Within 5 seconds, no process is left, and the earlier report stays."""
    arguments = ("--data", dataset_folder, "--output", output, "--epochs", "100000", "--runs", "3", "--threads", "1")
    with started_job("training", *arguments) as process:
        wait_until(lambda: any(map(list_children, list_children(process.pid))))
        started = list_children(process.pid)
        started += [training for child in started for training in list_children(child)]
        process.send_signal(number)
        assert process.wait(5) == 128 + number
    assert not any(map(is_alive, started))
    assert {path.name: path.read_text() for path in output.iterdir()} == {"index.html": "earlier"}


def test_a_signal_after_the_training(dataset_folder: Path, output: Path) -> None:
    """While the results are written, the last line says whether the new report is in place."""
    arguments = ("--data", dataset_folder, "--output", output, "--epochs", "1")
    with started_job("prediction", *arguments) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 143
        assert process.stderr
        last_line = process.stderr.read().splitlines()[-1]
    if (output / "index.html").read_text() == "earlier":
        assert last_line == "fashion-job: stopped by SIGTERM; no file was changed"
        assert [path.name for path in output.iterdir()] == ["index.html"]
    else:
        assert last_line == "fashion-job: stopped by SIGTERM; the new report is in place"


@pytest.mark.parametrize("pattern", ["predictions.csv", "metrics.json", "report-images/*.png", "exports/*"])
def test_a_signal_while_files_are_written(dataset_folder: Path, output: Path, pattern: str) -> None:
    """Neither process writes on: nothing stays but the earlier report."""
    arguments = ("--data", dataset_folder, "--output", output, "--epochs", "1")
    with started_job("training", *arguments, "--layout", "folder", "--export", "litert") as process:
        while process.poll() is None and not list(output.glob(f".unfinished-*/new/{pattern}")):
            time.sleep(0.001)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 143
    time.sleep(0.5)  # for a process that outlives the job
    assert {path.name: path.read_text() for path in output.iterdir()} == {"index.html": "earlier"}

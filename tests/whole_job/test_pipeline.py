"""The pipeline as functions that a notebook, a sweep or a test can call."""

import json
import logging
import signal
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import numpy as np
import pytest

from job import log
from job.config.run_config import Config
from job.errors import DataError
from job.pipeline import train_and_evaluate
from job.results.run import Run
from job.system import signals


@pytest.fixture
def unconfigured_log() -> Iterator[logging.Logger]:
    """The job's log as it is before the command line configures it."""
    before = log.log.handlers, log.log.level, log.log.propagate
    log.log.handlers, log.log.propagate = [], True
    log.log.setLevel(logging.NOTSET)
    yield log.log
    log.log.handlers, log.log.propagate = before[0], before[2]
    log.log.setLevel(before[1])


@pytest.fixture(params=[1, 3])
def config(request: pytest.FixtureRequest, dataset_folder: Path) -> Config:
    """The settings of a single training in this process, or of three in processes of their own."""
    return Config(data=str(dataset_folder), epochs=1, runs=request.param)


@pytest.mark.training
def test_a_run_leaves_its_process_alone(
    unconfigured_log: logging.Logger,
    config: Config,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """It leaves no file and writes no line, installs no signal handler, and does not configure the log."""
    folders = [tmp_path / name for name in ("cwd", "tmp")]
    for folder in folders:
        folder.mkdir()
    monkeypatch.chdir(folders[0])
    monkeypatch.setattr(tempfile, "tempdir", str(folders[1]))

    def state() -> list[object]:
        handlers = [signal.getsignal(number) for number in signals.SIGNALS]
        files = [list(folder.iterdir()) for folder in folders]
        return [files, handlers, logging.getLogger().handlers[:], unconfigured_log.handlers[:], unconfigured_log.level]

    before = state()
    with ThreadPoolExecutor(1) as thread:  # a server or a notebook may call it there
        run = thread.submit(train_and_evaluate, config).result()
    assert run.training
    assert run.training.config == config
    assert len(run.training.seed_variation.runs if run.training.seed_variation else [0]) == config.runs
    assert run.network
    assert state() == before
    assert capfd.readouterr() == ("", "")


def test_it_has_the_metrics_and_files_of_the_job(finished_run: Path, tmp_path: Path) -> None:
    """The same settings give the same metrics, predictions and images as `python -m job`."""
    run = train_and_evaluate(Config(data=str(finished_run.parent / "blocks"), epochs=2))
    metrics = json.loads((finished_run / "metrics.json").read_text())
    assert json.loads(json.dumps(msgspec.to_builtins(run.evaluation))) == metrics["evaluation"]
    assert run.training is not None
    assert msgspec.to_builtins(run.training.history) == metrics["training"]["history"]
    run.write(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "metrics.json",
        "network.npz",
        "predictions.csv",
        "samples.npz",
        "SHA256SUMS",
    }
    assert (tmp_path / "predictions.csv").read_bytes() == (finished_run / "predictions.csv").read_bytes()
    with np.load(tmp_path / "samples.npz") as ours, np.load(finished_run / "samples.npz") as expected:
        assert {name: ours[name].tolist() for name in ours} == {name: expected[name].tolist() for name in expected}


def test_a_written_run_reads_back(compared_run: Path, tmp_path: Path) -> None:
    """Reading a run and writing it again gives the same metrics and predictions."""
    run = Run.read(compared_run)
    run.write(tmp_path)
    for name in ("metrics.json", "predictions.csv"):
        assert (tmp_path / name).read_bytes() == (compared_run / name).read_bytes()
    again = Run.read(tmp_path)
    assert (again.evaluation, again.comparison) == (run.evaluation, run.comparison)
    assert (again.training, again.provenance) == (run.training, run.provenance)


def test_it_compares_with_a_reference(finished_run: Path) -> None:
    """The comparison of a run with itself has no change."""
    data = str(finished_run.parent / "blocks")
    run = train_and_evaluate(Config(data=data, epochs=2, reference=str(finished_run)))
    assert run.comparison is not None
    assert run.comparison.reference.folder == str(finished_run)
    assert run.comparison.reference.accuracy == run.evaluation.accuracy
    assert run.predictions.y_reference is not None
    assert run.predictions.y_reference.tolist() == run.predictions.y_pred.tolist()


def test_its_errors_are_exceptions(tmp_path: Path) -> None:
    """A caller catches `JobError` and its kinds; nothing is printed."""
    with pytest.raises(DataError, match="does not exist"):
        train_and_evaluate(Config(data=str(tmp_path / "nothing")))

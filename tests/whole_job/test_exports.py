"""`--export` through whole jobs."""

import errno
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from support import REPOSITORY, ErrorOf, run_job

from job.__main__ import main
from job.config.export_formats import FORMATS
from job.data import idx
from job.data.dataset import scale_pixels
from job.data.fashion_mnist import FILES
from job.results.file_names import CARD, CHECKSUMS, EXPORTS
from job.training import export

FILES_OF_A_RUN = {
    "ci",
    "index.html",
    "metrics.json",
    "predictions.csv",
    "samples.npz",
    "model.keras",
    "network.npz",
    "SHA256SUMS",
}
ALL_FORMATS = tuple(word for name in FORMATS for word in ("--export", name))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.training
def test_every_format(dataset_folder: Path, tmp_path: Path) -> None:
    """The folder has the models and the card, and the manifest has their checksums, even if a format is named twice."""
    output = tmp_path / "out"
    options = (*ALL_FORMATS, "--export", "onnx", "--output", output)
    done = run_job("--data", dataset_folder, "--epochs", "1", *options)
    *_, last = lines = done.stderr.splitlines()
    stages = ["output", "system", "data", "tensorflow", "training", "training", "prediction", "evaluation", "report"]
    assert [line.split()[0] for line in lines] == stages
    assert ", exports/saved_model, exports/model.onnx, exports/model.tflite (" in last
    assert len(done.stdout.splitlines()) == 1
    assert json.loads((output / "metrics.json").read_text())["training"]["config"]["export"] == list(FORMATS)
    check = ("sha256sum", "--check", "--strict", "--quiet", CHECKSUMS)
    assert subprocess.run(check, cwd=output, check=False).returncode == 0
    assert main(["render", "-q", "--output", str(output)]) == 0
    assert names(output) == {*FILES_OF_A_RUN, EXPORTS}
    assert names(output / EXPORTS) == {*FORMATS.values(), CARD}


@pytest.mark.training
@pytest.mark.parametrize("option", ["--replicas", "--runs"])
def test_exports_of_two_devices_or_seeds(dataset_folder: Path, tmp_path: Path, option: str) -> None:
    """The exported model gives the predictions of the run; the archive has every file of the exports."""
    import onnxruntime

    command = (sys.executable, "-m", "job", "--data", str(dataset_folder), "--epochs", "1", option, "2")
    done = subprocess.run((*command, *ALL_FORMATS, "--output", "-"), cwd=REPOSITORY, capture_output=True, check=True)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(tmp_path, filter="data")
    folder = tmp_path / "report"
    assert (folder / EXPORTS / "saved_model" / "variables" / "variables.index").exists()
    images = scale_pixels(idx.read_idx(dataset_folder / FILES["test_images"], 3)[0])
    session = onnxruntime.InferenceSession(folder / EXPORTS / "model.onnx")
    probabilities = session.run(None, {"images": images})[0]
    written = np.loadtxt(folder / "predictions.csv", delimiter=",", skiprows=1)
    np.testing.assert_allclose(probabilities, written[:, 3:13], rtol=0, atol=1e-5)


def test_a_new_run_replaces_the_exports(exported_run: Path, tmp_path: Path) -> None:
    """The next run replaces or removes the folder of exports, and keeps files that the job did not write."""
    output = Path(shutil.copytree(exported_run, tmp_path / "out"))
    for name in ("notes.txt", "model.onnx", "exports.sha256"):  # version 0.4.0 wrote the last two
        (output / name).write_text("mine")
    kept = {*FILES_OF_A_RUN, "notes.txt", "model.onnx", "exports.sha256"}
    arguments = ["-q", "--data", str(exported_run.parent / "blocks"), "--epochs", "1", "--output", str(output)]
    card = (output / EXPORTS / CARD).read_text()
    assert main([*arguments, "--export", "litert"]) == 0
    assert names(output) == {*kept, EXPORTS}
    assert names(output / EXPORTS) == {"model.tflite", CARD}
    assert (output / EXPORTS / CARD).read_text() != card
    assert main(arguments) == 0
    assert names(output) == kept


def test_a_foreign_folder_of_exports_is_refused(error_of: ErrorOf, dataset_folder: Path, tmp_path: Path) -> None:
    """A run with exports fails with 73 before training, and changes nothing."""
    model = tmp_path / "out" / EXPORTS / "model.onnx"
    model.parent.mkdir(parents=True)
    model.write_text("theirs")
    line = error_of(73, "--data", dataset_folder, "--output", tmp_path / "out", "--export", "onnx")
    assert "exports exists, but no run wrote it" in line
    assert names(tmp_path / "out") == {EXPORTS}
    assert model.read_text() == "theirs"


@pytest.mark.training
def test_a_foreign_folder_of_exports_is_kept(
    dataset_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run without exports leaves the folder alone, and warns that its models are not of this run."""
    model = tmp_path / "out" / EXPORTS / "model.onnx"
    model.parent.mkdir(parents=True)
    model.write_text("theirs")
    assert main(["--data", str(dataset_folder), "--epochs", "1", "--output", str(tmp_path / "out"), "-q"]) == 0
    assert f"{model.parent} was changed since a run wrote it, so the job keeps it" in capsys.readouterr().err
    assert names(tmp_path / "out") == {*FILES_OF_A_RUN, EXPORTS}
    assert {path.name: path.read_text() for path in model.parent.iterdir()} == {"model.onnx": "theirs"}


def test_a_failed_export_changes_nothing(
    error_of: ErrorOf, exported_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If no space is left for a model, the status is 73, and the earlier report and models stay."""
    output = Path(shutil.copytree(exported_run, tmp_path / "out"))
    before = {path: path.read_bytes() for path in output.rglob("*") if path.is_file()}

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(export, "export_network", fail)
    arguments = ("--data", exported_run.parent / "blocks", "--epochs", "1", "--output", output)
    assert "no space is left" in error_of(73, *arguments, "--export", "tf_saved_model")
    assert before == {path: path.read_bytes() for path in output.rglob("*") if path.is_file()}


def test_exports_need_space(
    error_of: ErrorOf, dataset_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status is 73 before training if the disk has space for the report but not for the models."""
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 8_000_000}))
    arguments = ("--data", dataset_folder, "--output", tmp_path / "out", "--export", "onnx")
    assert "need about 9.0 MB, but only 8.0 MB are free" in error_of(73, *arguments)


def test_a_missing_package(error_of: ErrorOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The status is 69, before the data is read and the output folder is created."""
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    line = error_of(69, "--data", tmp_path / "nothing", "--output", tmp_path / "out", "--export", "onnx")
    assert "--export onnx: tf2onnx is not installed; install requirements-export.txt" in line
    assert list(tmp_path.iterdir()) == []

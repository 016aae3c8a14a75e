"""Errors that the job finds before it trains: one line, the status of their kind, and nothing slow."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import REPOSITORY, ErrorOf, write_idx

from job import trained_run
from job.__main__ import main
from job.data import idx
from job.data.fashion_mnist import FILES


def test_a_usage_error_loads_nothing_heavy() -> None:
    """A wrong option is reported before NumPy, TensorFlow or matplotlib is imported."""
    code = (
        "import sys; from job.__main__ import main; main(sys.argv[1:])\n"
        "print(sorted({'tensorflow', 'keras', 'numpy', 'matplotlib'} & set(sys.modules)))"
    )
    command = (sys.executable, "-c", code, "--epochs", "0")
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert done.stderr.startswith("fashion-job: error: --epochs is 0")


def test_bad_data(error_of: ErrorOf, dataset_folder: Path, tmp_path: Path) -> None:
    """The status is 65, and the output folder stays empty."""
    output = tmp_path / "out"
    assert "does not exist" in error_of(65, "--data", tmp_path / "nothing", "--output", output)
    labels = dataset_folder / FILES["test_labels"]
    write_idx(labels, idx.read_idx(labels, 1)[0][:-1])
    line = error_of(65, "--data", dataset_folder, "--output", output)
    assert f"contains 100 images, but {FILES['test_labels']} contains 99 labels" in line
    assert list(output.iterdir()) == []


def test_more_images_than_memory(
    error_of: ErrorOf, dataset_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that announces more than a quarter of the memory is not read."""
    monkeypatch.setattr(trained_run, "available_memory_bytes", lambda: 400_000)
    line = error_of(65, "--data", dataset_folder, "--output", tmp_path / "out")
    assert f"{FILES['train_images']}: its header announces 300 x 28 x 28 values, but only 0 MB of memory" in line


def test_a_split_without_training_images(error_of: ErrorOf, dataset_folder: Path, tmp_path: Path) -> None:
    """A fraction in range can be too large for a small data set."""
    line = error_of(65, "--data", dataset_folder, "--validation-split", "0.999", "--output", tmp_path / "out")
    assert "--validation-split 0.999 of 300 training images leaves none for training" in line


def test_a_batch_larger_than_the_training_set(error_of: ErrorOf, dataset_folder: Path, tmp_path: Path) -> None:
    """The status is 64, as soon as the number of images is known."""
    line = error_of(64, "--data", dataset_folder, "-q", "--batch-size", "271", "--output", tmp_path / "out")
    assert "--batch-size is 271, but only 270 training images remain" in line


def test_replicas_that_do_not_divide_the_training_set(error_of: ErrorOf, dataset_folder: Path, tmp_path: Path) -> None:
    """Four replicas cannot take equal shares of 270 images."""
    line = error_of(64, "--data", dataset_folder, "-q", "--replicas", "4", "--output", tmp_path / "out")
    assert "--replicas is 4, which does not divide the 270 training images equally" in line


def test_a_missing_gpu(
    error_of: ErrorOf, dataset_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status is 69; the job does not fall back to the CPU."""
    import tensorflow as tf

    monkeypatch.setattr(tf.test, "is_built_with_gpu_support", lambda: True)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _kind: [])
    line = error_of(69, "--device", "gpu", "--data", dataset_folder, "--output", tmp_path / "out")
    assert "--device gpu: TensorFlow sees no GPU" in line


def test_an_output_folder_that_cannot_be_written(
    error_of: ErrorOf, dataset_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status is 73 if a file is in the way or the disk is too full."""
    (tmp_path / "file").write_text("mine")
    assert "is a file; remove it" in error_of(73, "--data", dataset_folder, "--output", tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1_000_000}))
    assert "only 1.0 MB are free" in error_of(73, "--data", dataset_folder, "--output", tmp_path / "out")


@pytest.mark.usefixtures("unprivileged")
def test_a_read_only_output_folder(error_of: ErrorOf) -> None:
    """The line names the user, the owner and what to do."""
    assert f"user {os.geteuid()} cannot read and write there; /usr/share" in error_of(73, "--output", "/usr/share")


def test_a_bug_shows_its_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The status is 70, and the last line asks for a report of the bug."""
    monkeypatch.setattr(trained_run, "find_or_download", lambda _: 1 / 0)
    assert main(["--output", str(tmp_path)]) == 70
    captured = capsys.readouterr()
    assert "ZeroDivisionError" in captured.err
    assert captured.err.endswith("fashion-job: error: this is a bug in the job; please report it with the above\n")

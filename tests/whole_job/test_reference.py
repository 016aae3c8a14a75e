"""`--reference` through the command line; tests/results/test_reference_run.py has what is refused inside the folder."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support import make_run

from job.__main__ import main

ErrorOf = Callable[..., str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The output folder of a run."""
    path = tmp_path / "run"
    path.mkdir()
    make_run().write(path)
    return path


def test_the_output_folder_cannot_be_the_reference(error_of: ErrorOf, folder: Path, tmp_path: Path) -> None:
    """A link or a detour makes no difference, nor whether the folder exists; nothing in it changes."""
    (tmp_path / "link").symlink_to(folder)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for name in (folder, tmp_path / "link", f"{folder}/../run", f"{folder}/"):
        line = error_of(64, "--reference", name, "--output", folder)
        assert f"--reference {name} is the folder of --output, whose files this run would replace" in line
    for name in ("none", "loop"):
        assert "is the folder of --output" in error_of(64, "--reference", tmp_path / name, "--output", tmp_path / name)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_one_folder_under_two_names_without_a_link(
    error_of: ErrorOf, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mount or a file system that ignores case does this; here it is a link that is not resolved."""
    (tmp_path / "mount").symlink_to(folder)
    monkeypatch.setattr("os.path.realpath", str)
    assert "is the folder of --output" in error_of(64, "--reference", tmp_path / "mount", "--output", folder)


def test_a_refused_reference_leaves_the_output_folder_alone(
    error_of: ErrorOf, folder: Path, dataset_folder: Path, tmp_path: Path
) -> None:
    """Neither a missing run nor one on another test set costs a training."""
    output = tmp_path / "out"
    for reference, words in (
        (tmp_path / "none", "metrics.json: not found; name the output folder of a finished run: --reference DIR"),
        (folder, f"--reference {folder}: was evaluated on another t10k-images-idx3-ubyte.gz"),
    ):
        line = error_of(65, "--data", dataset_folder, "--reference", reference, "--output", output)
        assert words in line
        assert not output.exists() or not list(output.iterdir())


def test_a_reference_changes_no_prediction(compared_run: Path, finished_run: Path, tmp_path: Path) -> None:
    """The same run without a reference predicts the same; only the last column is missing."""
    options = ["--epochs", "3", "--seed", "1", "--output", str(tmp_path / "out"), "-q"]
    assert main(["--data", str(finished_run.parent / "blocks"), *options]) == 0
    lines = (compared_run / "predictions.csv").read_text().splitlines()
    expected = [line.rsplit(",", 1)[0] for line in lines]
    assert (tmp_path / "out" / "predictions.csv").read_text().splitlines() == expected

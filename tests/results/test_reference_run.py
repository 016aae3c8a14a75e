"""What --reference reads, through main([...]): good folders, and those that are refused before anything slow begins."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import edited, write_idx

from job.__main__ import main
from job.data import idx
from job.data.fashion_mnist import FILES
from job.results import run

ErrorOf = Callable[..., str]


@pytest.fixture
def refusal(error_of: ErrorOf, finished_run: Path, tmp_path: Path) -> ErrorOf:
    """The line with which the job refuses a folder as the baseline; nothing is written."""
    output = tmp_path / "out"

    def refuse(baseline: Path | str, status: int = 65, data: Path | None = None, *others: object) -> str:
        data = data or finished_run.parent / "blocks"
        arguments = ("--data", data, "--reference", baseline, "--output", output, *others)
        line = error_of(status, *arguments)
        assert not output.exists() or not list(output.iterdir())
        return line

    return refuse


def test_a_folder_without_results(refusal: ErrorOf, tmp_path: Path) -> None:
    """None, an empty one, a file, one with metrics.json alone: the path, and which option to mend."""
    words = "is not there; name the output folder of a finished run: --reference DIR"
    assert f"{tmp_path / 'none' / 'metrics.json'}: {words}" in refusal(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    assert words in refusal(tmp_path / "empty")
    (tmp_path / "file").write_text("")
    assert f"{tmp_path / 'file' / 'metrics.json'}: cannot be read: Not a directory" in refusal(tmp_path / "file")


def test_a_folder_without_predictions(refusal: ErrorOf, run_copy: Path) -> None:
    """They are needed, too."""
    (run_copy / "predictions.csv").unlink()
    line = refusal(run_copy)
    assert (
        f"{run_copy / 'predictions.csv'}: is not there; name the output folder of a finished run: --reference" in line
    )


@pytest.mark.parametrize("version", [3, 5])
def test_results_of_another_schema(refusal: ErrorOf, run_copy: Path, version: int) -> None:
    """The remedy is another than that of `render`."""
    path = run_copy / "metrics.json"
    path.write_text(edited(lambda content: content.update(schema_version=version))(path.read_text()))
    words = f"has schema version {version}, this job reads 4; train that run again with this release"
    assert f"{path}: {words}" in refusal(run_copy)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (
            lambda c: c.update(accuracy=0.999),
            "as accuracy, but metrics.json tells 0.999; the files are of different runs",
        ),
        (lambda c: c.update(loss=0.123), "as loss, but metrics.json tells 0.123; the files are of different runs"),
        (lambda c: c["confusion_matrix"][2].__setitem__(5, 99), "gives another confusion matrix than metrics.json"),
        (lambda c: c["confusion_matrix"][2].__setitem__(5, 2**70), "gives another confusion matrix than metrics.json"),
        (lambda c: c["data"].update(n_test=101), "tells of 100 test images, but metrics.json of 101"),
        (lambda c: c["per_class"].pop(), "damaged (the confusion matrix is not 9 x 9)"),
        (lambda c: c["loss_interval"].update(upper=-1), "damaged (a loss, a time or a number is out of range)"),
    ],
)
def test_files_of_different_runs(
    refusal: ErrorOf, run_copy: Path, edit: Callable[[dict[str, Any]], object], words: str
) -> None:
    """The figures of metrics.json must follow from predictions.csv."""
    path = run_copy / "metrics.json"
    path.write_text(edited(edit)(path.read_text()))
    line = refusal(run_copy)
    assert words in line
    assert str(run_copy) in line


def test_damaged_files(refusal: ErrorOf, run_copy: Path) -> None:
    """Cut off; the line says which."""
    for name in ("predictions.csv", "metrics.json"):
        path = run_copy / name
        path.write_text(path.read_text()[:-100])
        assert f"{path}: damaged (" in refusal(run_copy)


@pytest.mark.parametrize("role", ["test_images", "test_labels"])
def test_another_test_set(refusal: ErrorOf, finished_run: Path, tmp_path: Path, role: str) -> None:
    """Other images, or the same with another label."""
    other = Path(shutil.copytree(finished_run.parent / "blocks", tmp_path / "other"))
    path = other / FILES[role]
    values = idx.read_idx(path, 3 if role == "test_images" else 1).values.copy()
    values[0] = values[1]
    write_idx(path, values)
    line = refusal(finished_run, 65, other)
    assert f"--reference {finished_run}: was judged on other {role.replace('_', ' ')}, those of blocks in" in line
    assert "only runs judged on one test set can be compared" in line


def test_other_training_images_are_no_hindrance(finished_run: Path, tmp_path: Path) -> None:
    """More data is one of the things that a comparison is for."""
    other = Path(shutil.copytree(finished_run.parent / "blocks", tmp_path / "other"))
    images, labels = (
        idx.read_idx(other / FILES[f"train_{kind}"], n).values for kind, n in (("images", 3), ("labels", 1))
    )
    write_idx(other / FILES["train_images"], np.concatenate([images, images[:40]]))
    write_idx(other / FILES["train_labels"], np.concatenate([labels, labels[:40]]))
    output = tmp_path / "out"
    options = ["--reference", str(finished_run), "--epochs", "1", "--output", str(output), "-q"]
    assert main(["--data", str(other), *options]) == 0
    assert run.read_metrics(output).comparison is not None


def test_other_class_names(refusal: ErrorOf, finished_run: Path, tmp_path: Path) -> None:
    """One of another name, and one more."""
    other = Path(shutil.copytree(finished_run.parent / "blocks", tmp_path / "other"))
    names = [f"class {label}" for label in range(10)]
    (other / "classes.txt").write_text("\n".join([*names[:3], "Kleid", *names[4:]]))
    line = refusal(finished_run, 65, other)
    assert f"--reference {finished_run}: names class 3 'class 3', but the data set 'Kleid'; only runs" in line


def test_labels_that_are_not_the_data_sets(refusal: ErrorOf, run_copy: Path) -> None:
    """Though the figures agree with them: two images that are predicted alike swap their true classes."""
    path, metrics = run_copy / "predictions.csv", run_copy / "metrics.json"
    lines = path.read_text().splitlines()
    cells = [line.split(",") for line in lines]
    one, other = next(
        (i, j)
        for i in range(1, 101)
        for j in range(i, 101)
        if cells[i][1] != cells[j][1] and cells[i][2] == cells[j][2]
    )
    cells[one][1], cells[other][1] = cells[other][1], cells[one][1]
    path.write_text("\n".join(",".join(line) for line in cells) + "\n")
    found = run.read_predictions(run_copy, 10, [])
    loss = float(-np.log(found.of_truth.astype(float)).mean())
    metrics.write_text(edited(lambda content: content.update(loss=loss))(metrics.read_text()))
    assert f"predictions.csv gives image {one - 1} another true class than the data set" in refusal(run_copy)


def test_the_output_folder_is_no_baseline(error_of: ErrorOf, run_copy: Path, tmp_path: Path) -> None:
    """64, by whatever name: the same, a link, a detour; also where it does not exist; and nothing in it has changed."""
    (tmp_path / "link").symlink_to(run_copy)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    before = {path.name: path.read_bytes() for path in run_copy.iterdir()}
    for name in (run_copy, tmp_path / "link", f"{run_copy}/../copy", f"{run_copy}/"):
        line = error_of(64, "--reference", name, "--output", run_copy)
        assert f"--reference {name} is the folder of --output, whose files this run will replace" in line
    for name in ("none", "loop"):
        assert "is the folder of --output" in error_of(64, "--reference", tmp_path / name, "--output", tmp_path / name)
    assert {path.name: path.read_bytes() for path in run_copy.iterdir()} == before


def test_a_link_that_moves_on_does_not_damage_the_results(compared_copy: Path, tmp_path: Path) -> None:
    """`--reference latest --output new`, then `latest` becomes a link to `new`: the report can still be made again."""
    (tmp_path / "latest").symlink_to(compared_copy)
    path = compared_copy / "metrics.json"
    names = {"baseline": str(tmp_path / "latest"), "output": str(compared_copy)}
    path.write_text(edited(lambda content: content["config"].update(names))(path.read_text()))
    assert main(["render", "--output", str(compared_copy), "-q"]) == 0


def test_a_compared_run_is_a_baseline_too(compared_run: Path, finished_run: Path, tmp_path: Path) -> None:
    """A chain of runs, each compared with the one before; the same settings win and lose nothing."""
    output, data = tmp_path / "out", finished_run.parent / "blocks"
    options = ["--epochs", "3", "--seed", "1", "--reference", str(compared_run), "--output", str(output), "-q"]
    assert main(["--data", str(data), *options]) == 0
    found = run.read_metrics(output).comparison
    assert found is not None
    assert (found.pairs.n_discordant, found.p_value, found.indices()) == (0, 1.0, [])
    assert "Both got the same images right." in (output / "index.html").read_text(encoding="utf-8")


def test_a_baseline_changes_no_prediction(compared_run: Path, finished_run: Path, tmp_path: Path) -> None:
    """The same run without it predicts the same; only the last column is gone."""
    data = finished_run.parent / "blocks"
    options = ["--epochs", "3", "--seed", "1", "--output", str(tmp_path / "out"), "-q"]
    assert main(["--data", str(data), *options]) == 0
    lines = (compared_run / "predictions.csv").read_text().splitlines()
    expected = [line.rsplit(",", 1)[0] for line in lines]
    assert (tmp_path / "out" / "predictions.csv").read_text().splitlines() == expected


def test_one_folder_under_two_names_that_no_link_joins(
    error_of: ErrorOf, run_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a mount has, or a file system that knows no case; here a link, with what follows links put out of action."""
    (tmp_path / "mount").symlink_to(run_copy)
    monkeypatch.setattr("os.path.realpath", str)
    assert "is the folder of --output" in error_of(64, "--reference", tmp_path / "mount", "--output", run_copy)

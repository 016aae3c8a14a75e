"""`--reference` through main([...]); tests/results/test_reference_run.py tests which contents are refused."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from support import ErrorOf, write_dataset

from job.__main__ import main


def test_the_output_folder_cannot_be_the_reference(error_of: ErrorOf, written_run: Path, tmp_path: Path) -> None:
    """The status is 64 even if the names differ or the folder does not exist; no file changes."""
    (tmp_path / "link").symlink_to(written_run)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    before = {path.name: path.read_bytes() for path in written_run.iterdir()}
    for name in (written_run, tmp_path / "link", f"{written_run}/../written", f"{written_run}/"):
        line = error_of(64, "--reference", name, "--output", written_run)
        assert f"--reference {name} is the folder of --output, whose files this run will replace" in line
    for name in ("none", "loop"):
        assert "is the folder of --output" in error_of(64, "--reference", tmp_path / name, "--output", tmp_path / name)
    assert {path.name: path.read_bytes() for path in written_run.iterdir()} == before


def test_one_folder_under_two_names_without_a_link(
    error_of: ErrorOf, written_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unresolved link behaves like a mount or a file system that ignores case."""
    (tmp_path / "mount").symlink_to(written_run)
    monkeypatch.setattr("os.path.realpath", str)
    assert "is the folder of --output" in error_of(64, "--reference", tmp_path / "mount", "--output", written_run)


def test_a_refused_reference_leaves_the_output_folder_alone(
    error_of: ErrorOf, written_run: Path, dataset_folder: Path, tmp_path: Path
) -> None:
    """A missing run and a run on another test set are refused before training."""
    output = tmp_path / "out"
    for reference, words in (
        (tmp_path / "none", "metrics.json: not found; name the output folder of a finished run: --reference DIR"),
        (written_run, f"--reference {written_run}: was evaluated on another t10k-images-idx3-ubyte.gz"),
    ):
        line = error_of(65, "--data", dataset_folder, "--reference", reference, "--output", output)
        assert words in line
        assert not output.exists() or not list(output.iterdir())


def test_a_reference_changes_no_prediction(compared_run: Path, finished_run: Path, tmp_path: Path) -> None:
    """A run without a reference makes the same predictions; only the columns of the reference are missing."""
    options = ["--epochs", "3", "--seed", "1", "--output", str(tmp_path / "out"), "-q"]
    assert main(["--data", str(finished_run.parent / "blocks"), *options]) == 0
    lines = (compared_run / "predictions.csv").read_text().splitlines()
    expected = [",".join(line.split(",")[:13]) for line in lines]
    assert (tmp_path / "out" / "predictions.csv").read_text().splitlines() == expected
    names = [f"reference_p_{label}" for label in range(10)]
    table, reference = (pd.read_csv(folder / "predictions.csv") for folder in (compared_run, finished_run))
    assert table[names].to_numpy().tolist() == reference[[f"p_{label}" for label in range(10)]].to_numpy().tolist()


def test_two_recipes_are_compared_over_seeds_and_images(tmp_path: Path) -> None:
    """Both runs have two seeds; the report can be rendered without the folder of the reference."""
    data = write_dataset(tmp_path / "blocks", n_test=300)
    words = ["--data", str(data), "--epochs", "1", "--runs", "2", "-q"]
    before, output = tmp_path / "before", tmp_path / "output"
    assert main([*words, "--output", str(before)]) == 0
    assert main([*words, "--recipe", "mlp", "--reference", str(before), "--output", str(output)]) == 0
    tables = [pd.read_csv(folder / "predictions.csv") for folder in (before, output)]
    metrics, earlier = (json.loads((folder / "metrics.json").read_text()) for folder in (output, before))
    recipes, variation = metrics["comparison"]["recipes"], metrics["training"]["seed_variation"]
    means = [each["training"]["seed_variation"]["mean"] for each in (earlier, metrics)]
    assert [recipes["reference_mean"], recipes["mean"]] == pytest.approx(means)
    assert recipes["interval"]["lower"] < recipes["difference"] < recipes["interval"]["upper"]
    lowest = min(variation["runs"], key=lambda run: run["val_loss"])
    assert variation["reported_seed"] == lowest["seed"]
    (other,) = {0, 1} - {lowest["seed"]}
    assert (tables[1][f"seed_{other}"] == tables[1]["true"]).mean() == variation["runs"][other]["accuracy"]
    (old,) = tables[0].filter(regex="_p_true$")
    assert tables[1][f"reference_{old}"].tolist() == tables[0][old].tolist()
    shutil.rmtree(before)
    page = (output / "index.html").read_bytes()
    assert re.search(r"difference in mean accuracy from the reference \(<b>.*</b>\) is <b>", page.decode())
    assert main(["render", "--output", str(output), "-q"]) == 0
    assert (output / "index.html").read_bytes() == page

"""Whole runs on a data set of image files."""

from pathlib import Path

import pytest
from PIL import Image
from support import run_job, write_dataset

from job.__main__ import main
from job.data.dataset import load_dataset
from job.data.sources import IMAGE_FILES, Source
from job.results.run import Run

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The blocks of `write_dataset` as image files, all in train/."""
    folder = tmp_path_factory.mktemp("images")
    blocks = load_dataset(Source(write_dataset(folder / "blocks"), "--data"))
    for number, (image, label) in enumerate(zip(blocks.train_images, blocks.train_labels, strict=True)):
        path = folder / "pets" / "train" / f"pet{label + 1}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    return folder / "pets"


def test_seeds_share_the_split(pets: Path, tmp_path: Path) -> None:
    """The record names the folder, its classes and the hashes; each seed predicts the same test images."""
    options = ("--data", pets, "--split-seed", 5, "--epochs", 2, "--runs", 2, "--threads", 1)
    done = run_job(*options, "--output", tmp_path / "report")
    dataset = load_dataset(Source(pets, IMAGE_FILES), split_seed=5)
    run = Run.read(tmp_path / "report")
    assert [each.name for each in run.evaluation.per_class] == [f"pet{number}" for number in range(1, 11)]
    data = run.provenance.data
    assert (data.name, data.source, data.folder) == ("pets", IMAGE_FILES, str(pets))
    assert list(data.sha256.values()) == list(dataset.sha256.values())
    assert "--split-seed 5" in run.provenance.command
    assert run.predictions.y_true.tolist() == dataset.test_labels.tolist()
    assert run.predictions.names == dataset.test_names
    assert all((image == dataset.test_images[index]).all() for index, image in run.images.items())
    assert f"pets, 240 training and 60 test images of 10 classes, from {pets}" in done.stderr
    page = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert [text in page for text in ("pet10", "SHA-256 of the prepared images and labels, as IDX files")] == [True] * 2


def test_images_are_shown_and_compared_by_name(pets: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A history knows the test set by the names, and the report of another program pairs its images by them."""
    words = ["--data", str(pets), "--epochs", "1", "--history", str(tmp_path / "history.jsonl"), "-q"]
    first, second, other = tmp_path / "first", tmp_path / "second", tmp_path / "other"
    assert main([*words, "--output", str(first)]) == 0
    assert main([*words, "--output", str(second), "--seed", "1", "--reference", str(first)]) == 0
    run = Run.read(second)
    assert run.trend is not None
    assert run.trend.n_others == 0
    names = load_dataset(Source(pets, IMAGE_FILES)).test_names
    assert names is not None
    page = (second / "index.html").read_text(encoding="utf-8")
    assert all(names[index] in page for index in run.evaluation.samples.least_certain)

    lines = (first / "predictions.csv").read_text(encoding="utf-8").splitlines()
    table = tmp_path / "table.csv"
    rows = [line.partition(",")[2] for line in (lines[0], *lines[:0:-1])]  # without the numbers, the last one first
    table.write_text("\n".join(rows).replace("name", "id", 1) + "\n", encoding="utf-8")
    words = ["--predictions", str(table), "--reference", str(first), "--output", str(other), "-q"]
    assert main(["report", *words]) == 0
    comparison = Run.read(other).comparison
    assert comparison is not None
    assert (comparison.counts.n_fixed, comparison.counts.n_broken) == (0, 0)
    assert "paired by their order" not in capfd.readouterr().err

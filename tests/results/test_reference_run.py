from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import edit_metrics, make_run, predictions_of

from job.errors import DataError
from job.evaluation.predictions import Predictions
from job.results.file_names import CHECKSUMS, METRICS, PREDICTIONS
from job.results.reference_run import match_reference, read_reference
from job.results.schema import SCHEMA_VERSION

TEST_FILES = ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")
RUN = make_run()
SHA256 = {file: RUN.provenance.data.sha256[file] for file in TEST_FILES}
TRUTH: dict[str, Any] = {
    "class_names": RUN.evaluation.class_names,
    "y_true": RUN.predictions.y_true,
    "sha256": SHA256,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The output folder of the run to compare with."""
    RUN.write(tmp_path)
    return tmp_path


def read_error(folder: Path) -> str:
    """The message with which a folder is refused, in one line."""
    with pytest.raises(DataError) as caught:
        read_reference(str(folder))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def match_error(folder: Path, **changes: Any) -> str:  # noqa: ANN401 - arguments of match_reference
    """How the test set differs, in one line."""
    reference = read_reference(str(folder))
    with pytest.raises(DataError) as caught:
        match_reference(reference, **TRUTH | changes)
    message = str(caught.value)
    assert message.startswith(f"--reference {folder}: ")
    assert message.endswith("; only runs on the same test set can be compared")
    return message


def test_the_reference_has_the_metrics_of_its_run(folder: Path) -> None:
    """They equal those of its evaluation."""
    reference = match_reference(read_reference(str(folder)), **TRUTH)
    for name in ("accuracy", "accuracy_interval", "loss"):
        assert getattr(reference, name) == getattr(RUN.evaluation, name)
    assert RUN.training is not None
    assert (reference.folder, reference.started) == (str(folder), RUN.provenance.started)
    assert (reference.command, reference.network) == (RUN.provenance.command, RUN.training.network)
    assert reference.seed_variation is None
    assert reference.name == "baseline with epochs 2, seed 0"


def test_a_reference_has_the_name_that_the_user_gave_it(tmp_path: Path) -> None:
    """That of a training is among its settings."""
    for trained in (True, False):
        run = make_run(name="forest, RGB") if trained else make_run(trained=False)
        run = run if trained else replace(run, provenance=replace(run.provenance, name="forest, RGB"))
        run.write(tmp_path)
        assert match_reference(read_reference(str(tmp_path)), **TRUTH).name == "forest, RGB"


def test_the_metrics_of_the_reference_are_computed_from_its_predictions(folder: Path) -> None:
    """An edited metrics.json does not change them."""
    expected = match_reference(read_reference(str(folder)), **TRUTH)
    edit_metrics(folder, lambda content: content["evaluation"].update(accuracy=0.999, loss=0.123, n_test=5))
    reference = read_reference(str(folder))
    assert str(reference) == f"{folder}: accuracy {RUN.evaluation.accuracy:.4f} (n = 100)"
    assert match_reference(reference, **TRUTH) == expected


def test_a_reference_that_was_not_trained_here(tmp_path: Path) -> None:
    """Its network is unknown."""
    make_run(trained=False).write(tmp_path)
    assert match_reference(read_reference(str(tmp_path)), **TRUTH).network == ""


def test_a_reference_whose_classes_are_numbers(tmp_path: Path) -> None:
    """The numbers are no names unless it was trained here; the labels must be the same in any case."""
    numbers = [str(label) for label in range(10)]
    for trained in (True, False):
        make_run(trained=trained).write(tmp_path)
        reference = read_reference(str(tmp_path))
        reference = replace(reference, record=replace(reference.record, class_names=numbers))
        if trained:
            with pytest.raises(DataError, match="names class 0 '0', but the data set names it 'T-shirt/top'"):
                match_reference(reference, **TRUTH)
        else:
            assert match_reference(reference, **TRUTH).accuracy == RUN.evaluation.accuracy
            with pytest.raises(DataError, match="gives image 0 another true class than the data set"):
                match_reference(reference, **TRUTH | {"y_true": (TRUTH["y_true"] + 1) % 10})


def test_a_compared_run_can_be_the_reference(tmp_path: Path) -> None:
    """Its own reference plays no role."""
    run = make_run(with_reference=True)
    run.write(tmp_path)
    reference = read_reference(str(tmp_path))
    assert reference.predictions.y_pred.tolist() == run.predictions.y_pred.tolist()
    assert match_reference(reference, **TRUTH).accuracy == run.evaluation.accuracy


def test_the_reference_has_its_variation_over_seeds(tmp_path: Path) -> None:
    """With the predictions of all its seeds."""
    run = make_run(runs=3)
    run.write(tmp_path)
    reference = read_reference(str(tmp_path))
    assert run.training is not None
    assert match_reference(reference, **TRUTH).seed_variation == run.training.seed_variation
    assert reference.predictions.other_seeds is not None
    assert reference.predictions.other_seeds.seeds == (0, 2)


def test_the_predictions_of_a_seed_of_the_reference_are_checked(tmp_path: Path) -> None:
    """metrics.json must describe them."""
    run = make_run(runs=3)
    others = run.predictions.other_seeds
    assert others is not None
    others.y_pred[:, 1] = (run.predictions.y_true + 1) % 10
    run.write(tmp_path)
    assert f"{tmp_path / METRICS}: damaged (the predictions are not those of seed 2)" in read_error(tmp_path)


def test_a_folder_without_results(tmp_path: Path) -> None:
    """The message names the path and the option to change."""
    words = "not found; name the output folder of a finished run: --reference DIR"
    assert read_error(tmp_path / "none") == f"{tmp_path / 'none' / METRICS}: {words}"
    assert read_error(tmp_path) == f"{tmp_path / METRICS}: {words}"
    (tmp_path / "file").touch()
    assert f"{tmp_path / 'file' / METRICS}: cannot be read (Not a directory)" in read_error(tmp_path / "file")


def test_a_folder_without_predictions(folder: Path) -> None:
    """They are needed, too."""
    (folder / PREDICTIONS).unlink()
    words = "not found; name the output folder of a finished run: --reference DIR"
    assert read_error(folder) == f"{folder / PREDICTIONS}: {words}"


@pytest.mark.parametrize("version", [4, SCHEMA_VERSION + 1])
def test_results_of_another_schema(folder: Path, version: int) -> None:
    """The remedy differs from that of `render`."""
    edit_metrics(folder, lambda content: content.update(schema_version=version))
    words = f"has schema version {version}, this job reads {SCHEMA_VERSION}; train that run again with this release"
    assert read_error(folder) == f"{folder / METRICS}: {words}"


@pytest.mark.parametrize(("name", "words"), [(METRICS, "damaged ("), (PREDICTIONS, "its SHA-256 is not the one in")])
def test_a_truncated_file(folder: Path, name: str, words: str) -> None:
    """The message names it."""
    path = folder / name
    path.write_text(path.read_text()[:-30])
    assert f"{path}: {words}" in read_error(folder)


def test_edited_predictions(folder: Path) -> None:
    """Predictions of another run, or edited ones, are found by their hash."""
    with (folder / PREDICTIONS).open("a") as file:
        file.write("\n")
    assert f"{folder / PREDICTIONS}: its SHA-256 is not the one in {CHECKSUMS}" in read_error(folder)


@pytest.mark.parametrize("file", TEST_FILES)
def test_another_test_set(folder: Path, file: str) -> None:
    """Other images, and the same images with other labels, have other hashes."""
    message = match_error(folder, sha256=SHA256 | {file: "0" * 64})
    assert f"was evaluated on another {file}, from Fashion-MNIST in /data (its SHA-256 differs)" in message


def test_a_reference_without_hashes(folder: Path) -> None:
    """What it was evaluated on is unknown."""
    edit_metrics(folder, lambda content: content["provenance"]["data"]["sha256"].clear())
    assert "was evaluated on another t10k-images-idx3-ubyte.gz" in match_error(folder)


def test_other_training_images_are_allowed(folder: Path) -> None:
    """A comparison may be about more data."""
    edit_metrics(
        folder, lambda content: content["provenance"]["data"]["sha256"].update({"train-images-idx3-ubyte.gz": "0" * 64})
    )
    match_reference(read_reference(str(folder)), **TRUTH)


def test_other_class_names(folder: Path) -> None:
    """Another name, and another number of them."""
    names = list(RUN.evaluation.class_names)
    message = match_error(folder, class_names=[*names[:3], "Kleid", *names[4:]])
    assert "names class 3 'Dress', but the data set names it 'Kleid'" in message
    message = match_error(folder, class_names=[*names, "Hat"])
    assert "has 10 classes, but the data set has 11" in message


def test_another_number_of_images(folder: Path) -> None:
    """Though the hashes are the same."""
    message = match_error(folder, y_true=RUN.predictions.y_true[:-1])
    assert f"{PREDICTIONS} has 100 images, but the data set 99" in message


def test_labels_that_are_not_those_of_the_data_set(tmp_path: Path) -> None:
    """The first image that differs is named, though the hashes are the same."""
    y_true = RUN.predictions.y_true.copy()
    y_true[[41, 77]] = (y_true[[41, 77]] + 1) % 10
    make_run(predictions=Predictions(y_true, predictions_of(RUN).probabilities)).write(tmp_path)
    assert np.count_nonzero(y_true != RUN.predictions.y_true) == 2
    assert f"{PREDICTIONS} gives image 41 another true class than the data set" in match_error(tmp_path)

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from support import edit_metrics, make_run

from job.errors import DataError
from job.evaluation import bootstrap
from job.results.file_names import METRICS, PREDICTIONS, SAMPLES
from job.results.metrics_json import read_metrics
from job.results.run import Run


@pytest.fixture(scope="module")
def compared_run() -> Run:
    """A run of five classes that is compared with a reference."""
    return make_run(n=60, n_classes=5, with_reference=True)


@pytest.fixture
def folder(compared_run: Run, tmp_path: Path) -> Path:
    """Its output folder."""
    compared_run.write(tmp_path)
    return tmp_path


def assert_equal(first: Run, second: Run) -> None:
    """Two runs are the same in everything."""
    for name in ("evaluation", "comparison", "training", "provenance"):
        assert getattr(first, name) == getattr(second, name)
    assert first.predictions.probabilities.tobytes() == second.predictions.probabilities.tobytes()
    assert first.predictions.y_true.tolist() == second.predictions.y_true.tolist()
    assert np.array_equal(first.predictions.y_reference, second.predictions.y_reference)  # type: ignore[arg-type]
    assert {index: image.tolist() for index, image in first.images.items()} == {
        index: image.tolist() for index, image in second.images.items()
    }
    assert first.augmented.tolist() == second.augmented.tolist()


def read_error(folder: Path) -> str:
    """The message with which a folder is refused, in one line."""
    with pytest.raises(DataError) as caught:
        Run.read(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"n_classes": 2, "n": 7},
        {"n_classes": 12, "n": 40, "is_fashion_mnist": False},
        {"with_reference": True, "seed": 3},
        {"runs": 4, "augment": "flip,shift", "epochs": 7, "seed": 8},
        {"trained": False, "n_classes": 3},
    ],
    ids=str,
)
def test_a_run_reads_back(tmp_path: Path, settings: dict[str, Any]) -> None:
    """What was written is read, and writing it again gives the same bytes."""
    run = make_run(**settings)
    run.write(tmp_path)
    assert_equal(Run.read(tmp_path), run)
    before = {name: (tmp_path / name).read_bytes() for name in (METRICS, PREDICTIONS)}
    Run.read(tmp_path).write(tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in before} == before


def test_the_metrics_are_computed_from_the_predictions(compared_run: Run, folder: Path) -> None:
    """A folder without metrics.json and the record of the run give the same run."""
    record = read_metrics(folder).record()
    (folder / METRICS).unlink()
    run = Run.from_files(folder, record)
    assert_equal(run, compared_run)
    run.write_metrics(folder)
    assert_equal(Run.read(folder), compared_run)


def test_a_run_does_not_need_its_reference_again(folder: Path) -> None:
    """Its folder may be gone or have changed."""
    edit_metrics(folder, lambda content: content["comparison"]["reference"].update(folder=str(folder)))
    comparison = Run.read(folder).comparison
    assert comparison is not None
    assert comparison.reference.folder == str(folder)


@pytest.mark.parametrize("name", [METRICS, PREDICTIONS, SAMPLES])
def test_a_missing_file(folder: Path, name: str) -> None:
    """The message names it."""
    (folder / name).unlink()
    words = "not found; name the output folder of a finished run: --output DIR"
    assert read_error(folder) == f"{folder / name}: {words}"


@pytest.mark.parametrize("name", [METRICS, PREDICTIONS, SAMPLES])
def test_a_file_of_another_run(folder: Path, tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    """The files of a run belong together."""
    other = tmp_path_factory.mktemp("other")
    make_run(n=60, n_classes=5, with_reference=True, seed=1).write(other)
    shutil.copy(other / name, folder / name)
    file = SAMPLES if name == SAMPLES else PREDICTIONS
    assert read_error(folder).startswith(f"{folder / file}: ")


def test_edited_predictions(folder: Path) -> None:
    """A change that is valid in itself is found by the hash."""
    path = folder / PREDICTIONS
    path.write_text(re.sub(r"(?m)(,\d)$", lambda match: f",{(int(match[1][1]) + 1) % 5}", path.read_text(), count=1))
    assert f"{path}: its SHA-256 is not the one in {METRICS}: it was edited" in read_error(folder)


def test_truncated_predictions(folder: Path) -> None:
    """They have another hash."""
    path = folder / PREDICTIONS
    path.write_text(path.read_text()[:-30])
    assert f"{path}: its SHA-256 is not the one in {METRICS}" in read_error(folder)


@pytest.mark.parametrize(
    ("edit", "place"),
    [
        (lambda c: c["evaluation"].update(accuracy=c["evaluation"]["accuracy"] - 0.01), "evaluation.accuracy"),
        (lambda c: c["evaluation"].update(loss=c["evaluation"]["loss"] * 1.001), "evaluation.loss"),
        (lambda c: c["evaluation"].update(n_test=61), "evaluation.n_test"),
        (lambda c: c["evaluation"].update(n_test=2**70), "evaluation.n_test"),
        (lambda c: c["evaluation"].update(n_resamples=1), "evaluation.n_resamples"),
        (lambda c: c["evaluation"]["confusion_matrix"].pop(), "evaluation.confusion_matrix"),
        (lambda c: c["evaluation"]["confusion_matrix"][2].append(0), "evaluation.confusion_matrix[2]"),
        (lambda c: c["evaluation"]["confusion_matrix"][2].__setitem__(4, -99), "evaluation.confusion_matrix[2][4]"),
        (lambda c: c["evaluation"]["calibration"]["bins"].pop(), "evaluation.calibration.bins"),
        (lambda c: c["evaluation"]["samples"].update(right=[]), "evaluation.samples.right"),
        (lambda c: c["evaluation"]["samples"]["right"].sort(reverse=True), "evaluation.samples.right[0]"),
        (lambda c: c["evaluation"]["samples"]["wrong"].append(5), "evaluation.samples.wrong"),
        (lambda c: c["evaluation"]["samples"]["least_certain"].reverse(), "evaluation.samples.least_certain[0]"),
        (lambda c: c["evaluation"]["samples"]["cells"][0].update(true=77), "evaluation.samples.cells[0].true"),
        (lambda c: c["evaluation"].update(seed=99), "evaluation.samples.right[0]"),
        (lambda c: c["comparison"]["per_class"].pop(), "comparison.per_class"),
        (lambda c: c["comparison"]["fixed"].pop(), "comparison.fixed"),
        (lambda c: c["comparison"]["broken"].append(7), "comparison.broken"),
    ],
)
def test_an_edited_metric(folder: Path, edit: Callable[[dict[str, Any]], object], place: str) -> None:
    """The message names its place and what to do."""
    edit_metrics(folder, edit)
    assert read_error(folder).startswith(f"{folder / METRICS}: {place}")
    assert f"does not follow from {PREDICTIONS}: it was edited, or belongs to another run; train again" in read_error(
        folder
    )


def find_numbers(content: Any, place: str) -> Iterator[tuple[str, Any, Any]]:  # noqa: ANN401 - JSON
    """Place, container and key of each number in `content` that is in no interval. Of a list, only the last item."""
    keys = list(content) if isinstance(content, dict) else [len(content) - 1] if content else []
    for key in keys:
        inner = f"{place}.{key}" if isinstance(content, dict) else f"{place}[{key}]"
        if isinstance(content[key], int | float):
            yield inner, content, key
        elif isinstance(content[key], dict | list) and not inner.endswith("interval"):
            yield from find_numbers(content[key], inner)


def test_every_metric_is_checked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No number in evaluation and comparison, intervals apart, can be changed without being named."""
    monkeypatch.setattr(bootstrap, "N_RESAMPLES", 3)
    make_run(n=60, n_classes=5, with_reference=True).write(folder)
    Run.read(folder)
    content = json.loads((folder / METRICS).read_text(encoding="utf-8"))
    numbers = [number for name in ("evaluation", "comparison") for number in find_numbers(content[name], name)]
    assert len(numbers) > 50
    for place, container, key in numbers:
        if place not in ("evaluation.seed", "comparison.reference.loss"):  # no metrics of these predictions
            value = container[key]
            container[key] += 1 if value > 0 else 2
            (folder / METRICS).write_text(json.dumps(content))
            assert read_error(folder).startswith(f"{folder / METRICS}: {place} does not follow from {PREDICTIONS}")
            container[key] = value


@pytest.mark.parametrize(
    ("edit", "place"),
    [
        (lambda c: c["evaluation"]["accuracy_interval"].update(lower=0.99), "evaluation.accuracy_interval"),
        (lambda c: c["evaluation"]["macro"]["f1_interval"].update(upper=1e300), "evaluation.macro.f1_interval"),
        (
            lambda c: c["evaluation"]["per_class"][1]["recall_interval"].update(lower=-5),
            "per_class[1].recall_interval",
        ),
        (lambda c: c["comparison"]["counts"]["interval"].update(upper=0.9), "comparison.counts.interval"),
    ],
)
def test_an_edited_interval(folder: Path, edit: Callable[[dict[str, Any]], object], place: str) -> None:
    """The error names the interval."""
    edit_metrics(folder, edit)
    assert f"{place} does not follow from {PREDICTIONS}" in read_error(folder)


def test_bootstrap_intervals_may_differ_a_little(compared_run: Run, folder: Path) -> None:
    """Another version of NumPy may resample differently; the page shows the intervals that are computed now."""
    interval = compared_run.evaluation.loss_interval
    lower = interval.lower + (interval.upper - interval.lower) / 10
    edit_metrics(folder, lambda content: content["evaluation"]["loss_interval"].update(lower=lower))
    assert_equal(Run.read(folder), compared_run)


def test_the_last_digits_may_differ(compared_run: Run, folder: Path) -> None:
    """Another processor may sum in another order."""
    evaluation = compared_run.evaluation
    nearly = replace(compared_run, evaluation=replace(evaluation, loss=evaluation.loss * (1 + 1e-9)))
    nearly.write_metrics(folder)
    assert_equal(Run.read(folder), compared_run)


def test_a_comparison_cannot_be_removed(folder: Path) -> None:
    """The predictions of the reference would remain."""
    edit_metrics(folder, lambda content: content.update(comparison=None))
    assert f"{folder / PREDICTIONS}: damaged (its columns are not those of 5 classes); train again" in read_error(
        folder
    )


def test_a_class_cannot_be_removed(folder: Path) -> None:
    """Nor can all of them."""
    edit_metrics(folder, lambda content: content["evaluation"]["per_class"].pop())
    assert f"{folder / PREDICTIONS}: damaged (its columns are not those of 4 classes" in read_error(folder)
    edit_metrics(folder, lambda content: content["evaluation"]["per_class"].clear())
    assert f"{folder / METRICS}: damaged (contains 0 class names; write 2 to 256" in read_error(folder)


def test_images_must_be_those_that_the_report_shows(compared_run: Run, folder: Path) -> None:
    """One fewer is found."""
    first, *others = compared_run.images
    replace(compared_run, images={index: compared_run.images[index] for index in others}).write(folder)
    assert f"{folder / SAMPLES}: test image {first} is missing" in read_error(folder)


def test_augmented_images_follow_the_settings(tmp_path: Path) -> None:
    """They must be there if training augmented the images."""
    run = make_run(augment="flip")
    replace(run, augmented=run.augmented[:0]).write(tmp_path)
    assert "damaged (`augmented` does not fit the settings of the run)" in read_error(tmp_path)


def test_a_metric_is_stored_without_loss(compared_run: Run, folder: Path) -> None:
    """JSON keeps each float64."""
    assert msgspec.to_builtins(read_metrics(folder).evaluation) == msgspec.to_builtins(compared_run.evaluation)

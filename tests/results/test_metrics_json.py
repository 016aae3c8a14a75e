import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import edit_metrics, make_run

from job.config.run_config import Config
from job.errors import DataError
from job.results.file_names import METRICS
from job.results.metrics_json import Option, read_record
from job.results.run import Run
from job.results.schema import SCHEMA_VERSION

Edit = Callable[[dict[str, Any]], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The output folder of a run."""
    make_run(epochs=2).write(tmp_path)
    return tmp_path


@pytest.fixture
def repeated_folder(tmp_path: Path) -> Path:
    """The output folder of a run of three seeds, from 4 on."""
    make_run(runs=3, seed=4).write(tmp_path)
    return tmp_path


def read_error(folder: Path, option: Option = "--output") -> str:
    """The message with which metrics.json is refused: one line that starts with the file."""
    with pytest.raises(DataError) as caught:
        read_record(folder, option)
    message = str(caught.value)
    assert message.startswith(f"{folder / METRICS}: ")
    assert "\n" not in message
    assert len(message) < 600
    return message


def test_metrics_read_back(folder: Path) -> None:
    """Every value that does not follow from the predictions is the same."""
    run, record = make_run(epochs=2), read_record(folder)
    assert (record.class_names, record.seed) == (run.evaluation.class_names, run.evaluation.seed)
    assert (record.training, record.provenance) == (run.training, run.provenance)


def test_names_of_any_script_are_written_as_they_are(tmp_path: Path) -> None:
    """metrics.json is UTF-8 without escapes."""
    make_run(n_classes=2, class_names=["köper", "靴"]).write(tmp_path)
    assert '"靴"' in (tmp_path / METRICS).read_text(encoding="utf-8")
    assert read_record(tmp_path).class_names == ["köper", "靴"]


@pytest.mark.parametrize(
    ("option", "remedy"),
    [
        ("--output", "render it with the release that wrote it, or train again"),
        ("--reference", "train that run again with this release"),
    ],
)
@pytest.mark.parametrize("version", [2, 4, SCHEMA_VERSION + 1, str(SCHEMA_VERSION), None])
def test_another_schema_version(tmp_path: Path, version: Any, option: Option, remedy: str) -> None:  # noqa: ANN401 - JSON
    """Whatever else the file contains, the version and a remedy are named."""
    (tmp_path / METRICS).write_text(json.dumps({"schema_version": version, "accuracy": 0.9}))
    words = f"has schema version {version!r}, this job reads {SCHEMA_VERSION}; {remedy}"
    assert read_error(tmp_path, option) == f"{tmp_path / METRICS}: {words}"


@pytest.mark.parametrize("option", ["--output", "--reference"])
def test_a_folder_without_metrics(tmp_path: Path, option: Option) -> None:
    """The message names the option to change."""
    words = f"not found; name the output folder of a finished run: {option} DIR"
    assert read_error(tmp_path / "none", option) == f"{tmp_path / 'none' / METRICS}: {words}"
    assert words in read_error(tmp_path, option)


def test_what_is_no_file(tmp_path: Path) -> None:
    """A file in place of the folder, and a folder, a FIFO or a huge file in place of the file, cannot be read."""
    (tmp_path / "file").touch()
    assert "cannot be read (Not a directory); name the output folder" in read_error(tmp_path / "file")
    (tmp_path / METRICS).mkdir()
    assert "cannot be read (Is a directory); name the output folder" in read_error(tmp_path)
    (tmp_path / METRICS).rmdir()
    os.mkfifo(tmp_path / METRICS)
    assert "cannot be read (Not a regular file); name the output folder" in read_error(tmp_path)
    (tmp_path / METRICS).unlink()
    (tmp_path / METRICS).touch()
    os.truncate(tmp_path / METRICS, 2**33)
    assert "cannot be read (Larger than 33,554,432 bytes); name the output folder" in read_error(tmp_path)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda c: c.pop("schema_version"), f"has schema version None, this job reads {SCHEMA_VERSION}"),
        (lambda c: c.update(schema_version=c.copy()), "has schema version {'comparison': None, "),
        (lambda c: c.pop("evaluation"), "damaged (Object missing required field `evaluation`)"),
        (lambda c: c["evaluation"].pop("seed"), "damaged (Object missing required field `seed` - at `$.evaluation`)"),
        (lambda c: c["evaluation"].update(seed=-1), "damaged (Expected `int` >= 0 - at `$.evaluation.seed`)"),
        (lambda c: c["training"]["config"].update(epochs=0), "damaged (--epochs is 0"),
        (lambda c: c["training"]["config"].update(recipe="best"), "damaged ("),
        (lambda c: c["training"]["history"]["loss"].pop(), "damaged (the history does not have 2 epochs)"),
        (lambda c: c["training"]["history"]["learning_rate"].pop(), "damaged (the history does not have 2 epochs)"),
        (lambda c: c["training"]["history"]["val_loss"].clear(), "damaged (the history does not have 2 epochs)"),
        (
            lambda c: [c["training"].update(n_validation=0), c["training"]["config"].update(validation_split=0)],
            "damaged (the history does not have 2 epochs)",
        ),
        (lambda c: c["training"].update(n_train=2**63), "damaged (Expected `int` <= 999999999999 - at"),
        (
            lambda c: c["training"]["history"]["accuracy"].__setitem__(0, 5),
            "damaged (Expected `float` <= 1.0 - at `$.training.history.accuracy[0]`)",
        ),
        (
            lambda c: c["training"]["history"]["val_accuracy"].__setitem__(0, -1),
            "damaged (Expected `float` >= 0.0 - at `$.training.history.val_accuracy[0]`)",
        ),
        (lambda c: c["training"]["history"]["loss"].__setitem__(0, -1), ">= 0.0 - at `$.training.history.loss[0]`"),
        (lambda c: c["training"]["history"]["val_loss"].__setitem__(0, 1e300), "`float` < 1000000000000.0 - at"),
        (lambda c: c["training"].update(n_train=-1), "Expected `int` >= 1 - at `$.training.n_train`"),
        (lambda c: c["training"].update(n_validation=-1), ">= 0 - at `$.training.n_validation`"),
        (lambda c: c["training"]["config"].update(runs=2), "damaged (the seed variation does not have 2 runs"),
        (lambda c: c["training"].update(temperature=1.5), "a model that is not calibrated has a temperature"),
        (lambda c: c["training"].update(temperature=0.1), ">= 0.2 - at `$.training.temperature`"),
        (lambda c: c["training"].update(temperature=1e300), "<= 20.0 - at `$.training.temperature`"),
        (lambda c: c["provenance"]["timings_s"].clear(), "damaged (the time of the training is missing)"),
        (lambda c: c["provenance"]["timings_s"].update(data=1e308), "at `$.provenance.timings_s[...]`"),
        (lambda c: c["provenance"]["timings_s"].update(total=-1), "at `$.provenance.timings_s[...]`"),
        (
            lambda c: c["evaluation"]["per_class"][0].update(name="a\x01"),
            r"damaged (the text 'a\x01' has a control character)",
        ),
        (lambda c: c["provenance"]["environment"].update(device_name="a\x00"), "has a control character"),
        (lambda c: c["provenance"]["timings_s"].update({"a\n": 1}), "has a control character"),
        (lambda c: c["provenance"]["timings_s"].update({"a" * 201: 1}), "length <= 200 - at `key`"),
        (lambda c: c["provenance"]["timings_s"].update({str(n): 0 for n in range(99)}), "length <= 100 - at"),
        (
            lambda c: c["provenance"]["environment"].update(n_threads=-5),
            ">= 1 - at `$.provenance.environment.n_threads`",
        ),
        (lambda c: c["provenance"]["environment"].update(n_replicas=2**70), "at `$.provenance.environment.n_replicas`"),
        (lambda c: c["provenance"].update(started="yesterday"), "damaged (Invalid isoformat string: 'yesterday')"),
        (lambda c: c["provenance"].update(started="2026-02-30T04:05:06+00:00"), "damaged (day "),
        (
            lambda c: c["provenance"].update(started="0001-01-01T00:00:00+23:59"),
            "is not a moment in UTC, to the second",
        ),
        (lambda c: c["provenance"].update(started="2026-02-03"), "is not a moment in UTC, to the second"),
        (lambda c: c["evaluation"]["per_class"][0].update(name="Bag"), "'Bag' is listed twice"),
        (lambda c: c["evaluation"]["per_class"][0].update(name=""), "has an empty class name"),
        (lambda c: c["evaluation"]["per_class"][0].update(name="a" * 24_000), "has 24,000 characters"),
        (lambda c: c["training"]["config"].update(recipe="a\n" + "b" * 9999), "damaged (Invalid enum value 'a\\nbbb"),
        (lambda c: c["provenance"]["data"].update(is_fashion_mnist=1), "damaged (Expected `bool`, got `int`"),
        (lambda c: c["provenance"].pop("command"), "damaged (Object missing required field `command`"),
    ],
)
def test_an_edited_metrics_json(folder: Path, edit: Edit, words: str) -> None:
    """One line says where it is damaged."""
    edit_metrics(folder, edit)
    message = read_error(folder)
    assert words in message
    assert "has schema version" in message or message.endswith("; train again, or make the report again")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"schema_version": "\xff"}',
        b'{"schema_version": %d' % SCHEMA_VERSION,
        b'{"schema_version": %d}' % SCHEMA_VERSION,
        b'{"schema_version": %d, "a": NaN}' % SCHEMA_VERSION,
        b'{"a":' + b"[" * 100_000,
    ],
)
def test_a_file_that_is_no_json(tmp_path: Path, content: bytes) -> None:
    """Neither another type nor deep nesting is a bug of the job."""
    (tmp_path / METRICS).write_bytes(content)
    assert ": damaged (" in read_error(tmp_path)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda c: c["reference"].update(network="a\x01"), "control character"),
        (lambda c: c["reference"].update(loss=-1), ">= 0.0 - at `$.comparison.reference.loss`"),
        (lambda c: c["reference"].update(loss=1e300), "at `$.comparison.reference.loss`"),
        (lambda c: c["reference"]["seed_variation"].update(mean=0.1), "does not follow from its runs"),
        (lambda c: c["reference"]["seed_variation"]["runs"].clear(), "a seed variation has 0 runs"),
        (lambda c: c["reference"].update(started="never"), "damaged (Invalid isoformat string: 'never'"),
        (lambda c: c["reference"].pop("command"), "`command` - at `$.comparison.reference`"),
    ],
)
def test_an_edited_comparison(tmp_path: Path, edit: Edit, words: str) -> None:
    """What the reference says of itself cannot be computed again, but must be possible."""
    make_run(with_reference=True, reference_runs=3).write(tmp_path)
    edit_metrics(tmp_path, lambda content: edit(content["comparison"]))
    message = read_error(tmp_path)
    assert "damaged (" in message
    assert words in message


def test_a_seed_variation_reads_back(repeated_folder: Path) -> None:
    """It has a run for each seed."""
    training = read_record(repeated_folder).training
    assert training is not None
    assert training.seed_variation is not None
    assert [run.seed for run in training.seed_variation.runs] == [4, 5, 6]


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda t: t["seed_variation"].update(mean=0.5), "the seed variation does not follow from its runs"),
        (lambda t: t["seed_variation"].update(sd=0.5), "the seed variation does not follow from its runs"),
        (lambda t: t["seed_variation"]["runs"].pop(), "does not have 3 runs with the seeds from 4"),
        (lambda t: t["seed_variation"]["runs"][0].update(seed=9), "does not have 3 runs with the seeds from 4"),
        (lambda t: t.update(seed_variation=None), "does not have 3 runs with the seeds from 4"),
        (lambda t: t["config"].update(runs=1), "does not have 1 runs with the seeds from 4"),
        (lambda t: t["seed_variation"].update(reported_seed=99), "the seed variation does not follow from its runs"),
        (lambda t: t["seed_variation"].update(reported_seed=4), "the seed variation does not follow from its runs"),
        (lambda t: t["seed_variation"].update(chosen_by="first seed"), "the seed variation does not follow from its"),
        (lambda t: t["seed_variation"].update(chosen_by="luck"), "Invalid enum value 'luck'"),
        (lambda t: t["seed_variation"]["runs"][0].update(val_loss=0.1), "the seed variation does not follow from its"),
        (
            lambda t: t["seed_variation"]["runs"][0].update(accuracy=5),
            "at `$.training.seed_variation.runs[0].accuracy`",
        ),
        (lambda t: t["seed_variation"]["runs"][0].update(val_accuracy=5), "runs[0].val_accuracy`"),
        (lambda t: t["seed_variation"]["runs"][0].update(val_accuracy=None), "the validation accuracies contradict"),
        (lambda t: t["seed_variation"]["runs"][0].update(accuracy=6.65), "runs[0].accuracy`"),
        (lambda t: t["seed_variation"]["runs"][0].update(loss=37), "runs[0].loss`"),
        (lambda t: t["seed_variation"]["runs"][0].update(loss=-1), "runs[0].loss`"),
        (lambda t: t["seed_variation"]["runs"][0].update(training_s=-1), "runs[0].training_s`"),
    ],
)
def test_an_edited_seed_variation(repeated_folder: Path, edit: Edit, words: str) -> None:
    """Mean and deviation are those of the runs, and the reported run is that of lowest validation loss."""
    edit_metrics(repeated_folder, lambda content: edit(content["training"]))
    assert words in read_error(repeated_folder)


@pytest.mark.parametrize("seed", [4, 5, 6, 99])
def test_the_seed_variation_of_version_0_5_0(repeated_folder: Path, seed: int) -> None:
    """It has no validation loss, no rule and no intervals; its reported run may be any."""

    def age(variation: dict[str, Any]) -> None:
        for name in ("mean_interval", "sd_interval", "chosen_by"):
            del variation[name]
        for run in variation["runs"]:
            del run["val_loss"]
        variation["reported_seed"] = seed

    edit_metrics(repeated_folder, lambda content: age(content["training"]["seed_variation"]))
    if seed == 99:
        assert "the seed variation does not follow from its runs" in read_error(repeated_folder)
        return
    training = read_record(repeated_folder).training
    assert training is not None
    assert training.seed_variation is not None
    assert (training.seed_variation.reported_seed, training.seed_variation.chosen_by) == (seed, "median accuracy")


def test_a_single_run_has_no_seed_variation(repeated_folder: Path) -> None:
    """One accuracy has no standard deviation."""

    def keep_one_run(training: dict[str, Any]) -> None:
        training["config"]["runs"] = 1
        del training["seed_variation"]["runs"][1:]

    edit_metrics(repeated_folder, lambda content: keep_one_run(content["training"]))
    assert "the seed variation does not have 1 runs" in read_error(repeated_folder)


def test_a_training_that_stopped_early_reads_back(folder: Path) -> None:
    """With early stopping, the history may be shorter than the requested epochs, but not longer."""

    def configure(epochs: int, early_stopping: int) -> None:
        settings = {"epochs": epochs, "early_stopping": early_stopping}
        edit_metrics(folder, lambda content: content["training"]["config"].update(settings))

    configure(epochs=9, early_stopping=3)
    training = read_record(folder).training
    assert training is not None
    assert len(training.history.loss) == 2
    configure(epochs=9, early_stopping=0)
    assert "does not have 9 epochs" in read_error(folder)
    edit_metrics(folder, lambda content: [curve.append(0.1) for curve in content["training"]["history"].values()])
    configure(epochs=2, early_stopping=1)
    assert "does not have 2 epochs" in read_error(folder)


def test_settings_that_an_earlier_release_did_not_have(folder: Path) -> None:
    """They have their default values."""
    content = json.loads((folder / METRICS).read_text())
    for name in content["training"]["config"]:
        if name not in ("epochs", "runs"):
            edit_metrics(folder, lambda edited: edited["training"]["config"].pop(name, None))  # noqa: B023 - called at once
    training = read_record(folder).training
    assert training is not None
    assert training.config == Config(epochs=2)
    assert training.config.command().startswith("python -m job --recipe baseline --model mlp --epochs 2 ")


def test_a_training_before_the_option_to_calibrate(folder: Path) -> None:
    """Results of 0.5.0 have no temperature, and neither do they when they are read."""
    edit_metrics(folder, lambda content: content.pop("temperature_scaling"))
    edit_metrics(folder, lambda content: content["training"].pop("temperature"))
    edit_metrics(folder, lambda content: content["training"]["config"].pop("calibrate"))
    run = Run.read(folder)
    assert run.training is not None
    assert (run.training.temperature, run.training.config.calibrate, run.temperature_scaling) == (None, "none", None)


def test_a_training_without_validation_reads_back(tmp_path: Path) -> None:
    """The curves of the validation are empty then."""
    make_run(validation_split=0).write(tmp_path)
    training = read_record(tmp_path).training
    assert training is not None
    assert (training.n_validation, training.history.val_loss, training.history.val_accuracy) == (0, [], [])

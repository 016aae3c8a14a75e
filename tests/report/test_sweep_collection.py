import csv
import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from support import REPOSITORY, edit_metrics, make_run
from sweep_runs import make_swept_run, write_runs

from job.errors import DataError, OutputError
from job.results.run import Run
from job.sweep.collection import collect_runs, describe_best, write_sweep_report
from job.sweep.finished_runs import describe_work
from job.sweep.sweep_files import StoredSweep


def make_sweep() -> list[Run]:
    """Two recipes with three seeds each."""
    levels = {"baseline": 1.3, "mlp": 1.6}
    return [make_swept_run(level, seed, recipe=recipe) for recipe, level in levels.items() for seed in range(3)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The folders of `make_sweep`; tests must not change them."""
    return write_runs(tmp_path_factory.mktemp("sweep"), make_sweep())


def test_runs_are_grouped_into_configurations(folders: list[Path]) -> None:
    """A configuration has all runs that differ by their seed, also if they come in another order."""
    results = collect_runs([folders[index] for index in (4, 0, 2, 3, 1, 5)], {"x": "failed"})
    assert [each.label for each in results.configurations] == ["mlp", "baseline"]
    assert [[network.seed for network in each.networks] for each in results.configurations] == [[0, 1, 2]] * 2
    assert results.parameters == {"recipe": ["mlp", "baseline"]}
    assert results.failures == {"x": "failed"}
    assert results.configurations[0].n_parameters == 109_386
    assert (results.n_runs, results.n_networks, results.n_test) == (6, 6, 1000)


def test_the_networks_have_the_predictions_of_their_runs(folders: list[Path]) -> None:
    """Predicted classes, probabilities of the true ones, accuracy, and the validation accuracy of the last epoch."""
    (configuration,) = collect_runs(folders[:3], {}).configurations
    for network, accuracy, path in zip(configuration.networks, configuration.accuracies, folders, strict=False):
        run = Run.read(path)
        assert run.training is not None
        assert network.y_pred.dtype == np.uint8
        np.testing.assert_array_equal(network.y_pred, run.predictions.y_pred)
        assert network.loss == pytest.approx(run.evaluation.loss)
        assert accuracy == run.evaluation.accuracy
        assert network.val_accuracy == run.training.history.val_accuracy[-1]
        assert network.training_s == run.provenance.timings_s["training"]


def test_a_run_of_several_seeds_counts_as_several_networks(tmp_path: Path) -> None:
    """Each has its own accuracy, validation accuracy and time; a calibrated run is a configuration of its own."""
    runs = [make_swept_run(1.3, 0, runs=4), make_swept_run(1.3, 7), make_swept_run(1.3, 0, calibrate="temperature")]
    results = collect_runs(write_runs(tmp_path, runs), {})
    several, calibrated = results.configurations
    assert [network.seed for network in several.networks] == [0, 1, 2, 3, 7]
    training = runs[0].training
    assert training is not None
    assert training.seed_variation is not None
    rows = training.seed_variation.runs
    assert several.accuracies[:4] == pytest.approx([each.accuracy for each in rows])
    assert several.losses[:4] == pytest.approx([each.loss for each in rows])
    assert [network.val_accuracy for network in several.networks[:4]] == [each.val_accuracy for each in rows]
    assert calibrated.label == "baseline, calibrate temperature"
    assert (results.n_runs, results.n_networks) == (3, 6)


def test_early_stopping_takes_the_validation_accuracy_of_the_best_epoch(tmp_path: Path) -> None:
    """That of the parameters that predicted the test images."""
    run = make_swept_run(1.3, 0, early_stopping=1, epochs=3)
    assert run.training is not None
    history = replace(
        run.training.history,
        loss=[1.0, 0.9, 0.8],
        accuracy=[0.5, 0.6, 0.7],
        val_loss=[0.5, 0.4, 0.6],
        val_accuracy=[0.7, 0.75, 0.8],
    )
    run = replace(run, training=replace(run.training, history=history))
    ((network,),) = [each.networks for each in collect_runs(write_runs(tmp_path, [run]), {}).configurations]
    assert (network.val_accuracy, network.val_loss) == (0.75, 0.4)


def test_only_settings_that_vary_within_a_recipe_are_parameters(tmp_path: Path) -> None:
    """The recipe mlp has other epochs than the baseline; that is no setting of its own, unless one has been changed."""
    runs = [make_swept_run(1.3, 0, recipe="baseline", epochs=5), make_swept_run(1.3, 0, recipe="mlp", epochs=50)]
    assert list(collect_runs(write_runs(tmp_path / "a", runs), {}).parameters) == ["recipe"]
    changed = [make_swept_run(1.3, 0, recipe="baseline", epochs=2), runs[1]]
    assert list(collect_runs(write_runs(tmp_path / "c", changed), {}).parameters) == ["recipe", "epochs"]
    runs.append(make_swept_run(1.3, 0, recipe="mlp", epochs=50, learning_rate=0.004))
    results = collect_runs(write_runs(tmp_path / "b", runs), {})
    assert results.parameters == {"recipe": ["baseline", "mlp"], "learning_rate": [0.001, 0.002, 0.004]}
    labels = ["baseline, learning rate 0.001", "mlp, learning rate 0.002", "mlp, learning rate 0.004"]
    assert [each.label for each in results.configurations] == labels


@pytest.mark.parametrize(
    ("changes", "is_equal"),
    [
        ({}, True),
        ({"learning_rate": 0.002}, True),
        ({"warm_up": 0.1}, True),
        ({"n_epochs": 1}, False),
        ({"batch_size": 64}, False),
        ({"optimizer": "sgd"}, False),
        ({"augment": "flip"}, False),
        ({"schedule": "plateau"}, False),
        ({"early_stopping": 1}, False),
        ({"dropout": 0.1}, False),
        ({"replicas": 2}, False),
        ({"network": "CNN"}, False),
        ({"n_train": 250}, False),
        ({"n_threads": 1}, False),
        ({"device_name": "Other Processor"}, False),
        ({"job": "0.4.0"}, False),
        ({"revision": ""}, False),
    ],
    ids=str,
)
def test_what_decides_how_long_a_training_takes(changes: dict[str, Any], *, is_equal: bool) -> None:
    """Networks that differ in any of it keep their own times."""

    def describe(**changes: Any) -> object:  # noqa: ANN401
        run = make_run()
        assert run.training is not None
        known: dict[str, Any] = {"n_epochs": 2} | changes

        def change(before: Any) -> Any:  # noqa: ANN401
            return replace(before, **{name: value for name, value in known.items() if hasattr(before, name)})

        training = replace(change(run.training), config=change(run.training.config))
        return describe_work(change(run.provenance.environment), training, known["n_epochs"])

    assert (describe(**changes) == describe()) == is_equal


def test_an_unknown_number_of_epochs_has_no_work() -> None:
    """So the network keeps its own time."""
    run = make_run()
    assert run.training is not None
    assert describe_work(run.provenance.environment, run.training, None) is None


def _without_metrics(folder: Path) -> None:
    (folder / "metrics.json").unlink()


def _with_edited_predictions(folder: Path) -> None:
    path = folder / "predictions.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("0.8", "0.7", 1), encoding="utf-8")


def _with_other_version(folder: Path) -> None:
    edit_metrics(folder, lambda content: content.update(schema_version=4))


def _with_other_training_images(folder: Path) -> None:
    def edit(content: dict[str, Any]) -> None:
        sha256 = content["provenance"]["data"]["sha256"]
        sha256[min(sha256)] = "f" * 64

    edit_metrics(folder, edit)


def _with_other_class_names(folder: Path) -> None:
    edit_metrics(folder, lambda content: content["evaluation"]["per_class"][0].update(name="other"))


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (_without_metrics, "not found"),
        (_with_edited_predictions, "it was edited by hand"),
        (_with_other_version, "has schema version 4"),
        (_with_other_training_images, "was trained or tested on another t10k-images-idx3-ubyte.gz"),
        (_with_other_class_names, "has other class names"),
    ],
)
def test_a_folder_that_does_not_belong_is_refused(
    folders: list[Path], tmp_path: Path, damage: Callable[[Path], None], problem: str
) -> None:
    """One line names the folder and the problem."""
    bad = shutil.copytree(folders[1], tmp_path / "bad")
    damage(bad)
    with pytest.raises(DataError, match=problem) as caught:
        collect_runs([folders[0], bad], {})
    assert str(bad) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_network_that_was_trained_twice_counts_once(
    folders: list[Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """If both predict the same; otherwise one line names both folders."""
    copy = shutil.copytree(folders[1], tmp_path / "copy")
    results = collect_runs([*folders, copy], {})
    assert results.n_networks == 6
    assert f"{copy}: trained baseline with seed 1, as {folders[1]} did, with the same predictions" in caplog.text
    (other,) = write_runs(tmp_path, [make_swept_run(1.3, 1, recipe="baseline", key=1)])
    with pytest.raises(DataError, match=r"trained baseline with seed 1, as .*run-1 did, but predicts differently"):
        collect_runs([*folders, other], {})


def test_settings_of_all_runs_that_are_not_those_of_the_recipe(tmp_path: Path) -> None:
    """What is only in one recipe is a parameter, unless the recipe sets it."""
    runs = [make_swept_run(1.3, 0, recipe=each, epochs=1, dropout=0.2, device="cpu") for each in ("baseline", "mlp")]
    results = collect_runs(write_runs(tmp_path / "a", runs), {})
    assert results.settings == {"epochs": 1, "dropout": 0.2, "device": "cpu"}
    assert list(results.parameters) == ["recipe"]
    runs[1] = make_swept_run(1.3, 0, recipe="mlp", epochs=7)
    results = collect_runs(write_runs(tmp_path / "b", runs), {}, varied=["optimizer"])
    assert "epochs" in results.parameters
    assert results.configurations[0].label.startswith("baseline, epochs 1, optimizer adam")


def test_a_model_of_somebody_else_is_refused(folders: list[Path], tmp_path: Path) -> None:
    """It has no seed and no settings."""
    (other,) = write_runs(tmp_path, [make_run(trained=False)])
    with pytest.raises(DataError, match="not trained by this job"):
        collect_runs([folders[0], other], {})


def test_no_runs_are_refused() -> None:
    """All of them failed."""
    with pytest.raises(DataError, match="no run has finished"):
        collect_runs([], {"a": "killed"})


def test_other_true_classes_are_refused(folders: list[Path], tmp_path: Path) -> None:
    """The hashes agree, but the labels do not: the file was made by another program."""
    run = Run.read(folders[1])
    y_true = run.predictions.y_true.copy()
    y_true[:2] = y_true[1::-1]
    (bad,) = write_runs(tmp_path, [replace(run, predictions=replace(run.predictions, y_true=y_true))])
    with pytest.raises(DataError, match="has other true classes"):
        collect_runs([folders[0], bad], {})


@pytest.fixture(scope="module")
def written(folders: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a page; tests must not change it."""
    folder = tmp_path_factory.mktemp("page") / "new"
    write_sweep_report(collect_runs(folders, {"mlp-seed9": "killed"}), folder)
    return folder


def test_the_json_file_has_the_schema_and_the_numbers(written: Path, folders: list[Path]) -> None:
    """A strict reader takes it; its numbers are those of the runs."""
    content = (written / "sweep.json").read_bytes()
    stored = msgspec.json.decode(content, type=StoredSweep, strict=True)
    assert (stored.schema_version, stored.ranked_by, stored.best) == (1, "validation accuracy", "mlp")
    assert [each.rank for each in stored.configurations] == [1, 2]
    networks = [network for each in stored.configurations for network in each.networks]
    assert [network.seed for network in networks] == [0, 1, 2, 0, 1, 2]
    runs = {path.name: Run.read(path) for path in folders}
    for network in networks:
        assert network.accuracy == runs[network.run].evaluation.accuracy
        assert network.loss == pytest.approx(runs[network.run].evaluation.loss)
        assert (written / network.folder).resolve() == (folders[0].parent / network.run).resolve()
    mlp = stored.configurations[0]
    assert mlp.accuracy == pytest.approx(np.mean([each.accuracy for each in mlp.networks]))
    (difference,) = stored.differences
    assert (difference.first, difference.second, difference.is_significant) == ("mlp", "baseline", True)
    assert difference.difference == pytest.approx(mlp.accuracy - stored.configurations[1].accuracy)
    assert stored.failures == {"mlp-seed9": "killed"}
    assert json.loads(content)["effects"][0]["values"] == ["baseline", "mlp"]


def test_the_table_has_a_line_for_each_network(written: Path, folders: list[Path]) -> None:
    """In the order of the ranks, with the settings that vary."""
    with (written / "sweep.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["rank"], row["recipe"], row["seed"]) for row in rows] == [
        *(("1", "mlp", str(seed)) for seed in range(3)),
        *(("2", "baseline", str(seed)) for seed in range(3)),
    ]
    assert float(rows[0]["accuracy"]) == Run.read(folders[3]).evaluation.accuracy
    assert rows[0]["folder"] == Path(os.path.relpath(folders[3].resolve(), written.resolve())).as_posix()


def test_the_documentation_lists_the_keys_and_columns(written: Path) -> None:
    """In the order of the files."""
    page = (REPOSITORY / "docs" / "sweep.md").read_text(encoding="utf-8")
    table = page.split("| key of `sweep.json` | content |")[1].split("\n\n")[0]
    keys = [key for line in table.splitlines()[2:] for key in re.findall("`(.*?)`", line.split(" | ")[0])]
    assert keys == [*json.loads((written / "sweep.json").read_text(encoding="utf-8"))]
    (row,) = re.findall(r"^\| `sweep.csv` \| (.*) \|$", page, re.MULTILINE)
    columns = (written / "sweep.csv").read_text(encoding="utf-8").splitlines()[0].split(",")
    names = [f"`{name}`" if name != "recipe" else "one for each setting that varies" for name in columns]
    assert row == ", ".join(names)


def test_equal_ranks_are_equal_in_both_files(tmp_path: Path) -> None:
    """Validation accuracy cannot tell the values of `--test-time` apart."""
    runs = [make_swept_run(1.3, 0, test_time=each) for each in ("none", "flip")]
    write_sweep_report(collect_runs(write_runs(tmp_path / "runs", runs), {}), tmp_path)
    stored = msgspec.json.decode((tmp_path / "sweep.json").read_bytes(), type=StoredSweep, strict=True)
    assert [each.rank for each in stored.configurations] == [1, 1]
    with (tmp_path / "sweep.csv").open(encoding="utf-8", newline="") as file:
        assert [row["rank"] for row in csv.DictReader(file)] == ["1", "1"]


def test_the_same_runs_give_the_same_bytes(written: Path, folders: list[Path]) -> None:
    """Written again over the first ones, with nothing left beside them."""
    before = {path.name: path.read_bytes() for path in written.iterdir()}
    write_sweep_report(collect_runs(folders, {"mlp-seed9": "killed"}), written)
    assert {path.name: path.read_bytes() for path in written.iterdir()} == before
    assert sorted(before) == ["index.html", "sweep.csv", "sweep.json"]


def test_a_file_that_cannot_be_replaced_leaves_the_page(folders: list[Path], tmp_path: Path) -> None:
    """The page moves last, and no unfinished file stays."""
    (tmp_path / "index.html").write_text("earlier", encoding="utf-8")
    (tmp_path / "sweep.json").mkdir()
    with pytest.raises(OutputError):
        write_sweep_report(collect_runs(folders[:1], {}), tmp_path)
    assert (tmp_path / "index.html").read_text(encoding="utf-8") == "earlier"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_the_folder_of_a_run_is_refused(folders: list[Path]) -> None:
    """The page of the sweep would replace the report of the run."""
    with pytest.raises(OutputError, match="is the output folder of a run"):
        write_sweep_report(collect_runs(folders[:1], {}), folders[0])


def test_the_best_is_described_in_a_few_words(folders: list[Path]) -> None:
    """For the last line of the command."""
    accuracy = np.mean([Run.read(path).evaluation.accuracy for path in folders[3:]])
    words = f"mlp, mean test accuracy {accuracy:.4f} (3 seeds)"
    assert describe_best(collect_runs(folders, {})) == f"best of 2 configurations: {words}"
    assert describe_best(collect_runs(folders[3:], {})) == words

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from job import audit, results
from job.errors import DataError
from job.results import Results


@pytest.fixture
def run_copy(finished_run: Path, tmp_path: Path) -> Path:
    """A finished run that may be damaged."""
    return Path(shutil.copytree(finished_run, tmp_path / "copy"))


def test_metrics_json_has_the_documented_keys(finished_run: Path) -> None:
    """The schema that others read."""
    content = json.loads((finished_run / "metrics.json").read_text())
    assert next(iter(content.items())) == ("schema_version", 3)
    assert set(content) >= {"accuracy", "loss", "per_class", "confusion_matrix", "config", "environment", "data"}
    assert set(content) >= {"accuracy_interval", "loss_interval", "calibration", "n_resamples", "samples"}
    figures = {"precision", "recall", "f1", "precision_interval", "recall_interval", "f1_interval"}
    assert set(content["macro"]) == set(content["weighted"]) == figures
    assert [set(row) for row in content["per_class"]] == [{"name", "support", *figures}] * 10
    assert set(content["calibration"]) == {"ece", "ece_interval", "bins", "overconfidence", "coverage"}
    assert {len(row) for row in content["confusion_matrix"]} == {10}
    assert {name: len(values) for name, values in content["history"].items()} == {
        "loss": 2,
        "accuracy": 2,
        "val_loss": 2,
        "val_accuracy": 2,
    }
    assert set(content["timings_s"]) == {"data", "tensorflow", "training", "evaluation", "total"}
    assert content["timings_s"]["total"] >= sum(v for k, v in content["timings_s"].items() if k != "total")
    assert content["config"]["epochs"] == 2
    assert set(content["data"]["sha256"]) == {"train_images", "train_labels", "test_images", "test_labels"}


def test_predictions_csv_gives_back_the_same_float32(tmp_path: Path) -> None:
    """The shortest digits that name the value, and the documented columns."""
    probabilities = np.random.default_rng(0).dirichlet([0.1] * 3, 50).astype(np.float32)
    results._write_predictions(tmp_path / "p.csv", np.arange(50) % 3, probabilities)
    table = pd.read_csv(tmp_path / "p.csv", dtype={f"p_{label}": np.float32 for label in range(3)})
    assert list(table) == ["index", "true", "predicted", "p_0", "p_1", "p_2"]
    assert (table[["p_0", "p_1", "p_2"]].to_numpy() == probabilities).all()
    assert table["index"].tolist() == list(range(50))
    assert table["predicted"].tolist() == probabilities.argmax(axis=1).tolist()


def test_a_run_reads_back(finished_run: Path, finished_results: Results) -> None:
    """Predictions and pictures of the images that were chosen."""
    assert len(results.read_predictions(finished_run, 10)) == finished_results.data.n_test == 100
    pictures = results.read_samples(finished_run, finished_results.samples)
    assert sorted(pictures) == finished_results.samples.indices()
    assert {picture.shape for picture in pictures.values()} == {(28, 28)}


def edited(edit: Callable[[dict[str, Any]], object]) -> Callable[[str], str]:
    def change(text: str) -> str:
        content = json.loads(text)
        edit(content)
        return json.dumps(content)

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (edited(lambda c: c.update(schema_version=2)), "has schema version 2, this job reads 3"),
        (edited(lambda c: c.pop("schema_version")), "has schema version None"),
        (edited(lambda c: c.pop("macro")), "damaged .*`macro`"),
        (edited(lambda c: c.update(accuracy="high")), r"damaged \(Expected `float`, got `str` - at `\$.accuracy`\)"),
        (edited(lambda c: c["config"].update(epochs=0)), "damaged .*--epochs is 0"),
        (edited(lambda c: c["confusion_matrix"].pop()), "damaged .*not 10 x 10"),
        (edited(lambda c: c["samples"]["wrong"].append(100)), "damaged .*no test image 100"),
        (edited(lambda c: c["history"]["loss"].pop()), "damaged .*not have 2 epochs"),
        (edited(lambda c: c["per_class"][0].update(name="a\x01")), "damaged .*control character"),
        (edited(lambda c: c["timings_s"].clear()), "damaged .*time of the training"),
        (lambda text: text[:100], "damaged"),
        (lambda _: "[]", "damaged"),
        (lambda _: "\udcff", "damaged"),
    ],
)
def test_a_damaged_metrics_json(run_copy: Path, change: Callable[[str], str], words: str) -> None:
    """One line says where it is wrong."""
    path = run_copy / "metrics.json"
    path.write_text(change(path.read_text()), errors="surrogateescape")
    with pytest.raises(DataError, match=words) as caught:
        results.read_metrics(run_copy)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("predicted", "guessed", 1),
        lambda text: text.replace(",p_9", ",p_10", 1),
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("\n1,", "\none,", 1),
        lambda text: text.replace("\n1,1,", "\n1,77,", 1),
        lambda text: re.sub(r"\n1,1,1,[^,]+", "\n1,1,1,5.0", text),
        lambda text: text.replace("\n1,1,", "\n1,inf,", 1),
        lambda _: "",
    ],
)
def test_a_damaged_predictions_csv(run_copy: Path, change: Callable[[str], str]) -> None:
    """Whatever pandas makes of it, one line."""
    path = run_copy / "predictions.csv"
    path.write_text(change(path.read_text()))
    with pytest.raises(DataError, match=r"predictions.csv: damaged \(.*\); train again") as caught:
        results.read_predictions(run_copy, 10)
    assert "\n" not in str(caught.value)


def test_damaged_pictures(run_copy: Path, finished_results: Results) -> None:
    """A cut-off file, one of another run, none."""
    path = run_copy / "samples.npz"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match="damaged"):
        results.read_samples(run_copy, finished_results.samples)
    np.savez(path, index=np.array([0]), image=np.zeros((1, 28, 28), np.uint8))
    with pytest.raises(DataError, match="lacks the picture of test image"):
        results.read_samples(run_copy, finished_results.samples)
    chosen = finished_results.samples.indices()
    np.savez(path, index=np.array(chosen), image=np.zeros((len(chosen), 3, 28), np.uint8))
    with pytest.raises(DataError, match="not 28 x 28 bytes"):
        results.read_samples(run_copy, finished_results.samples)
    path.unlink()
    with pytest.raises(DataError, match="is not there"):
        results.read_samples(run_copy, finished_results.samples)


def test_the_audit_agrees_with_a_sound_run(finished_run: Path, finished_results: Results) -> None:
    """scikit-learn finds the same figures."""
    assert audit.differences(finished_results, results.read_predictions(finished_run, 10)) == []


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda c: c.update(accuracy=c["accuracy"] - 0.01), "accuracy is .*, but predictions.csv gives"),
        (lambda c: c.update(loss=c["loss"] * 1.001), "loss is"),
        (lambda c: c["macro"].update(f1=0.123), "macro f1 is 0.123"),
        (lambda c: c["per_class"][3].update(recall=0.123), "recall of class 3 is 0.123"),
        (lambda c: c["confusion_matrix"][2].__setitem__(5, 99), r"confusion_matrix\[2\]\[5\] is 99"),
        (lambda c: c["samples"].update(right=c["samples"]["wrong"]), "the samples are not those"),
        (lambda c: c["samples"].update(right=c["samples"]["right"][:1] * 3), "the samples are not those"),
        (lambda c: c["data"].update(n_test=101), "predictions.csv does not hold each of the 101 test images once"),
    ],
)
def test_the_audit_finds_a_changed_figure(run_copy: Path, edit: Callable[[dict[str, Any]], object], words: str) -> None:
    """A figure that does not follow from the predictions is named."""
    path = run_copy / "metrics.json"
    path.write_text(edited(edit)(path.read_text()))
    found = audit.differences(results.read_metrics(run_copy), results.read_predictions(run_copy, 10))
    assert len(found) == 1
    assert re.match(words, found[0])

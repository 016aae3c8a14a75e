import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from job.results import schema


def test_metrics_json_has_the_documented_keys(finished_run: Path) -> None:
    """The schema that others read."""
    content = json.loads((finished_run / "metrics.json").read_text())
    assert next(iter(content.items())) == ("schema_version", 4)
    assert set(content) >= {"accuracy", "loss", "per_class", "confusion_matrix", "config", "environment", "data"}
    assert set(content) >= {"accuracy_interval", "loss_interval", "calibration", "n_resamples", "samples"}
    figures = {"precision", "recall", "f1", "precision_interval", "recall_interval", "f1_interval"}
    assert set(content["macro"]) == set(content["weighted"]) == figures
    assert [set(row) for row in content["per_class"]] == [{"name", "support", *figures}] * 10
    assert set(content["calibration"]) == {"ece", "ece_interval", "bins", "overconfidence", "coverage"}
    assert {len(row) for row in content["confusion_matrix"]} == {10}
    assert {name: len(values) for name, values in content["history"].items()} == {
        "loss": 2,
        "learning_rate": 2,
        "accuracy": 2,
        "val_loss": 2,
        "val_accuracy": 2,
    }
    assert set(content["timings_s"]) == {"data", "tensorflow", "training", "evaluation", "total"}
    assert content["timings_s"]["total"] >= sum(v for k, v in content["timings_s"].items() if k != "total")
    assert content["config"]["epochs"] == 2
    assert set(content["data"]["sha256"]) == {"train_images", "train_labels", "test_images", "test_labels"}


@pytest.mark.parametrize("n_at_once", [schema.N_PROBABILITIES_AT_ONCE, 10, 1])
def test_predictions_csv_gives_back_the_same_float32(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_at_once: int
) -> None:
    """The shortest digits that name the value, and the documented columns; at once, by three lines and by one."""
    monkeypatch.setattr(schema, "N_PROBABILITIES_AT_ONCE", n_at_once)
    probabilities = np.random.default_rng(0).dirichlet([0.1] * 3, 50).astype(np.float32)
    schema._write_predictions(tmp_path / "p.csv", np.arange(50) % 3, probabilities)
    table = pd.read_csv(tmp_path / "p.csv", dtype={f"p_{label}": np.float32 for label in range(3)})
    assert list(table) == ["index", "true", "predicted", "p_0", "p_1", "p_2"]
    assert (table[["p_0", "p_1", "p_2"]].to_numpy() == probabilities).all()
    assert table["index"].tolist() == list(range(50))
    assert table["predicted"].tolist() == probabilities.argmax(axis=1).tolist()


@pytest.mark.parametrize("n_at_once", [schema.N_PROBABILITIES_AT_ONCE, 10, 1])
def test_predictions_csv_keeps_what_the_earlier_model_predicted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_at_once: int
) -> None:
    """In a last column, where there was one; at once, by three lines and by one."""
    monkeypatch.setattr(schema, "N_PROBABILITIES_AT_ONCE", n_at_once)
    probabilities = np.random.default_rng(0).dirichlet([0.1] * 3, 50).astype(np.float32)
    earlier = np.arange(50) % 2
    schema._write_predictions(tmp_path / "p.csv", np.arange(50) % 3, probabilities, earlier)
    table = pd.read_csv(tmp_path / "p.csv")
    assert list(table) == ["index", "true", "predicted", "p_0", "p_1", "p_2", "baseline"]
    assert table["baseline"].tolist() == earlier.tolist()


def test_a_run_alone_has_no_comparison(finished_run: Path) -> None:
    """Neither in metrics.json nor in predictions.csv."""
    assert json.loads((finished_run / "metrics.json").read_text())["comparison"] is None
    assert "baseline" not in (finished_run / "predictions.csv").read_text()


def test_a_compared_run_tells_of_both(finished_run: Path, compared_run: Path) -> None:
    """The earlier run by its own words, and the class that it predicted for each image."""
    earlier, now = (json.loads((folder / "metrics.json").read_text()) for folder in (finished_run, compared_run))
    told = now["comparison"]["earlier"]
    names = ("started", "command", "model", "accuracy", "accuracy_interval", "loss", "loss_interval")
    assert told == {"folder": str(finished_run)} | {name: earlier[name] for name in names}
    assert f"--reference {finished_run}" in now["command"]
    before, after = (pd.read_csv(folder / "predictions.csv") for folder in (finished_run, compared_run))
    assert after["baseline"].tolist() == before["predicted"].tolist()
    right = after["true"] == after["predicted"], before["true"] == before["predicted"]
    assert now["comparison"]["pairs"]["n_won"] == (right[0] & ~right[1]).sum() > 0
    assert now["comparison"]["pairs"]["n_lost"] == (right[1] & ~right[0]).sum()
    with np.load(compared_run / "samples.npz") as arrays:
        assert {*now["comparison"]["won"], *now["comparison"]["lost"]} <= set(arrays["index"].tolist())

import json
from pathlib import Path

import pytest
from support import make_run

from job.results.file_names import METRICS
from job.results.metrics_json import read_record
from job.results.schema import SCHEMA_VERSION

BY_PROBABILITY = {"roc_auc", "average_precision", "brier", "calibration_error"}
METRIC_NAMES = {"precision", "recall", "f1", "precision_interval", "recall_interval", "f1_interval"}


def test_metrics_json_has_the_documented_keys(tmp_path: Path) -> None:
    """Programs read this schema."""
    make_run(with_reference=True, runs=3, calibrate="temperature").write(tmp_path)
    content = json.loads((tmp_path / METRICS).read_text(encoding="utf-8"))
    assert next(iter(content.items())) == ("schema_version", SCHEMA_VERSION)
    parts = ["evaluation", "comparison", "temperature_scaling", "training", "provenance", "gates", "trend"]
    assert list(content)[1:] == parts
    assert (content["gates"], content["trend"]) == ([], None)
    evaluation = content["evaluation"]
    assert set(evaluation) >= {"n_test", "accuracy", "accuracy_interval", "loss", "loss_interval", "confusion_matrix"}
    assert set(evaluation) >= {"macro", "weighted", "per_class", "calibration", "samples", "seed"}
    assert set(evaluation["macro"]) == set(evaluation["weighted"]) == METRIC_NAMES
    assert [set(row) for row in evaluation["per_class"]] == [{"name", "support", *METRIC_NAMES, *BY_PROBABILITY}] * 10
    assert set(evaluation["calibration"]) == {
        *("ece", "ece_debiased", "ece_if_calibrated", "ece_if_calibrated_95", "mean_confidence"),
        *("overconfidence", "overconfidence_interval", "high_confidence", "bins", "coverage"),
    }
    for name in ("top_2_accuracy", "top_3_accuracy", "brier", "mcc", "roc_auc", "average_precision"):
        assert set(evaluation) >= {name, f"{name}_interval"}
    assert {len(row) for row in evaluation["confusion_matrix"]} == {10}
    comparison = content["comparison"]
    assert set(comparison) >= {"reference", "counts", "p_value", "per_class", "fixed", "broken", "loss", "brier"}
    assert set(comparison) >= {"overconfidence", "recipes", "reseed_difference", "reseed_side"}
    assert {*comparison["counts"], "p_value", "p_adjusted"} == set(comparison["per_class"][0])
    assert set(content["temperature_scaling"]) == {"before", "after", "overconfidence", "loss", "brier"}
    assert set(content["temperature_scaling"]["before"]) == {"ece", "ece_debiased"}
    training = content["training"]
    assert set(training) == {
        *("config", "network", "n_train", "n_validation", "history", "seed_variation", "temperature")
    }
    assert {len(values) for values in training["history"].values()} == {2}
    assert set(training["seed_variation"]) == {
        *("runs", "mean", "mean_interval", "sd", "sd_interval", "reported_seed", "chosen_by")
    }
    assert set(content["provenance"]) == {"started", "command", "environment", "data", "timings_s", "name"}


@pytest.mark.parametrize("key", ["comparison", "temperature_scaling", "training"])
def test_what_did_not_take_place_is_null(tmp_path: Path, key: str) -> None:
    """A run without a reference has no comparison, and predictions that this job did not make have no training."""
    make_run(trained=False).write(tmp_path)
    assert json.loads((tmp_path / METRICS).read_text(encoding="utf-8"))[key] is None


def test_the_record_is_what_was_known_before_the_evaluation(tmp_path: Path) -> None:
    """It has the class names, the seed, the reference, the training and the provenance of the run."""
    run = make_run(n_classes=3, seed=5, with_reference=True)
    run.write(tmp_path)
    record = read_record(tmp_path)
    assert run.comparison is not None
    assert (record.class_names, record.seed) == (["class 0", "class 1", "class 2"], 5)
    assert record.reference == run.comparison.reference
    assert (record.training, record.provenance) == (run.training, run.provenance)
    make_run().write(tmp_path)
    assert read_record(tmp_path).reference is None

from collections.abc import Sequence

import pytest
from gated_runs import MISSED, PASSED, WARNING, make_gated_run
from support import calibration_of, make_run

from job.config.gate import Gate
from job.report.ci.mlflow_values import find_run_name, list_metrics, list_params, list_tags
from job.results.run import Run


def metrics_of(run: Run) -> dict[str, float]:
    """The metrics that do not belong to an epoch."""
    return {name: value for name, value, step in list_metrics(run.metrics()) if step == 0}


def test_metrics_have_the_names_of_gates_and_intervals() -> None:
    """Those of all images and of each class."""
    run = make_run(n=300)
    metrics, evaluation = metrics_of(run), run.evaluation
    shirt = next(row for row in evaluation.per_class if row.name == "Shirt")
    assert metrics["accuracy"] == evaluation.accuracy
    assert metrics["accuracy_lower"] == evaluation.accuracy_interval.lower
    assert metrics["macro.f1"] == evaluation.macro.f1
    assert metrics["ece"] == calibration_of(evaluation).ece
    assert "ece_lower" not in metrics
    assert metrics["recall.Shirt"] == shirt.recall
    assert metrics["recall.Shirt_upper"] == shirt.recall_interval.upper
    assert metrics["timings_s.total"] == 4.0


def test_names_have_only_what_mlflow_allows() -> None:
    """Classes whose names become the same are numbered."""
    names = ["a/b", "a&b", "a_b", *(f"class {label}" for label in range(3, 10))]
    run = make_run(n=300, class_names=names)
    metrics, rows = metrics_of(run), run.evaluation.per_class
    assert [metrics[name] for name in ("recall.a_b", "recall.a_b.2", "recall.a_b.3")] == [
        row.recall for row in rows[:3]
    ]
    assert metrics["recall.a_b.2_lower"] == rows[1].recall_interval.lower


def test_ends_of_intervals_and_classes_share_no_name() -> None:
    """A class may be named as the end of the interval of another one."""
    names = ["a", "a_lower", *(f"class {label}" for label in range(2, 10))]
    run = make_run(n=300, class_names=names)
    found = [name for name, _, step in list_metrics(run.metrics()) if step == 0]
    assert len(found) == len(set(found))
    assert {"recall.a_lower", "recall.a_lower.2"} <= set(found)


def test_curves_have_a_step_for_each_epoch() -> None:
    """The epochs count from 1."""
    run = make_run(epochs=3)
    assert run.training
    curve = [(value, step) for name, value, step in list_metrics(run.metrics()) if name == "epoch.val_loss"]
    assert curve == list(zip(run.training.history.val_loss, (1, 2, 3), strict=True))


def test_params_are_the_settings_of_the_training() -> None:
    """Without options that decide only where a run takes place."""
    params = list_params(make_run(learning_rate=0.002, name="some name").metrics())
    assert params["learning_rate"] == "0.002"
    assert params["network"] == "MLP 784-128-10"
    assert params["data"] == "Fashion-MNIST"
    assert not {"name", "output", "log"} & params.keys()


@pytest.mark.parametrize(
    ("gates", "outcome"), [((), None), ((PASSED, WARNING), "passed"), ((PASSED, MISSED), "missed")]
)
def test_tags_name_revision_and_outcome(gates: Sequence[Gate], outcome: str | None) -> None:
    """Where there are no gates, there is no outcome; a gate that only warns is not missed."""
    tags = list_tags(make_gated_run(gates).metrics())
    assert tags["mlflow.source.git.commit"] == "0123456789abcdef0123456789abcdef01234567"
    assert tags.get("fashion_job.gates") == outcome


def test_a_run_that_this_job_did_not_train_is_named_after_its_data() -> None:
    """It has no settings."""
    content = make_run(trained=False).metrics()
    assert find_run_name(content) == "Fashion-MNIST"
    assert list_params(content) == {"data": "Fashion-MNIST"}
    assert find_run_name(make_run(name="some name").metrics()) == "some name"

from collections.abc import Mapping

import pytest
from support import make_run

from job.config.gate import Gate
from job.config.gate_metrics import CLASS, GATE_METRICS
from job.config.gate_options import read_gate
from job.errors import UsageError
from job.evaluation.metric_lookup import find_metric
from job.results.gate_check import RunParts, check_gates

NAMES = ("T-shirt/top", "a.b", "Shirt")


def check(text: str, parts: RunParts | None = None) -> None:
    check_gates([read_gate(text, "under", "error")], NAMES, parts or RunParts(reference=False, training=True))


@pytest.mark.parametrize(
    "text",
    [
        "accuracy=0.8",
        "recall.a.b=0.5:interval",
        "evaluation.per_class.Shirt.recall=0.5:interval",
        "calibration.high_confidence.n_wrong=3",
        "calibration.coverage.9.accuracy=0.9",
        "confusion_matrix.Shirt.a.b=4",
        "timings_s.training=3",
        "training.history.val_loss.0=1",
        "training.config.epochs=3",
        "provenance.environment.n_threads=2",
    ],
)
def test_any_number_of_metrics_json(text: str) -> None:
    """Short names, paths, classes with dots, and elements of lists."""
    check(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("macro.f2=0.5", "the gate macro.f2 ≥ 0.5: unknown metric macro.f2; did you mean macro.f1?"),
        ("recall.Shrt=0.5", "unknown metric recall.Shrt; did you mean recall.Shirt?"),
        ("recall.a.c=0.5", "unknown metric recall.a.c; did you mean recall.a.b?"),
        ("recall.3=0.5", "the gate recall.3 ≥ 0.5: unknown class 3; the classes are T-shirt/top, a.b, Shirt"),
        ("confusion_matrix.Shirt.9=5", "unknown metric confusion_matrix.Shirt.9; `python -m job --help-metrics` lists"),
        ("timings_s.trainin=3", "unknown metric timings_s.trainin; did you mean timings_s.training?"),
        ("evaluation.per_class.Shirt.name=3", "unknown metric evaluation.per_class.Shirt.name"),
        ("per_class.Shirt.support=3:interval", "per_class.Shirt.support has no confidence interval; leave out"),
        ("comparison.counts.difference=0", "comparison.counts.difference needs a reference: --reference DIR"),
        ("training.seed_variation.mean=0.8", "training.seed_variation.mean needs several seeds: --runs N"),
        ("training.temperature=1", "training.temperature needs a calibrated model: --calibrate temperature"),
        ("temperature_scaling.after.ece=0", "needs a calibrated model: --calibrate temperature"),
        ("best:ece=0.5", ""),
        ("best:macro.f1=0.5:interval", "only the accuracy of the best has an interval; leave out :interval"),
    ],
)
def test_a_gate_that_the_run_cannot_have(text: str, words: str) -> None:
    """The message names the nearest metric, or what the run needs."""
    if not words:
        check(text)
        return
    with pytest.raises(UsageError) as error:
        check(text)
    assert words in str(error.value)


def test_a_run_that_was_not_trained_here() -> None:
    """Predictions of another framework have no training."""
    with pytest.raises(UsageError, match=r"training\.history\.loss\.0 needs a model that this job trained"):
        check("training.history.loss.0=1", RunParts(reference=False))
    check_gates([Gate("accuracy", "worse", 0.0)], NAMES, RunParts(reference=False))


@pytest.mark.parametrize(
    ("text", "parts", "what"),
    [
        ("loss=1", {"probabilities": False}, "loss needs probabilities, but the predictions are only classes"),
        ("ece=1", {"probabilities": False}, "ece needs probabilities, but"),
        ("brier.Shirt=0", {"probabilities": False}, "brier.Shirt needs probabilities, but"),
        ("evaluation.calibration.coverage.9.accuracy=1", {"probabilities": False}, "needs probabilities, but"),
        ("comparison.ece.difference=0", {"probabilities": False}, "needs probabilities, but"),
        ("comparison.ece.difference=0", {"reference_probabilities": False}, "needs probabilities of the reference"),
        ("timings_s.training=9", {}, "timings_s.training needs a model that this job trained"),
        ("training.temperature=1", {}, "training.temperature needs a model that this job trained"),
        ("temperature_scaling.after.ece=1", {}, "needs a model that this job trained"),
        ("provenance.timings_s.predictions=9", {"training": True}, "needs predictions that this job did not make"),
    ],
)
def test_a_gate_that_predictions_cannot_have(text: str, parts: Mapping[str, bool], what: str) -> None:
    """Those of other programs have no training, and may be classes without probabilities."""
    with pytest.raises(UsageError, match=what):
        check(text, RunParts(**{"reference": True, **parts}))
    check(text, RunParts(reference=True, training="predictions" not in text, calibration=True))


@pytest.mark.parametrize(
    "text", ["accuracy=1", "mcc=1:interval", "recall.Shirt=1", "comparison.counts.difference=0", "timings_s.total=9"]
)
def test_what_predicted_classes_suffice_for(text: str) -> None:
    """Neither of the two runs has probabilities."""
    check(text, RunParts(reference=True, probabilities=False, reference_probabilities=False))


def test_every_listed_metric_exists_and_has_an_interval_if_it_says_so() -> None:
    """A run with a reference and several seeds has all metrics that `--help-metrics` lists."""
    run = make_run(n=400, runs=3, reference_runs=2, with_reference=True)
    metrics, class_names = run.metrics(), run.evaluation.class_names
    for each in GATE_METRICS:
        name = each.name.replace(CLASS, "Shirt")
        found = find_metric(metrics, name)
        assert found is not None, name
        assert found.value is not None, name
        assert each.lowest <= found.value <= each.highest, name
        assert (found.interval is not None) == each.has_interval, name
        check_gates([Gate(name, "under", 0.0)], class_names, RunParts.every())
        if each.has_interval:
            check_gates([Gate(name, "under", 0.0, "interval")], class_names, RunParts.every())

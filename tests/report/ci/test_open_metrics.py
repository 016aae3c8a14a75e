from collections.abc import Callable, Iterable
from typing import Any

import pytest
from gated_runs import GATES, HOSTILE, make_gated_run
from prometheus_client import parser as text_parser
from prometheus_client.openmetrics import parser as open_metrics_parser
from support import make_run

from job.config.gate import Gate
from job.report.ci.open_metrics import render_open_metrics
from job.results.run import Run

Parse = Callable[[str], Iterable[Any]]

PARSERS: list[Parse] = [open_metrics_parser.text_string_to_metric_families, text_parser.text_string_to_metric_families]
"""GitLab and Prometheus read OpenMetrics; the textfile collector reads an older format, where units are comments."""

every_parser = pytest.mark.parametrize("parse", PARSERS, ids=["OpenMetrics", "text"])


def read(run: Run, parse: Parse) -> dict[tuple[str, tuple[str, ...]], float]:
    """The value of each series, by its name and the values of its labels; no series may occur twice."""
    samples = [sample for family in parse(render_open_metrics(run)) for sample in family.samples]
    values = {(sample.name, tuple(sample.labels.values())): sample.value for sample in samples}
    assert len(values) == len(samples)
    assert not any(sample.timestamp for sample in samples)
    return values


@every_parser
def test_values_are_those_of_the_run(parse: Parse) -> None:
    """With the ends of their intervals, of all images and of each class."""
    run = make_gated_run(n=1000)
    values, evaluation = read(run, parse), run.evaluation
    assert values["fashion_job_test_accuracy_ratio", ()] == evaluation.accuracy
    assert values["fashion_job_test_accuracy_lower_ratio", ()] == evaluation.accuracy_interval.lower
    assert values["fashion_job_test_accuracy_upper_ratio", ()] == evaluation.accuracy_interval.upper
    assert values["fashion_job_test_images", ()] == 1000
    assert values["fashion_job_stage_seconds", ("training",)] == 2.5
    assert values["fashion_job_start_timestamp_seconds", ()] == 1770091506
    for row in evaluation.per_class:
        assert values["fashion_job_test_class_recall_ratio", (row.name,)] == row.recall
        assert values["fashion_job_test_class_f1_upper_ratio", (row.name,)] == row.f1_interval.upper
        assert values["fashion_job_test_class_images", (row.name,)] == row.support


@every_parser
def test_gates_are_one_or_zero(parse: Parse) -> None:
    """A gate that is listed twice is one series, because Prometheus refuses doubled ones."""
    values = read(make_gated_run((*GATES, *GATES)), parse)
    gates = {labels: value for (name, labels), value in values.items() if name == "fashion_job_gate_passed"}
    assert gates == {
        ("accuracy ≥ 0.5", "error"): 1,
        ("recall.Shirt ≥ 0.99", "error"): 0,
        ("ece ≤ 0.001", "warning"): 0,
    }


def test_of_gates_with_the_same_words_all_must_pass() -> None:
    """Thresholds that differ only in the thirteenth digit look the same."""
    gates = [Gate("n_test", "under", threshold) for threshold in (1000, 1000 + 1e-9)]
    for each in (gates, gates[::-1]):
        values = read(make_gated_run(each), PARSERS[0])
        assert values["fashion_job_gate_passed", ("n_test ≥ 1000", "error")] == 0


@every_parser
def test_labels_are_escaped(parse: Parse) -> None:
    """A reader gets the names as they are."""
    names = [HOSTILE, *(f"class {label}" for label in range(1, 10))]
    values = read(make_run(class_names=names, name='a "b" \\n'), parse)
    assert ("fashion_job_test_class_recall_ratio", (HOSTILE,)) in values
    (labels,) = [labels for name, labels in values if name == "fashion_job_run_info"]
    assert 'a "b" \\n' in labels


def test_has_help_type_and_unit() -> None:
    """Each family has a help text and ends with its unit, and the file ends with the mark of OpenMetrics."""
    text = render_open_metrics(make_gated_run())
    assert text.endswith("\n# EOF\n")
    families = list(PARSERS[0](text))
    assert len(families) > 30
    assert {family.type for family in families} == {"gauge"}
    assert all(family.documentation for family in families)
    assert {family.unit for family in families} == {"", "ratio", "seconds", "nats"}
    assert all(family.name.endswith(family.unit) for family in families)
    units = {family.name: family.unit for family in families}
    assert units["fashion_job_test_accuracy_ratio"] == "ratio"
    assert units["fashion_job_test_loss_nats"] == "nats"


def test_a_metric_without_value_is_left_out() -> None:
    """ROC AUC of a run with a class that has no image, and the interval of the calibration error."""
    names = {name for name, _ in read(make_run(n=100), PARSERS[0])}
    assert "fashion_job_test_calibration_error_ratio" in names
    assert "fashion_job_test_calibration_error_lower_ratio" not in names

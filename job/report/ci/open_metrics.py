"""Renders the metrics of a run in the OpenMetrics text format, which GitLab and Prometheus read.

All metrics are gauges without timestamps, and the help texts have no quotes, so that the textfile collector of
Prometheus's node exporter accepts the file, too.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.openmetrics.exposition import generate_latest

from job.evaluation.evaluate import ClassMetrics, Evaluation
from job.evaluation.gate_result import GateResult
from job.evaluation.intervals import Interval
from job.report.first_screen.identity import find_name
from job.results.run import Run

PREFIX = "fashion_job_test"
ENDS = {"lower": "lower end of its 95% confidence interval", "upper": "upper end of its 95% confidence interval"}

Value = tuple[list[str], float | None, Interval | None]
"""The values of the labels, a value and its interval."""


class _Run:
    """The metrics of a run, as a collector of prometheus-client."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def collect(self) -> Iterator[GaugeMetricFamily]:
        run, evaluation = self._run, self._run.evaluation
        yield from _describe_run(run)
        yield from _list_metrics(evaluation)
        yield from _list_class_metrics(evaluation.per_class)
        yield from _list_gates(run.gates)


def render_open_metrics(run: Run) -> str:
    """Render the metrics; each end of an interval is a metric of its own, such as `…_accuracy_lower_ratio`."""
    text: bytes = generate_latest(_Run(run))  # type: ignore[no-untyped-call]
    return text.decode()


def _describe_run(run: Run) -> Iterator[GaugeMetricFamily]:
    environment, training = run.provenance.environment, run.training
    labels = {
        "name": find_name(run),
        "data": run.provenance.data.name,
        "network": training.network if training else "",
        "revision": environment.revision,
        "version": environment.job,
    }
    info = GaugeMetricFamily("fashion_job_run_info", "The run that these metrics describe; always 1", None, [*labels])
    info.add_metric([*labels.values()], 1)
    yield info
    started = datetime.fromisoformat(run.provenance.started).timestamp()
    yield GaugeMetricFamily("fashion_job_start_timestamp", "Start of the run", started, unit="seconds")
    stages = GaugeMetricFamily(
        "fashion_job_stage", "Wall time of each stage before the evaluation", None, ["stage"], unit="seconds"
    )
    for stage, wall_time_s in run.provenance.timings_s.items():
        stages.add_metric([stage], wall_time_s)
    yield stages
    yield GaugeMetricFamily(f"{PREFIX}_images", "Number of test images", run.evaluation.n_test)


def _list_metrics(evaluation: Evaluation) -> Iterator[GaugeMetricFamily]:
    """The metrics of all test images."""
    macro, ece = evaluation.macro, evaluation.calibration.ece if evaluation.calibration else None
    for name, unit, text, value, interval in (
        ("accuracy", "ratio", "Accuracy on the test images", evaluation.accuracy, evaluation.accuracy_interval),
        ("macro_precision", "ratio", "Precision, mean over the classes", macro.precision, macro.precision_interval),
        ("macro_recall", "ratio", "Recall, mean over the classes", macro.recall, macro.recall_interval),
        ("macro_f1", "ratio", "F1, mean over the classes", macro.f1, macro.f1_interval),
        ("loss", "nats", "Mean cross-entropy", evaluation.loss, evaluation.loss_interval),
        ("brier", "", "Mean Brier score", evaluation.brier, evaluation.brier_interval),
        ("mcc", "", "Correlation coefficient of Matthews", evaluation.mcc, evaluation.mcc_interval),
        (
            "roc_auc",
            "ratio",
            "Area under the ROC curve, mean over the classes",
            evaluation.roc_auc,
            evaluation.roc_auc_interval,
        ),
        ("calibration_error", "ratio", "Expected calibration error over 15 bins", ece, None),
    ):
        yield from _list_families(name, unit, text, [], [([], value, interval)])


def _list_class_metrics(rows: list[ClassMetrics]) -> Iterator[GaugeMetricFamily]:
    support = GaugeMetricFamily(f"{PREFIX}_class_images", "Number of test images of the class", None, ["class"])
    for row in rows:
        support.add_metric([row.name], row.support)
    yield support
    recalls: list[Value] = [([row.name], row.recall, row.recall_interval) for row in rows]
    precisions: list[Value] = [([row.name], row.precision, row.precision_interval) for row in rows]
    f1s: list[Value] = [([row.name], row.f1, row.f1_interval) for row in rows]
    yield from _list_families("class_recall", "ratio", "Recall of the class", ["class"], recalls)
    yield from _list_families("class_precision", "ratio", "Precision of the class", ["class"], precisions)
    yield from _list_families("class_f1", "ratio", "F1 of the class", ["class"], f1s)


def _list_gates(results: Sequence[GateResult]) -> Iterator[GaugeMetricFamily]:
    """The gates, if there are any; those with the same words are one, because Prometheus refuses doubled series."""
    gates: dict[tuple[str, str], bool] = {}
    for result in results:
        key = result.label, result.gate.severity
        gates[key] = gates.get(key, True) and result.passed
    text = "Whether the run passed the gate (1) or missed it (0)"
    family = GaugeMetricFamily("fashion_job_gate_passed", text, None, ["gate", "severity"])
    for labels, passed in gates.items():
        family.add_metric(labels, passed)
    yield from [family] if gates else []


def _list_families(
    name: str, unit: str, text: str, labels: list[str], values: Sequence[Value]
) -> Iterator[GaugeMetricFamily]:
    """The families of a metric and of both ends of its interval; one without any value is left out."""
    family = GaugeMetricFamily(f"{PREFIX}_{name}", text, None, labels, unit=unit)
    for label, value, _ in values:
        if value is not None:
            family.add_metric(label, value)
    ends = []
    for end, meaning in ENDS.items():
        each = GaugeMetricFamily(f"{PREFIX}_{name}_{end}", f"{text}: {meaning}", None, labels, unit=unit)
        for label, _, interval in values:
            if interval:
                each.add_metric(label, getattr(interval, end))
        ends.append(each)
    yield from (each for each in (family, *ends) if each.samples)

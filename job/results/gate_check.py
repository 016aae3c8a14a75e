"""Checks before training that the metrics of all gates exist."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Annotated, Any, Self, Union, get_args, get_origin, get_type_hints

from job.config.gate import Gate
from job.config.gate_metrics import describe_unknown_metric
from job.errors import UsageError
from job.evaluation.evaluate import ClassMetrics, Evaluation
from job.evaluation.metric_lookup import CLASS_METRICS, find_metric
from job.evaluation.paired_comparison import ClassCounts, Comparison
from job.evaluation.temperature_scaling import TemperatureScaling
from job.results.provenance import Provenance
from job.results.schema import Training

MAX_LENGTH = 1000
"""Lists whose lengths are not known before training seem to have so many elements."""

MOST_CLASSES = 10
TRAINING_STAGES = ("data", "prediction", "reference", "tensorflow", "training")
REPORT_STAGE = "predictions"
STAGES = (*TRAINING_STAGES, REPORT_STAGE, "total")
"""The stages that a training may time, and the one of predictions that this job did not make; both have a total."""

COMPARED = ("loss", "brier", "overconfidence", "ece")
"""The metrics of a comparison that need the probabilities of both runs."""


@dataclass(frozen=True, kw_only=True)
class RunParts:
    """What a run has, apart from what every run has.

    Attributes:
        reference: Whether it is compared with a reference.
        training: Whether this job trained the model.
        seeds: Whether it trained several seeds.
        calibration: Whether the model is calibrated.
        probabilities: Whether the predictions have probabilities.
        reference_probabilities: Whether those of the reference have some.
    """

    reference: bool
    training: bool = False
    seeds: bool = False
    calibration: bool = False
    probabilities: bool = True
    reference_probabilities: bool = True

    @classmethod
    def every(cls) -> Self:
        """Everything that a run may have."""
        return cls(reference=True, training=True, seeds=True, calibration=True)


def check_gates(gates: Sequence[Gate], class_names: Sequence[str], parts: RunParts) -> None:
    """Check that a run will have the metric of each gate.

    Raises:
        UsageError: If it will not, or not its interval.
    """
    if not gates:
        return
    sketch = _sketch_metrics(class_names)
    labels_only = _remove_probabilities(sketch)
    for gate in gates:
        if gate.bound == "worse":
            continue
        if gate.scope == "best" and gate.end == "interval" and gate.metric != "accuracy":
            raise UsageError(
                f"the gate {gate.label}: only the accuracy of the best has an interval; leave out :interval"
            )
        label = f"the gate {gate.label}"
        found = find_metric(sketch, gate.metric)
        if found is None or found.value is None:
            raise UsageError(f"{label}: {_describe_unknown(gate.metric, class_names)}")
        if gate.end == "interval" and found.interval is None:
            raise UsageError(f"{label}: {gate.metric} has no confidence interval; leave out :interval")
        if lacking := _find_lacking(gate.metric, labels_only, parts):
            raise UsageError(f"{label}: {gate.metric} needs {lacking}")


def _find_lacking(metric: str, labels_only: Mapping[str, Any], parts: RunParts) -> str:
    """What a run lacks for a metric that others have; empty if it lacks nothing."""
    name = metric.removeprefix("provenance.")
    trained, calibrated = "a model that this job trained", "a calibrated model: --calibrate temperature"
    of_training = ("training", "temperature_scaling", *(f"timings_s.{stage}" for stage in TRAINING_STAGES))
    for prefix, is_there, what in (
        *((each, parts.training, trained) for each in of_training),
        ("comparison", parts.reference, "a reference: --reference DIR"),
        ("temperature_scaling", parts.calibration, calibrated),
        ("training.temperature", parts.calibration, calibrated),
        ("training.seed_variation", parts.seeds, "several seeds: --runs N"),
        (f"timings_s.{REPORT_STAGE}", not parts.training, "predictions that this job did not make"),
    ):
        if not is_there and f"{name}.".startswith(f"{prefix}."):
            return what
    found = find_metric(labels_only, metric)
    if found is not None and found.value is not None:
        return ""
    if not parts.probabilities:
        return "probabilities, but the predictions are only classes"
    is_compared = name.startswith("comparison.")
    return "" if parts.reference_probabilities or not is_compared else "probabilities of the reference"


def _describe_unknown(name: str, class_names: Sequence[str]) -> str:
    first, _, word = name.partition(".")
    if word and first in CLASS_METRICS and not get_close_matches(word, class_names, n=1):
        shown = ", ".join(class_names[:MOST_CLASSES]) + ", …" * (len(class_names) > MOST_CLASSES)
        return f"unknown class {word[:80]}; the classes are {shown}"
    return describe_unknown_metric(name, class_names)


def _sketch_metrics(class_names: Sequence[str]) -> dict[str, Any]:
    """The content of a metrics.json in which every number is 0."""
    n = len(class_names)
    sketch = {
        "evaluation": _sketch(Evaluation, n),
        "comparison": _sketch(Comparison, n),
        "temperature_scaling": _sketch(TemperatureScaling, n),
        "training": _sketch(Training, n),
        "provenance": {**_sketch(Provenance, n), "timings_s": dict.fromkeys(STAGES, 0.0)},
    }
    rows = sketch["evaluation"]["per_class"]
    sketch["evaluation"]["per_class"] = [{**row, "name": name} for row, name in zip(rows, class_names, strict=True)]
    sketch["evaluation"]["confusion_matrix"] = [[0] * n] * n
    return sketch


def _remove_probabilities(sketch: Mapping[str, Any]) -> dict[str, Any]:
    """The same for predictions without probabilities: what needs them is None."""
    of_all, of_class = (
        dict.fromkeys(field.name for field in fields(kind) if field.default is None)
        for kind in (Evaluation, ClassMetrics)
    )
    rows = [{**row, **of_class} for row in sketch["evaluation"]["per_class"]]
    evaluation = {**sketch["evaluation"], **of_all, "per_class": rows}
    return {**sketch, "evaluation": evaluation, "comparison": {**sketch["comparison"], **dict.fromkeys(COMPARED)}}


def _sketch(annotation: Any, n_classes: int) -> Any:  # noqa: ANN401 - one for each kind of type
    """A value of a type, as it is in metrics.json; every number is 0."""
    if is_dataclass(annotation):
        hints = get_type_hints(annotation, include_extras=False)
        return {field.name: _sketch(hints[field.name], n_classes) for field in fields(annotation)}
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _sketch(arguments[0], n_classes)
    if origin in {Union, UnionType}:
        return _sketch(next(each for each in arguments if each is not NoneType), n_classes)
    if origin in {list, Sequence}:
        item = _sketch(arguments[0], n_classes)
        return [item] * (n_classes if arguments[0] in {ClassMetrics, ClassCounts} else MAX_LENGTH)
    if origin is Mapping:
        return {}
    return 0.0 if annotation in {int, float} else ""

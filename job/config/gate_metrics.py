"""Lists the metrics that gates usually name: name, meaning, range, an example, and whether they have an interval."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from job.config.options import describe_unknown

CLASS = "CLASS"
"""Stands for the name of a class."""

PREFIXES = ("evaluation.", "provenance.", "calibration.")
"""What a name may leave out."""


@dataclass(frozen=True)
class GateMetric:
    """A metric that a gate may name.

    Attributes:
        name: Its name, in which `CLASS` stands for the name of a class.
        example: Its value for the baseline with seed 0, on the 10,000 test images of Fashion-MNIST; empty if that run
            has none.
        lowest: The lowest possible value, as `highest` is the highest.
        better: Which values are better; empty if neither.
    """

    name: str
    meaning: str
    example: str
    lowest: float = 0.0
    highest: float = 1.0
    has_interval: bool = True
    better: Literal["higher", "lower", ""] = "higher"

    @property
    def range(self) -> str:
        """Its possible values in words."""
        if math.isinf(self.highest):
            return f"at least {self.lowest:g}"
        return f"between {self.lowest:g} and {self.highest:g}"


GATE_METRICS = (
    GateMetric("accuracy", "fraction of the test images predicted correctly", "0.87"),
    GateMetric("top_2_accuracy", "the true class is among the two most probable", "0.96"),
    GateMetric("top_3_accuracy", "the true class is among the three most probable", "0.99"),
    GateMetric("macro.recall", "mean recall over the classes (balanced accuracy)", "0.87"),
    GateMetric("macro.precision", "mean precision over the classes", "0.87"),
    GateMetric("macro.f1", "mean F1 over the classes", "0.87"),
    GateMetric("weighted.precision", "mean precision, weighted by support", "0.87"),
    GateMetric("weighted.f1", "mean F1, weighted by support", "0.87"),
    GateMetric("mcc", "Matthews's correlation of true and predicted classes", "0.86", -1.0),
    GateMetric("roc_auc", "area under the ROC curve, mean over the classes", "0.99"),
    GateMetric("average_precision", "average precision, mean over the classes", "0.93"),
    GateMetric("loss", "mean cross-entropy in nats", "0.36", highest=math.inf, better="lower"),
    GateMetric("brier", "Brier score, 0 to 2", "0.18", highest=2.0, better="lower"),
    GateMetric("ece", "expected calibration error over 15 bins", "0.016", has_interval=False, better="lower"),
    GateMetric("overconfidence", "mean confidence minus accuracy", "0.016", -1.0, better=""),
    GateMetric(f"recall.{CLASS}", "recall of a class, such as recall.Shirt", "0.6"),
    GateMetric(f"precision.{CLASS}", "precision of a class", "0.7"),
    GateMetric(f"f1.{CLASS}", "F1 of a class", "0.65"),
    GateMetric(f"roc_auc.{CLASS}", "area under the ROC curve of a class", "0.96", has_interval=False),
    GateMetric(f"average_precision.{CLASS}", "average precision of a class", "0.76", has_interval=False),
    GateMetric(
        f"brier.{CLASS}",
        "mean squared error of the probability of a class",
        "0.044",
        has_interval=False,
        better="lower",
    ),
    GateMetric(
        f"calibration_error.{CLASS}", "calibration error of a class", "0.011", has_interval=False, better="lower"
    ),
    GateMetric("n_test", "number of test images", "10000", highest=math.inf, has_interval=False, better=""),
    GateMetric(
        "timings_s.total", "seconds until the evaluation", "7", highest=math.inf, has_interval=False, better="lower"
    ),
    GateMetric(
        "timings_s.training", "seconds of the training", "3", highest=math.inf, has_interval=False, better="lower"
    ),
    GateMetric("comparison.counts.difference", "accuracy minus that of the reference", "", -1.0),
    GateMetric(
        "comparison.loss.difference", "loss minus that of the reference", "", -math.inf, math.inf, better="lower"
    ),
    GateMetric("training.seed_variation.mean", "mean accuracy over the seeds of --runs", ""),
    GateMetric("training.seed_variation.sd", "standard deviation of the accuracy over the seeds", "", better="lower"),
)
"""The metrics in the order of `--help-metrics`. A gate may also name any other number in `PARTS`."""

OTHER_NAMES = {
    **{name: f"macro.{name}" for name in ("precision", "recall", "f1")},
    "f1_score": "macro.f1",
    "balanced_accuracy": "macro.recall",
    "auc": "roc_auc",
    "top_1_accuracy": "accuracy",
    "cross_entropy": "loss",
    "log_loss": "loss",
    "calibration_error": "ece",
}
"""What users may call a metric, and its name."""

PARTS = ("evaluation", "comparison", "temperature_scaling", "training", "provenance")
"""The parts of metrics.json that a name may begin with."""

OF_TRAINING = ("training", "temperature_scaling", "timings_s.training")
"""What only a training has: the beginnings of names."""

FIRST_WORDS = {
    *(each.name.split(".")[0] for each in GATE_METRICS),
    *PARTS,
    *("calibration", "confusion_matrix", "ece_debiased", "mean_confidence", "per_class", "support"),
}
"""What a name may begin with, up to its first dot."""


def shorten_name(name: str) -> str:
    """The name of a metric without what it may leave out."""
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    return name


def find_gate_metric(name: str) -> GateMetric | None:
    """The entry of a metric; None if it is a number of metrics.json that has no entry."""
    name = shorten_name(name)
    first, dot, _ = name.partition(".")
    known = {each.name: each for each in GATE_METRICS}
    return known.get(name) or (known.get(f"{first}.{CLASS}") if dot else None)


def list_names(class_names: Iterable[str] = ()) -> list[str]:
    """The names of all entries, those of classes with each of these names."""
    names = [
        name for each in GATE_METRICS for name in (each.name.replace(CLASS, word) for word in class_names or (CLASS,))
    ]
    return list(dict.fromkeys(names))


def describe_unknown_metric(name: str, class_names: Iterable[str] = ()) -> str:
    """An error message about an unknown metric, with the nearest known one."""
    if name in OTHER_NAMES:
        return f"unknown metric {name}; did you mean {OTHER_NAMES[name]}?"
    return describe_unknown("metric", name, list_names(class_names), lists="--help-metrics` lists the metrics")


def describe_metrics(*, with_training: bool = True) -> str:
    """What `--help-metrics` prints; `with_training` is False for a command that trains nothing."""
    left_out = () if with_training else OF_TRAINING
    metrics = [each for each in GATE_METRICS if not each.name.startswith(left_out)]
    width = max(len(each.name) for each in metrics)
    lines = [f"{'metric':<{width}}  example  interval  meaning"]
    lines += [
        f"{each.name:<{width}}  {each.example:>7}  {'yes' if each.has_interval else 'no':<8}  {each.meaning}"
        for each in metrics
    ]
    return "\n".join(
        [
            *lines,
            "",
            "The examples are those of the baseline with seed 0 on the 10,000 test images of Fashion-MNIST, of the",
            "class Shirt where a metric has a CLASS. A metric with an interval takes METRIC=VALUE:interval.",
            "",
            "Any other number in these parts of metrics.json is a metric, too, by its path with dots, such as",
            "calibration.high_confidence.n_wrong or evaluation.confusion_matrix.Shirt.Coat:",
            f"{', '.join(part for part in PARTS if part not in left_out)}.",
        ]
    )

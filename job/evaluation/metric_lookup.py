"""Finds numbers by their names in what metrics.json contains."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from job.config.gate_metrics import PARTS
from job.evaluation.intervals import Interval

CLASS_METRICS = (
    *("precision", "recall", "f1", "support"),
    *("roc_auc", "average_precision", "brier", "calibration_error"),
)
"""Metrics of a class whose names a class may follow: `recall.Shirt`."""

CALIBRATION = ("ece", "ece_debiased", "mean_confidence", "overconfidence")
"""Metrics of the calibration that need no prefix."""


@dataclass(frozen=True)
class Measurement:
    """A number of metrics.json and its 95 % confidence interval; None if it has no value, or no interval."""

    value: float | None
    interval: Interval | None = None


def find_metric(metrics: Mapping[str, Any], name: str) -> Measurement | None:
    """The number with this name in the content of metrics.json; None if there is none.

    A name is the path to the number with dots between its parts, such as `evaluation.macro.f1`. `evaluation.` may be
    left out, and `timings_s.total`, `ece` and `recall.Shirt` are short for longer paths. In a list, a part is the
    name of a class, or a number from 0.
    """
    class_names = [row["name"] for row in metrics["evaluation"]["per_class"]]
    node: Any = metrics
    parent: Any = None
    key, rest = "", _expand(name, class_names)
    while rest:
        if isinstance(node, Mapping):
            known: dict[str, Any] = {str(each): each for each in node}
        elif isinstance(node, Sequence) and not isinstance(node, str):
            known = {str(index): index for index in range(len(node))}
            if len(node) == len(class_names):
                known |= {each: index for index, each in enumerate(class_names)}
        else:
            return None
        matches = [each for each in known if rest == each or rest.startswith(f"{each}.")]
        if not matches:
            return None
        key = max(matches, key=len)
        parent, node, rest = node, node[known[key]], rest[len(key) + 1 :]
    if node is None:
        return Measurement(None)
    if isinstance(node, bool) or not isinstance(node, int | float):
        return None
    interval = (
        parent.get("interval" if key == "difference" else f"{key}_interval") if isinstance(parent, Mapping) else None
    )
    return Measurement(float(node), read_interval(interval))


def _expand(name: str, class_names: Sequence[str]) -> str:
    """The whole path of a short name."""
    first, _, rest = name.partition(".")
    if first in PARTS:
        return name
    if first == "timings_s":
        return f"provenance.{name}"
    if first in CLASS_METRICS and rest in class_names:
        return f"evaluation.per_class.{rest}.{first}"
    return f"evaluation.calibration.{name}" if name in CALIBRATION else f"evaluation.{name}"


def read_interval(content: Any) -> Interval | None:  # noqa: ANN401 - JSON
    """The interval in a part of metrics.json; None if there is none."""
    return Interval(content["lower"], content["upper"]) if content else None

"""The figures of the report, each drawn as SVG from plain figures."""

import numpy as np

from job.report.charts.class_recall import recall, reliability
from job.report.charts.confusion_matrix import MAX_ANNOTATED, confusion_matrix
from job.report.charts.learning_curves import coverage, learning
from job.report.charts.number_line import scale, stages
from job.report.charts.recall_changes import differences
from job.results.schema import History

__all__ = [
    "MAX_ANNOTATED",
    "confusion_matrix",
    "coverage",
    "differences",
    "learning",
    "recall",
    "reliability",
    "scale",
    "stages",
    "warm_up",
]


def warm_up() -> None:
    """Do what only the first figures of a process need, such as to find a font, before they are waited for."""
    confusion_matrix(np.eye(2, dtype=np.int64), ["a", "b"])
    recall([0.5, 0.5], [0.4, 0.4], [0.6, 0.6], ["a", "b"])
    learning(History([1.0, 0.5], [0.5, 1.0], [0.001, 0.001]), "loss")

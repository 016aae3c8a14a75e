"""Draws every chart of the page from a run."""

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from job.evaluation.intervals import Interval
from job.evaluation.paired_comparison import Comparison
from job.report.charts.calibration import draw_coverage, draw_reliability
from job.report.charts.class_recall import draw_class_recall
from job.report.charts.confusion_matrix import draw_confusion_matrix
from job.report.charts.learning_curves import draw_learning_curve
from job.report.charts.number_line import draw_published_accuracies, draw_stage_times
from job.report.charts.recall_changes import draw_recall_changes
from job.report.published import PUBLISHED
from job.results.run import Run


@dataclass(frozen=True, kw_only=True)
class PageCharts:
    """The charts of the page as inline SVG; None if the run has no data for one."""

    published_accuracies: Markup | None
    recall_changes: Markup | None
    confusion_matrix: Markup
    class_recall: Markup
    reliability: Markup
    coverage: Markup
    loss: Markup | None
    accuracy: Markup | None
    stage_times: Markup


def draw_charts(run: Run, *, with_published: bool) -> PageCharts:
    """Draw the charts.

    Args:
        run: The run.
        with_published: Whether to compare the accuracy with published ones.
    """
    evaluation, classes = run.evaluation, run.evaluation.per_class
    history = run.training.history if run.training else None
    published = [(result.name, result.lowest, result.highest) for result in PUBLISHED] if with_published else []
    stages = {stage: seconds for stage, seconds in run.provenance.timings_s.items() if stage != "total"}
    return PageCharts(
        published_accuracies=_inline(
            draw_published_accuracies(evaluation.accuracy, evaluation.accuracy_interval, published)
        )
        if with_published
        else None,
        recall_changes=_inline(_draw_changes(run.comparison, evaluation.class_names)) if run.comparison else None,
        confusion_matrix=_inline(
            draw_confusion_matrix(
                evaluation.matrix,
                evaluation.class_names,
                [(cell.true, cell.predicted) for cell in evaluation.samples.cells],
            )
        ),
        class_recall=_inline(
            draw_class_recall(
                [row.recall for row in classes], [row.recall_interval for row in classes], evaluation.class_names
            )
        ),
        reliability=_inline(draw_reliability(evaluation.calibration.bins)),
        coverage=_inline(draw_coverage(evaluation.calibration.coverage)),
        loss=_inline(draw_learning_curve(history.loss, history.val_loss, "loss")) if history else None,
        accuracy=_inline(draw_learning_curve(history.accuracy, history.val_accuracy, "accuracy")) if history else None,
        stage_times=_inline(draw_stage_times(stages)),
    )


def warm_up() -> None:
    """Draw charts that nobody sees, because the first ones of a process take longer, for example to find a font."""
    draw_confusion_matrix(np.eye(2, dtype=np.int64), ["a", "b"])
    draw_class_recall([0.5, 0.5], [Interval(0.4, 0.6)] * 2, ["a", "b"])
    draw_learning_curve([1.0, 0.5], [], "loss")


def _draw_changes(comparison: Comparison, class_names: list[str]) -> str:
    changes = [counts.difference for counts in comparison.per_class]
    return draw_recall_changes(changes, [counts.interval for counts in comparison.per_class], class_names)


def _inline(svg: str) -> Markup:
    return Markup(svg)  # noqa: S704 - our own SVG, whose text an XML library escaped

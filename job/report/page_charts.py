"""Draws every chart of the page from a run."""

import numpy as np
from markupsafe import Markup

from job.evaluation.intervals import Interval
from job.report.assessment import accuracy_at_coverage, find_tested_epoch
from job.report.charts.calibration import draw_coverage, draw_reliability
from job.report.charts.class_recall import draw_class_recall
from job.report.charts.confusion_matrix import draw_confusion_matrix
from job.report.charts.learning_curves import draw_learning_curve
from job.report.charts.published_accuracies import draw_published_accuracies
from job.report.charts.recall_changes import draw_recall_changes
from job.report.charts.seed_accuracies import draw_seed_accuracies
from job.report.charts.stage_times import draw_stage_times
from job.report.charts.trend import draw_trends
from job.report.first_screen.confidence_findings import COVERAGE
from job.report.gallery import list_links
from job.report.published import PUBLISHED, is_comparable
from job.results.run import Run


def draw_charts(run: Run) -> dict[str, Markup]:
    """Draw the charts that the run has data for; returns inline SVG by the name of the chart."""
    evaluation, classes, names = run.evaluation, run.evaluation.per_class, run.evaluation.class_names
    stages = {stage: seconds for stage, seconds in run.provenance.timings_s.items() if stage != "total"}
    charts = {
        "confusion_matrix": draw_confusion_matrix(evaluation.matrix, names, list_links(run)),
        "class_recall": draw_class_recall(
            [row.recall for row in classes], [row.recall_interval for row in classes], names
        ),
        "stage_times": draw_stage_times(stages, run.provenance.timings_s.get("total", sum(stages.values()))),
    }
    if calibration := evaluation.calibration:
        charts["reliability"] = draw_reliability(calibration.bins)
        if len(calibration.coverage) > 1:  # not all predictions have the same confidence
            charts["coverage"] = draw_coverage(calibration.coverage, accuracy_at_coverage(calibration, COVERAGE))
    if is_comparable(run):
        published = [(each.name, [entry.accuracy for entry in each.entries]) for each in PUBLISHED]
        charts["published_accuracies"] = draw_published_accuracies(
            evaluation.accuracy, evaluation.accuracy_interval, published
        )
    if run.comparison:
        counts = run.comparison.per_class
        charts["recall_changes"] = draw_recall_changes(
            [each.difference for each in counts],
            [each.interval for each in counts],
            [each.is_significant for each in counts],
            names,
        )
    if run.training:
        history, tested = run.training.history, find_tested_epoch(run.training)
        charts["loss"] = draw_learning_curve(history.loss, history.val_loss, "loss", tested)
        charts["accuracy"] = draw_learning_curve(history.accuracy, history.val_accuracy, "accuracy", tested)
    if run.training and (variation := run.training.seed_variation):
        accuracies = [each.accuracy for each in variation.runs]
        reported = variation.runs.index(variation.reported)
        charts["seed_accuracies"] = draw_seed_accuracies(accuracies, reported, variation.mean, variation.mean_interval)
    if run.trend and len(run.trend.points) > 1:
        charts |= {f"trend_{name}": svg for name, svg in draw_trends(run.trend).items()}
    return {name: Markup(svg) for name, svg in charts.items()}  # noqa: S704 - our own, escaped by an XML library


def warm_up() -> None:
    """Draw charts and discard them, because the first ones of a process take longer, for example to find a font."""
    draw_confusion_matrix(np.eye(2, dtype=np.int64), ["a", "b"])
    draw_class_recall([0.5, 0.5], [Interval(0.4, 0.6)] * 2, ["a", "b"])
    draw_learning_curve([1.0, 0.5], [], "loss", 2)

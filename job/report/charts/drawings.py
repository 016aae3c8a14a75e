"""Draws every figure of the report from the results of a run."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from job.evaluation.paired_comparison import Comparison
from job.report import published
from job.report.charts import figures
from job.results.schema import Results


@dataclass(frozen=True)
class Drawings:
    """The pictures of the report, as inline SVG; None where there is none."""

    scale: Markup | None
    confusion_matrix: Markup
    differences: Markup | None
    recall: Markup
    reliability: Markup
    coverage: Markup
    loss: Markup
    accuracy: Markup
    stages: Markup


def draw(results: Results, *, with_scale: bool) -> Drawings:
    """Draw them; `with_scale` says whether the accuracy has a place among published ones."""

    def safe(drawn: str) -> Markup:
        return Markup(drawn)  # noqa: S704 - our own SVG, whose text an XML library escaped

    bins, points, recalls = results.calibration.bins, results.calibration.coverage, results.per_class
    accuracy = results.accuracy_interval
    others = [(one.name, (one.lowest, one.highest)) for one in published.PUBLISHED]
    links = [(cell.true, cell.predicted) for cell in results.samples.cells]
    return Drawings(
        scale=safe(figures.scale(results.accuracy, accuracy.lower, accuracy.upper, others)) if with_scale else None,
        confusion_matrix=safe(figures.confusion_matrix(results.matrix, results.class_names, links)),
        differences=safe(_differences(results.comparison, results.class_names)) if results.comparison else None,
        recall=safe(
            figures.recall(
                [one.recall for one in recalls],
                [one.recall_interval.lower for one in recalls],
                [one.recall_interval.upper for one in recalls],
                results.class_names,
            )
        ),
        reliability=safe(
            figures.reliability(
                [one.confidence for one in bins],
                [one.accuracy for one in bins],
                [one.accuracy_interval.lower for one in bins],
                [one.accuracy_interval.upper for one in bins],
                [one.n for one in bins],
            )
        ),
        coverage=safe(figures.coverage([point.coverage for point in points], [point.accuracy for point in points])),
        loss=safe(figures.learning(results.history, "loss")),
        accuracy=safe(figures.learning(results.history, "accuracy")),
        stages=safe(figures.stages({stage: time_s for stage, time_s in results.timings_s.items() if stage != "total"})),
    )


def _differences(comparison: Comparison, class_names: Sequence[str]) -> str:
    return figures.differences(
        [one.difference for one in comparison.per_class],
        [one.interval.lower for one in comparison.per_class],
        [one.interval.upper for one in comparison.per_class],
        class_names,
    )

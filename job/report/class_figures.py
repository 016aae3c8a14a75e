"""Arranges the figures with a part for each class: the curves, and the clustered confusion matrix."""

from dataclasses import dataclass

from markupsafe import Markup

from job.evaluation.class_clusters import Pair, cluster_classes
from job.evaluation.class_curves import FALSE_POSITIVE_RATES, RECALLS, trace_curves
from job.evaluation.predictions import Predictions
from job.report.charts.class_clusters import draw_class_clusters
from job.report.charts.class_curves import draw_class_curves
from job.results.run import Run

N_CURVES = 10  # with more, the page would become too large
CURVE_COLUMNS = (
    "Class",
    "ROC AUC",
    *(f"Recall at {rate:.0%} false positives" for rate in FALSE_POSITIVE_RATES),
    "AP",
    *(f"Precision at {recall:.0%} recall" for recall in RECALLS),
)


@dataclass(frozen=True, kw_only=True)
class CurvesView:
    """The curves of one class.

    Attributes:
        n: Number of test images of the class.
        recalls: Highest recall at each false positive rate of the table.
        precisions: Highest precision at each recall of the table.
        chart: Both curves.
    """

    name: str
    n: int
    roc_auc: float
    average_precision: float
    recalls: list[float]
    precisions: list[float]
    chart: Markup


@dataclass(frozen=True, kw_only=True)
class ClustersView:
    """The confusion matrix, ordered by a clustering.

    Attributes:
        names: Class names in the order of the clustering.
        pairs: Pairs of classes that are most often confused with each other, each with both names.
        chart: The ordered matrix with its dendrogram.
    """

    names: list[str]
    pairs: list[tuple[str, str, Pair]]
    chart: Markup


def view_curves(run: Run) -> list[CurvesView]:
    """Draw the curves of at most 10 classes, lowest average precision first; those without a curve are left out."""
    if not isinstance(run.predictions, Predictions):
        return []
    scores = [(row.average_precision, label) for label, row in enumerate(run.evaluation.per_class)]
    known = sorted((score, label) for score, label in scores if score is not None)
    views = []
    for curves in trace_curves(run.predictions, [label for _, label in known[:N_CURVES]]):
        row = run.evaluation.per_class[curves.label]
        roc_auc, average_precision = row.roc_auc or 0.0, row.average_precision or 0.0
        chart = draw_class_curves(curves, row.name, roc_auc, average_precision)
        views.append(
            CurvesView(
                name=row.name,
                n=curves.n,
                roc_auc=roc_auc,
                average_precision=average_precision,
                recalls=curves.recalls,
                precisions=curves.precisions,
                chart=Markup(chart),  # noqa: S704 - our own, escaped by an XML library
            )
        )
    return views


def view_clusters(run: Run) -> ClustersView | None:
    """Cluster the confusion matrix and draw it; None if there is nothing to cluster."""
    matrix, names = run.evaluation.matrix, run.evaluation.class_names
    clusters = cluster_classes(matrix)
    if clusters is None:
        return None
    return ClustersView(
        names=[names[label] for label in clusters.order],
        pairs=[(names[pair.first], names[pair.second], pair) for pair in clusters.pairs],
        chart=Markup(draw_class_clusters(matrix, names, clusters)),  # noqa: S704 - our own, escaped by an XML library
    )

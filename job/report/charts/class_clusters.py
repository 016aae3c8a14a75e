"""Draws the confusion matrix in the order of a clustering, with its dendrogram."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from job.evaluation.class_clusters import ClassClusters, Join
from job.report.charts import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_NAMED = 12  # classes; the rows of more have no room for names
MAX_NAME = 7.5  # width of a class name in em
TREE = 84  # width of the dendrogram
STUB, MARGIN = 10, 4  # of the dendrogram: from a class to the first join; from the last join to the edge
SCALE = 40  # height of the scale below the dendrogram
SHADES = (0.12, 0.22, 0.32, 0.42, 0.53, 0.64, 0.76, 0.88, 1.0)  # opacity of an error, from rare to frequent
DIAGONAL = 0.3  # opacity of the diagonal


def draw_class_clusters(matrix: NDArray[np.int64], class_names: Sequence[str], clusters: ClassClusters) -> str:
    """Draw a heatmap of the errors with a dendrogram beside it; both use square-root scales.

    The scales start at 0 and end at the largest share of a row, and at the largest confusion rate, so that frequent and
    rare errors remain visible.

    Args:
        matrix: Image counts, shape (n_classes, n_classes); rows are true classes, columns predicted classes.
        class_names: Class names in label order.
        clusters: The clustering of this matrix.
    """
    ordered = matrix[np.ix_(clusters.order, clusters.order)]
    shares = ordered / np.maximum(ordered.sum(axis=1, keepdims=True), 1)
    named = len(matrix) <= MAX_NAMED
    names = canvas.shorten_names([class_names[label] for label in clusters.order], MAX_NAME) if named else []
    margin = math.ceil(max(map(canvas.text_width, names), default=0)) + 8 * named  # for names, on the left and above
    cell = min((canvas.WIDTH - margin - TREE) / len(matrix), canvas.ROW)
    end = margin + cell * len(matrix)
    with canvas.new_figure(end + SCALE) as figure:
        axes = canvas.full_axes(figure)
        _draw_cells(axes, shares, margin, cell)
        for position, name in enumerate(names):
            middle = margin + cell * (position + 0.5) + canvas.CAP
            axes.text(0, middle, name)
            axes.text(middle, margin - 6, name, rotation=90, rotation_mode="anchor")
        _draw_tree(axes, clusters.joins, margin, end, cell)
        return canvas.to_svg(figure, describe_clusters(class_names, clusters))


def describe_clusters(class_names: Sequence[str], clusters: ClassClusters) -> str:
    """Describe the figure in words."""
    pairs = [
        f"{class_names[pair.first]} and {class_names[pair.second]} ({pair.n:,} of {pair.n_images:,} images)"
        for pair in clusters.pairs
    ]
    return (
        f"Heatmap of the errors between {len(class_names)} classes, ordered by a clustering, with its dendrogram. "
        f"Most often confused with each other: {', '.join(pairs)}."
    )


def _draw_cells(axes: "Axes", shares: NDArray[np.float64], margin: float, cell: float) -> None:
    gap = 1.5 if len(shares) <= MAX_NAMED else 0
    errors = shares * (1 - np.eye(len(shares)))
    levels = np.ceil(np.sqrt(errors / errors.max()) * len(SHADES)).astype(int)

    def draw(chosen: NDArray[np.bool_], colour: str, opacity: float) -> None:
        if chosen.any():
            boxes = [(margin + cell * x, margin + cell * y, cell - gap, cell - gap) for y, x in np.argwhere(chosen)]
            canvas.draw_boxes(axes, boxes, color=colour, alpha=opacity)

    diagonal = np.eye(len(shares), dtype=bool)
    draw(diagonal, canvas.ACCENT, DIAGONAL)
    if gap:
        draw((levels == 0) & ~diagonal, canvas.TINT, 1)
    for level, opacity in enumerate(SHADES, start=1):
        draw(levels == level, canvas.ERROR, opacity)


def _draw_tree(axes: "Axes", joins: Sequence[Join], margin: float, end: float, cell: float) -> None:
    """Draw the dendrogram to the right of the matrix: the higher the confusion rate, the nearer."""
    highest, left, right = joins[0].rate, end + STUB, canvas.WIDTH - MARGIN

    def locate(rate: float) -> float:
        return end if rate == 1 else right - (right - left) * math.sqrt(max(rate, 0) / highest)

    for join in joins:
        first, second = (margin + cell * (position + 0.5) for position in join.positions)
        x = locate(join.rate)
        across, down = [locate(join.rates[0]), x, x, locate(join.rates[1])], [first, first, second, second]
        axes.plot(across, down, color=canvas.MUTED, linewidth=1.2)
    base = end + canvas.LINE
    axes.text(left, base, f"{highest:.1%}", color=canvas.MUTED)
    axes.text(canvas.WIDTH, base, "0%", color=canvas.MUTED, ha="right")
    axes.text(canvas.WIDTH, base + canvas.LINE, "confusion rate", color=canvas.MUTED, ha="right")

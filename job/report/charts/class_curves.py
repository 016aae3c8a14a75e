"""Draws the ROC curve and the precision-recall curve of one class side by side, as one of many small charts."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from job.evaluation.class_curves import ClassCurves
from job.report.charts import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 344  # fits on a phone
PLOT = 152  # width and height of a plot
LEFT = 12  # room for the ends of the y-axis
TOP, BOTTOM = 20, 17  # room for the titles of the axes
SHORTFALL = 0.3  # opacity of the area between a curve and a perfect one


def draw_class_curves(curves: ClassCurves, class_name: str, roc_auc: float, average_precision: float) -> str:
    """Draw both curves of a class; dashed lines are what guessing gives, and the area that is missing is shaded.

    The areas under the two curves are those before the curves were thinned.
    """
    prevalence = curves.n / curves.n_test
    with canvas.new_figure(TOP + PLOT + BOTTOM, WIDTH) as figure:
        axes = canvas.full_axes(figure)
        left, right = LEFT, WIDTH - PLOT - 1
        plots = ((left, curves.roc, (0.0, 1.0)), (right, curves.precision_recall, (prevalence, prevalence)))
        _draw_plots(axes, plots)
        _label_plot(axes, left, x="false positive rate", y="recall", area=f"AUC {roc_auc:.3f}")
        _label_plot(axes, right, x="recall", y="precision", area=f"AP {average_precision:.3f}")
        description = (
            f"ROC curve and precision-recall curve of {class_name}: area under the ROC curve {roc_auc:.3f}, average "
            f"precision {average_precision:.3f}."
        )
        return canvas.to_svg(figure, description, "figure panel")


def _draw_plots(axes: "Axes", plots: Sequence[tuple[float, NDArray[np.float64], tuple[float, float]]]) -> None:
    """Draw plots, each given by its left edge, the points of its curve, and both ends of the line of guessing.

    Shapes of the same look follow each other, so that they become one path.
    """
    bottom = TOP + PLOT
    curves = [(left + PLOT * points[:, 0], bottom - PLOT * points[:, 1]) for left, points, _ in plots]
    for (left, _, _), (x, y) in zip(plots, curves, strict=True):
        axes.fill([*x, left + PLOT, left], [*y, TOP, TOP], color=canvas.ERROR, alpha=SHORTFALL, linewidth=0)
    for left, _, _ in plots:
        axes.plot([left, left, left + PLOT], [TOP, bottom, bottom], color=canvas.RULE, linewidth=1)
    for left, _, guess in plots:
        heights = [bottom - PLOT * height for height in guess]
        axes.plot([left, left + PLOT], heights, color=canvas.MUTED, linewidth=1, dashes=(3, 3))
    for x, y in curves:
        axes.plot(x, y, color=canvas.ACCENT)


def _label_plot(axes: "Axes", left: float, *, x: str, y: str, area: str) -> None:
    """Title the axes of a plot, mark their ends, and write the area above its right edge."""
    bottom, right = TOP + PLOT, left + PLOT
    for text, across, down, side in (
        (y, left, TOP - 7, "left"),
        ("1", left - 4, TOP + 2 * canvas.CAP, "right"),
        ("0", left - 4, bottom, "right"),
        ("0", left, bottom + BOTTOM - 3, "left"),
        (x, left + PLOT / 2, bottom + BOTTOM - 3, "center"),
        ("1", right, bottom + BOTTOM - 3, "right"),
    ):
        axes.text(across, down, text, color=canvas.MUTED, ha=side)
    axes.text(right, TOP - 7, area, ha="right")

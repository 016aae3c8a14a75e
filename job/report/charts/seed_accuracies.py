"""Draws the accuracies of several trainings that differ only by their seed, with their mean."""

from collections.abc import Sequence

import numpy as np
from matplotlib.ticker import MaxNLocator

from job.evaluation.intervals import Interval
from job.report.charts import canvas

NAMES = ("seeds", "mean")
AREA = 2 * canvas.ROW


def draw_seed_accuracies(accuracies: Sequence[float], reported: int, mean: float, interval: Interval | None) -> str:
    """Draw a dot for each training, in [0, 1], and below them their mean with its confidence interval.

    `reported` is the index of the training that the report describes; its dot has the accent colour.
    """
    left, right = max(map(canvas.text_width, NAMES)) + 10, 2 * canvas.RIGHT
    others = [accuracy for index, accuracy in enumerate(accuracies) if index != reported]
    with canvas.new_figure(AREA + canvas.BOTTOM) as figure:
        axes = canvas.inner_axes(figure, left=left, top=0, right=right)
        canvas.draw_dots(axes, others, np.zeros(len(others)), canvas.MUTED)
        canvas.draw_dots(axes, [accuracies[reported]], 0)
        if interval:
            axes.hlines(1, interval.lower, interval.upper, color=canvas.INK, linewidth=1.4)
        canvas.draw_dots(axes, [mean], 1, canvas.INK)
        bounds = [*accuracies, *([interval.lower, interval.upper] if interval else [])]
        margin = max(0.06 * (max(bounds) - min(bounds)), 0.001)
        axes.set(xlim=(min(bounds) - margin, max(bounds) + margin), ylim=(1.5, -0.5), yticks=[])
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        canvas.percent_axis(axes.xaxis)
        around = canvas.full_axes(figure)
        canvas.title_axes(around, x="test accuracy", y="", right=right)
        canvas.label_rows(around, NAMES, ("", ""), canvas.ROW)
        return canvas.to_svg(figure, _describe(accuracies, mean, interval))


def _describe(accuracies: Sequence[float], mean: float, interval: Interval | None) -> str:
    bounds = f" with its 95% confidence interval {interval.lower:.1%} to {interval.upper:.1%}" if interval else ""
    return (
        f"Dot chart of the test accuracies of {len(accuracies)} trainings, {min(accuracies):.1%} to "
        f"{max(accuracies):.1%}, and their mean {mean:.1%}{bounds}."
    )

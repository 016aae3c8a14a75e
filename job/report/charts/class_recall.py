"""Draws the recall of each class as a bar chart, to be shown in strips: one in each row of a table."""

from collections.abc import Sequence

import numpy as np
import seaborn as sns

from job.evaluation.intervals import Interval
from job.report.charts import canvas

WIDTH, ROW = 260, 20  # of each strip
TICKS = (0, 0.5, 1)
LEFT, RIGHT = 12, 22  # room for half a tick label


def draw_class_recall(recalls: Sequence[float], intervals: Sequence[Interval], class_names: Sequence[str]) -> str:
    """Draw a bar with a confidence interval for each class, in label order, below the labels of the axis.

    The axis and each bar are strips of `WIDTH` by `ROW`. Class names and values are in the table.
    """
    rows = np.arange(len(recalls))
    with canvas.new_figure(ROW * (len(recalls) + 1), WIDTH) as figure:
        axes = canvas.inner_axes(figure, left=LEFT, top=ROW, right=RIGHT, bottom=0)
        axes.vlines(TICKS, -0.5, len(recalls) - 0.5, color=canvas.RULE, linewidth=0.8)
        bars = {"color": canvas.ACCENT, "alpha": 0.45, "saturation": 1, "width": 0.6, "errorbar": None}
        sns.barplot(x=list(recalls), y=rows, orient="y", ax=axes, **bars)
        bounds = ([interval.lower for interval in intervals], [interval.upper for interval in intervals])
        axes.hlines(rows, *bounds, color=canvas.INK, linewidth=1.4)
        axes.set(xlim=(0, 1), ylim=(len(recalls) - 0.5, -0.5), xticks=[], yticks=[], ylabel="")
        around = canvas.full_axes(figure)
        for tick in TICKS:
            around.text(LEFT + tick * (WIDTH - LEFT - RIGHT), ROW - 6, f"{tick:.0%}", ha="center", color=canvas.MUTED)
        return canvas.to_svg(figure, _describe(recalls, intervals, class_names), "bars")


def strip(position: int) -> str:
    """The view box of a strip: at position 0 the axis, at 1 the bar of the first class, and so on."""
    return f"0 {ROW * position} {WIDTH} {ROW}"


def _describe(recalls: Sequence[float], intervals: Sequence[Interval], class_names: Sequence[str]) -> str:
    lowest, highest = int(np.argmin(recalls)), int(np.argmax(recalls))
    interval = intervals[lowest]
    return (
        f"Bar chart of recall per class with 95% confidence intervals, from {class_names[lowest]} with "
        f"{recalls[lowest]:.1%} ({interval.lower:.1%} to {interval.upper:.1%}) to {class_names[highest]} with "
        f"{recalls[highest]:.1%}."
    )

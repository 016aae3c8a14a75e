"""Draws the recall of each class as a bar chart."""

from collections.abc import Sequence

import numpy as np
import seaborn as sns

from job.evaluation.intervals import Interval
from job.report.charts import canvas

TICK_LABELS = 24  # height of the tick labels


def draw_class_recall(recalls: Sequence[float], intervals: Sequence[Interval], class_names: Sequence[str]) -> str:
    """Draw a bar with a confidence interval for each class, in label order."""
    names = [canvas.shorten(name) for name in class_names]
    height, rows = canvas.row_height(len(names)), np.arange(len(names))
    left, right = max(map(canvas.text_width, names)) + 10, canvas.text_width("100.0%") + 8
    with canvas.new_figure(height * len(names) + TICK_LABELS) as figure:
        axes = canvas.inner_axes(figure, left=left, top=0, right=right, bottom=TICK_LABELS)
        bars = {"color": canvas.ACCENT, "alpha": 0.45, "saturation": 1, "width": 0.6, "errorbar": None}
        sns.barplot(x=list(recalls), y=rows, orient="y", ax=axes, **bars)
        bounds = ([interval.lower for interval in intervals], [interval.upper for interval in intervals])
        axes.hlines(rows, *bounds, color=canvas.INK, linewidth=1.4)
        axes.set(xlim=(0, 1), ylim=(len(names) - 0.5, -0.5), xticks=[0, 0.25, 0.5, 0.75, 1], yticks=[], ylabel="")
        canvas.percent_axis(axes.xaxis)
        axes.grid(visible=False)
        canvas.label_rows(canvas.full_axes(figure), names, [f"{recall:.1%}" for recall in recalls], height)
        lowest, highest = int(np.argmin(recalls)), int(np.argmax(recalls))
        interval = intervals[lowest]
        return canvas.to_svg(
            figure,
            f"Bar chart of recall per class with 95% confidence intervals, from {class_names[lowest]} with "
            f"{recalls[lowest]:.1%} ({interval.lower:.1%} to {interval.upper:.1%}) to {class_names[highest]} with "
            f"{recalls[highest]:.1%}.",
        )

"""Draws the change in recall of each class, compared with a reference model."""

from collections.abc import Sequence

import numpy as np
from matplotlib.ticker import MaxNLocator

from job.evaluation.intervals import Interval
from job.report.charts import canvas
from job.text import format_change


def draw_recall_changes(
    changes: Sequence[float],
    intervals: Sequence[Interval],
    are_significant: Sequence[bool],
    class_names: Sequence[str],
) -> str:
    """Draw a dot with a confidence interval for each class, in label order; only significant changes have a colour.

    A change is the recall minus that of the reference, in [-1, 1]; to the right of the zero line, the recall is higher.
    Whether it is significant follows from a test that allows for the number of classes, not from its interval.
    """
    names = canvas.shorten_names(class_names)
    height, rows = canvas.row_height(len(names)), np.arange(len(names))
    left, right = max(map(canvas.text_width, names)) + 10, canvas.text_width("+100.0") + 8
    low, high = (np.array([getattr(interval, end) for interval in intervals]) for end in ("lower", "upper"))
    rises, is_significant = np.asarray(changes) > 0, np.asarray(are_significant)
    with canvas.new_figure(height * len(names) + canvas.BOTTOM) as figure:
        axes = canvas.inner_axes(figure, left=left, top=0, right=right)
        axes.vlines(0, -0.5, len(names) - 0.5, color=canvas.MUTED, linewidth=1)
        groups = {
            canvas.ACCENT: is_significant & rises,
            canvas.ERROR: is_significant & ~rises,
            canvas.MUTED: ~is_significant,
        }
        for colour, chosen in groups.items():
            axes.hlines(rows[chosen], low[chosen], high[chosen], color=colour, linewidth=1.4)
            canvas.draw_dots(axes, np.asarray(changes)[chosen], rows[chosen], colour)
        reach = 1.04 * max(high.max(), -low.min())
        axes.set(xlim=(-reach, reach), ylim=(len(names) - 0.5, -0.5), yticks=[])
        axes.xaxis.set_major_locator(MaxNLocator(6, symmetric=True, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(lambda value, _: format_change(value, ".4g"))
        axes.grid(visible=True, axis="x")
        around = canvas.full_axes(figure)
        canvas.title_axes(around, x="change (this run − reference), points", y="", right=right)  # noqa: RUF001 - a true minus
        canvas.label_rows(around, names, map(format_change, changes), height)
        return canvas.to_svg(figure, _describe(changes, intervals, are_significant, class_names))


def _describe(
    changes: Sequence[float],
    intervals: Sequence[Interval],
    are_significant: Sequence[bool],
    class_names: Sequence[str],
) -> str:
    def describe(label: int) -> str:
        interval = f"{format_change(intervals[label].lower)} to {format_change(intervals[label].upper)}"
        return f"{class_names[label]} with {format_change(changes[label])} percentage points ({interval})"

    significant = [change for change, chosen in zip(changes, are_significant, strict=True) if chosen]
    n_higher = sum(change > 0 for change in significant)
    lowest, highest = (describe(int(index)) for index in (np.argmin(changes), np.argmax(changes)))
    return (
        "Dot chart of the change in recall per class (this run \N{MINUS SIGN} reference) with 95% confidence "
        f"intervals, from {lowest} to {highest}; of {len(changes)} classes, {n_higher} with a significantly higher "
        f"recall and {len(significant) - n_higher} with a significantly lower one."
    )

"""Scales the axes of the charts of a sweep."""

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.ticker import FixedLocator, MaxNLocator

from job.report.charts import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MIN_SPAN = 0.004  # as an accuracy; a narrower range would make chance look large
FAR = 4.0  # how often the distance from the best to the median fits below the best
MIN_DEPTH = 0.2  # as an accuracy; a smaller distance is shown
MARGIN = 0.05  # of the range, on both sides
X_MARGIN = 0.08  # the same of the horizontal axis
WIDE = 8.0  # ratio of the highest to the lowest value above which a horizontal axis is logarithmic
MAX_TICKS = 6
MAX_LABELS = 8
STEPS = [mantissa * 10.0**power for power in range(-12, 12) for mantissa in (1, 2, 5)]


def find_range(accuracies: Sequence[float]) -> tuple[float, float]:
    """The range of an axis that shows these accuracies.

    It leaves out those more than 20 points below the best, and far below the median, too, such as of networks that
    learned nothing, because they would squeeze the others into a corner. They are drawn at the lower end.
    """
    highest = max(accuracies)
    depth = max(FAR * (highest - statistics.median(accuracies)), MIN_DEPTH)
    lowest = max(min(accuracies), highest - depth)
    missing = max(MIN_SPAN - (highest - lowest), 0.0)
    margin = MARGIN * (highest - lowest + missing) + missing / 2
    return max(lowest - margin, 0.0), min(highest + margin, 1.0)


def label_values(axes: "Axes", texts: Sequence[str]) -> None:
    """Label values without a scale at equal distances; of many, some."""
    shown = range(0, len(texts), -(-len(texts) // MAX_LABELS))
    room = canvas.WIDTH / len(shown) / canvas.FONT_SIZE - 1
    axes.set_xlim(-0.4, len(texts) - 0.6)
    axes.set_xticks(list(shown), [canvas.shorten(texts[place], room) for place in shown])


def scale_axis(axes: "Axes", values: Sequence[float], *, is_log: bool | None = None) -> None:
    """Scale the horizontal axis for these values; unless `is_log` decides, logarithmic if they differ much."""
    low, high = min(values), max(values)
    if low > 0 and high > low and (high / low > WIDE if is_log is None else is_log):
        axes.set_xscale("log")
        limits = low / (high / low) ** X_MARGIN, high * (high / low) ** X_MARGIN
        ticks = [step for step in STEPS if limits[0] <= step <= limits[1]]
        axes.xaxis.set_major_locator(FixedLocator(ticks[:: 1 + len(ticks) // MAX_TICKS]))
        axes.xaxis.set_minor_locator(FixedLocator([]))
    else:
        margin = X_MARGIN * (high - low) or 0.1 * high or 1.0
        limits = low - margin, high + margin
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.set_xlim(*limits)
    axes.xaxis.set_major_formatter(lambda value, _: format_short(value))
    axes.grid(visible=True, axis="x")


def format_short(value: float) -> str:
    """A short number, such as `0.5`, `20` or `110k`."""
    for unit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:.4g}{letter}"
    return f"{value:.4g}"

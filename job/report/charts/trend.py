"""Draws metrics of the runs of a history, the oldest on the left and this run on the right."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from job.evaluation.intervals import Interval
from job.evaluation.trend import Trend
from job.report.charts import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

HEIGHT = 170
MAX_LARGE_DOTS = 25
SMALL_DOT = 4.5


@dataclass(frozen=True)
class Series:
    """One value for each run, oldest first; None if it is unknown.

    Attributes:
        title: What the values are.
        intervals: An interval for each run, or None; empty if no run has one.
        steps: Sign of the significant change at each run, 0 if there is none.
        is_linked: Whether each run and the one before it have the test labels of the last run.
        is_fraction: Whether to label the axis in percent.
    """

    title: str
    values: Sequence[float | None]
    is_linked: Sequence[bool]
    intervals: Sequence[Interval | None] = ()
    steps: Sequence[int] = ()
    is_fraction: bool = True


def draw_trends(trend: Trend) -> dict[str, str]:
    """Draw the metrics that at least two runs have; returns SVG by the name of the metric."""
    points = trend.points
    steps = [
        0,
        *(0 if not step or not step.is_significant else 1 if step.difference > 0 else -1 for step in trend.steps),
    ]
    linked = [False, *(step is not None for step in trend.steps)]
    bounds = ([each.accuracy_interval for each in points], [each.macro_f1_interval for each in points])
    losses, loss_bounds = [each.loss for each in points], [each.loss_interval for each in points]
    series = {
        "accuracy": Series("accuracy", [each.accuracy for each in points], linked, bounds[0], steps),
        "macro_f1": Series("macro F1", [each.macro_f1 for each in points], linked, bounds[1]),
        "loss": Series("loss", losses, linked, loss_bounds, is_fraction=False),
        "ece": Series("calibration error", [each.ece for each in points], linked),
        "time": Series("training time, s", [each.training_s for each in points], linked, is_fraction=False),
    }
    return {
        name: draw_trend(each) for name, each in series.items() if sum(value is not None for value in each.values) > 1
    }


def draw_trend(series: Series) -> str:
    """Draw a dot with its interval for each run; significant changes and this run have colours."""
    known = [(place, value) for place, value in enumerate(series.values, 1 - len(series.values)) if value is not None]
    places, values = (np.array(column) for column in zip(*known, strict=True))
    with canvas.new_figure(HEIGHT) as figure:
        axes = canvas.inner_axes(figure, left=52, top=8)
        for start, end in _split_line(series):
            axes.plot(places[start:end], values[start:end], color=canvas.RULE, linewidth=1.4)
        _draw_intervals(axes, series)
        diameter = canvas.DOT if len(known) <= MAX_LARGE_DOTS else SMALL_DOT
        steps = dict(enumerate(series.steps, 1 - len(series.values)))
        for sign, colour in ((0, canvas.MUTED), (1, canvas.ACCENT), (-1, canvas.ERROR)):
            chosen = [place for place, _ in known if steps.get(int(place), 0) == sign and (place or sign)]
            if chosen:
                canvas.draw_dots(axes, chosen, [dict(known)[place] for place in chosen], colour, diameter)
        if places[-1] == 0 and not steps.get(0):
            canvas.draw_dots(axes, [0], [values[-1]], canvas.INK, diameter)
        margin = max(0.03 * (len(series.values) - 1), 0.1)
        axes.set(xlim=(1 - len(series.values) - margin, margin), xlabel="", ylabel="")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0f}".replace("-", "\N{MINUS SIGN}"))
        axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        label: Callable[[Axis], None] = canvas.percent_axis if series.is_fraction else canvas.plain_axis
        label(axes.yaxis)
        around = canvas.full_axes(figure)
        canvas.title_axes(around, x="run (0 = this run)", y="")
        return canvas.to_svg(figure, _describe(series, values.tolist()))


def _split_line(series: Series) -> list[tuple[int, int]]:
    """First and last index, plus 1, of each part of the line: among the known values, those that are all linked."""
    known = [index for index, value in enumerate(series.values) if value is not None]
    breaks = [
        place
        for place, (before, now) in enumerate(pairwise(known), 1)
        if not all(series.is_linked[before + 1 : now + 1])
    ]
    return [(start, end) for start, end in pairwise([0, *breaks, len(known)]) if end - start > 1]


def _draw_intervals(axes: "Axes", series: Series) -> None:
    bounded = [
        (place, interval)
        for place, interval in enumerate(series.intervals, 1 - len(series.values))
        if interval is not None
    ]
    if bounded:
        places, intervals = zip(*bounded, strict=True)
        lower, upper = [each.lower for each in intervals], [each.upper for each in intervals]
        axes.vlines(places, lower, upper, color=canvas.RULE, linewidth=2.4)


def _describe(series: Series, values: Sequence[float]) -> str:
    form = ".1%" if series.is_fraction else ".3f" if max(values) < 10 else ",.0f"  # noqa: PLR2004 - three digits
    n_changes = sum(map(abs, series.steps))
    changes = f", with {n_changes} significant change{'s' * (n_changes > 1)}" if n_changes else ""
    return (
        f"Line chart of {series.title} over {len(values)} runs: from {values[0]:{form}} to {values[-1]:{form}}, lowest "
        f"{min(values):{form}}, highest {max(values):{form}}{changes}."
    )

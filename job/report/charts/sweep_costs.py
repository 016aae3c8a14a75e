"""Draws the accuracy of each configuration of a sweep against what it costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from job.report.charts import canvas
from job.report.charts.sweep_scale import format_short, scale_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT = 260
SEED_DOT = 3.5
LINE_GAP = 15  # least vertical distance between two labels
LONG = 9.0  # em; longer labels make way for ranks


@dataclass(frozen=True)
class Point:
    """A configuration in the chart.

    Attributes:
        label: Its name.
        rank: Its rank, from 1.
        cost: Its time or size.
        accuracy: Its mean accuracy.
        seeds: Cost and accuracy of each of its networks.
        on_frontier: Whether no other one costs less and is more accurate.
    """

    label: str
    rank: int
    cost: float
    accuracy: float
    seeds: Sequence[tuple[float, float]]
    on_frontier: bool


def draw_costs(points: Sequence[Point], title: str, limits: tuple[float, float]) -> str:
    """Draw a dot for each configuration, small dots for its seeds, and a line through the frontier.

    Labels name the configurations on the frontier, or their ranks if a label is long. `title` is that of the axis of
    costs, `limits` the range of accuracies; what is below is drawn at the lower end.
    """
    low, _ = limits
    with canvas.new_figure(HEIGHT) as figure:
        axes = canvas.inner_axes(figure)
        scale_axis(axes, [cost for point in points for cost, _ in point.seeds])
        axes.set_ylim(*limits)
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        canvas.percent_axis(axes.yaxis)
        frontier = sorted((each for each in points if each.on_frontier), key=lambda point: (point.cost, point.accuracy))
        axes.step(
            *zip(*[(each.cost, max(each.accuracy, low)) for each in frontier], strict=True),
            where="post",
            color=canvas.ACCENT,
            linewidth=1.2,
        )
        seeds = [each for point in points if len(point.seeds) > 1 for each in point.seeds]
        for chosen, colour, size in (
            (seeds, canvas.MUTED, SEED_DOT),
            ([(each.cost, each.accuracy) for each in points if not each.on_frontier], canvas.MUTED, canvas.DOT),
            ([(each.cost, each.accuracy) for each in frontier], canvas.ACCENT, canvas.DOT),
        ):
            if chosen:
                costs, accuracies = zip(*chosen, strict=True)
                canvas.draw_dots(axes, costs, np.maximum(accuracies, low), colour, size)
        around = canvas.full_axes(figure)
        _label(axes, around, frontier, low)
        canvas.title_axes(around, x=title, y="mean test accuracy")
        return canvas.to_svg(figure, _describe(points, frontier, title))


def uses_ranks(labels: Sequence[str]) -> bool:
    """Whether the labels are too long for a chart."""
    return any(canvas.text_width(label, 1) > LONG for label in labels)


def _label(axes: "Axes", around: "Axes", frontier: Sequence[Point], low: float) -> None:
    """Label the frontier to the upper left of its dots, where no other configuration is."""
    ranks, last = uses_ranks([each.label for each in frontier]), float("inf")
    for point in reversed(frontier):  # the most accurate ones first, from above
        text = f"{point.rank}" if ranks else point.label
        x, y = canvas.locate(axes, point.cost, max(point.accuracy, low))
        if last < float("inf") and y - last < LINE_GAP:
            continue
        fits = x - 6 - canvas.text_width(text) > canvas.LEFT
        around.text(x - 6 if fits else x + 2, y - 6, text, ha="right" if fits else "left", weight="bold")
        last = y


def _describe(points: Sequence[Point], frontier: Sequence[Point], title: str) -> str:
    names = "; ".join(f"{each.label}, {format_short(each.cost)}, {each.accuracy:.1%}" for each in frontier)
    return f"Scatter chart of mean test accuracy against {title} of {len(points)} configurations. Frontier: {names}."

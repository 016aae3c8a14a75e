"""Draws what the trials of a search reached on the validation images."""

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from job.config.search_space import Objective
from job.report.charts import canvas
from job.report.charts.sweep_scale import FAR, MARGIN, find_range, label_values, scale_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEIGHT = 200
TRIAL_DOT = 5
LAST_ROOM = 24  # right of the last value, for half its label
MIN_LOSS_SPAN = 0.05


def draw_trials(reached: Sequence[float | None], best_so_far: Sequence[tuple[int, float]], objective: Objective) -> str:
    """Draw a dot for each complete trial in the order of their numbers, and a step line of the best so far.

    `reached` has the objective of each trial, None if it is not complete.
    """
    known = [(index, value) for index, value in enumerate(reached) if value is not None]
    with canvas.new_figure(HEIGHT) as figure:
        axes, limits = _add_axes(figure, [value for _, value in known], objective)
        axes.set_xlim(-0.5 - 0.02 * len(reached), len(reached) - 0.5 + 0.02 * len(reached))
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        canvas.plain_axis(axes.xaxis)
        steps = [*best_so_far, (len(reached) - 1, best_so_far[-1][1])]
        axes.step(
            [index for index, _ in steps],
            np.clip([value for _, value in steps], *limits),
            where="post",
            color=canvas.ACCENT,
        )
        improved = {index for index, _ in best_so_far}
        for chosen, colour in ((False, canvas.MUTED), (True, canvas.ACCENT)):
            shown = [each for each in known if (each[0] in improved) == chosen]
            if shown:
                values = np.clip([value for _, value in shown], *limits)
                canvas.draw_dots(axes, [index for index, _ in shown], values, colour, TRIAL_DOT)
        canvas.title_axes(canvas.full_axes(figure), x="trial", y=f"validation {objective}", right=LAST_ROOM)
        best, value = best_so_far[-1]
        text = f"Chart of the validation {objective} of {len(known)} trials; the best is trial {best} with {value:.4f}."
        return canvas.to_svg(figure, text)


def draw_searched(
    name: str, values: Sequence[str | float], reached: Sequence[float], objective: Objective, *, is_log: bool | None
) -> str:
    """Draw a dot for each complete trial at its value of a setting; that of the best has the accent colour.

    `is_log` says whether the axis is logarithmic; None if the values are those of a list, which have no scale.
    """
    best = reached.index((min if objective == "loss" else max)(reached))  # the first of equal ones
    with canvas.new_figure(HEIGHT) as figure:
        axes, limits = _add_axes(figure, reached, objective)
        if is_log is None:
            known = list(dict.fromkeys(values))
            if not any(isinstance(value, str) for value in known):
                known.sort()
            places = np.array([known.index(value) for value in values], np.float64)
            label_values(axes, list(map(str, known)))
        else:
            places = np.array(values, np.float64)
            scale_axis(axes, places.tolist(), is_log=is_log)
        heights = np.clip(reached, *limits)
        canvas.draw_dots(axes, np.delete(places, best), np.delete(heights, best), canvas.MUTED, TRIAL_DOT)
        canvas.draw_dots(axes, [places[best]], [heights[best]], canvas.ACCENT)
        canvas.title_axes(canvas.full_axes(figure), x=name, y=f"validation {objective}", right=LAST_ROOM)
        text = f"Chart of the validation {objective} of {len(values)} trials by {name}; the best has {values[best]}."
        return canvas.to_svg(figure, text)


def _add_axes(figure: "Figure", reached: Sequence[float], objective: Objective) -> "tuple[Axes, tuple[float, float]]":
    """Axes for these objectives, and their range; what is far worse is drawn at its end."""
    limits = find_range(reached) if objective == "accuracy" else _find_loss_range(reached)
    axes = canvas.inner_axes(figure, right=LAST_ROOM)
    axes.set_ylim(*limits)
    axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    (canvas.percent_axis if objective == "accuracy" else canvas.plain_axis)(axes.yaxis)
    return axes, limits


def _find_loss_range(losses: Sequence[float]) -> tuple[float, float]:
    """The range of an axis that shows these losses, but not those far above the others."""
    lowest = min(losses)
    span = max(min(max(losses) - lowest, max(FAR * (statistics.median(losses) - lowest), 1.0)), MIN_LOSS_SPAN)
    return lowest - MARGIN * span, lowest + (1 + MARGIN) * span

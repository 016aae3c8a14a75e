"""Draws the mean accuracy at each value of a setting."""

from collections.abc import Sequence

import numpy as np
from matplotlib.ticker import MaxNLocator

from job.report.charts import canvas
from job.report.charts.sweep_scale import MAX_LABELS, label_values, scale_axis

HEIGHT = 200
CONFIGURATION_DOT = 3.5
LAST_ROOM = 24  # right of the last value, for half its label


def draw_effect(
    name: str,
    values: Sequence[str | float],
    means: Sequence[float],
    accuracies: Sequence[Sequence[float]],
    limits: tuple[float, float],
) -> str:
    """Draw a dot for the mean at each value, and small dots for the configurations behind it; a line joins numbers.

    `accuracies` has those of the configurations for each value; `limits` is the range of accuracies, and what is below
    is drawn at the lower end.
    """
    low, numbers = limits[0], [value for value in values if not isinstance(value, str | bool)]
    with canvas.new_figure(HEIGHT) as figure:
        axes = canvas.inner_axes(figure, right=LAST_ROOM)
        axes.set_ylim(*limits)
        axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        canvas.percent_axis(axes.yaxis)
        if len(numbers) == len(values) > MAX_LABELS:
            places = np.array(numbers, np.float64)
            scale_axis(axes, numbers)
        else:
            places = np.arange(len(values), dtype=np.float64)
            label_values(axes, list(map(str, values)))
        if len(numbers) == len(values):
            axes.plot(places, np.maximum(means, low), color=canvas.ACCENT, linewidth=1.2)
        if any(len(each) > 1 for each in accuracies):
            behind = np.repeat(places, [len(each) for each in accuracies])
            heights = np.maximum(np.concatenate(accuracies), low)
            canvas.draw_dots(axes, behind, heights, canvas.MUTED, CONFIGURATION_DOT)
        canvas.draw_dots(axes, places, np.maximum(means, low), canvas.ACCENT)
        around = canvas.full_axes(figure)
        canvas.title_axes(around, x=name, y="mean test accuracy", right=LAST_ROOM)
        lowest, highest = int(np.argmin(means)), int(np.argmax(means))
        ends = " to ".join(f"{means[index]:.1%} with {values[index]}" for index in (lowest, highest))
        return canvas.to_svg(figure, f"Chart of mean test accuracy by {name}, {len(values)} values: {ends}.")

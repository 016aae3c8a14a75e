"""Draws the mean accuracy at each value of a setting."""

from collections.abc import Sequence

import numpy as np
from matplotlib.ticker import MaxNLocator

from job.report.charts import canvas

HEIGHT = 200
MAX_LABELS = 8
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
    places, low, texts = np.arange(len(values)), limits[0], [str(value) for value in values]
    with canvas.new_figure(HEIGHT) as figure:
        axes = canvas.inner_axes(figure, right=LAST_ROOM)
        axes.set(xlim=(-0.4, len(values) - 0.6), ylim=limits)
        axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        canvas.percent_axis(axes.yaxis)
        shown = places[:: -(-len(values) // MAX_LABELS)]
        room = canvas.WIDTH / max(len(shown), 1) / canvas.FONT_SIZE - 1
        axes.set_xticks(shown, [canvas.shorten(texts[place], room) for place in shown])
        if not any(isinstance(value, str) for value in values):
            axes.plot(places, np.maximum(means, low), color=canvas.ACCENT, linewidth=1.2)
        behind = np.repeat(places, [len(each) for each in accuracies])
        if any(len(each) > 1 for each in accuracies):
            canvas.draw_dots(
                axes, behind, np.maximum(np.concatenate(accuracies), low), canvas.MUTED, CONFIGURATION_DOT
            )
        canvas.draw_dots(axes, places, np.maximum(means, low), canvas.ACCENT)
        around = canvas.full_axes(figure)
        canvas.title_axes(around, x=name, y="mean test accuracy", right=LAST_ROOM)
        shown_means = "; ".join(f"{value}, {mean:.1%}" for value, mean in zip(texts, means, strict=True))
        return canvas.to_svg(figure, f"Chart of mean test accuracy by {name}: {shown_means}.")

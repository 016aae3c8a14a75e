"""Draws by how much each class is found more or less often than by an earlier model."""

from collections.abc import Sequence

import numpy as np
from matplotlib.ticker import MaxNLocator

from job.evaluation.metrics import Floats
from job.report.charts.canvas import (
    ACCENT,
    BOTTOM,
    CAP,
    ERROR,
    INK,
    MUTED,
    WIDTH,
    canvas,
    dots,
    finish,
    frame,
    sheet,
    short,
    title,
    width_of,
)

ROW = 24  # the height of a class
NARROW_ROW = 15  # where there are many
MAX_WIDE_ROWS = 20


def differences(
    values: Sequence[float], lower: Sequence[float], upper: Sequence[float], class_names: Sequence[str]
) -> str:
    """A dot per class, with a whisker, right of the line of no difference where the class is found more often now.

    Args:
        values: differences of recall, fractions in [-1, 1], in label order.
        lower: ends of their 95 % intervals.
        upper: the other ends.
        class_names: in label order.
    """
    names = [short(name) for name in class_names]
    row = ROW if len(names) <= MAX_WIDE_ROWS else NARROW_ROW
    left, right = max(map(width_of, names)) + 10, width_of("+100.0") + 8
    low, high, rows = np.asarray(lower), np.asarray(upper), np.arange(len(names))
    with canvas(row * len(names) + BOTTOM) as figure:
        axes = frame(figure, left, 0, right, BOTTOM)
        axes.vlines(0, -0.5, len(names) - 0.5, color=MUTED, linewidth=1)
        for colour, chosen in ((ACCENT, low > 0), (ERROR, high < 0), (MUTED, (low <= 0) & (high >= 0))):
            axes.hlines(rows[chosen], low[chosen], high[chosen], color=colour, linewidth=1.4)
            dots(axes, np.asarray(values)[chosen], rows[chosen], colour)
        reach = 1.04 * max(high.max(), -low.min())
        axes.set(xlim=(-reach, reach), ylim=(len(names) - 0.5, -0.5), yticks=[])
        axes.xaxis.set_major_locator(MaxNLocator(6, symmetric=True, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(lambda value, _: signed(value, ".4g"))
        axes.grid(visible=True, axis="x")
        around = sheet(figure)
        title(around, x="points of recall, now less before", y="", right=right)
        for position, (name, value) in enumerate(zip(names, values, strict=True)):
            base = row * (position + 0.5) + CAP
            around.text(0, base, name, color=INK)
            around.text(WIDTH, base, signed(value), ha="right")
        return finish(figure, _describe(values, low, high, class_names))


def signed(fraction: float, form: str = ".1f") -> str:
    """A difference in points with its sign, such as `+1.5`; nothing has none."""
    text = f"{100 * fraction:+{form}}"
    return text.replace("-", "\N{MINUS SIGN}") if float(text) else text[1:]


def _describe(values: Sequence[float], low: Floats, high: Floats, class_names: Sequence[str]) -> str:
    def told(which: int) -> str:
        interval = f"{signed(low[which])} to {signed(high[which])}"
        return f"{class_names[which]} with {signed(values[which])} points ({interval})"

    return (
        "Dot chart of the difference of recall per class, now less before, with 95% intervals, from "
        f"{told(int(np.argmin(values)))} to {told(int(np.argmax(values)))}; "
        f"{(low > 0).sum()} of {len(values)} intervals lie above 0, {(high < 0).sum()} below."
    )

"""Draws curves: of learning, and of accuracy against coverage."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import seaborn as sns
from matplotlib.ticker import MaxNLocator

from job.report.charts.canvas import (
    ACCENT,
    BOTTOM,
    CAP,
    LEFT,
    LINE,
    MUTED,
    RIGHT,
    TOP,
    WIDTH,
    canvas,
    dots,
    finish,
    frame,
    in_figures,
    in_percent,
    sheet,
    title,
    width_of,
)
from job.results.schema import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT = 250
MAX_DOTS = 20  # of a curve; with more epochs they would run into each other
MIN_COVERAGE = 0.02  # what is left below it says little, and swings
MAX_POINTS = 200  # of a curve; more could not be seen
MAX_PLAIN = 1000  # from here on a loss is written in three digits
COLOURS = {"training": MUTED, "validation": ACCENT}


def coverage(coverage: Sequence[float], accuracy: Sequence[float]) -> str:
    """Accuracy on the images of which the model is surest, against their share of all images.

    Args:
        coverage: that share, rising to 1.
        accuracy: on those images, a fraction.
    """
    first = int(np.searchsorted(coverage, MIN_COVERAGE))
    kept = np.unique(np.linspace(first, len(coverage) - 1, MAX_POINTS).round().astype(int))
    x, y = np.asarray(coverage)[kept], np.asarray(accuracy)[kept]
    half = int(np.abs(x - 0.5).argmin())
    low, high = max(math.floor(20 * y.min() - 0.4) / 20, 0), min(math.ceil(20 * y.max() + 0.4) / 20, 1)
    step = 0.05 * math.ceil((high - low) / 0.25)
    with canvas(HEIGHT) as figure:
        axes = frame(figure, LEFT, TOP, RIGHT, BOTTOM)
        sns.lineplot(x=x, y=y, ax=axes, color=ACCENT, estimator=None, errorbar=None)
        dots(axes, x[[half, -1]], y[[half, -1]])
        axes.set(xlim=(0, 1), ylim=(low, high), xticks=[0, 0.25, 0.5, 0.75, 1], xlabel="", ylabel="")
        axes.set_yticks(np.arange(low, high + 0.01, step))
        in_percent(axes.xaxis)
        in_percent(axes.yaxis)
        around = sheet(figure)
        title(around, x="coverage, the surest images first", y=f"accuracy, from {low:.0%}")
        for point, label in ((half, f"surest {x[half]:.0%}"), (-1, "all")):
            across, down = _place(axes, x[point], y[point])
            around.text(across - 6, down + LINE, f"{label}: {y[point]:.1%}", ha="right")
        return finish(
            figure,
            f"Line chart of accuracy against coverage: {y[half]:.1%} on the {x[half]:.0%} of the images of which the "
            f"model is surest, {y[-1]:.1%} on all.",
        )


def learning(history: History, quantity: str) -> str:
    """Curves per epoch, for training and, where there is one, validation, whose best epoch is marked.

    Args:
        history: of the training.
        quantity: `loss` or `accuracy`.
    """
    curves = {"training": getattr(history, quantity), "validation": getattr(history, f"val_{quantity}")}
    curves = {name: curve for name, curve in curves.items() if curve}
    labels = {name: f"{name} {_figure(curve[-1])}" for name, curve in curves.items()}
    n_epochs = len(curves["training"])
    with canvas(HEIGHT) as figure:
        right = 1.05 * max(map(width_of, labels.values())) + 8
        axes = frame(figure, LEFT, TOP, right, BOTTOM)
        for name, curve in curves.items():
            _draw(axes, curve, COLOURS[name])
        margin = max(0.03 * (n_epochs - 1), 0.1)
        axes.set(xlim=(1 - margin, n_epochs + margin), xlabel="", ylabel="")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
        in_figures(axes.yaxis)
        around = sheet(figure)
        title(around, x="epoch", y=quantity, right=right)
        for name, height in _apart({name: _place(axes, 0, curve[-1])[1] for name, curve in curves.items()}).items():
            around.text(WIDTH - right + 8, height + CAP, labels[name], color=COLOURS[name])
        told = [f"{name} from {_figure(curve[0])} to {_figure(curve[-1])}" for name, curve in curves.items()]
        if "validation" in curves and n_epochs > 1:
            told.append(_mark_best(around, axes, curves["validation"], quantity))
        return finish(figure, f"Line chart of {quantity} per epoch, {n_epochs} in all: {', '.join(told)}.")


def _figure(value: float) -> str:
    return f"{value:.3f}" if value < MAX_PLAIN else f"{value:.3g}"


def _draw(axes: "Axes", curve: Sequence[float], colour: str) -> None:
    epochs = range(1, len(curve) + 1)
    sns.lineplot(x=epochs, y=curve, ax=axes, color=colour, estimator=None, errorbar=None)
    if len(curve) <= MAX_DOTS:
        dots(axes, epochs, curve, colour, 5)


def _place(axes: "Axes", x: float, y: float) -> tuple[float, float]:
    """Where a point of the axes lies on the `sheet` around them."""
    across, up = axes.transData.transform((x, y))
    return float(across), HEIGHT - float(up)


def _apart(heights: Mapping[str, float]) -> dict[str, float]:
    """The heights of one or two labels, moved from each other until they do not touch."""
    lack = max(LINE - (max(heights.values()) - min(heights.values())), 0) / 2
    moves = (-lack, lack) if len(heights) > 1 else (0,)
    return {
        name: heights[name] + move for name, move in zip(sorted(heights, key=heights.__getitem__), moves, strict=True)
    }


def _mark_best(around: "Axes", axes: "Axes", curve: Sequence[float], quantity: str) -> str:
    """Mark the best epoch of a curve, where the other curve is not in the way, and say which it is."""
    best = int(np.argmin(curve) if quantity == "loss" else np.argmax(curve))
    across, down = _place(axes, best + 1, curve[best])
    end, base = (TOP, TOP + 10) if quantity == "loss" else (HEIGHT - BOTTOM, HEIGHT - BOTTOM - 6)
    around.vlines(across, down, end, color=ACCENT, linewidth=0.8)
    late = best > len(curve) / 2
    around.text(across - 5 if late else across + 5, base, "best", color=ACCENT, ha="right" if late else "left")
    return f"validation best in epoch {best + 1} with {_figure(curve[best])}"

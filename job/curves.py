"""Draws curves: of learning, and of accuracy against coverage."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import seaborn as sns
from matplotlib.ticker import MaxNLocator

from job.canvas import (
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
from job.results import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT = 250
MAX_DOTS = 20  # of a curve; with more epochs they would run into each other
MIN_COVERAGE = 0.02  # what is left below it says little, and swings
MAX_POINTS = 200  # of a curve; more could not be seen
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
    low = max(math.floor(20 * y.min() - 0.4) / 20, 0)
    with canvas(HEIGHT) as figure:
        axes = frame(figure, LEFT, TOP, RIGHT, BOTTOM)
        sns.lineplot(x=x, y=y, ax=axes, color=ACCENT, estimator=None, errorbar=None)
        dots(axes, x[[half, -1]], y[[half, -1]])
        axes.set(xlim=(0, 1), ylim=(low, 1), xticks=[0, 0.25, 0.5, 0.75, 1], xlabel="", ylabel="")
        axes.yaxis.set_major_locator(MaxNLocator(5))
        in_percent(axes.xaxis)
        in_percent(axes.yaxis)
        around = sheet(figure)
        title(around, x="coverage, the surest images first", y=f"accuracy, from {low:.0%}")
        for point, label in ((half, f"surest {x[half]:.0%}"), (-1, "all")):
            at = axes.transData.transform((x[point], y[point]))
            around.text(at[0] - 6, HEIGHT - at[1] + LINE, f"{label}: {y[point]:.1%}", ha="right")
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
    labels = {name: f"{name} {curve[-1]:.3f}" for name, curve in curves.items()}
    n_epochs = len(curves["training"])
    with canvas(HEIGHT) as figure:
        right = 1.05 * max(map(width_of, labels.values())) + 8
        axes = frame(figure, LEFT, TOP, right, BOTTOM)
        for name, curve in curves.items():
            _draw(axes, curve, COLOURS[name])
        margin = max(0.03 * (n_epochs - 1), 0.1)
        axes.set_xlim(1 - margin, n_epochs + margin)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
        in_figures(axes.yaxis)
        around = sheet(figure)
        title(around, x="", y=quantity)
        around.text(LEFT, HEIGHT - 5, "epoch", color=MUTED)
        heights = {name: _height(axes, curve[-1]) for name, curve in curves.items()}
        for name, y in _apart(heights).items():
            around.text(WIDTH - right + 8, y + CAP, labels[name], color=COLOURS[name])
        told = [f"{name} goes from {curve[0]:.3f} to {curve[-1]:.3f}" for name, curve in curves.items()]
        if "validation" in curves and n_epochs > 1:
            told.append(_mark_best(around, axes, curves["validation"], quantity))
        return finish(figure, f"Line chart of {quantity} over {n_epochs} epochs: {', '.join(told)}.")


def _draw(axes: "Axes", curve: Sequence[float], colour: str) -> None:
    epochs = range(1, len(curve) + 1)
    sns.lineplot(x=epochs, y=curve, ax=axes, color=colour, estimator=None, errorbar=None)
    if len(curve) <= MAX_DOTS:
        dots(axes, epochs, curve, colour, 5)


def _height(axes: "Axes", value: float) -> float:
    """How far from the top of the figure a value of the y-axis lies, in units."""
    return HEIGHT - float(axes.transData.transform((0, value))[1])


def _apart(heights: dict[str, float]) -> dict[str, float]:
    """The heights of one or two labels, moved until they do not touch and stay beside their axes."""
    upper, lower = min(heights, key=heights.__getitem__), max(heights, key=heights.__getitem__)
    lack = max(LINE - (heights[lower] - heights[upper]), 0) / 2
    if upper == lower:
        return heights
    return {upper: heights[upper] - lack, lower: heights[lower] + lack}


def _mark_best(around: "Axes", axes: "Axes", curve: Sequence[float], quantity: str) -> str:
    """Mark the best epoch of a curve, and say which it is."""
    best = int(np.argmin(curve) if quantity == "loss" else np.argmax(curve))
    x, y = (float(value) for value in axes.transData.transform((best + 1, curve[best])))
    end, base = (TOP, TOP + 10) if quantity == "loss" else (HEIGHT - BOTTOM, HEIGHT - BOTTOM - 6)
    around.vlines(x, HEIGHT - y, end, color=ACCENT, linewidth=0.8)
    late = best > len(curve) / 2
    around.text(x - 5 if late else x + 5, base, "best", color=ACCENT, ha="right" if late else "left")
    return f"validation is best in epoch {best + 1} with {curve[best]:.3f}"

"""Draws the validation accuracy of each recipe over wall time."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

COLOURS = {"recipe mlp": "#59636e", "recipe cnn": "#0b5fa5"}
MIN_ACCURACY = 0.8  # lower end of the axis


def draw_curves(path: Path, measurements: dict[str, list[dict[str, Any]]]) -> None:
    """Draw a line for each seed of each recipe, and a dot for its test accuracy at the end.

    Args:
        path: Path of the SVG.
        measurements: Runs by the name of the recipe, each with `curve` (pairs of seconds and validation accuracy),
            `fit_s` and `accuracy`.
    """
    with mpl.rc_context({"svg.hashsalt": "recipes", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure = Figure(figsize=(7.2, 4.0), layout="constrained")
        axes = figure.add_subplot()
        for name, colour in COLOURS.items():
            for number, run in enumerate(measurements[name]):
                times, accuracies = zip(*run["curve"], strict=True)
                axes.plot(times, accuracies, color=colour, linewidth=1.2, label=name if number == 0 else None)
                axes.plot(run["fit_s"], run["accuracy"], "o", color=colour, markersize=5, markerfacecolor="white")
        axes.set(xscale="log", xlabel="wall time in seconds, compilation included", ylabel="accuracy")
        axes.set_ylim(bottom=MIN_ACCURACY)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        axes.grid(color="#dfe3e8")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, loc="lower right", title="line: validation (n = 6,000)\ndot: test (n = 10,000)")
        figure.savefig(path, metadata={"Date": None})

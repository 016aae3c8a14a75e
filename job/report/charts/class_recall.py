"""Draws what is judged class by class and bin by bin: recall, and how far the model's confidence can be trusted."""

from collections.abc import Sequence

import numpy as np
import seaborn as sns

from job.report.charts.canvas import (
    ACCENT,
    BOTTOM,
    CAP,
    INK,
    LEFT,
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
    short,
    title,
    width_of,
)

MARKS = 24  # the height of the marks below the bars
ROW = 24  # the height of a bar
NARROW_ROW = 15  # where there are many
MAX_WIDE_ROWS = 20
HEIGHT = 380  # of the reliability diagram, that of its histogram below included
HISTOGRAM = 48


def recall(values: Sequence[float], lower: Sequence[float], upper: Sequence[float], class_names: Sequence[str]) -> str:
    """A bar chart of the recall of each class, with whiskers.

    Args:
        values: fractions in [0, 1], in label order.
        lower: ends of their 95 % intervals.
        upper: the other ends.
        class_names: in label order.
    """
    names = [short(name) for name in class_names]
    row = ROW if len(names) <= MAX_WIDE_ROWS else NARROW_ROW
    with canvas(row * len(names) + MARKS) as figure:
        axes = frame(figure, max(map(width_of, names)) + 10, 0, width_of("100.0%") + 8, MARKS)
        rows = np.arange(len(names))
        sns.barplot(
            x=list(values),
            y=rows,
            orient="y",
            ax=axes,
            color=ACCENT,
            alpha=0.45,
            saturation=1,
            width=0.6,
            errorbar=None,
        )
        axes.hlines(rows, lower, upper, color=INK, linewidth=1.4)
        axes.set(xlim=(0, 1), ylim=(len(names) - 0.5, -0.5), xticks=[0, 0.25, 0.5, 0.75, 1], yticks=[], ylabel="")
        in_percent(axes.xaxis)
        axes.grid(visible=False)
        around = sheet(figure)
        for position, (name, value) in enumerate(zip(names, values, strict=True)):
            base = row * (position + 0.5) + CAP
            around.text(0, base, name)
            around.text(WIDTH, base, f"{value:.1%}", ha="right")
        lowest, highest = int(np.argmin(values)), int(np.argmax(values))
        return finish(
            figure,
            f"Bar chart of recall per class with 95% intervals, from {class_names[lowest]} with {values[lowest]:.1%} "
            f"({lower[lowest]:.1%} to {upper[lowest]:.1%}) to {class_names[highest]} with {values[highest]:.1%}.",
        )


def reliability(
    confidence: Sequence[float],
    accuracy: Sequence[float],
    lower: Sequence[float],
    upper: Sequence[float],
    n: Sequence[int],
) -> str:
    """How often the model was right against how sure it was, and below how often it was how sure.

    Args:
        confidence: mean probability of the predicted class, in each bin, rising; a bin without images is not drawn.
        accuracy: share of the bin's images whose prediction is right.
        lower: ends of the 95 % intervals of those shares.
        upper: the other ends.
        n: images in the bin.
    """
    filled = np.asarray(n) > 0
    sure, right, low, high, sizes = (np.asarray(one)[filled] for one in (confidence, accuracy, lower, upper, n))
    with canvas(HEIGHT) as figure:
        axes = frame(figure, LEFT, TOP, RIGHT, BOTTOM + HISTOGRAM + 22)
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, dashes=(4, 4))
        axes.vlines(sure, low, high, color=ACCENT, linewidth=1.4)
        dots(axes, sure, right)
        axes.set(xlim=(0, 1), ylim=(0, 1), xticks=[])
        in_percent(axes.yaxis)
        axes.text(0.03, 0.93, "underconfident", color=MUTED)
        axes.text(0.97, 0.04, "overconfident", color=MUTED, ha="right")
        histogram = frame(figure, LEFT, HEIGHT - BOTTOM - HISTOGRAM, RIGHT, BOTTOM)
        histogram.vlines(sure, 0, sizes, color=MUTED, linewidth=8)
        histogram.set(xlim=(0, 1), ylim=(0, sizes.max()), yticks=[sizes.max()])
        in_percent(histogram.xaxis)
        in_figures(histogram.yaxis)
        histogram.text(0.03, 0.75 * sizes.max(), "images", color=MUTED)
        title(sheet(figure), x="confidence", y="accuracy")
        means = [np.average(one, weights=sizes) for one in (sure, right)]
        return finish(
            figure,
            f"Reliability diagram: on average the model is {means[0]:.1%} sure and {means[1]:.1%} right. "
            f"Where it is surest, {sure[-1]:.1%}, {right[-1]:.1%} of {sizes[-1]:,} images are right.",
        )

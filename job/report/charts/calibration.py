"""Draws the calibration of a model: a reliability diagram, and accuracy against coverage."""

import math
from collections.abc import Sequence

import numpy as np
import seaborn as sns

from job.evaluation.calibration import Bin, Coverage
from job.report.charts import canvas

HEIGHT = 340  # of both charts
HISTOGRAM = 48


def draw_reliability(bins: Sequence[Bin]) -> str:
    """Draw accuracy against confidence for each bin, above a histogram of the confidence.

    Behind each dot, a band shows where the accuracy of a calibrated model would be.
    """
    confidence, accuracy, n = (
        np.array([getattr(each, name) for each in bins]) for name in ("confidence", "accuracy", "n")
    )
    intervals = [each.accuracy_interval for each in bins]
    with canvas.new_figure(HEIGHT) as figure:
        axes = canvas.inner_axes(figure, bottom=canvas.BOTTOM + HISTOGRAM + 22)
        axes.plot([0, 1], [0, 1], color=canvas.MUTED, linewidth=1, dashes=(4, 4))
        bands = [(each.lower, each.upper, each.consistency.lower, each.consistency.upper) for each in bins]
        boxes = [(left, upper, right - left, lower - upper) for left, right, lower, upper in bands]
        canvas.draw_boxes(axes, boxes, facecolor=canvas.MUTED, alpha=0.25)
        bounds = ([interval.lower for interval in intervals], [interval.upper for interval in intervals])
        axes.vlines(confidence, *bounds, color=canvas.ACCENT, linewidth=1.4)
        canvas.draw_dots(axes, confidence, accuracy)
        axes.set(xlim=(0, 1), ylim=(0, 1), xticks=[])
        canvas.percent_axis(axes.yaxis)
        axes.text(0.03, 0.93, "above the line: underconfident", color=canvas.MUTED)
        axes.text(0.97, 0.04, "below the line: overconfident", color=canvas.MUTED, ha="right")
        histogram = canvas.inner_axes(figure, top=HEIGHT - canvas.BOTTOM - HISTOGRAM)
        histogram.vlines(confidence, 0, n, color=canvas.MUTED, linewidth=8)
        histogram.set(xlim=(0, 1), ylim=(0, n.max()), yticks=[n.max()])
        canvas.percent_axis(histogram.xaxis)
        canvas.plain_axis(histogram.yaxis)
        histogram.text(0.03, 0.75 * n.max(), "images", color=canvas.MUTED)
        canvas.title_axes(canvas.full_axes(figure), x="confidence", y="accuracy")
        means = (np.average(values, weights=n) for values in (confidence, accuracy))
        return canvas.to_svg(
            figure,
            "Reliability diagram: mean confidence {:.1%}, accuracy {:.1%}. ".format(*means)
            + f"In the bin of highest confidence, mean {confidence[-1]:.1%}, {accuracy[-1]:.1%} of {n[-1]:,} "
            "predictions are correct.",
        )


def draw_coverage(points: Sequence[Coverage]) -> str:
    """Draw the accuracy on the most confident predictions against their fraction of all predictions."""
    x, y = np.array([point.coverage for point in points]), np.array([point.accuracy for point in points])
    half = int(np.abs(x - 0.5).argmin())
    low, high = max(math.floor(20 * y.min() - 0.4) / 20, 0), min(math.ceil(20 * y.max() + 0.4) / 20, 1)
    with canvas.new_figure(HEIGHT) as figure:
        axes = canvas.inner_axes(figure)
        sns.lineplot(x=x, y=y, ax=axes, color=canvas.ACCENT, estimator=None, errorbar=None)
        canvas.draw_dots(axes, x[[half, -1]], y[[half, -1]])
        axes.set(xlim=(0, 1), ylim=(low, high), xticks=[0, 0.25, 0.5, 0.75, 1], xlabel="", ylabel="")
        axes.set_yticks(np.arange(low, high + 0.01, 0.05 * math.ceil((high - low) / 0.25)))
        canvas.percent_axis(axes.xaxis)
        canvas.percent_axis(axes.yaxis)
        around = canvas.full_axes(figure)
        canvas.title_axes(around, x="coverage, most confident first", y=f"accuracy, axis from {low:.0%}")
        for point, label in ((half, f"most confident {x[half]:.0%}"), (-1, "all")):
            across, down = canvas.locate(axes, x[point], y[point])
            around.text(across - 6, down + canvas.LINE, f"{label}: {y[point]:.1%}", ha="right")
        return canvas.to_svg(
            figure,
            f"Line chart of accuracy against coverage: {y[half]:.1%} on the {x[half]:.0%} of the images with the most "
            f"confident predictions, {y[-1]:.1%} on all images.",
        )

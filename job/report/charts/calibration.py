"""Draws the calibration of a model: a reliability diagram, and accuracy against coverage."""

import math
from collections.abc import Sequence

import numpy as np
import seaborn as sns

from job.evaluation.calibration import Bin, Coverage
from job.report.charts import canvas

HEIGHT = 340  # of both charts
HISTOGRAM = 48
GAP = 38  # between the diagram and its histogram: room for two tick labels and a title
FEW = 10  # images; the band of a bin with fewer is pale, because it says little


def draw_reliability(bins: Sequence[Bin]) -> str:
    """Draw accuracy against confidence for each bin, above a histogram of the confidence.

    Behind each dot, a band shows where the accuracy of a calibrated model would be; it is pale below `FEW` images.
    """
    confidence, accuracy, n = (
        np.array([getattr(each, name) for each in bins]) for name in ("confidence", "accuracy", "n")
    )
    intervals = [each.accuracy_interval for each in bins]
    left = max(canvas.LEFT, math.ceil(canvas.text_width(f"{n.max():,}")) + 8)
    with canvas.new_figure(HEIGHT) as figure:
        axes = canvas.inner_axes(figure, left=left, bottom=canvas.BOTTOM + HISTOGRAM + GAP)
        axes.plot([0, 1], [0, 1], color=canvas.MUTED, linewidth=1, dashes=(4, 4))
        for few, opacity in ((True, 0.1), (False, 0.25)):
            if bands := [_band(each) for each in bins if (each.n < FEW) == few]:
                canvas.draw_boxes(axes, bands, facecolor=canvas.MUTED, alpha=opacity)
        bounds = ([interval.lower for interval in intervals], [interval.upper for interval in intervals])
        axes.vlines(confidence, *bounds, color=canvas.ACCENT, linewidth=1.4)
        canvas.draw_dots(axes, confidence, accuracy)
        axes.set(xlim=(0, 1), ylim=(0, 1), xticks=[])
        canvas.percent_axis(axes.yaxis)
        histogram = canvas.inner_axes(figure, left=left, top=HEIGHT - canvas.BOTTOM - HISTOGRAM)
        histogram.vlines(confidence, 0, n, color=canvas.MUTED, linewidth=8)
        histogram.set(xlim=(0, 1), ylim=(0, n.max()), yticks=[n.max()])
        canvas.percent_axis(histogram.xaxis)
        canvas.plain_axis(histogram.yaxis)
        around = canvas.full_axes(figure)
        canvas.title_axes(around, x="confidence", y="accuracy")
        around.text(0, HEIGHT - canvas.BOTTOM - HISTOGRAM - GAP / 2 + canvas.CAP, "images", color=canvas.MUTED)
        means = (np.average(values, weights=n) for values in (confidence, accuracy))
        return canvas.to_svg(
            figure,
            "Reliability diagram: mean confidence {:.1%}, accuracy {:.1%}. ".format(*means)
            + f"In the bin of highest confidence, mean {confidence[-1]:.1%}, {accuracy[-1]:.1%} of {n[-1]:,} "
            "predictions are correct.",
        )


def _band(each: Bin) -> tuple[float, float, float, float]:
    """Left, top, width and height of the band of a bin."""
    return each.lower, each.consistency.upper, each.upper - each.lower, each.consistency.lower - each.consistency.upper


def draw_coverage(points: Sequence[Coverage], marked: Coverage) -> str:
    """Draw the accuracy on the most confident predictions against their fraction of all predictions.

    Dots mark one of the points and the last, which is that of all predictions; the text of the page has their numbers.
    """
    x, y = np.array([point.coverage for point in points]), np.array([point.accuracy for point in points])
    low, high = max(math.floor(20 * y.min() - 0.4) / 20, 0), min(math.ceil(20 * y.max() + 0.4) / 20, 1)
    with canvas.new_figure(HEIGHT) as figure:
        axes = canvas.inner_axes(figure)
        sns.lineplot(x=x, y=y, ax=axes, color=canvas.ACCENT, estimator=None, errorbar=None)
        canvas.draw_dots(axes, [marked.coverage, x[-1]], [marked.accuracy, y[-1]])
        axes.set(xlim=(0, 1), ylim=(low, high), xticks=[0, 0.25, 0.5, 0.75, 1], xlabel="", ylabel="")
        axes.set_yticks(np.arange(low, high + 0.01, 0.05 * math.ceil((high - low) / 0.25)))
        canvas.percent_axis(axes.xaxis)
        canvas.percent_axis(axes.yaxis)
        title = f"accuracy, axis from {low:.0%}"
        canvas.title_axes(canvas.full_axes(figure), x="coverage, most confident first", y=title)
        return canvas.to_svg(
            figure,
            f"Line chart of accuracy against coverage: {marked.accuracy:.1%} on the {marked.coverage:.0%} of images "
            f"with the most confident predictions, {y[-1]:.1%} on all images.",
        )

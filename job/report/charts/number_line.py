"""Draws values on a line with labels below it: published accuracies, and the stage times of a run."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from job.evaluation.intervals import Interval
from job.report.charts import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARGIN = 4  # at both ends of the accuracy line, for the dots on it
AXIS = 50  # distance of the accuracy line from the top; this model's label and interval are above it
BAR = 20  # height of the bar of stages
STEM = 12  # from a line to the middle of the first label
GAP = 5  # between a stem and its label


def draw_published_accuracies(
    accuracy: float, interval: Interval, published: Sequence[tuple[str, float, float]]
) -> str:
    """Draw the accuracy of this model, with its confidence interval, on a line with published accuracies.

    `published` has name, lowest and highest accuracy of each other model, in any order.
    """
    spans = sorted((low, high, name) for name, low, high in published)
    labels = [f"{name} {_format_percent(low, high)}" for low, high, name in spans]
    start = min([interval.lower, *(low for low, _, _ in spans)])
    end = max([interval.upper, *(high for _, high, _ in spans)])
    middles = [(low + high) / 2 - start for low, high, _ in spans]
    unit = min(_largest_unit(middles, labels), (canvas.WIDTH - 2 * MARGIN) / max(end - start, 0.001))
    stems = [MARGIN + middle * unit for middle in middles]
    levels = _label_levels(stems, labels)

    def place(value: float) -> float:
        return MARGIN + (value - start) * unit

    with canvas.new_figure(AXIS + STEM + canvas.LINE * (max(levels, default=0) + 1)) as figure:
        axes = canvas.full_axes(figure)
        axes.hlines(AXIS, MARGIN, place(end), color=canvas.RULE, linewidth=2, capstyle="round")
        _hanging_labels(axes, AXIS, stems, labels, levels)
        for low, high, _ in spans:
            axes.hlines(AXIS, place(low), place(high), color=canvas.MUTED, linewidth=5, capstyle="round")
        axes.hlines(AXIS - 12, place(interval.lower), place(interval.upper), color=canvas.ACCENT, linewidth=2)
        axes.vlines(place(accuracy), AXIS - 12, AXIS, color=canvas.ACCENT, linewidth=2)
        canvas.draw_dots(axes, [place(accuracy)], AXIS - 12, diameter=9)
        name = f"this model {accuracy:.1%}"
        bounds = f"95% confidence interval {interval.lower:.1%} to {interval.upper:.1%}"
        middle = min(max(place(accuracy), canvas.text_width(bounds) / 2), canvas.WIDTH - canvas.text_width(bounds) / 2)
        axes.text(middle, 12, name, ha="center", weight="bold")
        axes.text(middle, 12 + canvas.LINE, bounds, ha="center", color=canvas.MUTED)
        others = f" Published: {'; '.join(labels)}." if labels else ""
        return canvas.to_svg(figure, f"Accuracies on a line: {name}, {bounds}.{others}")


def draw_stage_times(timings_s: Mapping[str, float]) -> str:
    """Draw the wall times of the stages of a run, in seconds, as one bar."""
    *starts, total = itertools.accumulate(timings_s.values(), initial=0.0)
    labels = [f"{canvas.shorten(name)} {seconds:.1f} s" for name, seconds in timings_s.items()]
    total_label = f"{total:.1f} s"
    unit = min(_largest_unit(starts, labels), (canvas.WIDTH - _label_room(total_label)) / max(total, 0.001))
    stems = [start * unit for start in starts]
    levels = _label_levels(stems, labels)
    with canvas.new_figure(BAR + STEM + canvas.LINE * (max(levels, default=0) + 1)) as figure:
        axes = canvas.full_axes(figure)
        longest = max(timings_s, key=timings_s.__getitem__, default="")
        for stem, (name, seconds) in zip(stems, timings_s.items(), strict=True):
            width = max(seconds * unit - 1.5, 0.5)
            opacity = 1 if name == longest else 0.45
            canvas.draw_boxes(axes, [(stem, 0, width, BAR)], facecolor=canvas.ACCENT, alpha=opacity)
        axes.text(total * unit + GAP, BAR / 2 + canvas.CAP, total_label, weight="bold")
        _hanging_labels(axes, BAR, stems, labels, levels)
        return canvas.to_svg(figure, f"Bar of the stage times, {total_label} in total: {', '.join(labels)}.")


def _format_percent(low: float, high: float) -> str:
    return f"{100 * low:.3g}%" if low == high else f"{100 * low:.3g}\N{EN DASH}{100 * high:.3g}%"


def _largest_unit(distances: Sequence[float], labels: Sequence[str]) -> float:
    """The largest scale, in view-box units per unit of distance, at which every label fits into the figure."""
    hanging = [(distance, label) for distance, label in zip(distances, labels, strict=True) if distance > 0]
    units = [(canvas.WIDTH - MARGIN - _label_room(label)) / distance for distance, label in hanging]
    return min(units, default=math.inf)


def _label_room(label: str) -> float:
    return GAP + 1.05 * canvas.text_width(label, canvas.FONT_SIZE)  # on phones the page sets text a little larger


def _label_levels(stems: Sequence[float], labels: Sequence[str]) -> list[int]:
    """Number of lines between the line and each label, so that no stem crosses a label.

    Args:
        stems: Places of the stems, ascending; each label is to the right of its stem.
        labels: Label of each stem.
    """
    levels = [0] * len(stems)
    for index in reversed(range(len(stems))):
        end = stems[index] + _label_room(labels[index]) + GAP
        crossed = [levels[other] for other in range(index + 1, len(stems)) if stems[other] < end]
        levels[index] = max(crossed, default=-1) + 1
    return levels


def _hanging_labels(
    axes: "Axes", y: float, stems: Sequence[float], labels: Sequence[str], levels: Sequence[int]
) -> None:
    bases = [y + STEM + canvas.LINE * level + canvas.CAP for level in levels]
    axes.vlines(stems, y, bases, color=canvas.MUTED, linewidth=0.8)
    for stem, label, base in zip(stems, labels, bases, strict=True):
        axes.text(stem + GAP, base, label)

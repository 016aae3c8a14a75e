"""Draws the times of the stages of a run, one after another on a bar with labels below it."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from job.report.charts import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BAR = 20  # height
STEM = 12  # from the bar to the middle of the first label
GAP = 5  # between a stem and its label


def draw_stage_times(timings_s: Mapping[str, float], total_s: float) -> str:
    """Draw the wall times of the stages of a run, in seconds, as one bar; the total also has the time between them."""
    *starts, end = itertools.accumulate(timings_s.values(), initial=0.0)
    labels = [f"{canvas.shorten(name)} {seconds:.1f} s" for name, seconds in timings_s.items()]
    total_label = f"total {total_s:.1f} s"
    unit = min(_largest_unit(starts, labels), (canvas.WIDTH - _label_room(total_label)) / max(end, 0.001))
    stems = [start * unit for start in starts]
    levels = _label_levels(stems, labels)
    with canvas.new_figure(BAR + STEM + canvas.LINE * (max(levels, default=0) + 1)) as figure:
        axes = canvas.full_axes(figure)
        longest = max(timings_s, key=timings_s.__getitem__, default="")
        for stem, (name, seconds) in zip(stems, timings_s.items(), strict=True):
            width = max(seconds * unit - 1.5, 0.5)
            opacity = 1 if name == longest else 0.45
            canvas.draw_boxes(axes, [(stem, 0, width, BAR)], facecolor=canvas.ACCENT, alpha=opacity)
        axes.text(end * unit + GAP, BAR / 2 + canvas.CAP, total_label, weight="bold")
        _draw_labels(axes, stems, labels, levels)
        return canvas.to_svg(figure, f"Bar of the stage times, {total_label}: {', '.join(labels)}.")


def _largest_unit(distances: Sequence[float], labels: Sequence[str]) -> float:
    """The largest scale, in view-box units per unit of distance, at which every label fits into the figure."""
    hanging = [(distance, label) for distance, label in zip(distances, labels, strict=True) if distance > 0]
    units = [(canvas.WIDTH - _label_room(label)) / distance for distance, label in hanging]
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


def _draw_labels(axes: "Axes", stems: Sequence[float], labels: Sequence[str], levels: Sequence[int]) -> None:
    bases = [BAR + STEM + canvas.LINE * level + canvas.CAP for level in levels]
    axes.vlines(stems, BAR, bases, color=canvas.MUTED, linewidth=0.8)
    for stem, label, base in zip(stems, labels, bases, strict=True):
        axes.text(stem + GAP, base, label)

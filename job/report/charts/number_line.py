"""Draws figures along one line, with labels that hang from it: published accuracies, and the stages of a run."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from job.report.charts.canvas import (
    ACCENT,
    CAP,
    FONT_SIZE,
    LINE,
    MUTED,
    RULE,
    WIDTH,
    boxes,
    canvas,
    dots,
    finish,
    sheet,
    width_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Accuracy = float | tuple[float, float]  # a fraction, or the lowest and highest of several

MARGIN = 4  # at both ends of the line of accuracy, for the dots on them
AXIS = 50  # of accuracy: as far from the top, below this model's label and interval
BAR = 20  # the height of the bar of stages
STEM = 12  # from a line to the middle of the first label
TEXT = 5  # from a stem to its label


def scale(accuracy: float, lower: float, upper: float, points: Sequence[tuple[str, Accuracy]]) -> str:
    """The accuracy of this model on a line, among others.

    Args:
        accuracy: of this model, a fraction.
        lower: end of its 95 % interval.
        upper: the other end.
        points: name and accuracy of each other model, in any order.
    """
    spans = sorted((*(value if isinstance(value, tuple) else (value, value)), name) for name, value in points)
    labels = [f"{name} {_percent(low, high)}" for low, high, name in spans]
    start, end = min([lower, *(low for low, _, _ in spans)]), max([upper, *(high for _, high, _ in spans)])
    middles = [(low + high) / 2 - start for low, high, _ in spans]
    unit = min(_unit(middles, labels), (WIDTH - 2 * MARGIN) / max(end - start, 0.001))
    places = [MARGIN + middle * unit for middle in middles]
    levels = _levels(places, labels)

    def place(value: float) -> float:
        return MARGIN + (value - start) * unit

    with canvas(AXIS + STEM + LINE * (max(levels, default=0) + 1)) as figure:
        axes = sheet(figure)
        axes.hlines(AXIS, MARGIN, place(end), color=RULE, linewidth=2, capstyle="round")
        _hang(axes, AXIS, places, labels, levels)
        for low, high, _ in spans:
            axes.hlines(AXIS, place(low), place(high), color=MUTED, linewidth=5, capstyle="round")
        axes.hlines(AXIS - 12, place(lower), place(upper), color=ACCENT, linewidth=2)
        axes.vlines(place(accuracy), AXIS - 12, AXIS, color=ACCENT, linewidth=2)
        dots(axes, [place(accuracy)], AXIS - 12, diameter=9)
        name, interval = f"this model {accuracy:.1%}", f"95% interval {lower:.1%} to {upper:.1%}"
        middle = min(max(place(accuracy), width_of(interval) / 2), WIDTH - width_of(interval) / 2)
        axes.text(middle, 12, name, ha="center", weight="bold")
        axes.text(middle, 12 + LINE, interval, ha="center", color=MUTED)
        others = "; ".join(labels)
        description = f"Scale of accuracy: {name}, {interval}. Others: {others}." if others else f"{name}, {interval}."
        return finish(figure, description)


def stages(timings: Mapping[str, float]) -> str:
    """The time of a run as one bar.

    Args:
        timings: seconds of each stage, in their order.
    """
    total = sum(timings.values())
    starts = [sum(list(timings.values())[:position]) for position in range(len(timings))]
    labels = [f"{name} {seconds:.1f} s" for name, seconds in timings.items()]
    whole = f"{total:.1f} s"
    unit = min(_unit(starts, labels), (WIDTH - _room(whole)) / max(total, 0.001))
    places = [start * unit for start in starts]
    levels = _levels(places, labels)
    with canvas(BAR + STEM + LINE * (max(levels, default=0) + 1)) as figure:
        axes = sheet(figure)
        longest = max(timings, key=lambda name: timings[name], default="")
        for place, (name, seconds) in zip(places, timings.items(), strict=True):
            width = max(seconds * unit - 1.5, 0.5)
            boxes(axes, [(place, 0, width, BAR)], facecolor=ACCENT, alpha=1 if name == longest else 0.45)
        axes.text(total * unit + TEXT, BAR / 2 + CAP, whole, weight="bold")
        _hang(axes, BAR, places, labels, levels)
        return finish(figure, f"Bar of the stages of the run, {whole} in all: {', '.join(labels)}.")


def _percent(low: float, high: float) -> str:
    return f"{100 * low:.3g}%" if low == high else f"{100 * low:.3g}\N{EN DASH}{100 * high:.3g}%"


def _unit(distances: Sequence[float], labels: Sequence[str]) -> float:
    """The largest length of a unit with which no label, hanging at its distance from the start, leaves the figure."""
    return min(
        (
            (WIDTH - MARGIN - _room(label)) / distance
            for distance, label in zip(distances, labels, strict=True)
            if distance > 0
        ),
        default=math.inf,
    )


def _room(label: str) -> float:
    return TEXT + 1.05 * width_of(label, FONT_SIZE)  # on phones the page sets text a little larger


def _levels(places: Sequence[float], labels: Sequence[str]) -> list[int]:
    """How many lines deep each label hangs: below every label whose stem would cut through it.

    Args:
        places: of the stems, from left to right; a label stands to the right of its stem.
        labels: of each.
    """
    levels = [0] * len(places)
    for one in reversed(range(len(places))):
        end = places[one] + _room(labels[one]) + TEXT
        cut = [levels[other] for other in range(one + 1, len(places)) if places[other] < end]
        levels[one] = max(cut, default=-1) + 1
    return levels


def _hang(axes: "Axes", y: float, places: Sequence[float], labels: Sequence[str], levels: Sequence[int]) -> None:
    bases = [y + STEM + LINE * level + CAP for level in levels]
    axes.vlines(places, y, bases, color=MUTED, linewidth=0.8)
    for place, label, base in zip(places, labels, bases, strict=True):
        axes.text(place + TEXT, base, label)

"""Provides what all charts share: colours, type, axes, and the conversion from matplotlib to SVG for the page."""

import io
import unicodedata
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from job.report.charts import svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

# Each colour is a placeholder for a colour of the page, which differs between light and dark mode.
COLOURS = {
    f"#{number:06x}": f"var(--{name})"
    for number, name in enumerate(("ink", "muted", "rule", "tint", "accent", "error", "on-accent"), start=1)
}
INK, MUTED, RULE, TINT, ACCENT, ERROR, ON_ACCENT = COLOURS

# Lengths are in units of the view box: CSS pixels on a desktop, slightly less on a phone.
WIDTH = 368  # width of most charts: a third of the page
FONT_SIZE = 13
LINE = 17  # height of a line of text
CAP = 4.7  # half the height of a digit: distance from its middle down to its baseline
DOT = 7  # diameter
LEFT, TOP, RIGHT, BOTTOM = 44, 28, 16, 42  # room around axes for tick labels and titles
ROW, NARROW_ROW = 24, 15  # height of a row per class
MAX_WIDE_ROWS = 20
MAX_NAME = 10  # width of a class name in em
END = 0.6  # share of a shortened name that its end gets
UNITS_PER_INCH = 72

STYLE: dict[Any, Any] = {
    **{name: value for name, value in mpl.rcParamsDefault.items() if name != "backend"},
    "svg.fonttype": "none",
    "text.parse_math": False,  # a class may be named $x$
    "font.size": FONT_SIZE,
    "text.color": INK,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.8,
    "lines.linewidth": 1.8,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.major.pad": 9,
    "ytick.major.pad": 6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": FONT_SIZE,
    "ytick.labelsize": FONT_SIZE,
}


@contextmanager
def new_figure(height: float, width: float = WIDTH) -> Iterator[Figure]:
    """An empty figure in the style of the page; draw and convert it inside the block."""
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # the browser has it
        figure = Figure(figsize=(width / UNITS_PER_INCH, height / UNITS_PER_INCH), dpi=UNITS_PER_INCH)
        figure.patch.set_visible(False)
        yield figure


def full_axes(figure: Figure) -> "Axes":
    """Add axes without ticks that cover the figure; their coordinates start in its upper left corner."""
    width, height = figure_size(figure)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    return axes


def inner_axes(
    figure: Figure, *, left: float = LEFT, top: float = TOP, right: float = RIGHT, bottom: float = BOTTOM
) -> "Axes":
    """Add axes without a border, at these distances from the edges of the figure."""
    width, height = figure_size(figure)
    area = (left / width, bottom / height, 1 - (left + right) / width, 1 - (top + bottom) / height)
    axes = figure.add_axes(area, frame_on=False)
    axes.tick_params(left=False, bottom=False)
    return axes


def figure_size(figure: Figure) -> tuple[float, float]:
    """Width and height of the figure."""
    width, height = figure.get_size_inches() * UNITS_PER_INCH
    return float(width), float(height)


def locate(axes: "Axes", x: float, y: float) -> tuple[float, float]:
    """Convert a point of inner axes to coordinates of the full axes around them."""
    _, height = figure_size(axes.get_figure(root=True))  # type: ignore[arg-type] # axes of a figure have one
    across, up = axes.transData.transform((x, y))
    return float(across), height - float(up)


def percent_axis(axis: "Axis") -> None:
    """Label the ticks of an axis in percent and draw its grid."""
    axis.set_major_formatter(lambda value, _: f"{100 * value:.4g}%")
    axis.grid(visible=True)


def plain_axis(axis: "Axis") -> None:
    """Label the ticks of an axis with plain numbers and draw its grid."""
    axis.set_major_formatter(lambda value, _: f"{value:,.0f}" if float(value).is_integer() else f"{value:.5g}")
    axis.grid(visible=True)


def title_axes(around: "Axes", x: str, y: str, right: float = RIGHT) -> None:
    """Title the inner axes: the x-axis below them, ending `right` from the edge, the y-axis above them on the left."""
    width, height = around.get_xlim()[1], around.get_ylim()[0]
    around.text(width - right, height - 5, x, color=MUTED, ha="right")
    around.text(0, 12, y, color=MUTED)


def row_height(n_rows: int) -> int:
    """Height of each row in a chart with a row per class."""
    return ROW if n_rows <= MAX_WIDE_ROWS else NARROW_ROW


def label_rows(around: "Axes", names: Iterable[str], values: Iterable[str], height: float) -> None:
    """Write the name of each row on the left edge and its value on the right edge of the full axes."""
    for position, (name, value) in enumerate(zip(names, values, strict=True)):
        base = height * (position + 0.5) + CAP
        around.text(0, base, name)
        around.text(WIDTH, base, value, ha="right")


def draw_boxes(axes: "Axes", boxes: Sequence[tuple[float, float, float, float]], **look: Any) -> PathPatch:  # noqa: ANN401
    """Draw rectangles, each given by left, top, width and height, as one shape."""
    x, y, width, height = np.array(boxes).T
    corners = np.array([(x, x + width, x + width, x), (y, y, y + height, y + height)]).T
    patch = PathPatch(Path.make_compound_path_from_polys(corners), linewidth=0, **look)
    axes.add_artist(patch)
    return patch


def draw_dots(axes: "Axes", x: Any, y: Any, color: str = ACCENT, diameter: float = DOT) -> None:  # noqa: ANN401
    """Draw dots as lines of length 0 with round ends: the shortest SVG of a circle."""
    axes.vlines(x, y, y, color=color, linewidth=diameter, capstyle="round", zorder=3)


def text_width(text: str, size: float = FONT_SIZE) -> float:
    """Approximate width of a text in any font of the page; too large rather than too small."""
    return size * sum(map(_letter_width, text))


def _letter_width(letter: str) -> float:
    if unicodedata.east_asian_width(letter) in "WF":
        return 1
    if unicodedata.combining(letter):
        return 0
    if letter in " .,:;'|!()[]ijltfI/-":
        return 0.36
    return 0.86 if letter in "mwMW%@…→" else 0.6


def shorten(name: str, limit: float = MAX_NAME) -> str:
    """Shorten a class name to at most `limit` em; the tables of the page show the whole name."""
    if text_width(name, 1) <= limit:
        return name
    return _cut(name, limit - _letter_width("…")).rstrip() + "…"


def shorten_names(names: Sequence[str], limit: float = MAX_NAME) -> list[str]:
    """Shorten class names to at most `limit` em; names that begin alike keep their ends, too."""
    short = [shorten(name, limit) for name in names]
    counts = Counter(short)
    return [
        each if counts[each] == 1 or each == name else _shorten_middle(name, limit)
        for name, each in zip(names, short, strict=True)
    ]


def _shorten_middle(name: str, limit: float) -> str:
    """Leave out the middle of a name; its end gets more room than its beginning."""
    room = limit - _letter_width("…")
    end = _cut(name[::-1], END * room)[::-1].lstrip()
    start = _cut(name, room - text_width(end, 1)).rstrip()
    return f"{start}…{end}"


def _cut(name: str, width: float) -> str:
    """The first letters of a name that fit into a width in em."""
    while text_width(name, 1) > width:
        name = name[:-1]
    return name


def to_svg(
    figure: Figure, description: str, classes: str = "figure", links: Mapping[str, str] = MappingProxyType({})
) -> str:
    """Convert a figure to SVG for the page; `svg.adapt` explains the arguments."""
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None})
    return svg.adapt(file.getvalue(), description, classes, COLOURS, links)

"""What the figures are drawn on: their colours and type, their axes, and the way from matplotlib into the page."""

import io
import logging
import unicodedata
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from job.report.charts import svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # the browser picks the font

# Colours to draw with, each standing for a colour of the page, which differs between light and dark.
INK, MUTED, RULE, TINT, ACCENT, ERROR, ON_ACCENT = (f"#0{number}0{number}0{number}" for number in range(1, 8))
COLOURS = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    RULE: "var(--rule)",
    TINT: "var(--tint)",
    ACCENT: "var(--accent)",
    ERROR: "var(--error)",
    ON_ACCENT: "var(--on-accent)",
}

WIDTH = 400  # of most figures, in units of their view box, which are about CSS pixels on a phone
FONT_SIZE = 12
LINE = 16  # the height of a line of text
CAP = 4.3  # half the height of a digit: what its baseline lies below its middle
DOT = 7  # the diameter of a dot
LEFT, TOP, RIGHT, BOTTOM = 44, 28, 16, 42  # room around axes for their marks and titles
MAX_NAME = 10  # the width of a class name, in letters as wide as they are high
UNITS_PER_INCH = 72

STYLE: dict[Any, Any] = {
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
def canvas(height: float, width: float = WIDTH) -> Iterator[Figure]:
    """An empty figure, in units of its view box."""
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # the browser has it
        figure = Figure(figsize=(width / UNITS_PER_INCH, height / UNITS_PER_INCH), dpi=UNITS_PER_INCH)
        figure.patch.set_visible(False)
        yield figure


def sheet(figure: Figure) -> "Axes":
    """The whole figure as axes without marks; its data are units from the upper left corner."""
    width, height = size_of(figure)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    return axes


def frame(figure: Figure, left: float, top: float, right: float, bottom: float) -> "Axes":
    """Axes without a border, that far from the edges of the figure."""
    width, height = size_of(figure)
    area = (left / width, bottom / height, 1 - (left + right) / width, 1 - (top + bottom) / height)
    axes = figure.add_axes(area, frame_on=False)
    axes.tick_params(left=False, bottom=False)
    return axes


def size_of(figure: Figure) -> tuple[float, float]:
    """Width and height in units."""
    width, height = figure.get_size_inches() * UNITS_PER_INCH
    return float(width), float(height)


def in_percent(axis: "Axis") -> None:
    """Mark the axis in percent, with a grid."""
    axis.set_major_formatter(lambda value, _: f"{100 * value:.4g}%")
    axis.grid(visible=True)


def in_figures(axis: "Axis") -> None:
    """Mark the axis in plain figures, with a grid."""
    axis.set_major_formatter(lambda value, _: f"{value:,.5g}")
    axis.grid(visible=True)


def title(around: "Axes", x: str, y: str, right: float = RIGHT) -> None:
    """Name the axes, on the `sheet` around them: below, up to `right` of its edge, and above at the left."""
    width, height = around.get_xlim()[1], around.get_ylim()[0]
    around.text(width - right, height - 5, x, color=MUTED, ha="right")
    around.text(0, 12, y, color=MUTED)


def boxes(axes: "Axes", places: Iterable[tuple[float, float, float, float]], **look: Any) -> PathPatch:  # noqa: ANN401
    """Draw rectangles, each given by left, top, width and height, as one shape of one look."""
    corners: list[tuple[float, float]] = []
    for x, y, width, height in places:
        corners += [(x, y), (x + width, y), (x + width, y + height), (x, y + height), (x, y)]
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY] * (len(corners) // 5)
    patch = PathPatch(Path(corners or [(0, 0)], codes or [Path.MOVETO]), linewidth=0, **look)
    axes.add_artist(patch)
    return patch


def dots(axes: "Axes", x: Any, y: Any, color: str = ACCENT, diameter: float = DOT) -> None:  # noqa: ANN401
    """Draw dots: lines without length, whose round ends make the shortest circle there is."""
    axes.vlines(x, y, y, color=color, linewidth=diameter, capstyle="round", zorder=3)


def width_of(text: str, size: float = FONT_SIZE) -> float:
    """About how wide the page's face, whichever it is, sets a text; rather more than less."""
    return size * sum(map(_width, text))


def _width(letter: str) -> float:
    if unicodedata.east_asian_width(letter) in "WF":
        return 1
    if unicodedata.combining(letter):
        return 0
    if letter in " .,:;'|!()[]ijltfI/-":
        return 0.36
    return 0.86 if letter in "mwMW%@…" else 0.6


def short(name: str, limit: float = MAX_NAME) -> str:
    """A class name as it fits beside an axis; the tables of the page have the whole.

    Args:
        name: any text.
        limit: how wide it may get, in letters as wide as they are high.
    """
    if width_of(name, 1) <= limit:
        return name
    while width_of(name, 1) > limit - _width("…"):
        name = name[:-1]
    return name.rstrip() + "…"


def finish(
    figure: Figure, description: str, names: str = "figure", links: Mapping[str, str] = MappingProxyType({})
) -> str:
    """The figure as SVG for the page.

    Args:
        figure: drawn.
        description: its text alternative.
        names: its classes.
        links: the name of each link in it, by its target.
    """
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None})
    return svg.adapt(file.getvalue(), description, names, COLOURS, links)

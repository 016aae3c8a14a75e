"""Draws the confusion matrix as a heatmap."""

import math
import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from job.report.charts import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CellText = Literal["none", "count", "count and share"]

MAX_ANNOTATED = 20  # classes; with more, cells have no room for numbers, and only some classes get a label
WIDTH = 784  # maximum: two thirds of the page on a desktop
ROWS, COLUMNS = "true ↓", "predicted →"
MAX_SMALL = 3  # classes; a matrix with so few fits on a phone unchanged
MAX_CELL = (96, 73)  # width and height
ASPECT = 0.9  # height of a cell as a fraction of its width
FONT_SIZE = 14
PHONE_SIZE = 27  # font size on phones in templates/report/style.css; the picture shrinks to 0.45 there
DIGIT = 0.93  # actual width of a number as a fraction of the approximate one, which is never too small
SHARE_SIZE = 13  # font size
MAX_NAME = 7.5  # width of a class name in em
TALL = 6  # width in em above which vertical names need more room above the matrix on phones
LEADING = 19
BREAK = re.compile(r"[ /-](?=.)")  # where a name can continue on the next line

# Opacity of a cell, from the smallest share of its row to the largest. In light and dark mode, text is readable in ink
# on all shades of correct cells and on the first six of errors, and in the colour for text on accents on the others.
ERROR_SHADES = (0.08, 0.16, 0.25, 0.34, 0.43, 0.52, 0.88, 0.94, 1.0)
N_LIGHT = 6
CORRECT_SHADES = (0.06, 0.08, 0.1, 0.12, 0.14, 0.16, 0.18, 0.2, 0.22)  # pale, so that the errors stand out
# In cells without numbers, which are small and many, the diagonal is stronger and single errors are weaker.
BARE_ERROR_SHADES = (0.1, 0.17, 0.26, 0.36, 0.47, 0.6, 0.75, 0.88, 1.0)
BARE_CORRECT_SHADES = (0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55)
DARKEST = 0.5  # share of the row from which on errors have the darkest shade


def draw_confusion_matrix(
    matrix: NDArray[np.int64], class_names: Sequence[str], links: Collection[tuple[int, int]] = ()
) -> str:
    """Draw a heatmap of counts; the shade of a cell shows its share of the row, on a square-root scale.

    This scale keeps rare errors visible. Errors have another colour than correct predictions and stronger shades.

    Args:
        matrix: Image counts, shape (n_classes, n_classes); rows are true classes, columns predicted classes.
        class_names: Class names in label order.
        links: Cells (true, predicted) that link to `#cell-true-predicted`.
    """
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    grid = _Grid(matrix, class_names)
    width, height = (
        math.ceil(start + size * len(matrix)) for start, size in ((grid.left, grid.width), (grid.top, grid.height))
    )
    with canvas.new_figure(height, width) as figure:
        axes = canvas.full_axes(figure)
        _draw_cells(axes, grid, shares)
        _label_axes(axes, grid)
        if grid.annotated and len(matrix) > MAX_SMALL:
            _write_totals(axes, grid, matrix)
        if grid.annotated:
            _annotate(axes, grid, matrix, shares)
        for true, predicted in sorted(links):
            canvas.draw_boxes(axes, [grid.cell(true, predicted)], facecolor="none").set_url(_target(true, predicted))
        names = {_target(*cell): _describe_cell(matrix, class_names, *cell) for cell in links}
        picture = canvas.to_svg(figure, _describe(matrix, class_names), grid.css_classes, names)
    # Only the style sheet for phones shows the vertical names; without any style sheet, they stay hidden.
    return picture.replace('class="vertical"', 'class="vertical" display="none"') if grid.columns else picture


def choose_cell_text(matrix: NDArray[np.int64], class_names: Sequence[str]) -> CellText:
    """The numbers that the cells have room for on a desktop; the style sheet for phones hides some of them."""
    grid = _Grid(matrix, class_names)
    if grid.roomy:
        return "count and share"
    return "count" if grid.annotated else "none"


class _Grid:
    """The positions of the cells, in units of the view box.

    Attributes:
        left: Left edge of the first column.
        top: Top edge of the first row.
        width: Width of a cell.
        height: Height of a cell.
        gap: Gap between two cells.
        annotated: Whether the cells have room for counts.
        roomy: Whether the cells have room for a count and a share, one below the other.
        names: Shortened class names.
        columns: Name of each column in one or two lines; empty if some names do not fit and all must be vertical.
        css_classes: Classes with which the style sheet fits the text to phones.
    """

    def __init__(self, matrix: NDArray[np.int64], class_names: Sequence[str]) -> None:
        n_classes = len(matrix)
        names = self.names = canvas.shorten_names(class_names, MAX_NAME)
        letters = max(canvas.text_width(name, 1) for name in names)
        largest = f"{matrix.max():,}"
        wide = n_classes > MAX_SMALL
        self.left = math.ceil((PHONE_SIZE if wide else FONT_SIZE) * max(letters, canvas.text_width(COLUMNS, 1))) + 10
        if n_classes > MAX_ANNOTATED:
            self.left += PHONE_SIZE // 2  # on phones, the name of the first column is wider than the column
        self.width = min((WIDTH - self.left) / n_classes, MAX_CELL[0])
        self.height = min(ASPECT * self.width, MAX_CELL[1])
        self.annotated = n_classes <= MAX_ANNOTATED and canvas.text_width(largest, FONT_SIZE) < self.width
        room_for_share = self.width > canvas.text_width("100.0%", SHARE_SIZE) and self.height > 2 * LEADING
        self.roomy = self.annotated and room_for_share
        self.gap = 2 if n_classes <= MAX_ANNOTATED else 0
        self.columns = _wrap_names(names, self.width / FONT_SIZE)
        self.top = max(0 if self.columns else math.ceil(letters * FONT_SIZE), 2 * LEADING) + 12
        applicable = {
            "figure matrix": True,
            "wide": wide,
            "upright": wide and not self.columns,
            "turned": wide and bool(self.columns),
            "tall": wide and letters > TALL,
            "crowded": wide and DIGIT * canvas.text_width(largest, PHONE_SIZE) > self.width,
        }
        self.css_classes = " ".join(name for name, applies in applicable.items() if applies)

    def cell(self, true: int, predicted: int) -> tuple[float, float, float, float]:
        """Left, top, width and height of a cell."""
        x, y = self.left + predicted * self.width, self.top + true * self.height
        return x, y, self.width - self.gap, self.height - self.gap


def choose_shade(share: float) -> int:
    """Step of the scale, from 0, for a cell whose share of its row is `share`, in (0, 1]."""
    return math.ceil(math.sqrt(min(share / DARKEST, 1)) * len(ERROR_SHADES)) - 1


def _draw_cells(axes: "Axes", grid: _Grid, shares: NDArray[np.float64]) -> None:
    cells: dict[tuple[str, float], list[list[int]]] = {}
    if grid.annotated:
        scales = {canvas.ERROR: ERROR_SHADES, canvas.ACCENT: CORRECT_SHADES}
    else:
        scales = {canvas.ERROR: BARE_ERROR_SHADES, canvas.ACCENT: BARE_CORRECT_SHADES}
    for true, predicted in np.argwhere(shares).tolist():
        colour = canvas.ACCENT if true == predicted else canvas.ERROR
        look = colour, scales[colour][choose_shade(shares[true, predicted])]
        cells.setdefault(look, []).append([true, predicted])
    if grid.annotated and not shares.all():
        cells[canvas.TINT, 1] = np.argwhere(shares == 0).tolist()
    for (colour, opacity), places in sorted(cells.items()):
        canvas.draw_boxes(axes, [grid.cell(*place) for place in places], color=colour, alpha=opacity)


def _annotate(axes: "Axes", grid: _Grid, matrix: NDArray[np.int64], shares: NDArray[np.float64]) -> None:
    """Write the count of every cell that contains images, and its share of the row if there is room."""
    for true, predicted in np.argwhere(matrix).tolist():
        x, y, width, height = grid.cell(true, predicted)
        x, y = x + width / 2, y + height / 2 + 5
        is_light = true == predicted or choose_shade(shares[true, predicted]) < N_LIGHT
        colour = canvas.INK if is_light else canvas.ON_ACCENT
        look: dict[str, Any] = {"color": colour, "ha": "center", "va": "baseline"}
        count = axes.text(x, y - 9 * grid.roomy, f"{matrix[true, predicted]:,}", fontsize=FONT_SIZE, **look)
        count.set_gid(".count")
        if grid.roomy:
            axes.text(x, y + 9, f"{shares[true, predicted]:.1%}", fontsize=SHARE_SIZE, **look).set_gid(".share")


def _label_axes(axes: "Axes", grid: _Grid) -> None:
    """Write the titles of the axes and the class names; if there are many classes, only some of the names.

    Where column names are horizontal, phones show vertical ones instead.
    """
    base = grid.top - 10
    axes.text(0, base - LEADING, COLUMNS, color=canvas.MUTED, fontsize=FONT_SIZE).set_gid(".predicted")
    axes.text(0, base, ROWS, color=canvas.MUTED, fontsize=FONT_SIZE).set_gid(".true")
    for label in range(0, len(grid.names), -(-len(grid.names) // MAX_ANNOTATED)):
        name = grid.names[label]
        x, y, width, height = grid.cell(label, label)
        axes.text(0, y + height / 2 + 5, name, fontsize=FONT_SIZE).set_gid(".row")
        for line, part in enumerate(reversed(grid.columns[label] if grid.columns else ())):
            column = axes.text(x + width / 2, base - 17 * line, part, fontsize=FONT_SIZE, ha="center")
            column.set_gid(".column")
        if not grid.columns or len(grid.names) > MAX_SMALL:
            look: dict[str, Any] = {"rotation": 90, "rotation_mode": "anchor", "ha": "left"}
            axes.text(x + width / 2 + 5, base, name, fontsize=FONT_SIZE, **look).set_gid(".vertical")


def _write_totals(axes: "Axes", grid: _Grid, matrix: NDArray[np.int64]) -> None:
    """Write the number of images of each true class before its row; phones have no room for it."""
    look: dict[str, Any] = {"color": canvas.MUTED, "ha": "right", "fontsize": SHARE_SIZE}
    axes.text(grid.left - 12, grid.top - 10, "images", **look).set_gid(".share")
    for true, total in enumerate(matrix.sum(axis=1).tolist()):
        _, y, _, height = grid.cell(true, true)
        axes.text(grid.left - 12, y + height / 2 + 5, f"{total:,}", **look).set_gid(".share")


def _wrap_names(names: Sequence[str], limit: float) -> list[list[str]]:
    """Break each name into at most two lines of at most `limit` em; empty if that is impossible for some names."""
    wrapped = [_wrap_name(name) if canvas.text_width(name, 1) > limit else [name] for name in names]
    return wrapped if all(canvas.text_width(line, 1) <= limit for lines in wrapped for line in lines) else []


def _wrap_name(name: str) -> list[str]:
    """Break a name after the space, slash or hyphen that is nearest to its middle."""
    places = [place.end() for place in BREAK.finditer(name)]
    middle = min(places, key=lambda place: abs(place - len(name) / 2), default=len(name))
    return [line for line in (name[:middle].rstrip(), name[middle:]) if line]


def _target(true: int, predicted: int) -> str:
    return f"#cell-{true}-{predicted}"


def _describe_cell(matrix: NDArray[np.int64], class_names: Sequence[str], true: int, predicted: int) -> str:
    count, support = matrix[true, predicted], matrix[true].sum()
    outcome = "predicted correctly" if true == predicted else f"predicted as {class_names[predicted]}"
    return f"{class_names[true]} {outcome}: {count:,} of {support:,}, {count / max(support, 1):.1%}"


def _describe(matrix: NDArray[np.int64], class_names: Sequence[str]) -> str:
    n_correct = np.trace(matrix)
    text = f"Heatmap of the confusion matrix: {n_correct:,} of {matrix.sum():,} images are on the diagonal"
    errors = matrix - np.diag(np.diag(matrix))
    if not errors.any():
        return f"{text}."
    true, predicted = np.unravel_index(errors.argmax(), errors.shape)
    return f"{text}. Most frequent error: {_describe_cell(matrix, class_names, int(true), int(predicted))}."

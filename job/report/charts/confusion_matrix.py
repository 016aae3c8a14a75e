"""Draws the confusion matrix as a heatmap."""

import math
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from job.report.charts import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_ANNOTATED = 20  # classes; with more, cells have no room for numbers, and only some classes get a label
WIDTH = 992  # maximum: the width of the page's text on a desktop
ROWS, COLUMNS = "true ↓", "predicted →"
MAX_SMALL = 3  # classes; a matrix with so few fits on a phone unchanged
MAX_CELL = (96, 73)  # width and height
FONT_SIZE = 14
PHONE_SIZE = 31  # font size on phones in templates/report/style.css; the picture shrinks to a third there
DIGIT = 0.56  # width of a digit in em
SHARE_SIZE = 12  # font size
MAX_NAME = 7.5  # width of a class name in em
LEADING = 19

# Opacity of a cell, from the smallest share of its row to the largest. In light and dark mode, text is readable in ink
# on the first six, and in the colour for text on accents on the others; on a shade in the gap, neither is readable.
SHADES = (0.08, 0.16, 0.25, 0.34, 0.43, 0.52, 0.88, 0.94, 1.0)
N_LIGHT = 6
BARE_SHADES = (0.3, 0.37, 0.45, 0.53, 0.61, 0.7, 0.8, 0.9, 1.0)  # for cells without numbers, which are small


def draw_confusion_matrix(
    matrix: NDArray[np.int64], class_names: Sequence[str], links: Collection[tuple[int, int]] = ()
) -> str:
    """Draw a heatmap of counts; the shade of a cell shows its share of the row, on a square-root scale.

    This scale keeps errors visible although most images are on the diagonal. Errors also have another colour.

    Args:
        matrix: Image counts, shape (n_classes, n_classes); rows are true classes, columns predicted classes.
        class_names: Class names in label order.
        links: Cells (true, predicted) that link to `#cell-true-predicted`.
    """
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    grid = _Grid(matrix, class_names)
    with canvas.new_figure(grid.top + grid.height * len(matrix), grid.left + grid.width * len(matrix)) as figure:
        axes = canvas.full_axes(figure)
        _draw_cells(axes, grid, shares)
        _label_axes(axes, grid, class_names)
        if grid.annotated:
            _annotate(axes, grid, matrix, shares)
        for true, predicted in sorted(links):
            canvas.draw_boxes(axes, [grid.cell(true, predicted)], facecolor="none").set_url(_target(true, predicted))
        names = {_target(*cell): _describe_cell(matrix, class_names, *cell) for cell in links}
        return canvas.to_svg(figure, _describe(matrix, class_names), grid.css_classes, names)


class _Grid:
    """The positions of the cells, in units of the view box.

    Attributes:
        left: Left edge of the first column.
        top: Top edge of the first row.
        width: Width of a cell.
        height: Height of a cell.
        gap: Gap between two cells.
        annotated: Whether the cells have room for numbers.
        upright: Whether the column names are vertical because they do not fit horizontally.
        css_classes: Classes with which the style sheet fits the text to phones.
    """

    def __init__(self, matrix: NDArray[np.int64], class_names: Sequence[str]) -> None:
        n_classes = len(matrix)
        letters = max(canvas.text_width(canvas.shorten(name, MAX_NAME), 1) for name in class_names)
        n_digits = len(str(matrix.max()))
        wide = n_classes > MAX_SMALL
        self.left = math.ceil((PHONE_SIZE if wide else FONT_SIZE) * max(letters, canvas.text_width(COLUMNS, 1))) + 10
        self.width = min((WIDTH - self.left) / n_classes, MAX_CELL[0])
        self.height = min(self.width, MAX_CELL[1])
        self.annotated = n_classes <= MAX_ANNOTATED and canvas.text_width("0" * n_digits, FONT_SIZE) < self.width
        self.gap = 2 if n_classes <= MAX_ANNOTATED else 0
        self.upright = letters * FONT_SIZE > self.width - 2
        header = letters * FONT_SIZE if self.upright else 0
        self.top = max(math.ceil(header), 2 * LEADING) + 12
        applicable = {
            "figure matrix": True,
            "wide": wide,
            "upright": wide and self.upright,
            "turned": wide and not self.upright and letters * PHONE_SIZE > self.width,
            "crowded": wide and n_digits * DIGIT * PHONE_SIZE > self.width,
        }
        self.css_classes = " ".join(name for name, applies in applicable.items() if applies)

    def cell(self, true: int, predicted: int) -> tuple[float, float, float, float]:
        """Left, top, width and height of a cell."""
        x, y = self.left + predicted * self.width, self.top + true * self.height
        return x, y, self.width - self.gap, self.height - self.gap


def choose_shade(share: float) -> int:
    """Index in `SHADES` for a cell whose share of its row is `share`, in (0, 1]."""
    return math.ceil(math.sqrt(share) * len(SHADES)) - 1


def _draw_cells(axes: "Axes", grid: _Grid, shares: NDArray[np.float64]) -> None:
    cells: dict[tuple[str, float], list[list[int]]] = {}
    shades = SHADES if grid.annotated else BARE_SHADES
    for true, predicted in np.argwhere(shares).tolist():
        look = (canvas.ACCENT if true == predicted else canvas.ERROR, shades[choose_shade(shares[true, predicted])])
        cells.setdefault(look, []).append([true, predicted])
    if grid.annotated and not shares.all():
        cells[canvas.TINT, 1] = np.argwhere(shares == 0).tolist()
    for (colour, opacity), places in sorted(cells.items()):
        canvas.draw_boxes(axes, [grid.cell(*place) for place in places], color=colour, alpha=opacity)


def _annotate(axes: "Axes", grid: _Grid, matrix: NDArray[np.int64], shares: NDArray[np.float64]) -> None:
    """Write the count of every cell that contains images, and its share of the row if there is room."""
    roomy = grid.width > canvas.text_width("100.0%", SHARE_SIZE) and grid.height > 2 * LEADING
    for true, predicted in np.argwhere(matrix).tolist():
        x, y, width, height = grid.cell(true, predicted)
        x, y = x + width / 2, y + height / 2 + 5
        colour = canvas.INK if choose_shade(shares[true, predicted]) < N_LIGHT else canvas.ON_ACCENT
        look: dict[str, Any] = {"color": colour, "ha": "center", "va": "baseline"}
        count = axes.text(x, y - 9 * roomy, str(matrix[true, predicted]), fontsize=FONT_SIZE, **look)
        count.set_gid(".count")
        if roomy:
            axes.text(x, y + 9, f"{shares[true, predicted]:.1%}", fontsize=SHARE_SIZE, **look).set_gid(".share")


def _label_axes(axes: "Axes", grid: _Grid, class_names: Sequence[str]) -> None:
    """Write the titles of the axes and the class names; if there are many classes, only some of the names."""
    base = grid.top - 10
    axes.text(0, base - LEADING, COLUMNS, color=canvas.MUTED, fontsize=FONT_SIZE).set_gid(".predicted")
    axes.text(0, base, ROWS, color=canvas.MUTED, fontsize=FONT_SIZE).set_gid(".true")
    for label in range(0, len(class_names), -(-len(class_names) // MAX_ANNOTATED)):
        name = canvas.shorten(class_names[label], MAX_NAME)
        x, y, width, height = grid.cell(label, label)
        axes.text(0, y + height / 2 + 5, name, fontsize=FONT_SIZE).set_gid(".row")
        if grid.upright:
            look: dict[str, Any] = {"rotation": 90, "rotation_mode": "anchor", "ha": "left"}
            axes.text(x + width / 2 + 5, base, name, fontsize=FONT_SIZE, **look)
        else:
            axes.text(x + width / 2, base, name, fontsize=FONT_SIZE, ha="center").set_gid(".column")


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

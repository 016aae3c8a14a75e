"""Draws the confusion matrix."""

import math
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from job.report.charts.canvas import (
    ACCENT,
    ERROR,
    INK,
    MUTED,
    ON_ACCENT,
    TINT,
    boxes,
    canvas,
    finish,
    sheet,
    short,
    width_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_ANNOTATED = 20  # classes; the numbers of more would not fit into their cells, and not all get a label
WIDTH = 992  # at most: the width of the page's text on a desktop
ROWS, COLUMNS = "true ↓", "predicted →"
MAX_SMALL = 3  # classes, whose matrix fits on a phone as it is
MAX_CELL = (96, 73)  # width and height
FONT_SIZE = 14
PHONE_SIZE = 31  # of the text as templates/report/style.css sets it on phones, on which the picture shrinks to a third
DIGIT = 0.56  # the width of a digit, of its height
SHARE_SIZE = 12
MAX_NAME = 7.5  # letters as wide as they are high
LEADING = 19

# How opaque a cell is, from the smallest share of its row to the largest. Up to the middle ink can be read on it, above
# it the colour for text on an accent, in light and in dark; in the gap between them neither could.
SHADES = (0.08, 0.16, 0.25, 0.34, 0.43, 0.52, 0.88, 0.94, 1.0)
N_LIGHT = 6
BARE_SHADES = (0.3, 0.37, 0.45, 0.53, 0.61, 0.7, 0.8, 0.9, 1.0)  # of cells without numbers, which are small


def confusion_matrix(
    matrix: NDArray[np.int64], class_names: Sequence[str], links: Collection[tuple[int, int]] = ()
) -> str:
    """A heatmap of counts; a cell's shade is its share of the true class, on a square-root scale.

    That scale keeps the errors visible beside a strong diagonal, and they have a colour of their own.

    Args:
        matrix: image counts, shape (n_classes, n_classes), rows true, columns predicted.
        class_names: in label order.
        links: the cells (true, predicted) that link to `#cell-true-predicted`.
    """
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    grid = _Grid(matrix, class_names)
    with canvas(grid.top + grid.height * len(matrix), grid.left + grid.width * len(matrix)) as figure:
        axes = sheet(figure)
        _draw_cells(axes, grid, shares)
        _label_axes(axes, grid, class_names)
        if grid.annotated:
            _annotate(axes, grid, matrix, shares)
        for true, predicted in sorted(links):
            boxes(axes, [grid.cell(true, predicted)], facecolor="none").set_url(_target(true, predicted))
        names = {_target(*cell): _name(matrix, class_names, *cell) for cell in links}
        return finish(figure, _description(matrix, class_names), grid.kind, names)


class _Grid:
    """Where the cells of a matrix lie, in units of the view box.

    Attributes:
        left: of the first column.
        top: of the first row.
        width: of a cell.
        height: of a cell.
        gap: between two cells.
        annotated: whether there is room for numbers.
        upright: whether the names of the columns stand upright, for want of room.
        kind: the classes of the picture, by which the page fits its text to phones.
    """

    def __init__(self, matrix: NDArray[np.int64], class_names: Sequence[str]) -> None:
        n_classes = len(matrix)
        letters = max(width_of(short(name, MAX_NAME), 1) for name in class_names)
        n_digits = len(str(matrix.max()))
        wide = n_classes > MAX_SMALL
        self.left = math.ceil((PHONE_SIZE if wide else FONT_SIZE) * max(letters, width_of(COLUMNS, 1))) + 10
        self.width = min((WIDTH - self.left) / n_classes, MAX_CELL[0])
        self.height = min(self.width, MAX_CELL[1])
        self.annotated = n_classes <= MAX_ANNOTATED and width_of("0" * n_digits, FONT_SIZE) < self.width
        self.gap = 2 if n_classes <= MAX_ANNOTATED else 0
        self.upright = letters * FONT_SIZE > self.width - 2
        header = letters * FONT_SIZE if self.upright else 0
        self.top = max(math.ceil(header), 2 * LEADING) + 12
        kinds = {
            "figure matrix": True,
            "wide": wide,
            "upright": wide and self.upright,
            "turned": wide and not self.upright and letters * PHONE_SIZE > self.width,
            "crowded": wide and n_digits * DIGIT * PHONE_SIZE > self.width,
        }
        self.kind = " ".join(kind for kind, applies in kinds.items() if applies)

    def cell(self, true: int, predicted: int) -> tuple[float, float, float, float]:
        """Left, top, width and height."""
        x, y = self.left + predicted * self.width, self.top + true * self.height
        return x, y, self.width - self.gap, self.height - self.gap


def shade(share: float) -> int:
    """Which of the `SHADES` a cell with that share of its row has.

    Args:
        share: in (0, 1].
    """
    return math.ceil(math.sqrt(share) * len(SHADES)) - 1


def _draw_cells(axes: "Axes", grid: _Grid, shares: NDArray[np.float64]) -> None:
    cells: dict[tuple[str, float], list[tuple[int, int]]] = {}
    shades = SHADES if grid.annotated else BARE_SHADES
    for true, predicted in zip(*map(np.ndarray.tolist, np.nonzero(shares)), strict=True):
        look = (ACCENT if true == predicted else ERROR, shades[shade(shares[true, predicted])])
        cells.setdefault(look, []).append((true, predicted))
    if grid.annotated:
        cells[TINT, 1] = [(true, predicted) for true, predicted in np.argwhere(shares == 0).tolist()]
    for (colour, opacity), places in sorted(cells.items()):
        boxes(axes, [grid.cell(*place) for place in places], color=colour, alpha=opacity)


def _annotate(axes: "Axes", grid: _Grid, matrix: NDArray[np.int64], shares: NDArray[np.float64]) -> None:
    """The count of every cell that has one, and under it, where there is room, its share of the row."""
    roomy = grid.width > width_of("100.0%", SHARE_SIZE) and grid.height > 2 * LEADING
    for true, predicted in np.argwhere(matrix).tolist():
        x, y, width, height = grid.cell(true, predicted)
        x, y = x + width / 2, y + height / 2 + 5
        colour = INK if shade(shares[true, predicted]) < N_LIGHT else ON_ACCENT
        look: dict[str, Any] = {"color": colour, "ha": "center", "va": "baseline"}
        count = axes.text(x, y - 9 * roomy, str(matrix[true, predicted]), fontsize=FONT_SIZE, **look)
        count.set_gid(".count")
        if roomy:
            axes.text(x, y + 9, f"{shares[true, predicted]:.1%}", fontsize=SHARE_SIZE, **look).set_gid(".share")


def _label_axes(axes: "Axes", grid: _Grid, class_names: Sequence[str]) -> None:
    """Names of the classes, of many not every one's, and of the axes."""
    base = grid.top - 10
    axes.text(0, base - LEADING, COLUMNS, color=MUTED, fontsize=FONT_SIZE).set_gid(".predicted")
    axes.text(0, base, ROWS, color=MUTED, fontsize=FONT_SIZE).set_gid(".true")
    for label in range(0, len(class_names), -(-len(class_names) // MAX_ANNOTATED)):
        name = short(class_names[label], MAX_NAME)
        x, y, width, height = grid.cell(label, label)
        axes.text(0, y + height / 2 + 5, name, fontsize=FONT_SIZE).set_gid(".row")
        if grid.upright:
            look: dict[str, Any] = {"rotation": 90, "rotation_mode": "anchor", "ha": "left"}
            axes.text(x + width / 2 + 5, base, name, fontsize=FONT_SIZE, **look)
        else:
            axes.text(x + width / 2, base, name, fontsize=FONT_SIZE, ha="center").set_gid(".column")


def _target(true: int, predicted: int) -> str:
    return f"#cell-{true}-{predicted}"


def _name(matrix: NDArray[np.int64], class_names: Sequence[str], true: int, predicted: int) -> str:
    """What a cell says, as the name of its link."""
    count, support = matrix[true, predicted], matrix[true].sum()
    fate = "recognised" if true == predicted else f"taken for {class_names[predicted]}"
    return f"{class_names[true]} {fate}: {count:,} of {support:,}, {count / max(support, 1):.1%}"


def _description(matrix: NDArray[np.int64], class_names: Sequence[str]) -> str:
    right = np.trace(matrix)
    text = f"Heatmap of the confusion matrix: {right:,} of {matrix.sum():,} images lie on its diagonal"
    errors = matrix - np.diag(np.diag(matrix))
    if not errors.any():
        return f"{text}."
    true, predicted = np.unravel_index(errors.argmax(), errors.shape)
    return f"{text}. The largest error: {_name(matrix, class_names, int(true), int(predicted))}."

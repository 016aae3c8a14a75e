"""Draws the figures of the report as SVG, from plain figures."""

import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.colors import ListedColormap, PowerNorm, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from job import svg
from job.results import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes

logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # the browser picks the font

# Colours to draw with, each standing for a colour of the page, which differs between light and dark.
INK, MUTED, RULE, ACCENT, ON_ACCENT = "#010101", "#020202", "#030303", "#040404", "#050505"
COLOURS = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    RULE: "var(--rule)",
    ACCENT: "var(--accent)",
    ON_ACCENT: "var(--on-accent)",
}

WIDTH = 400  # of every figure, in units of its view box: CSS pixels on a phone
UNITS_PER_INCH = 72
FONT_SIZE = 11
ROW = 24  # the height of a bar, in the same units
ACCENT_STEPS = 64
MAX_FULL_SIZE = 10  # classes; the numbers of more are smaller, to fit into their cells
MAX_ANNOTATED = 20  # classes; the numbers of more would not fit into their cells
MAX_LABELLED = 40  # classes; of more, not every one gets a label
MAX_LETTERS = 18  # of a class name at an axis
DARK_SHARE = 0.4  # from here on a cell is dark enough for light text
LONG_BAR = 0.2  # from here on a bar is long enough for its figure

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # a class may be named $x$
    "font.size": FONT_SIZE,
    "axes.edgecolor": RULE,
    "axes.labelcolor": MUTED,
    "axes.labelsize": FONT_SIZE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": RULE,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "text.color": INK,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": FONT_SIZE,
    "ytick.labelsize": FONT_SIZE,
}


def confusion_matrix(matrix: NDArray[np.int64], class_names: Sequence[str]) -> str:
    """A heatmap of counts; a cell's shade is its share of the true class, on a square-root scale.

    That scale keeps the errors visible beside a strong diagonal.

    Args:
        matrix: image counts, shape (n_classes, n_classes), rows true, columns predicted.
        class_names: in label order.
    """
    n_classes = len(class_names)
    annotated = n_classes <= MAX_ANNOTATED
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    with _axes(WIDTH) as (figure, axes):
        sns.heatmap(
            shares,
            ax=axes,
            cmap=ListedColormap([(*to_rgb(ACCENT), step / (ACCENT_STEPS - 1)) for step in range(ACCENT_STEPS)]),
            norm=PowerNorm(0.5, 0, 1),
            annot=matrix if annotated else False,
            fmt="d",
            annot_kws={"fontsize": FONT_SIZE if n_classes <= MAX_FULL_SIZE else FONT_SIZE * MAX_FULL_SIZE / n_classes},
            cbar=False,
            square=True,
            linewidths=1 if annotated else 0,
            linecolor="none",
        )
        for text, share in zip(axes.texts, shares.ravel(), strict=False):
            text.set_color(ON_ACCENT if share > DARK_SHARE else INK if share else MUTED)
        _label_classes(axes, "x", class_names)
        _label_classes(axes, "y", class_names)
        axes.set(xlabel="predicted", ylabel="true")
        axes.tick_params(length=0)
        right = np.trace(matrix)
        description = f"Heatmap of the confusion matrix: {right:,} of {matrix.sum():,} images lie on its diagonal."
        return _svg(figure, "confusion", description)


def recall(values: Sequence[float], class_names: Sequence[str]) -> str:
    """A bar chart of the recall of each class.

    Args:
        values: fractions in [0, 1], in label order.
        class_names: in label order.
    """
    with _axes(ROW * len(values) + 50) as (figure, axes):
        positions = [str(label) for label in range(len(values))]
        sns.barplot(x=list(values), y=positions, ax=axes, color=ACCENT, saturation=1, width=0.62)
        for position, value in enumerate(values):
            inside = value > LONG_BAR
            axes.text(
                value + (-0.015 if inside else 0.015),
                position,
                f"{value:.1%}",
                va="center_baseline",
                ha="right" if inside else "left",
                color=ON_ACCENT if inside else INK,
            )
        axes.set(
            xlim=(0, 1), xlabel="recall", yticks=range(len(values)), yticklabels=[_short(name) for name in class_names]
        )
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        axes.tick_params(length=0)
        axes.spines["bottom"].set_visible(False)
        lowest = int(np.argmin(values))
        description = f"Bar chart of recall per class; the lowest is {class_names[lowest]} with {values[lowest]:.1%}."
        return _svg(figure, "recall", description)


def learning(history: History, quantity: str) -> str:
    """Curves of `loss` or `accuracy` per epoch, for training and, where there is one, validation."""
    training = getattr(history, quantity)
    validation = getattr(history, f"val_{quantity}")
    epochs = range(1, len(training) + 1)
    with _axes(230) as (figure, axes):
        sns.lineplot(x=epochs, y=training, ax=axes, color=MUTED, marker="o", ms=5, mec=MUTED, ls="--", label="training")
        if validation:
            sns.lineplot(x=epochs, y=validation, ax=axes, color=ACCENT, marker="o", mec=ACCENT, label="validation")
        axes.set(xlabel="epoch", ylabel=quantity)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        margin = max(0.05 * (len(epochs) - 1), 0.1)
        axes.set_xlim(1 - margin, len(epochs) + margin)
        axes.grid(axis="y")
        axes.tick_params(length=0)
        ends = f"training ends at {training[-1]:.3f}" + (f", validation at {validation[-1]:.3f}" if validation else "")
        return _svg(figure, f"learning-{quantity}", f"Line chart of {quantity} per epoch: {ends}.")


@contextmanager
def _axes(height: float) -> Iterator[tuple[Figure, "Axes"]]:
    """An empty figure of the common width; `height` in the same units."""
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # the browser has it
        figure = Figure(figsize=(WIDTH / UNITS_PER_INCH, height / UNITS_PER_INCH), layout="constrained")
        figure.patch.set_visible(False)
        axes = figure.add_subplot()
        axes.patch.set_visible(False)
        yield figure, axes


def _label_classes(axes: "Axes", axis: str, class_names: Sequence[str]) -> None:
    step = -(-len(class_names) // MAX_LABELLED)
    shown = range(0, len(class_names), step)
    size = min(FONT_SIZE, 300 / len(shown))
    labels = [_short(class_names[label]) for label in shown]
    if axis == "x":
        axes.set_xticks([label + 0.5 for label in shown], labels, rotation=90, fontsize=size)
    else:
        axes.set_yticks([label + 0.5 for label in shown], labels, rotation=0, fontsize=size)


def _short(name: str) -> str:
    """A class name as it fits beside an axis; the tables of the page have the whole."""
    return name if len(name) <= MAX_LETTERS else name[: MAX_LETTERS - 1] + "…"


def _svg(figure: Figure, name: str, description: str) -> str:
    with mpl.rc_context({"svg.hashsalt": name}):
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    return svg.adapt(file.getvalue(), name, description, COLOURS)

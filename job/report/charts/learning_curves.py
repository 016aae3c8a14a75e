"""Draws loss and accuracy per epoch."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import seaborn as sns
from matplotlib.ticker import MaxNLocator

from job.report.charts import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT = 250
MAX_DOTS = 20  # per curve; the dots of more epochs would overlap
MAX_DECIMAL = 1000  # larger values have three significant digits
COLOURS = {"training": canvas.MUTED, "validation": canvas.ACCENT}


def draw_learning_curve(
    training: Sequence[float], validation: Sequence[float], quantity: Literal["loss", "accuracy"], tested: int
) -> str:
    """Draw the training curve, and unless it is empty the validation curve with the tested epoch marked.

    Args:
        training: One value for each epoch.
        validation: One value for each epoch, or nothing.
        quantity: What the values are.
        tested: The epoch whose parameters predicted the test images, from 1.
    """
    curves = {name: curve for name, curve in (("training", training), ("validation", validation)) if curve}
    labels = {name: f"{name} {_format_value(curve[-1], quantity)}" for name, curve in curves.items()}
    n_epochs = len(training)
    with canvas.new_figure(HEIGHT) as figure:
        right = 1.05 * max(map(canvas.text_width, labels.values())) + 8
        axes = canvas.inner_axes(figure, right=right)
        for name, curve in curves.items():
            _draw_curve(axes, curve, COLOURS[name])
        margin = max(0.03 * (n_epochs - 1), 0.1)
        axes.set(xlim=(1 - margin, n_epochs + margin), xlabel="", ylabel="")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
        (canvas.plain_axis if quantity == "loss" else canvas.percent_axis)(axes.yaxis)
        around = canvas.full_axes(figure)
        canvas.title_axes(around, x="epoch", y=quantity, right=right)
        heights = {name: canvas.locate(axes, 0, curve[-1])[1] for name, curve in curves.items()}
        for name, height in _separate(heights).items():
            around.text(canvas.WIDTH - right + 8, height + canvas.CAP, labels[name], color=COLOURS[name])
        parts = [
            f"{name} from {_format_value(curve[0], quantity)} to {_format_value(curve[-1], quantity)}"
            for name, curve in curves.items()
        ]
        if validation and n_epochs > 1:
            parts.append(_mark_tested(around, axes, validation, quantity, tested))
        epochs = "1 epoch" if n_epochs == 1 else f"{n_epochs} epochs"
        return canvas.to_svg(figure, f"Line chart of {quantity} over {epochs}: {', '.join(parts)}.")


def _format_value(value: float, quantity: str) -> str:
    if quantity == "accuracy":
        return f"{value:.1%}"
    return f"{value:.3f}" if value < MAX_DECIMAL else f"{value:.3g}"


def _draw_curve(axes: "Axes", curve: Sequence[float], colour: str) -> None:
    epochs = range(1, len(curve) + 1)
    sns.lineplot(x=epochs, y=curve, ax=axes, color=colour, estimator=None, errorbar=None)
    if len(curve) <= MAX_DOTS:
        canvas.draw_dots(axes, epochs, curve, colour, 5)


def _separate(heights: Mapping[str, float]) -> dict[str, float]:
    """Move the heights of one or two labels apart until the labels do not overlap."""
    overlap = max(canvas.LINE - (max(heights.values()) - min(heights.values())), 0) / 2
    moves = (-overlap, overlap) if len(heights) > 1 else (0,)
    return {
        name: heights[name] + move for name, move in zip(sorted(heights, key=heights.__getitem__), moves, strict=True)
    }


def _mark_tested(around: "Axes", axes: "Axes", curve: Sequence[float], quantity: str, tested: int) -> str:
    """Mark an epoch of a curve, on the side away from the other curve; returns a description of the mark."""
    value, label = curve[tested - 1], f"tested epoch {tested}"
    across, down = canvas.locate(axes, tested, value)
    top, bottom = canvas.TOP, HEIGHT - canvas.BOTTOM
    end, base = (top, top + 10) if quantity == "loss" else (bottom, bottom - 6)
    around.vlines(across, down, end, color=canvas.ACCENT, linewidth=0.8)
    is_late = tested > len(curve) / 2
    place, side = (across - 5, "right") if is_late else (across + 5, "left")
    around.text(place, base, label, color=canvas.ACCENT, ha=side)
    return f"validation {quantity} {_format_value(value, quantity)} in the {label}"

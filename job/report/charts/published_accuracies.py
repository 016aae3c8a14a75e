"""Draws published accuracies next to the accuracy of this model."""

from collections.abc import Sequence

from matplotlib.ticker import MaxNLocator

from job.evaluation.intervals import Interval
from job.report.charts import canvas

HEAD = 24  # room above the rows for the label of this model
STROKE = 0.28  # half the length of a stroke, in rows
GAP = 0.004  # distance of the outermost strokes from the ends of the axis, as an accuracy


def draw_published_accuracies(
    accuracy: float, interval: Interval, published: Sequence[tuple[str, Sequence[float]]]
) -> str:
    """Draw a row of strokes for each group of published accuracies, and a line with its interval for this model.

    `published` has the name of each group and its accuracies, in the order of the rows.
    """
    names, groups = zip(*published, strict=True)
    left, right = max(map(canvas.text_width, names)) + 10, canvas.RIGHT
    ends = [interval.lower, interval.upper, *(value for group in groups for value in group)]
    with canvas.new_figure(HEAD + canvas.ROW * len(names) + canvas.BOTTOM) as figure:
        axes = canvas.inner_axes(figure, left=left, top=HEAD, right=right)
        axes.set(xlim=(min(ends) - GAP, max(ends) + GAP), ylim=(len(names) - 0.5, -0.5), yticks=[])
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        canvas.percent_axis(axes.xaxis)
        axes.grid(visible=False, axis="y")
        band = (interval.lower, -0.5, interval.upper - interval.lower, len(names))
        canvas.draw_boxes(axes, [band], facecolor=canvas.ACCENT, alpha=0.2)
        axes.axvline(accuracy, color=canvas.ACCENT, linewidth=2)
        for row, group in enumerate(groups):
            axes.vlines(group, row - STROKE, row + STROKE, color=canvas.INK, linewidth=1.6)
        around = canvas.full_axes(figure)
        label = f"this model {accuracy:.1%}"
        middle, _ = canvas.locate(axes, accuracy, 0)
        margin = canvas.text_width(label) / 2
        middle = min(max(middle, margin), canvas.WIDTH - margin)
        around.text(middle, 14, label, ha="center", weight="bold", color=canvas.ACCENT)
        for row, name in enumerate(names):
            around.text(0, HEAD + canvas.ROW * (row + 0.5) + canvas.CAP, name)
        canvas.title_axes(around, x="accuracy", y="", right=right)
        return canvas.to_svg(figure, _describe(accuracy, interval, published))


def _describe(accuracy: float, interval: Interval, published: Sequence[tuple[str, Sequence[float]]]) -> str:
    groups = "; ".join(f"{name} {', '.join(f'{value:.1%}' for value in group)}" for name, group in published)
    return (
        f"Strip chart of accuracies: this model {accuracy:.1%}, 95% confidence interval {interval.lower:.1%} to "
        f"{interval.upper:.1%}. Published: {groups}."
    )

"""Arranges metrics with their differences in lines of a table."""

from collections.abc import Iterator
from dataclasses import dataclass

from job.evaluation.intervals import Interval
from job.evaluation.paired_comparison import Comparison
from job.evaluation.paired_differences import PairedDifference
from job.evaluation.recipe_comparison import RecipeComparison
from job.report.formatting import format_signeds
from job.text import format_change

SMALLEST = 0.05  # points; smaller values round to 0.0


@dataclass(frozen=True)
class Row:
    """A line of the table of metrics, as texts; `interval` is empty if the difference has none."""

    name: str
    meaning: str
    reference: str
    current: str
    difference: str
    interval: str


def choose_form(difference: float, interval: Interval | None) -> str:
    """One digit for percentage points, or two if one digit would turn a value that is not 0 into 0.0."""
    values = [difference, *([interval.lower, interval.upper] if interval else [])]
    return ".2f" if any(0 < abs(100 * value) < SMALLEST for value in values) else ".1f"


def list_metrics(comparison: Comparison) -> Iterator[Row]:
    """The metrics of both networks that are known."""
    counts = comparison.counts
    accuracy = PairedDifference(counts.reference, counts.current, counts.difference, counts.interval)
    yield percent_row("Accuracy", "", accuracy)
    if comparison.loss:
        yield decimal_row("Loss", "lower is better", comparison.loss)
    if comparison.brier:
        yield decimal_row("Brier score", "lower is better", comparison.brier)
    if comparison.overconfidence:
        yield percent_row("Overconfidence", "mean confidence − accuracy", comparison.overconfidence)  # noqa: RUF001 - a true minus
    if comparison.ece:
        yield percent_row("Calibration error", "over 15 bins, lower is better", comparison.ece)


def list_recipe_metrics(recipes: RecipeComparison) -> Iterator[Row]:
    """The mean metrics of both recipes."""
    accuracy = PairedDifference(recipes.reference_mean, recipes.mean, recipes.difference, recipes.interval)
    yield percent_row("Mean accuracy", "", accuracy)
    yield decimal_row("Mean loss", "lower is better", recipes.loss)


def percent_row(name: str, meaning: str, means: PairedDifference) -> Row:
    """A line of values that are shown as percent."""
    form, interval = choose_form(means.difference, means.interval), means.interval
    bounds = format_signeds(interval, form) if interval else ""
    before, now = (f"{100 * value:.1f}%".replace("-", "\N{MINUS SIGN}") for value in (means.reference, means.current))
    return Row(name, meaning, before, now, f"{format_change(means.difference, form)} points", bounds)


def decimal_row(name: str, meaning: str, means: PairedDifference) -> Row:
    """A line of values that are shown as decimals."""
    interval = means.interval
    bounds = f"{_signed(interval.lower)} to {_signed(interval.upper)}" if interval else ""
    return Row(name, meaning, f"{means.reference:.3f}", f"{means.current:.3f}", _signed(means.difference), bounds)


def _signed(value: float) -> str:
    return format_change(value / 100, ".3f")

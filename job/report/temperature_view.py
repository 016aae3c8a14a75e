"""Compares the probabilities of the test images without and with temperature scaling."""

from dataclasses import dataclass, replace

from job.config.run_config import MAX_TEMPERATURE, MIN_TEMPERATURE
from job.evaluation.paired_differences import PairedDifference
from job.report.metric_rows import Row, decimal_row, percent_row
from job.results.run import Run
from job.text import format_change

SMALL = 0.01  # differences below it have a second digit: rounded values may show another difference


@dataclass(frozen=True)
class TemperatureView:
    """What the page shows of temperature scaling.

    Attributes:
        rows: One line per metric; the reference is without the temperature.
        is_limited: Whether the temperature is at the end of the range that the job allows.
    """

    rows: list[Row]
    is_limited: bool


def view_temperature(run: Run) -> TemperatureView | None:
    """Compare the metrics; None for a model without a temperature."""
    if run.training is None or run.temperature_scaling is None:
        return None
    scaling = run.temperature_scaling
    before, after = scaling.before, scaling.after
    rows = [
        _error_row("Calibration error", "over 15 bins, lower is better", before.ece, after.ece),
        _error_row("Calibration error, debiased", "lower is better", before.ece_debiased, after.ece_debiased),
        _overconfidence_row(scaling.overconfidence),
        decimal_row("Loss", "mean cross-entropy in nats, lower is better", scaling.loss),
        decimal_row("Brier score", "squared error of the probabilities, lower is better", scaling.brier),
    ]
    return TemperatureView(rows, run.training.temperature in {MIN_TEMPERATURE, MAX_TEMPERATURE})


def _overconfidence_row(means: PairedDifference) -> Row:
    """A line without a difference: a rise is good below 0 and bad above it."""
    row = percent_row("Overconfidence", "mean confidence − accuracy, best at 0", means)  # noqa: RUF001 - a true minus
    return replace(row, difference="", interval="")


def _error_row(name: str, meaning: str, before: float, after: float) -> Row:
    """A line without an interval: no interval of a calibration error holds its level."""
    row, difference = percent_row(name, meaning, PairedDifference(before, after, after - before, None)), after - before
    if abs(difference) >= SMALL:
        return row
    return replace(row, difference=f"{format_change(difference, '.2f')} points")

"""How the report writes numbers, intervals and dates: the filters of its templates, by name."""

from collections.abc import Callable, Mapping
from typing import Any

from job.evaluation import intervals
from job.evaluation.intervals import Interval
from job.report.charts.recall_changes import signed

LOWEST_P = 0.001  # what lies below is not told from it


def _range(form: Callable[[float], str]) -> Callable[[Interval], str]:
    return lambda interval: f"{form(interval.lower)}\N{EN DASH}{form(interval.upper)}"


FILTERS: Mapping[str, Callable[..., Any]] = {
    "count": lambda value: f"{value:,}",
    "percent": lambda fraction: f"{fraction:.1%}",
    "percent0": lambda fraction: f"{fraction:.0%}",
    "percent2": lambda fraction: f"{fraction:.2%}",
    "points": lambda fraction: f"{100 * abs(fraction):.1f}",
    "points2": lambda fraction: f"{100 * fraction:.2f}",
    "rate": lambda value: f"{value:.2g}",
    "decimal": lambda value: f"{value:.3f}",
    "bar": lambda fraction: f"{100 * fraction:.1f}",
    "seconds": lambda value: f"{value:.1f} s",
    "date": lambda moment: moment.replace("T", " ").removesuffix("+00:00") + " UTC",
    "decimals": _range(lambda value: f"{value:.3f}"),
    "wilson": intervals.wilson,
    "percents": _range(lambda value: f"{value:.1%}"),
    "signed": signed,
    "signeds": lambda interval, form=".1f": f"{signed(interval.lower, form)} to {signed(interval.upper, form)}",
    "p": lambda value: f"= {value:.2g}" if value >= LOWEST_P else f"< {LOWEST_P:g}",
}

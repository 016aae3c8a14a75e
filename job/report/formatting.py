"""Formats numbers, intervals and dates: the template filters of the page and of the model card."""

from collections.abc import Callable, Mapping
from typing import Any

from job.evaluation.intervals import Interval, wilson_interval
from job.text import format_change, shorten_path

MANY = 10  # larger expected counts need no decimals
MAX_PATH = 42  # characters in a line below an image
LOWEST_P = 0.001  # smaller p-values are written as "< 0.001"


def format_interval(interval: Interval | None, form: str) -> str:
    """Write an interval as a range; `form` is the format of both bounds. An interval of None is "none"."""
    if interval is None:
        return "none"
    return f"{interval.lower:{form}}\N{EN DASH}{interval.upper:{form}}"


def format_rounded(value: float) -> str:
    """Write an expected count: with one digit if it is small."""
    return f"{value:.1f}" if value < MANY else f"{value:,.0f}"


def format_percents(interval: Interval | None) -> str:
    """Write an interval of fractions as percent, as a range."""
    return "none" if interval is None else f"{100 * interval.lower:.1f}\N{EN DASH}{interval.upper:.1%}"


def format_signeds(interval: Interval, form: str = ".1f") -> str:
    """Write an interval of a change in percentage points, such as `+0.2 to +1.8`."""
    return f"{format_change(interval.lower, form)} to {format_change(interval.upper, form)}"


def format_sizes(interval: Interval) -> str:
    """Write an interval of a change that excludes 0 as sizes in percentage points, without a sign."""
    lower, upper = sorted((abs(interval.lower), abs(interval.upper)))
    return f"{100 * lower:.1f}\N{EN DASH}{100 * upper:.1f}"


def format_decimals(interval: Interval | None) -> str:
    """Write an interval with three decimals, as a range; "to" separates the bounds if one is negative."""
    text = format_interval(interval, ".3f")
    if interval is None or interval.lower >= 0:
        return text
    return text.replace("\N{EN DASH}", " to ").replace("-", "\N{MINUS SIGN}")


FILTERS: Mapping[str, Callable[..., Any]] = {
    "count": lambda value: f"{value:,}",
    "percent": lambda fraction: f"{fraction:.1%}",
    "percent0": lambda fraction: f"{fraction:.0%}",
    "points": lambda fraction: f"{100 * abs(fraction):.1f}",
    "points2": lambda fraction: f"{100 * fraction:.2f}",
    "rate": lambda value: f"{value:.2g}",
    "decimal": lambda value: "none" if value is None else f"{value:.3f}",
    "rounded": format_rounded,
    "short_path": lambda path: shorten_path(path, MAX_PATH),
    "bar": lambda fraction: f"{100 * fraction:.1f}",
    "seconds": lambda value: f"{value:.1f} s",
    "date": lambda moment: moment.replace("T", " ").removesuffix("+00:00") + " UTC",
    "decimals": format_decimals,
    "counts": lambda interval: format_interval(interval, ",.0f"),
    "percents": format_percents,
    "wilson": wilson_interval,
    "signed": format_change,
    "signeds": format_signeds,
    "sizes": format_sizes,
    "p_value": lambda value: f"{value:.3f}" if value >= LOWEST_P else f"< {LOWEST_P:g}",
    "p": lambda value: f"= {value:.2g}" if value >= LOWEST_P else f"< {LOWEST_P:g}",
}
"""The filters by name; a plural name formats an interval."""

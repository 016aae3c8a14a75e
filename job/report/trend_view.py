"""Puts the trend over the runs of a history into words and rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from job.evaluation.history_entry import TrendPoint
from job.evaluation.trend import Step, Trend
from job.report.first_screen.identity import SHORT_HASH
from job.report.first_screen.statements import ClassName, Text
from job.report.formatting import format_signeds
from job.text import format_change

MOST_STEPS = 5
DATE, MINUTE, SECOND = len("2026-01-31"), len("2026-01-31T12:00"), len("2026-01-31T12:00:00")


@dataclass(frozen=True)
class TrendRow:
    """A run in the table.

    Attributes:
        place: 0 for this run, -1 for the one before it.
        started: When the run started, in UTC, precise enough to tell the runs apart.
        change: Difference in accuracy from the run before in points; empty if it was not compared.
        p: The p-value of the change after Holm's correction; None if it was not compared.
    """

    place: int
    point: TrendPoint
    started: str
    revision: str
    change: str
    p: float | None
    is_significant: bool


@dataclass(frozen=True)
class TrendView:
    """The section of the trend.

    Attributes:
        first: When the first run started, such as `2026-01-31` or `2026-01-31 12:00 UTC`.
        steps: Sentences about the significant steps, the latest first.
        best: A sentence about the best earlier run; empty without one.
        rows: The runs, this one first.
    """

    first: str
    steps: Text
    best: Text
    rows: Sequence[TrendRow]


def view_trend(trend: Trend) -> TrendView:
    """Describe a trend."""
    pairs = list(zip(trend.points, [None, *trend.steps], strict=True))
    length = _choose_length([point.started for point in trend.points])
    rows = [_view(place, point, step, length) for place, (point, step) in enumerate(reversed(pairs))]
    first = rows[-1].started if length == DATE else f"{rows[-1].started} UTC"
    best = _describe_best(trend, length) if trend.best else ()
    return TrendView(first, _describe_steps(rows, trend), best, rows)


def _choose_length(moments: Sequence[str]) -> int:
    """How much of these moments tells them apart: the date, or also the time."""
    return next((n for n in (DATE, MINUTE) if len({each[:n] for each in moments}) == len(moments)), SECOND)


def _format_moment(moment: str, length: int) -> str:
    return moment[:length].replace("T", " ")


def _view(place: int, point: TrendPoint, step: Step | None, length: int) -> TrendRow:
    return TrendRow(
        place=-place,
        point=point,
        started=_format_moment(point.started, length),
        revision=point.revision[:SHORT_HASH],
        change=f"{format_change(step.difference)} points" if step else "",
        p=step.p_adjusted if step else None,
        is_significant=step is not None and step.is_significant,
    )


def _describe_steps(rows: Sequence[TrendRow], trend: Trend) -> Text:
    n_tested = sum(step is not None for step in trend.steps)
    found = [row for row in rows if row.is_significant]
    if not n_tested:
        return ("No two runs in a row are on the test set of this run, so no step is tested.",)
    if not found:
        text = (
            f"None of the {n_tested:,} steps changed the accuracy significantly."
            if n_tested > 1
            else "The step from the run before did not change the accuracy significantly."
        )
        return (text,)
    parts: list[str] = []
    for row in found[:MOST_STEPS]:
        parts += [", " if parts else "", *_name(row, rows[0].point.name), f" ({row.change})"]
    more = f", and {len(found) - MOST_STEPS} earlier ones" if len(found) > MOST_STEPS else ""
    noun = "step" if n_tested == 1 else "steps"
    return (f"{len(found):,} of {n_tested:,} {noun} changed the accuracy significantly: ", *parts, f"{more}.")


def _name(row: TrendRow, own_name: str) -> Text:
    """Place, date and revision of a run, and its name unless that is the one of this run."""
    if row.place == 0:
        return ("this run",)
    revision = f", revision {row.revision}" if row.revision else ""
    name = (" (", ClassName(row.point.name), ")") if row.point.name not in {"", own_name} else ()
    return (f"run \N{MINUS SIGN}{-row.place}", *name, f" of {row.started}{revision}")


def _describe_best(trend: Trend, length: int) -> Text:
    best = trend.best
    assert best is not None  # noqa: S101 - for mypy
    name = (ClassName(best.name), ", ") if best.name not in {"", trend.points[-1].name} else ()
    revision = f", revision {best.revision[:SHORT_HASH]}" if best.revision else ""
    n = best.n_candidates
    among = "The earlier result" if n == 1 else f"The best of {n:,} different earlier results"
    compared = "Means over the seeds of both runs are compared. " if min(best.n_networks) > 1 else ""
    correction = f", corrected for the choice among {n:,}" if n > 1 else ""
    verdict = "significant" if best.is_significant else "not significant"
    difference = (
        f"{compared}This run differs from it by {format_change(best.difference, '.2f')} points "
        f"({format_signeds(best.interval, '.2f')}, 95% interval{correction}), which is {verdict}."
    )
    return (
        f"{among} on the same test set has an accuracy of {best.accuracy:.1%} (",
        *name,
        f"{_format_moment(best.started, length)}{revision}). {difference}",
    )

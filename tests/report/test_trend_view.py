import re
from dataclasses import replace
from pathlib import Path

import html5lib
import pytest
from support import make_run

from job.evaluation.history_entry import TrendPoint
from job.evaluation.intervals import Interval
from job.evaluation.trend import BestRun, Step, Trend
from job.report.charts.trend import draw_trends
from job.report.page import render_page
from job.report.sections import list_sections
from job.report.trend_view import view_trend
from job.results.metrics_json import read_record
from job.results.run import Run

MINUS = "\N{MINUS SIGN}"
RUN = make_run()
POINT = RUN.describe_entry().point


def make_point(index: int, accuracy: float) -> TrendPoint:
    return replace(
        POINT, started=f"2026-01-{index + 1:02}T00:00:00+00:00", revision=f"{index:040x}"[::-1], accuracy=accuracy
    )


def make_trend(*changes: tuple[float, float] | None, best: BestRun | None = None, n_others: int = 0) -> Trend:
    """A trend whose steps have these differences and p-values."""
    steps = [None if change is None else Step(change[0], change[1], change[1]) for change in changes]
    accuracies = [0.8]
    for step in steps:
        accuracies.append(accuracies[-1] + (step.difference if step else 0.1))
    return Trend([make_point(index, each) for index, each in enumerate(accuracies)], steps, best, n_others)


BEST = BestRun(
    started="2026-01-02T00:00:00+00:00",
    revision="abcdef0123456789",
    name="baseline",
    accuracy=0.875,
    difference=-0.0123,
    interval=Interval(-0.02, -0.0046),
    p_adjusted=0.001,
    n_candidates=12,
    n_networks=(1, 1),
)


@pytest.mark.parametrize(
    ("trend", "sentence"),
    [
        (make_trend((0.01, 0.4)), "The step from the run before did not change the accuracy significantly."),
        (make_trend((0.01, 0.4), (0, 1.0)), "None of the 2 steps changed the accuracy significantly."),
        (make_trend(None), "No two runs in a row are on the test set of this run, so no step is tested."),
        (
            make_trend((-0.03, 0.001), None, (0.02, 0.04), (-0.01, 0.049)),
            (
                f"3 of 3 steps changed the accuracy significantly: this run ({MINUS}1.0 points), "
                f"run {MINUS}1 of 2026-01-04, revision 3000000 (+2.0 points), "
                f"run {MINUS}3 of 2026-01-02, revision 1000000 ({MINUS}3.0 points)."
            ),
        ),
        (
            make_trend(*[(0.01, 0.001)] * 7),
            "7 of 7 steps changed the accuracy significantly: this run (+1.0 points), ",
        ),
    ],
)
def test_the_steps_in_words(trend: Trend, sentence: str) -> None:
    """The latest significant step first, at most five."""
    found = "".join(view_trend(trend).steps)
    assert found.startswith(sentence)
    assert found.endswith(", and 2 earlier ones." if len(trend.points) == 8 else sentence)


@pytest.mark.parametrize(
    ("best", "sentence"),
    [
        (
            BEST,
            (
                "The best of 12 different earlier results on the same test set has an accuracy of 87.5% "
                f"(baseline, 2026-01-02, revision abcdef0). This run differs from it by {MINUS}1.23 points "
                f"({MINUS}2.00 to {MINUS}0.46, 95% interval, corrected for the choice among 12), which is significant."
            ),
        ),
        (
            replace(BEST, n_candidates=1, revision="", p_adjusted=0.06, n_networks=(3, 5)),
            (
                "The earlier result on the same test set has an accuracy of 87.5% "
                f"(baseline, 2026-01-02). Means over the seeds of both runs are compared. "
                f"This run differs from it by {MINUS}1.23 points ({MINUS}2.00 to "
                f"{MINUS}0.46, 95% interval), which is not significant."
            ),
        ),
    ],
)
def test_the_best_run_in_words(best: BestRun, sentence: str) -> None:
    """Its accuracy, and the difference with its interval."""
    assert "".join(view_trend(make_trend((0.0, 1.0), best=best)).best) == sentence


@pytest.mark.parametrize(
    ("moments", "expected"),
    [
        (("01T09:00:00", "02T09:00:00", "03T09:00:00"), ("2026-01-01", "2026-01-02")),
        (("01T09:00:00", "01T09:05:00", "03T09:00:00"), ("2026-01-01 09:00 UTC", "2026-01-01 09:05")),
        (("01T09:00:00", "01T09:00:07", "03T09:00:00"), ("2026-01-01 09:00:00 UTC", "2026-01-01 09:00:07")),
    ],
)
def test_runs_of_one_day_have_a_time(moments: tuple[str, ...], expected: tuple[str, str]) -> None:
    """With seconds if they started in the same minute."""
    trend = make_trend((0.03, 0.001), (0.0, 1.0), best=replace(BEST, started=f"2026-01-{moments[1]}+00:00"))
    points = [
        replace(each, started=f"2026-01-{moment}+00:00") for each, moment in zip(trend.points, moments, strict=True)
    ]
    seen = view_trend(replace(trend, points=points))
    assert seen.first == expected[0]
    assert f"run {MINUS}1 of {expected[1]}, revision " in "".join(seen.steps)
    assert f"(baseline, {expected[1]}, revision abcdef0)" in "".join(seen.best)


def test_other_names_are_shown() -> None:
    """A run with the name of this one is told by its place and date; the page isolates and escapes a name."""
    trend = make_trend((-0.03, 0.001), (0.02, 0.04), (0.0, 1.0), best=replace(BEST, name="<i>", n_candidates=1))
    points = [replace(point, name=name) for point, name in zip(trend.points, ("", "<b>", "x", "x"), strict=True)]
    run = replace(RUN, trend=replace(trend, points=points))
    page = render_page(run, "single")["index.html"].decode()
    assert f"run {MINUS}1 of 2026-01-03, revision 2000000 (+2.0 points), " in page
    assert f"run {MINUS}2 (<bdi>&lt;b&gt;</bdi>) of 2026-01-02, revision 1000000 ({MINUS}3.0 points)." in page
    assert "an accuracy of 87.5% (<bdi>&lt;i&gt;</bdi>, 2026-01-02, revision abcdef0)." in page


def count_lines(svg: str) -> list[int]:
    """The number of runs that each part of the line connects."""
    paths = re.findall(r'<path d="M([^"]*)"[^>]*stroke-width="1.4"', svg)
    return [1 + len(re.findall("[lhv]", part)) for path in paths for part in path.split("M")]


def test_the_rows_begin_with_this_run() -> None:
    """A run that was not compared has neither a change nor a p-value."""
    rows = view_trend(make_trend((-0.03, 0.001), None)).rows
    assert [(row.place, row.change, row.p, row.is_significant) for row in rows] == [
        (0, "", None, False),
        (-1, f"{MINUS}3.0 points", 0.001, True),
        (-2, "", None, False),
    ]


def test_the_section_is_rendered_from_the_stored_run(tmp_path: Path) -> None:
    """Reading the folder and rendering again gives the same page."""
    run = replace(RUN, trend=make_trend((-0.03, 0.001), (0.01, 0.2), best=BEST, n_others=2))
    run.write(tmp_path)
    again = Run.read(tmp_path)
    assert again.trend == run.trend
    assert read_record(tmp_path).trend == run.trend
    page = render_page(again, "single")["index.html"]
    assert page == render_page(run, "single")["index.html"]
    text = page.decode()
    html5lib.HTMLParser(strict=True).parse(text)
    assert "2 of these runs have another test set and are not compared" in text
    assert 'aria-label="Line chart of accuracy over 3 runs: from 80.0% to 78.0%, lowest 77.0%, highest 80.0%, ' in text
    assert "with 1 significant change." in text


def test_no_section_for_a_single_run() -> None:
    """The first run of a history, and a run without one, have no trend to show."""
    for trend in (None, Trend([POINT], [], None, 0)):
        run = replace(RUN, trend=trend)
        assert "trend" not in [section.anchor for section in list_sections(run)]
        assert "Trend" not in render_page(run, "single")["index.html"].decode()


def test_a_metric_that_no_two_runs_have_is_not_drawn() -> None:
    """Predictions of another program have no training, and perhaps no probabilities."""
    trend = make_trend((0.01, 0.4))
    assert set(draw_trends(trend)) == {"accuracy", "macro_f1", "loss", "ece", "time"}
    points = [replace(point, training_s=None) for point in trend.points]
    assert set(draw_trends(replace(trend, points=points))) == {"accuracy", "macro_f1", "loss", "ece"}
    points[0] = replace(points[0], loss=None, ece=None)
    assert set(draw_trends(replace(trend, points=points))) == {"accuracy", "macro_f1"}


def test_the_line_breaks_where_the_test_labels_change() -> None:
    """Also in a metric that a run in between lacks; such a run alone does not break it."""
    trend = make_trend((0.01, 0.4), None, None, (0.01, 0.4), (0.0, 1.0))
    assert count_lines(draw_trends(trend)["accuracy"]) == [2, 3]
    assert count_lines(draw_trends(make_trend(None, None))["accuracy"]) == []
    points = [replace(point, loss=None) if index in (2, 4) else point for index, point in enumerate(trend.points)]
    assert count_lines(draw_trends(replace(trend, points=points))["loss"]) == [2, 2]
    assert count_lines(draw_trends(make_trend((0.01, 0.4), (0.0, 1.0)))["accuracy"]) == [3]


def test_a_significant_change_has_a_colour() -> None:
    """Blue if the accuracy is higher, orange if it is lower; this run is black unless it changed."""
    for change, colours in (
        ((0.03, 0.001), {"accent"}),
        ((-0.03, 0.001), {"error"}),
        ((0.03, 0.4), {"ink"}),
    ):
        svg = draw_trends(make_trend((0.0, 1.0), change))["accuracy"]
        assert {name for name in ("accent", "error", "ink") if f'stroke="var(--{name})"' in svg} == colours

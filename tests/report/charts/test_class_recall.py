import re

import pytest
from svg_reading import NAMES, label, paths, texts

from job.evaluation.intervals import Interval
from job.report.charts.class_recall import draw_class_recall

INTERVALS = [Interval(0.5, 0.9), Interval(0.7, 1), Interval(0, 0.3)]


def test_the_bar_chart_shows_every_recall() -> None:
    """The value of each class, a bar of that length, and a whisker from end to end of the interval."""
    picture = draw_class_recall([0.8, 1.0, 0.0], INTERVALS, NAMES)
    assert [text for text in texts(picture) if "." in text] == ["80.0%", "100.0%", "0.0%"]
    bars = re.findall(r"h([\d.]+)", paths(picture, fill="var(--accent)")[0])
    assert float(bars[0]) / float(bars[1]) == pytest.approx(0.8, rel=1e-3)
    (whiskers,) = paths(picture, stroke="var(--ink)")
    start = float(re.findall(r"M([\d.]+)", paths(picture, fill="var(--accent)")[0])[0])
    ends = [(float(x), float(x) + float(h)) for x, h in re.findall(r"M([\d.]+) [\d.]+h([\d.]+)", whiskers)]
    fractions = [((left - start) / float(bars[1]), (right - start) / float(bars[1])) for left, right in ends]
    assert fractions == [pytest.approx(pair, abs=2e-3) for pair in ((0.5, 0.9), (0.7, 1), (0, 0.3))]


def test_its_text_alternative_names_the_extremes() -> None:
    """The lowest recall with its interval, and the highest."""
    assert label(draw_class_recall([0.8, 1.0, 0.0], INTERVALS, NAMES)) == (
        f"Bar chart of recall per class with 95% confidence intervals, from {NAMES[2]} with 0.0% (0.0% to 30.0%) "
        f"to {NAMES[1]} with 100.0%."
    )

import re
from xml.etree import ElementTree as ET

import pytest
from svg_reading import NAMES, label, paths, rectangles, texts

from job.evaluation.intervals import Interval
from job.report.charts.class_recall import draw_class_recall, strip

RECALLS = [0.8, 1.0, 0.0]
INTERVALS = [Interval(0.5, 0.9), Interval(0.7, 1), Interval(0, 0.3)]


def test_the_bar_chart_shows_every_recall() -> None:
    """A bar of that length for each class, and a whisker from end to end of the interval."""
    picture = draw_class_recall(RECALLS, INTERVALS, NAMES)
    bars = re.findall(r"h([\d.]+)", paths(picture, fill="var(--accent)")[0])
    assert float(bars[0]) / float(bars[1]) == pytest.approx(0.8, rel=1e-3)
    (whiskers,) = paths(picture, stroke="var(--ink)")
    start = float(re.findall(r"M([\d.]+)", paths(picture, fill="var(--accent)")[0])[0])
    ends = [(float(x), float(x) + float(h)) for x, h in re.findall(r"M([\d.]+) [\d.]+h([\d.]+)", whiskers)]
    fractions = [((left - start) / float(bars[1]), (right - start) / float(bars[1])) for left, right in ends]
    assert fractions == [pytest.approx(pair, abs=2e-3) for pair in ((0.5, 0.9), (0.7, 1), (0, 0.3))]


def test_each_strip_has_one_bar() -> None:
    """The first strip has the axis; together, the strips are the picture."""
    picture = draw_class_recall(RECALLS, INTERVALS, NAMES)
    assert texts(picture) == ["0%", "50%", "100%"]
    bars = rectangles(paths(picture, fill="var(--accent)")[0])
    for position, (_, top, _, bottom) in enumerate(bars, start=1):
        _, y, _, height = map(float, strip(position).split())
        assert y < top < bottom < y + height
    _, y, width, height = map(float, strip(len(RECALLS)).split())
    assert ET.fromstring(picture).attrib["viewBox"] == f"0 0 {width:g} {y + height:g}"


def test_its_text_alternative_names_the_extremes() -> None:
    """The lowest recall with its interval, and the highest."""
    assert label(draw_class_recall(RECALLS, INTERVALS, NAMES)) == (
        f"Bar chart of recall per class with 95% confidence intervals, from {NAMES[2]} with 0.0% (0.0% to 30.0%) "
        f"to {NAMES[1]} with 100.0%."
    )

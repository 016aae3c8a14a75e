import re

import numpy as np
import pytest
from svg_reading import label, paths, rectangles, texts

from job.evaluation.calibration import Bin, Coverage
from job.evaluation.intervals import Interval
from job.report.charts import canvas
from job.report.charts.calibration import draw_coverage, draw_reliability

BINS = [
    Bin(
        lower=4 / 15,
        upper=5 / 15,
        n=10,
        confidence=0.3,
        accuracy=0.4,
        accuracy_interval=Interval(0.2, 0.6),
        consistency=Interval(0, 0.6),
    ),
    Bin(
        lower=13 / 15,
        upper=14 / 15,
        n=30,
        confidence=0.9,
        accuracy=0.8,
        accuracy_interval=Interval(0.7, 0.9),
        consistency=Interval(0.8, 1),
    ),
]
POINTS = [
    Coverage(coverage=float(fraction), n=1, threshold=0.5, n_right=1, accuracy=float(accuracy))
    for fraction, accuracy in zip(np.linspace(0.05, 1, 20), np.linspace(1, 0.87, 20), strict=True)
]


def test_the_reliability_diagram_draws_every_bin() -> None:
    """A dot, a whisker and a bar of the histogram for each; the means weighted by hand."""
    picture = draw_reliability(BINS)
    strokes = [paths(picture, stroke="var(--accent)", stroke_width=width) for width in ("1.4", str(canvas.DOT))]
    strokes.append(paths(picture, stroke="var(--muted)", stroke_width="8"))
    assert [group[0].count("M") for group in strokes] == [2, 2, 2]
    assert label(picture) == (
        "Reliability diagram: mean confidence 75.0%, accuracy 70.0%. "
        "In the bin of highest confidence, mean 90.0%, 80.0% of 30 predictions are correct."
    )


def test_the_reliability_diagram_shows_where_a_calibrated_model_would_be() -> None:
    """A band as wide as each bin; the first is three times as high as the second."""
    (bands,) = paths(draw_reliability(BINS), fill="var(--muted)", opacity="0.25")
    (left, top, right, bottom), (_, second_top, _, second_bottom) = rectangles(bands)
    assert (bottom - top) / (second_bottom - second_top) == pytest.approx(3)
    assert (bottom - top) / 0.6 / ((right - left) * 15) == pytest.approx(200 / 340, rel=0.01)  # of the axes


def test_the_reliability_diagram_says_which_side_is_overconfident() -> None:
    """Below the line, the model is more confident than correct."""
    assert {"above the line: underconfident", "below the line: overconfident"} <= set(texts(draw_reliability(BINS)))


def test_the_axis_of_coverage_says_where_it_starts() -> None:
    """At 85 % if the accuracy on all images is 87 %: in its title and its lowest tick label."""
    shown = texts(draw_coverage(POINTS))
    assert "accuracy, axis from 85%" in shown
    assert [text for text in shown if re.fullmatch(r"\d+%", text)][5:] == ["85%", "90%", "95%", "100%"]
    assert shown[-2:] == ["most confident 50%: 93.8%", "all: 87.0%"]

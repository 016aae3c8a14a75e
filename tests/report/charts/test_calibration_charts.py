import dataclasses
import re

import numpy as np
import pytest
from svg_reading import elements, label, paths, rectangles, texts

from job.evaluation.calibration import Bin, Coverage
from job.evaluation.intervals import Interval
from job.report.charts import calibration, canvas
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
    height = calibration.HEIGHT - canvas.TOP - canvas.BOTTOM - calibration.HISTOGRAM - calibration.GAP
    width = canvas.WIDTH - canvas.LEFT - canvas.RIGHT
    assert (bottom - top) / 0.6 / ((right - left) * 15) == pytest.approx(height / width, rel=0.01)  # of the axes


def test_the_band_of_a_bin_with_few_images_is_pale() -> None:
    """With nine images; ten are enough."""
    picture = draw_reliability([dataclasses.replace(BINS[0], n=9), BINS[1]])
    bands = [paths(picture, fill="var(--muted)", opacity=opacity) for opacity in ("0.1", "0.25")]
    assert [len(rectangles(band)) for (band,) in bands] == [1, 1]
    assert rectangles(bands[0][0])[0][0] < rectangles(bands[1][0])[0][0]


@pytest.mark.parametrize("n", [30, 116_642, 9_000_000])
def test_the_numbers_of_images_have_room(n: int) -> None:
    """The tick label of the histogram has every digit and starts inside the picture."""
    picture = draw_reliability([BINS[0], dataclasses.replace(BINS[1], n=n)])
    (tick,) = [text for text in elements(picture, "text") if text.text == f"{n:,}"]
    assert float(tick.attrib["x"]) >= canvas.text_width(f"{n:,}")


def test_no_text_lies_on_the_data() -> None:
    """Every text is outside both plots: left of, above, between or below them."""
    bottom = calibration.HEIGHT - canvas.BOTTOM
    plots = [(canvas.TOP, bottom - calibration.HISTOGRAM - calibration.GAP), (bottom - calibration.HISTOGRAM, bottom)]
    for text in elements(draw_reliability(BINS), "text"):
        x, y = float(text.attrib["x"]), float(text.attrib["y"])
        assert x <= canvas.LEFT or not any(top < y < bottom for top, bottom in plots), text.text


def test_the_axis_of_coverage_says_where_it_starts() -> None:
    """At 85 % if the accuracy on all images is 87 %: in its title and its lowest tick label."""
    shown = texts(draw_coverage(POINTS, POINTS[9]))
    assert "accuracy, axis from 85%" in shown
    assert [text for text in shown if re.fullmatch(r"\d+%", text)][5:] == ["85%", "90%", "95%", "100%"]


def test_the_coverage_marks_two_points() -> None:
    """The given one and the last, without a label that could lie on the curve; the text alternative has both."""
    picture = draw_coverage(POINTS, POINTS[9])
    (dots,) = paths(picture, stroke="var(--accent)", stroke_width=str(canvas.DOT))
    places = [float(x) for x in re.findall(r"M([\d.]+)", dots)]
    width = canvas.WIDTH - canvas.LEFT - canvas.RIGHT
    assert places == pytest.approx([canvas.LEFT + width / 2, canvas.LEFT + width], abs=0.2)
    assert label(picture) == (
        "Line chart of accuracy against coverage: 93.8% on the 50% of images with the most confident predictions, "
        "87.0% on all images."
    )

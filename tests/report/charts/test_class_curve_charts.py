import itertools
import re

import numpy as np
import pytest
from svg_reading import NAMES, elements, label, paths, texts

from job.evaluation.class_curves import ClassCurves
from job.report.charts import canvas, class_curves
from job.report.charts.class_curves import draw_class_curves

ROC = np.array([[0, 0], [0, 0.5], [0.25, 1], [1, 1]])
PRECISION_RECALL = np.array([[0, 1], [0.5, 1], [0.5, 0.75], [1, 0.5]])


def draw(name: str = "Shirt") -> str:
    curves = ClassCurves(
        label=0, n=5, n_test=20, roc=ROC, precision_recall=PRECISION_RECALL, recalls=[0.5, 0.5], precisions=[0.5, 0.5]
    )
    return draw_class_curves(curves, name, 0.9375, 0.8125)


def follow(path: str) -> list[tuple[float, float]]:
    """The points of a path with relative lines."""
    x, y, points = 0.0, 0.0, []
    for command, numbers in re.findall(r"([MlhvLz])([^MlhvLz]*)", path):
        values = [float(number) for number in re.findall(r"-?[\d.]+", numbers)]
        if command == "M":
            x, y = values
        else:
            x += values[0] if command in "lh" else 0
            y += values[-1] if command in "lv" else 0
        points.append((x, y))
    return points


def test_the_curves_have_their_points() -> None:
    """Left the ROC curve, right the precision-recall curve, both upwards from the same base."""
    (path,) = paths(draw(), stroke="var(--accent)")
    points = follow(path)
    size, base = class_curves.PLOT, class_curves.TOP + class_curves.PLOT
    left, right = class_curves.LEFT, class_curves.WIDTH - class_curves.PLOT - 1
    expected = [(left + size * x, base - size * y) for x, y in ROC]
    expected += [(right + size * x, base - size * y) for x, y in PRECISION_RECALL]
    assert points == [pytest.approx(point, abs=0.11) for point in expected]


def test_the_areas_are_written_and_described() -> None:
    """Also the axes have titles."""
    picture = draw()
    assert {"AUC 0.938", "AP 0.812", "false positive rate", "recall", "precision"} <= set(texts(picture))
    assert label(picture) == (
        "ROC curve and precision-recall curve of Shirt: area under the ROC curve 0.938, average precision 0.812."
    )


def test_guessing_is_the_diagonal_and_the_prevalence() -> None:
    """A quarter of the images belong to the class."""
    (path,) = paths(draw(), stroke="var(--muted)")
    first, second, third, fourth = follow(path)
    assert (second[0] - first[0], second[1] - first[1]) == (class_curves.PLOT, -class_curves.PLOT)
    assert third[1] == fourth[1] == class_curves.TOP + 0.75 * class_curves.PLOT


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_described(name: str) -> None:
    """It is in the text alternative only; the page writes it above the chart."""
    assert name in label(draw(name))


def test_text_is_large_enough_on_a_phone() -> None:
    """At least 12 pixels on a screen of 360 pixels with margins of 16, and no label reaches into the next."""
    picture = draw()
    scale = (360 - 2 * 16) / class_curves.WIDTH
    assert scale * canvas.FONT_SIZE >= 12
    rows: dict[str, list[tuple[float, float]]] = {}
    for text in elements(picture, "text"):
        width = canvas.text_width(text.text or "") * 0.9  # measured widths are at most that
        start = float(text.attrib["x"]) - width * {"end": 1, "middle": 0.5}.get(text.get("text-anchor", ""), 0)
        rows.setdefault(text.attrib["y"], []).append((start, start + width))
    for spans in rows.values():
        spans.sort()
        assert all(before[1] <= after[0] + 1 for before, after in itertools.pairwise(spans))

import re

import pytest
from svg_reading import elements, label, paths, rectangles, texts

from job.evaluation.intervals import Interval
from job.report.charts import canvas
from job.report.charts.published_accuracies import draw_published_accuracies
from job.report.published import PUBLISHED

GROUPS = [("people", [0.8]), ("networks", [0.85, 0.9, 0.9])]
ALL = [(group.name, [entry.accuracy for entry in group.entries]) for group in PUBLISHED]


def strokes(picture: str, colour: str, width: str) -> list[tuple[float, float]]:
    """Place and top of each vertical line."""
    drawn = " ".join(paths(picture, stroke=f"var(--{colour})", stroke_width=width))
    return [(float(x), float(y)) for x, y in re.findall(r"M([\d.]+) ([\d.]+)v", drawn)]


def test_every_accuracy_has_its_stroke() -> None:
    """A row for each group; equal distances for equal differences, the line and band of this model included."""
    picture = draw_published_accuracies(0.88, Interval(0.87, 0.89), GROUPS)
    (people, row), *networks = sorted(strokes(picture, "ink", "1.6"), key=lambda stroke: (stroke[1], stroke[0]))
    assert len(networks) == 3
    assert all(y > row for _, y in networks)
    unit = (networks[-1][0] - people) / 0.1
    assert networks[0][0] - people == pytest.approx(0.05 * unit, abs=0.2)
    ((model, _),) = strokes(picture, "accent", "2")
    assert model - people == pytest.approx(0.08 * unit, abs=0.2)
    ((left, _, right, _),) = [box for path in paths(picture, fill="var(--accent)") for box in rectangles(path)]
    assert [left - people, right - people] == pytest.approx([0.07 * unit, 0.09 * unit], abs=0.2)


@pytest.mark.parametrize("accuracy", [0.0, 0.1, 0.87, 1.0])
def test_the_labels_stay_in_the_picture(accuracy: float) -> None:
    """Also that of a model that differs from all others."""
    interval = Interval(max(accuracy - 0.01, 0), min(accuracy + 0.01, 1))
    picture = draw_published_accuracies(accuracy, interval, ALL)
    assert {name for name, _ in ALL} <= set(texts(picture))
    (own,) = [text for text in elements(picture, "text") if text.text == f"this model {accuracy:.1%}"]
    half = canvas.text_width(own.text or "") / 2
    assert half - 0.1 <= float(own.attrib["x"]) <= canvas.WIDTH - half + 0.1


def test_its_text_alternative_lists_all_accuracies() -> None:
    """This model's first, with its interval."""
    assert label(draw_published_accuracies(0.8742, Interval(0.8676, 0.8806), GROUPS)) == (
        "Strip chart of accuracies: this model 87.4%, 95% confidence interval 86.8% to 88.1%. Published: people 80.0%; "
        "networks 85.0%, 90.0%, 90.0%."
    )

import re
from collections.abc import Callable
from itertools import combinations
from xml.etree import ElementTree as ET

import pytest
from svg_reading import Box, elements, label, paths, rectangles, texts

from job.report.charts import canvas
from job.report.charts.stage_times import draw_stage_times

TIMINGS = {"data": 2.4, "tensorflow": 1.4, "training": 4.9, "evaluation": 0.2, "report": 0.1}


@pytest.mark.parametrize(
    "draw",
    [
        lambda: draw_stage_times(TIMINGS, 9.4),
        lambda: draw_stage_times(
            {"data": 0.01, "training": 3000, "evaluation": 0.2, "report": 0.5, "archive": 0.1}, 3001.0
        ),
        lambda: draw_stage_times({"training": 0.0}, 0.0),
    ],
)
def test_labels_along_a_line_never_collide(draw: Callable[[], str]) -> None:
    """No two labels overlap, no stem crosses one, and none leaves the picture."""
    picture = draw()
    _, _, width, height = map(float, ET.fromstring(picture).attrib["viewBox"].split())
    boxes = [box_of(text) for text in elements(picture, "text")]
    stems = [tuple(map(float, stem)) for path in paths(picture, stroke_width="0.8") for stem in stems_of(path)]
    assert all(left >= 0 and top >= 0 and right <= width and bottom <= height for left, top, right, bottom in boxes)
    for box, other in combinations(boxes, 2):
        assert box[2] <= other[0] or other[2] <= box[0] or box[3] <= other[1] or other[3] <= box[1]
    for x, start, length in stems:
        for left, top, right, bottom in boxes:
            assert not (left < x < right and start < bottom and top < start + length)


def box_of(text: ET.Element) -> Box:
    """The place of a text, with the width that the drawing itself expects."""
    x, y, width = float(text.attrib["x"]), float(text.attrib["y"]), canvas.text_width(text.text or "")
    left = x - width / 2 if text.get("text-anchor") == "middle" else x
    return left, y - 10, left + width, y + 3


def stems_of(path: str) -> list[tuple[str, ...]]:
    return re.findall(r"M([\d.]+) ([\d.]+)v([\d.]+)", path)


def test_stages_are_as_long_as_they_took() -> None:
    """Two seconds are twice as long as one, and the longest stage has the accent; the total is the recorded one."""
    picture = draw_stage_times({"data": 1.0, "training": 4.0, "report": 2.0}, 7.1)
    bars = [
        right - left + 1.5 for path in paths(picture, fill="var(--accent)") for left, _, right, _ in rectangles(path)
    ]
    assert [bar / bars[0] for bar in bars] == pytest.approx([1, 4, 2], rel=1e-2)
    assert paths(picture, opacity="0.45") == paths(picture, fill="var(--accent)")[::2]
    assert texts(picture)[0] == "total 7.1 s"
    assert label(picture) == "Bar of the stage times, total 7.1 s: data 1.0 s, training 4.0 s, report 2.0 s."

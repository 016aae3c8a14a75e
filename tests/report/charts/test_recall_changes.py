import re

import pytest
from test_figures import elements, label, paths, texts

from job.report.charts import figures
from job.report.charts.recall_changes import signed

MINUS = "\N{MINUS SIGN}"
NAMES = ["up", "open", "down"]


def test_a_class_is_drawn_in_the_colour_of_its_interval() -> None:
    """Blue wholly above 0, orange wholly below, else neither; each with its name and its points."""
    picture = figures.differences([0.05, 0.01, -0.2], [0.01, -0.02, -0.3], [0.09, 0.04, -0.1], NAMES)
    whiskers = {hue: "".join(paths(picture, stroke=f"var(--{hue})", stroke_width="1.4")) for hue in ("accent", "error")}
    heights = {hue: [float(y) for y in re.findall(r"M[-\d.]+ ([\d.]+)h", path)] for hue, path in whiskers.items()}
    assert heights == {"accent": [12], "error": [60]}
    shown = texts(picture)
    assert [text for text in shown if text in NAMES] == NAMES
    assert [text for text in shown if text in {"+5.0", "+1.0", f"{MINUS}20.0"}] == ["+5.0", "+1.0", f"{MINUS}20.0"]
    assert {"0", f"{MINUS}20", "+20"} <= set(shown)


def test_its_text_alternative() -> None:
    """The lowest and the highest difference, and how many intervals exclude 0."""
    picture = figures.differences([0.05, 0.01, -0.2], [0.01, -0.02, -0.3], [0.09, 0.04, -0.1], NAMES)
    assert label(picture).replace(MINUS, "-") == (
        "Dot chart of the difference of recall per class, now less before, with 95% intervals, from down with -20.0 "
        "points (-30.0 to -10.0) to up with +5.0 points (+1.0 to +9.0); 1 of 3 intervals lie above 0, 1 below."
    )


def test_no_difference_lies_on_the_line() -> None:
    """In the middle between the ends of an interval that is as long on either side."""
    picture = figures.differences([0.0], [-0.1], [0.1], ["one"])
    (whisker,) = paths(picture, stroke="var(--muted)", stroke_width="1.4")
    ((x, length),) = re.findall(r"M([\d.]+) [\d.]+h([\d.]+)", whisker)
    (line,) = re.findall(r"M([\d.]+) [\d.]+v", "".join(paths(picture, stroke="var(--muted)")))
    assert float(x) + float(length) / 2 == pytest.approx(float(line), abs=0.1)
    assert texts(picture).count("0.0") == 1


@pytest.mark.parametrize("n_classes", [1, 10, 256])
def test_it_is_light(n_classes: int) -> None:
    """Below 8 kB for ten classes, and no more than 250 bytes a class for many."""
    names = [f"some class {number}" for number in range(n_classes)]
    picture = figures.differences([0.01] * n_classes, [-0.02] * n_classes, [0.04] * n_classes, names)
    assert len(picture) < max(8000, 250 * n_classes)
    assert len(elements(picture, "text")) > n_classes


def test_points_have_a_sign() -> None:
    """A true minus, and none where there is no difference."""
    assert [signed(one) for one in (0.0123, -0.0123, 0.0, -0.0001)] == ["+1.2", f"{MINUS}1.2", "0.0", "0.0"]
    assert signed(-0.00249, ".2f") == f"{MINUS}0.25"

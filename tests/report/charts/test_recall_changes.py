import re

import pytest
from svg_reading import elements, label, paths, texts

from job.evaluation.intervals import Interval
from job.report.charts.recall_changes import draw_recall_changes

MINUS = "\N{MINUS SIGN}"
NAMES = ["up", "open", "down"]
CHANGES = [0.05, 0.01, -0.2]
INTERVALS = [Interval(0.01, 0.09), Interval(0.002, 0.018), Interval(-0.3, -0.1)]
SIGNIFICANT = [True, False, True]


def test_only_significant_changes_have_a_colour() -> None:
    """Blue if the recall is higher, orange if it is lower; an interval above 0 is not enough."""
    picture = draw_recall_changes(CHANGES, INTERVALS, SIGNIFICANT, NAMES)
    whiskers = {hue: "".join(paths(picture, stroke=f"var(--{hue})", stroke_width="1.4")) for hue in ("accent", "error")}
    heights = {hue: [float(y) for y in re.findall(r"M[-\d.]+ ([\d.]+)h", path)] for hue, path in whiskers.items()}
    assert heights == {"accent": [12], "error": [60]}
    shown = texts(picture)
    assert [text for text in shown if text in NAMES] == NAMES
    assert [text for text in shown if text in {"+5.0", "+1.0", f"{MINUS}20.0"}] == ["+5.0", "+1.0", f"{MINUS}20.0"]
    assert {"0", f"{MINUS}20", "+20", f"change (this run {MINUS} reference), points"} <= set(shown)


def test_its_text_alternative() -> None:
    """The lowest and the highest change, and the number of significant ones."""
    assert label(draw_recall_changes(CHANGES, INTERVALS, SIGNIFICANT, NAMES)).replace(MINUS, "-") == (
        "Dot chart of the change in recall per class (this run - reference) with 95% confidence intervals, from down "
        "with -20.0 percentage points (-30.0 to -10.0) to up with +5.0 percentage points (+1.0 to +9.0); of 3 "
        "classes, 1 with a significantly higher recall and 1 with a significantly lower one."
    )


def test_no_change_lies_on_the_zero_line() -> None:
    """In the middle of an interval that is symmetric around 0."""
    picture = draw_recall_changes([0.0], [Interval(-0.1, 0.1)], [False], ["one"])
    (whisker,) = paths(picture, stroke="var(--muted)", stroke_width="1.4")
    ((x, length),) = re.findall(r"M([\d.]+) [\d.]+h([\d.]+)", whisker)
    (line,) = re.findall(r"M([\d.]+) [\d.]+v", "".join(paths(picture, stroke="var(--muted)")))
    assert float(x) + float(length) / 2 == pytest.approx(float(line), abs=0.1)
    assert texts(picture).count("0.0") == 1


@pytest.mark.parametrize("n_classes", [1, 10, 256])
def test_it_is_small(n_classes: int) -> None:
    """Below 8 kB for ten classes, and at most 250 bytes a class for many."""
    names = [f"some class {number}" for number in range(n_classes)]
    picture = draw_recall_changes([0.01] * n_classes, [Interval(-0.02, 0.04)] * n_classes, [False] * n_classes, names)
    assert len(picture) < max(8000, 250 * n_classes)
    assert len(elements(picture, "text")) > n_classes

from xml.etree import ElementTree as ET

import numpy as np
import pytest

from job import figures, svg
from job.results import History

NAMES = ["T-shirt/top", "<script>alert(1)</script>", "袋 $x^2"]
MATRIX = np.array([[8, 1, 1], [0, 10, 0], [5, 0, 5]])


def texts(picture: str) -> list[str]:
    return [text.text or "" for text in ET.fromstring(picture).iter(f"{{{svg.SVG}}}text")]


def drawn() -> dict[str, str]:
    history = History([0.5, 0.4], [0.8, 0.9], [0.6, 0.5], [0.7, 0.8])
    return {
        "confusion": figures.confusion_matrix(MATRIX, NAMES),
        "recall": figures.recall([0.8, 1.0, 0.05], NAMES),
        "loss": figures.learning(history, "loss"),
        "accuracy": figures.learning(history, "accuracy"),
    }


def test_the_heatmap_shows_every_count_and_name() -> None:
    """Nine counts row by row, and each class at both axes, whatever its letters."""
    shown = texts(figures.confusion_matrix(MATRIX, NAMES))
    assert [text for text in shown if text.isdigit()] == [str(count) for count in MATRIX.ravel()]
    assert [shown.count(figures._short(name)) for name in NAMES] == [2, 2, 2]


def test_the_bar_chart_shows_every_recall() -> None:
    """The figure in each bar, and bars as long as it."""
    picture = figures.recall([0.8, 1.0, 0.05], NAMES)
    assert [text for text in texts(picture) if "." in text] == ["80.0%", "100.0%", "5.0%"]
    bars = [
        path.get("d", "")
        for path in ET.fromstring(picture).iter(f"{{{svg.SVG}}}path")
        if path.get("fill") == "var(--accent)"
    ]
    widths = [max(xs) - min(xs) for xs in ([float(x) for x in bar.replace("z", "").split()[1::3]] for bar in bars)]
    assert widths[:3] == pytest.approx([0.8 * widths[1], widths[1], 0.05 * widths[1]], rel=1e-3)


def test_curves_without_validation() -> None:
    """One curve, one name."""
    shown = texts(figures.learning(History([0.5], [0.8]), "loss"))
    assert "training" in shown
    assert "validation" not in shown


def test_pictures_follow_the_page() -> None:
    """No style of their own, no colour of their own, no id twice, a text alternative, the same bytes again."""
    pictures = drawn()
    assert pictures == drawn()
    ids: list[str] = []
    for picture in pictures.values():
        root = ET.fromstring(picture)
        assert root.get("role") == "img"
        assert root.get("aria-label")
        assert "style" not in picture
        assert "#0" not in picture.replace('href="#', "")
        ids += [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
        for element in root.iter():
            for value in element.attrib.values():
                if value.startswith("url(#"):
                    assert value[5:-1] in ids
    assert len(set(ids)) == len(ids)


def test_many_classes_stay_light() -> None:
    """256 classes: no numbers, labels for some, cells only where there is a count."""
    names = [f"class {label}" for label in range(256)]
    picture = figures.confusion_matrix(np.diag(np.full(256, 3)), names)
    assert len(picture) < 200_000
    shown = texts(picture)
    assert "class 0" in shown
    assert "3" not in shown
    assert len(shown) < 2 * figures.MAX_LABELLED + 3

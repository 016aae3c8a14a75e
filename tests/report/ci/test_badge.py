import json
from xml.etree import ElementTree as ET

import pytest
from gated_runs import MISSED, PASSED, WARNING, make_gated_run

from job.config.gate import Gate
from job.report.ci.badge import COLOURS, render_badge, render_badge_endpoint

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(
    ("gates", "words", "colour"),
    [
        ((), "", "blue"),
        ((PASSED,), "", "green"),
        ((PASSED, WARNING), ", 1 warning", "yellow"),
        ((MISSED,), ", 1 gate missed", "red"),
        ((MISSED, WARNING), ", 1 gate missed, 1 warning", "red"),
    ],
    ids=["no gates", "passed", "warning", "missed", "both"],
)
def test_says_the_accuracy_and_the_missed_gates(gates: tuple[Gate, ...], words: str, colour: str) -> None:
    """In words and by colour, in the picture and for shields.io."""
    run = make_gated_run(gates)
    message = f"{run.evaluation.accuracy:.1%}{words}"
    svg = ET.fromstring(render_badge(run))
    assert svg.findtext(f"{SVG}title") == svg.attrib["aria-label"] == f"accuracy: {message}"
    assert [element.text for element in svg.iter(f"{SVG}text")] == ["accuracy", message]
    path = svg.find(f"{SVG}path")
    assert path is not None
    assert path.attrib["fill"] == COLOURS[colour]
    content = json.loads(render_badge_endpoint(run))
    expected = {"schemaVersion": 1, "label": "accuracy", "message": message, "color": colour}
    assert content == (expected | {"isError": True} if colour == "red" else expected)


def test_white_text_has_contrast() -> None:
    """At least 4.5 to 1 on each colour, as WCAG requires."""
    assert all(contrast_with_white(colour) >= 4.5 for colour in (*COLOURS.values(), "#555555"))


def contrast_with_white(colour: str) -> float:
    """The contrast ratio of WCAG 2."""
    shares = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return 1.05 / (luminance + 0.05)

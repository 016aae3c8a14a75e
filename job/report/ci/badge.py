"""Renders the accuracy of a run as a badge: as a picture, and as what shields.io reads to draw one."""

import json
from xml.etree import ElementTree as ET

from job.results.run import Run
from job.text import count_noun

LABEL = "accuracy"
COLOURS = {"blue": "#0a5ea8", "green": "#1a7a34", "yellow": "#8a6100", "red": "#b3261e"}
"""The colours of shields.io, and those of the picture, on which white text has a contrast of at least 5 to 1."""

GREY = "#555"
HEIGHT, PADDING, FONT_SIZE = 20, 7, 11
WIDTHS = {" ": 4.0, ",": 4.0, ".": 4.0, "%": 11.8, "c": 5.7, "i": 3.1, "m": 10.7, "r": 4.7, "s": 5.7, "t": 4.4}
"""Widths of characters of Verdana at this size, in pixels, that are not near `MEAN_WIDTH`."""

MEAN_WIDTH = 6.9


def render_badge(run: Run) -> str:
    """Render the SVG. The text is drawn as wide as its box, whatever the font."""
    message, colour = describe_badge(run)
    widths = [_measure(text) for text in (LABEL, message)]
    boxes = [width + 2 * PADDING for width in widths]
    total = sum(boxes)
    text = f"{LABEL}: {message}"
    svg = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "width": f"{total}",
            "height": f"{HEIGHT}",
            "role": "img",
            "aria-label": text,
        },
    )
    ET.SubElement(svg, "title").text = text
    group = {"fill": "#fff", "font-family": "Verdana,DejaVu Sans,sans-serif", "font-size": f"{FONT_SIZE}"}
    ET.SubElement(svg, "rect", {"width": f"{total}", "height": f"{HEIGHT}", "rx": "3", "fill": GREY})
    box = f"M{boxes[0]} 0h{boxes[1] - 3}a3 3 0 0 1 3 3v{HEIGHT - 6}a3 3 0 0 1 -3 3h-{boxes[1] - 3}z"
    ET.SubElement(svg, "path", {"d": box, "fill": COLOURS[colour]})
    texts = ET.SubElement(svg, "g", {**group, "aria-hidden": "true"})
    for part, x, width in ((LABEL, PADDING, widths[0]), (message, boxes[0] + PADDING, widths[1])):
        ET.SubElement(texts, "text", {"x": f"{x}", "y": "14", "textLength": f"{width}"}).text = part
    return ET.tostring(svg, encoding="unicode") + "\n"


def render_badge_endpoint(run: Run) -> str:
    """Render the JSON that an endpoint badge of shields.io reads; missed gates keep their colour there."""
    message, colour = describe_badge(run)
    content = {"schemaVersion": 1, "label": LABEL, "message": message, "color": colour}
    if any(result.is_error for result in run.gates):
        content["isError"] = True
    return json.dumps(content, ensure_ascii=False) + "\n"


def describe_badge(run: Run) -> tuple[str, str]:
    """The message and the name of its colour: red or yellow for missed gates, green for passed ones, else blue."""
    accuracy = f"{run.evaluation.accuracy:.1%}"
    n_errors = sum(result.is_error for result in run.gates)
    n_warnings = sum(result.is_warning for result in run.gates)
    errors = f", {count_noun(n_errors, 'gate')} missed" if n_errors else ""
    warnings = f", {count_noun(n_warnings, 'warning')}" if n_warnings else ""
    colour = "red" if errors else "yellow" if warnings else "green" if run.gates else "blue"
    return f"{accuracy}{errors}{warnings}", colour


def _measure(text: str) -> int:
    """Width of a text in pixels."""
    return round(sum(WIDTHS.get(character, MEAN_WIDTH) for character in text))

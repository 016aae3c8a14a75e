"""Reads charts for the tests: their texts, paths and text alternative."""

import re
from xml.etree import ElementTree as ET

from job.report.charts import svg

Box = tuple[float, float, float, float]
"""Left, top, right and bottom."""

NAMES = ["T-shirt/top", "<script>alert(1)</script>", "袋 $x^2 \"'&"]


def elements(picture: str, kind: str) -> list[ET.Element]:
    return list(ET.fromstring(picture).iter(f"{{{svg.SVG}}}{kind}"))


def texts(picture: str) -> list[str]:
    return [text.text or "" for text in elements(picture, "text")]


def label(picture: str) -> str:
    return ET.fromstring(picture).attrib["aria-label"]


def paths(picture: str, **look: str) -> list[str]:
    attributes = {key.replace("_", "-"): value for key, value in look.items()}
    return [path.attrib["d"] for path in elements(picture, "path") if attributes.items() <= path.attrib.items()]


def rectangles(path: str) -> list[Box]:
    numbers = re.findall(r"M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)h-[\d.]+(?:v-[\d.]+)?z", path)
    return [(x, y, x + w, y + h) for x, y, w, h in (map(float, groups) for groups in numbers)]

"""Adapts SVG from matplotlib to the page: short, in the colours and the font of the page."""

import itertools
import re
import statistics
from collections.abc import Iterator, Mapping
from xml.etree import ElementTree as ET

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"

PATH = re.compile(r"([A-Za-z])\s*([-\d.e]+)?\s*([-\d.e]+)?\s*")


def adapt(source: str, description: str, classes: str, colours: Mapping[str, str], links: Mapping[str, str]) -> str:
    """Convert SVG from matplotlib to SVG to be inlined in HTML.

    The result contains only the paths and texts, in their order. Their styles become presentation attributes, which no
    Content-Security-Policy forbids. Consecutive paths of the same look become one path. If the id of a group begins
    with a dot, the rest of it becomes the CSS class of the group's content. Clipping is dropped.

    Args:
        source: SVG from matplotlib, with straight lines only.
        description: Text alternative.
        classes: CSS classes of the picture.
        colours: CSS value to replace each colour in `source`, by colour as `#rrggbb`; the first is the text colour.
        links: Name of each link in `source`, by target. A picture with links has the role `group`, because an image
            cannot contain links; screen readers then read only the links.
    """
    drawn = ET.fromstring(source)  # noqa: S314 - matplotlib wrote it
    shapes = list(_merge_paths(_flatten(drawn, colours)))
    usual_size = statistics.mode(shape.attrib["font-size"] for shape in shapes if shape.tag == "text")
    common = {"fill": next(iter(colours.values())), "font-size": usual_size}
    width, height = (f"{float(number):.0f}" for number in drawn.attrib["viewBox"].split()[2:])
    attributes = {"xmlns": SVG, "viewBox": f"0 0 {width} {height}", "width": width, "height": height, "class": classes}
    attributes |= {"role": "group" if links else "img", "aria-label": description, "stroke-linejoin": "round"}
    unlinked = picture = ET.Element("svg", attributes | common)
    if links:
        picture.set("pointer-events", "all")  # so that shapes without a fill can be clicked
        unlinked = ET.SubElement(picture, "g", {"aria-hidden": "true"})
    for shape in shapes:
        if shape.tag == "text":
            shape.attrib = {key: value for key, value in shape.attrib.items() if common.get(key) != value}
        if target := shape.attrib.pop("href", ""):
            link = ET.SubElement(picture, "a", {"href": target})
            ET.SubElement(link, "title").text = links[target]
            link.append(shape)
        else:
            unlinked.append(shape)
    return ET.tostring(picture, encoding="unicode")


def _flatten(
    parent: ET.Element, colours: Mapping[str, str], css_class: str = "", target: str = ""
) -> Iterator[ET.Element]:
    """The visible paths and texts without their groups, each with its CSS class and the target of its link."""
    for element in parent:
        kind = element.tag.removeprefix(f"{{{SVG}}}")
        if kind == "g":
            group = element.get("id", "")
            yield from _flatten(element, colours, group[1:] if group.startswith(".") else css_class, target)
        elif kind == "a":
            yield from _flatten(element, colours, css_class, element.attrib[f"{{{XLINK}}}href"])
        elif kind in {"path", "text"}:
            attributes = {"class": css_class, "href": target} | _convert_attributes(element, colours)
            shape = ET.Element(kind, {key: value for key, value in attributes.items() if value})
            shape.text = element.text
            is_visible = kind == "text" or shape.get("fill") != "none" or "stroke" in shape.attrib
            if target or is_visible:
                yield shape


def _convert_attributes(element: ET.Element, colours: Mapping[str, str]) -> dict[str, str]:
    """Presentation attributes of a path or text, from its attributes and its style."""
    style = dict(part.strip().split(": ", 1) for part in element.get("style", "").split(";") if part.strip())
    style = {key: colours.get(value, value) for key, value in style.items() if key != "font-family"}
    if "d" in element.attrib:
        return {"d": _shorten_path(element.attrib["d"])} | style
    style["font-size"] = style["font-size"].removesuffix("px")
    if style.get("text-anchor") == "start":
        del style["text-anchor"]
    x, y = (_tenths(round(10 * float(element.attrib[key]))) for key in ("x", "y"))
    angle = element.get("transform", "").removeprefix("rotate(").split(" ")[0]
    turn = {"transform": f"rotate({float(angle):g} {x} {y})"} if float(angle) else {}
    return {"x": x, "y": y} | turn | style


def _merge_paths(shapes: Iterator[ET.Element]) -> Iterator[ET.Element]:
    """Merge consecutive paths of the same look."""
    for _, (first, *others) in itertools.groupby(shapes, _look):
        for other in others:
            first.attrib["d"] += other.attrib["d"]
        yield first


def _look(shape: ET.Element) -> object:
    """What paths of the same look have in common; a text has nothing in common with any other."""
    return shape.attrib | {"d": ""} if shape.tag == "path" else shape


def _shorten_path(path: str) -> str:
    """Round a path to tenths of a unit and write its lines relative, as `h` or `v` if possible.

    Raises:
        ValueError: If the path contains anything but straight lines.
    """
    short, x, y = "", 0, 0
    for command, *numbers in PATH.findall(path):
        if command == "z":
            short += "z"
            continue
        if command not in "ML":
            raise ValueError(f"cannot shorten the command {command} of a path")
        before = x, y
        x, y = (round(10 * float(number)) for number in numbers)
        short += _move(x, y) if command == "M" else _line(x - before[0], y - before[1])
    return short


def _move(x: int, y: int, command: str = "M") -> str:
    return f"{command}{_tenths(x)}{'' if y < 0 else ' '}{_tenths(y)}"


def _line(across: int, down: int) -> str:
    if down == 0:
        return f"h{_tenths(across)}"
    return f"v{_tenths(down)}" if across == 0 else _move(across, down, "l")


def _tenths(number: int) -> str:
    return f"{number / 10:g}"

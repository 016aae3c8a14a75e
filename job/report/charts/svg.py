"""Adapts SVG from matplotlib to the page: short, in the colours and the font of the page."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from xml.etree import ElementTree as ET

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"

PATH = re.compile(r"([A-Za-z])\s*([-\d.e]+)?\s*([-\d.e]+)?\s*")


def adapt(source: str, description: str, classes: str, colours: Mapping[str, str], links: Mapping[str, str]) -> str:
    """Convert SVG from matplotlib to SVG to be inlined in HTML.

    The result contains the paths and texts alone, in their order. Their styles become presentation attributes, which no
    Content-Security-Policy forbids. Neighbouring paths of the same look become one path. If the id of a group begins
    with a dot, the rest of it becomes the CSS class of the group's content. Clipping is dropped.

    Args:
        source: SVG from matplotlib, with straight lines only.
        description: Text alternative.
        classes: CSS classes of the picture.
        colours: CSS value to replace each colour in `source`, by colour as `#rrggbb`; the first is the text colour.
        links: Name of each link in `source`, by target. A picture with links has the role `group`, because an image
            cannot contain links; screen readers then see the links alone.
    """
    drawn = ET.fromstring(source)  # noqa: S314 - matplotlib wrote it
    shapes = list(_merge_paths(_flatten(drawn, colours)))
    sizes = Counter(shape.attrib["font-size"] for shape in shapes if shape.tag == "text")
    common = {"fill": next(iter(colours.values())), "font-size": max(sizes, key=lambda size: sizes[size])}
    width, height = (f"{float(number):.0f}" for number in drawn.attrib["viewBox"].split()[2:])
    picture = ET.Element(
        "svg",
        {
            "xmlns": SVG,
            "viewBox": f"0 0 {width} {height}",
            "width": width,
            "class": classes,
            "role": "group" if links else "img",
            "aria-label": description,
            "stroke-linejoin": "round",
        }
        | common,
    )
    unlinked = picture
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
            if target or not _is_invisible(shape):
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


def _is_invisible(shape: ET.Element) -> bool:
    return shape.tag == "path" and shape.get("fill") == "none" and "stroke" not in shape.attrib


def _merge_paths(shapes: Iterator[ET.Element]) -> Iterator[ET.Element]:
    """Merge consecutive paths of the same look."""
    last: ET.Element | None = None
    for shape in shapes:
        if last is not None and shape.tag == "path" and _look(shape) == _look(last):
            last.attrib["d"] += shape.attrib["d"]
            continue
        if last is not None:
            yield last
        last = shape
    if last is not None:
        yield last


def _look(shape: ET.Element) -> dict[str, str]:
    return {"tag": shape.tag} | {key: value for key, value in shape.attrib.items() if key != "d"}


def _shorten_path(path: str) -> str:
    """Round a path to tenths of a unit and write its lines relative, as `h` or `v` if possible.

    Raises:
        ValueError: If the path contains anything but straight lines.
    """
    short, here = [], (0, 0)
    for command, *numbers in PATH.findall(path):
        if command == "z":
            short.append("z")
            continue
        if command not in "ML":
            raise ValueError(f"cannot shorten the command {command} of a path")
        x, y = (round(10 * float(number)) for number in numbers)
        across, down = x - here[0], y - here[1]
        if command == "M":
            short.append("M" + _pair(x, y))
        elif down == 0:
            short.append("h" + _tenths(across))
        elif across == 0:
            short.append("v" + _tenths(down))
        else:
            short.append("l" + _pair(across, down))
        here = (x, y)
    return "".join(short)


def _pair(x: int, y: int) -> str:
    return _tenths(x) + ("" if y < 0 else " ") + _tenths(y)


def _tenths(number: int) -> str:
    return f"{number / 10:g}"

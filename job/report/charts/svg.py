"""Makes matplotlib's SVG fit into a page: short, in the page's colours and the page's face."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from xml.etree import ElementTree as ET

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"

PATH = re.compile(r"([A-Za-z])\s*([-\d.e]+)?\s*([-\d.e]+)?\s*")


def adapt(source: str, description: str, names: str, colours: Mapping[str, str], links: Mapping[str, str]) -> str:
    """An SVG picture to stand inline in HTML.

    Of what matplotlib wrote only the paths and texts stay, in their order. Their styles become presentation attributes,
    which no Content-Security-Policy forbids; neighbours of one look become one path. A group whose id begins with a dot
    gives its content that class. Nothing is clipped.

    Args:
        source: what matplotlib wrote, with straight lines only.
        description: the text alternative.
        names: the classes of the picture.
        colours: from a colour in `source`, as `#rrggbb`, to the CSS value to put in its place. The first is that of
            text.
        links: from each target that `source` links to, to the link's name. A picture with links is a group, since
            there are no links in an image; what is not a link is hidden from those who hear it.
    """
    drawn = ET.fromstring(source)  # noqa: S314 - matplotlib wrote it
    shapes = list(_merged(_shapes(drawn, colours)))
    sizes = Counter(shape.attrib["font-size"] for shape in shapes if shape.tag == "text")
    common = {"fill": next(iter(colours.values())), "font-size": max(sizes, key=lambda size: sizes[size])}
    width, height = (f"{float(number):.0f}" for number in drawn.attrib["viewBox"].split()[2:])
    picture = ET.Element(
        "svg",
        {
            "xmlns": SVG,
            "viewBox": f"0 0 {width} {height}",
            "width": width,
            "class": names,
            "role": "group" if links else "img",
            "aria-label": description,
            "stroke-linejoin": "round",
        }
        | common,
    )
    seen = picture
    if links:
        picture.set("pointer-events", "all")  # what is not filled can be clicked too
        seen = ET.SubElement(picture, "g", {"aria-hidden": "true"})
    for shape in shapes:
        if shape.tag == "text":
            shape.attrib = {key: value for key, value in shape.attrib.items() if common.get(key) != value}
        if target := shape.attrib.pop("href", ""):
            link = ET.SubElement(picture, "a", {"href": target})
            ET.SubElement(link, "title").text = links[target]
            link.append(shape)
        else:
            seen.append(shape)
    return ET.tostring(picture, encoding="unicode")


def _shapes(parent: ET.Element, colours: Mapping[str, str], name: str = "", target: str = "") -> Iterator[ET.Element]:
    """Paths and texts, flat, with the `name` of their class and the `target` of their link."""
    for element in parent:
        kind = element.tag.removeprefix(f"{{{SVG}}}")
        if kind == "g":
            group = element.get("id", "")
            yield from _shapes(element, colours, group[1:] if group.startswith(".") else name, target)
        elif kind == "a":
            yield from _shapes(element, colours, name, element.attrib[f"{{{XLINK}}}href"])
        elif kind in {"path", "text"}:
            attributes = {"class": name, "href": target} | _attributes(element, colours)
            shape = ET.Element(kind, {key: value for key, value in attributes.items() if value})
            shape.text = element.text
            if target or not _is_invisible(shape):
                yield shape


def _attributes(element: ET.Element, colours: Mapping[str, str]) -> dict[str, str]:
    """The attributes of a path or text, those of its style among them."""
    style = dict(part.strip().split(": ", 1) for part in element.get("style", "").split(";") if part.strip())
    style = {key: colours.get(value, value) for key, value in style.items() if key != "font-family"}
    if "d" in element.attrib:
        return {"d": _short(element.attrib["d"])} | style
    style["font-size"] = style["font-size"].removesuffix("px")
    if style.get("text-anchor") == "start":
        del style["text-anchor"]
    x, y = (_tenths(round(10 * float(element.attrib[key]))) for key in ("x", "y"))
    angle = element.get("transform", "").removeprefix("rotate(").split(" ")[0]
    turn = {"transform": f"rotate({float(angle):g} {x} {y})"} if float(angle) else {}
    return {"x": x, "y": y} | turn | style


def _is_invisible(shape: ET.Element) -> bool:
    return shape.tag == "path" and shape.get("fill") == "none" and "stroke" not in shape.attrib


def _merged(shapes: Iterator[ET.Element]) -> Iterator[ET.Element]:
    """The same, with paths that follow each other in one look drawn as one path."""
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


def _short(path: str) -> str:
    """A path of straight lines, to a tenth of a unit: every line relative, as `h` or `v` where it is level or upright.

    Raises:
        ValueError: if it has anything but straight lines.
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

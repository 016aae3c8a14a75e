"""Makes matplotlib's SVG fit into a page: its colours follow the page's, its text takes the page's face."""

import re
from collections.abc import Mapping
from xml.etree import ElementTree as ET

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"

ET.register_namespace("", SVG)
ET.register_namespace("xlink", XLINK)


def adapt(source: str, name: str, description: str, colours: Mapping[str, str]) -> str:
    """An SVG picture to stand inline in HTML.

    Styles become presentation attributes, which no Content-Security-Policy forbids; ids that nothing refers to go, the
    others get `name` before them, so that several pictures can share a page; what cannot be seen goes too.

    Args:
        source: what matplotlib wrote.
        name: unique on the page.
        description: the text alternative.
        colours: from a colour in `source`, as `#rrggbb`, to the CSS value to put in its place.
    """
    root = ET.fromstring(source)  # noqa: S314 - matplotlib wrote it
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in {f"{{{SVG}}}metadata", f"{{{SVG}}}style"} or _is_invisible(child):
                parent.remove(child)
    referred = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', source))
    for element in root.iter():
        _style_to_attributes(element, colours)
        _rename(element, name, referred)
    for attribute in ("width", "height", "version"):
        root.attrib.pop(attribute, None)
    root.attrib |= {
        "class": "figure",
        "role": "img",
        "aria-label": description,
        "stroke-linejoin": "round",
        "stroke-linecap": "butt",
    }
    return ET.tostring(root, encoding="unicode")


def _is_invisible(element: ET.Element) -> bool:
    """Whether a shape is neither filled nor stroked, as the cells of a heatmap are where they count nothing."""
    style = element.get("style", "") + ";"
    return "stroke:" not in style and ("fill: none;" in style or "fill-opacity: 0;" in style)


def _style_to_attributes(element: ET.Element, colours: Mapping[str, str]) -> None:
    for declaration in filter(None, (part.strip() for part in element.attrib.pop("style", "").split(";"))):
        key, value = (part.strip() for part in declaration.split(":", 1))
        if key == "font":  # a shorthand, of which the page keeps the size: "11px 'DejaVu Sans'"
            size = re.search(r"([\d.]+)px", value)
            element.set("font-size", size[1] if size else "11")
        elif key != "font-family":
            element.set(key, colours.get(value.lower(), value))


def _rename(element: ET.Element, name: str, referred: set[str]) -> None:
    own = element.attrib.pop("id", None)
    if own in referred:
        element.set("id", f"{name}-{own}")
    for key, value in element.attrib.items():
        if value.startswith("url(#"):
            element.set(key, f"url(#{name}-{value[5:]}")
        elif key.endswith("href") and value.startswith("#"):
            element.set(key, f"#{name}-{value[1:]}")

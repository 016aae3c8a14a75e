import pytest

from job.report.charts import svg

HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 20 10">'
    "<metadata/><defs><style>*{stroke-linejoin: round}</style></defs>"
)
TEXT = (
    '<text style="font-size: 12px; font-family: Face; text-anchor: start" x="1" y="2" transform="rotate(-0 1 2)">'
    "t</text>"
)
COLOURS = {"#010101": "var(--ink)", "#020202": "var(--accent)"}


def adapted(body: str, links: dict[str, str] | None = None) -> str:
    """What becomes of a picture's body, without its root."""
    return (
        svg.adapt(f"{HEAD}{TEXT}{body}</svg>", "said", "figure", COLOURS, links or {})
        .split(">t</text>", 1)[1]
        .removesuffix("</svg>")
    )


def test_a_picture_has_a_text_alternative_and_the_size_of_its_text() -> None:
    """The root says both, so that no text repeats it."""
    assert svg.adapt(f"{HEAD}{TEXT}</svg>", 'a "b"', "figure wide", COLOURS, {}) == (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 10" width="20" height="10" class="figure wide" '
        'role="img" aria-label="a &quot;b&quot;" stroke-linejoin="round" fill="var(--ink)" font-size="12">'
        '<text x="1" y="2">t</text></svg>'
    )


def test_straight_lines_become_short() -> None:
    """Level, upright and slanting ones, to a tenth, with no error that adds up."""
    body = '<path d="M 1 2 \nL 3.04 2 \nL 3.03 4.5 \nL 2 3.25 \nz\n" style="fill: #020202"/>'
    assert adapted(body) == '<path d="M1 2h2v2.5l-1-1.3z" fill="var(--accent)" />'


def test_neighbours_of_one_look_become_one_path() -> None:
    """But not those of another look, nor across one."""
    paths = [
        f'<g id="g"><path d="M {x} 0 L {x} 1" style="stroke: #020202; fill: {fill}"/></g>'
        for x, fill in ((1, "none"), (2, "none"), (3, "#010101"), (4, "none"))
    ]
    assert adapted("".join(paths)).count("<path") == 3
    assert 'd="M1 0v1M2 0v1"' in adapted("".join(paths))


def test_what_cannot_be_seen_goes() -> None:
    """Neither filled nor stroked, unless it is there to be clicked."""
    body = '<path d="M 1 1 L 2 1" style="fill: none"/>'
    assert adapted(body) == ""
    linked = adapted(f'<g id="p"><a xlink:href="#there" target="_blank">{body}</a></g>', {"#there": "There"})
    assert linked == '</g><a href="#there"><title>There</title><path d="M1 1h1" fill="none" /></a>'
    assert 'pointer-events="all"' in svg.adapt(f"{HEAD}{TEXT}</svg>", "said", "figure", COLOURS, {"#there": "There"})


def test_a_group_gives_its_class() -> None:
    """An id that begins with a dot does; a turned text keeps its turn."""
    turned = TEXT.replace("-0 1 2", "-90 1 2").replace("start", "middle")
    assert adapted(f'<g id=".name">{turned}</g>') == (
        '<text class="name" x="1" y="2" transform="rotate(-90 1 2)" text-anchor="middle">t</text>'
    )


def test_a_curve_is_refused() -> None:
    """It would be drawn wrongly."""
    with pytest.raises(ValueError, match="command C"):
        adapted('<path d="M 1 2 C 1 2 3 4 5 6" style="fill: #020202"/>')

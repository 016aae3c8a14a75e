import re
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from numpy.typing import NDArray

from job.report.charts import canvas, confusion_matrix, figures, number_line, svg
from job.results.schema import History

STYLE = (Path(__file__).parents[3] / "templates" / "report" / "style.css").read_text(encoding="utf-8")
NAMES = ["T-shirt/top", "<script>alert(1)</script>", "袋 $x^2 \"'&"]
MATRIX = np.array([[8, 1, 1], [0, 10, 0], [5, 0, 5]])
HISTORY = History([0.5, 0.4, 0.3], [0.8, 0.9, 0.95], [0.001] * 3, [0.6, 0.4, 0.5], [0.7, 0.8, 0.9])
POINTS: list[tuple[str, number_line.Accuracy]] = [
    ("human", 0.835),
    ("logistic regression", 0.842),
    ("MLPs", (0.87, 0.89)),
    ("two conv layers", 0.925),
    ("best", 0.969),
]
TIMINGS = {"data": 2.4, "tensorflow": 1.4, "training": 4.9, "evaluation": 0.2, "report": 0.1}

Box = tuple[float, float, float, float]  # left, top, right, bottom


def drawn() -> dict[str, str]:
    return {
        "confusion": figures.confusion_matrix(MATRIX, NAMES, [(0, 0), (2, 0)]),
        "recall": figures.recall([0.8, 1.0, 0.0], [0.5, 0.7, 0.0], [0.9, 1.0, 0.3], NAMES),
        "reliability": figures.reliability([0.3, 0.5, 0.9], [0.4, 0.0, 0.8], [0.2, 0, 0.7], [0.6, 1, 0.9], [10, 0, 30]),
        "coverage": figures.coverage(np.linspace(0.01, 1, 100).tolist(), np.linspace(1, 0.87, 100).tolist()),
        "loss": figures.learning(HISTORY, "loss"),
        "accuracy": figures.learning(HISTORY, "accuracy"),
        "scale": figures.scale(0.8742, 0.8676, 0.8806, POINTS),
        "stages": figures.stages(TIMINGS),
    }


def elements(picture: str, kind: str) -> list[ET.Element]:
    return list(ET.fromstring(picture).iter(f"{{{svg.SVG}}}{kind}"))


def texts(picture: str) -> list[str]:
    return [text.text or "" for text in elements(picture, "text")]


def label(picture: str) -> str:
    return ET.fromstring(picture).attrib["aria-label"]


def paths(picture: str, **look: str) -> list[str]:
    wanted = {key.replace("_", "-"): value for key, value in look.items()}
    return [path.attrib["d"] for path in elements(picture, "path") if wanted.items() <= path.attrib.items()]


def rectangles(path: str) -> list[Box]:
    found = re.findall(r"M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)h-[\d.]+(?:v-[\d.]+)?z", path)
    return [(x, y, x + w, y + h) for x, y, w, h in (map(float, numbers) for numbers in found)]


def diagonal(n_classes: int) -> tuple[NDArray[np.int64], list[str]]:
    return np.diag(np.full(n_classes, 30)), [f"class {number}" for number in range(n_classes)]


def test_pictures_follow_the_page() -> None:
    """No style, colour, id or clipping of their own, a text alternative, the same bytes again."""
    pictures = drawn()
    assert pictures == drawn()
    for name, picture in pictures.items():
        assert ET.fromstring(picture).get("role") == ("group" if name == "confusion" else "img")
        assert len(label(picture)) > 40
        assert not re.search(r"style=|class=\"[^\"]*\.|id=|url\(|<defs|clip|xlink|#0[0-9]", picture)
        colours = [
            e.attrib[key] for e in ET.fromstring(picture).iter() for key in ("fill", "stroke") if key in e.attrib
        ]
        assert {"var(--ink)"} < set(colours) <= {*canvas.COLOURS.values(), "none"}


def test_names_stay_text() -> None:
    """Markup, mathematics, quotes and every script are shown as they are, and as long as there is room."""
    names = ["<b>", "$x^2$", "\"'&", "حقيبة", "袋", "an unusually long name of a class"]
    shown = texts(figures.confusion_matrix(np.eye(6, dtype=np.int64), names))
    assert [shown.count(name) for name in names] == [2, 2, 2, 2, 2, 0]
    assert shown.count("an unusually…") == 2


@pytest.mark.parametrize("name", ["x" * 40, "袋" * 20, "W" * 20, "i" * 60])
def test_a_short_name_is_no_wider_than_its_limit(name: str) -> None:
    """Whatever its letters are, and not much narrower."""
    shortened = canvas.short(name, 10)
    assert shortened.endswith("…")
    assert 8.5 < canvas.width_of(shortened, 1) <= 10


def test_pictures_are_light() -> None:
    """Kilobytes with realistic figures: 40 for ten classes with links, 100 for 256 classes, 8 for all others."""
    matrix = np.full((10, 10), 12) + np.diag(np.full(10, 880))
    names = [f"some class {number}" for number in range(10)]
    assert len(figures.confusion_matrix(matrix, names, list(np.ndindex(10, 10)))) < 40_000
    many, many_names = diagonal(256)
    assert (
        len(figures.confusion_matrix(many + np.random.default_rng(0).integers(0, 20, (256, 256)) // 19, many_names))
        < 100_000
    )
    fine = np.linspace(0, 1, 10_000).tolist()
    long = History([1 / (one + 1) for one in range(200)], fine[:200], fine[:200], fine[:200], fine[:200])
    others = {
        **drawn(),
        "recall": figures.recall([0.8] * 10, [0.7] * 10, [0.9] * 10, names),
        "coverage": figures.coverage(fine, (0.9 + np.sin(np.arange(10_000)) / 20).tolist()),
        "learning": figures.learning(long, "loss"),
    }
    assert max(map(len, others.values())) < 8000


def test_the_heatmap_shows_every_count_share_and_name() -> None:
    """Row by row what is not zero, and each class at both axes, whatever its letters."""
    shown = texts(figures.confusion_matrix(MATRIX, NAMES))
    assert [text for text in shown if text.isdigit()] == ["8", "1", "1", "10", "5", "5"]
    assert [text for text in shown if text.endswith("%")] == ["80.0%", "10.0%", "10.0%", "100.0%", "50.0%", "50.0%"]
    assert [shown.count(canvas.short(name, confusion_matrix.MAX_NAME)) for name in NAMES] == [2, 2, 2]
    assert label(figures.confusion_matrix(MATRIX, NAMES)) == (
        "Heatmap of the confusion matrix: 23 of 30 images lie on its diagonal. "
        f"The largest error: {NAMES[2]} taken for T-shirt/top: 5 of 10, 50.0%."
    )


def test_cells_lie_where_they_belong() -> None:
    """A column to the right per predicted class, a row down per true one, in the colours of right and wrong."""
    picture = figures.confusion_matrix(np.array([[1, 0], [1, 0]]), ["a", "b"])
    (right,), (wrong,) = (rectangles("".join(paths(picture, fill=f"var(--{hue})"))) for hue in ("accent", "error"))
    empty = rectangles("".join(paths(picture, fill="var(--tint)")))
    width, height = confusion_matrix.MAX_CELL
    assert (wrong[0] - right[0], wrong[1] - right[1]) == (0, height)
    assert [(x - right[0], y - right[1]) for x, y, _, _ in empty] == [(width, 0), (width, height)]


def test_cells_link_to_their_images() -> None:
    """Each link asked for, in order, with a name, over its cell; the rest is hidden from those who cannot see it."""
    picture = figures.confusion_matrix(MATRIX, NAMES, {(2, 0), (0, 0)})
    links = elements(picture, "a")
    assert [link.get("href") for link in links] == ["#cell-0-0", "#cell-2-0"]
    titles = [link.findtext(f"{{{svg.SVG}}}title") for link in links]
    assert titles == ["T-shirt/top recognised: 8 of 10, 80.0%", f"{NAMES[2]} taken for T-shirt/top: 5 of 10, 50.0%"]
    root = ET.fromstring(picture)
    assert root.get("role") == "group"
    assert [(child.tag.partition("}")[2], child.get("aria-hidden")) for child in root] == [
        ("g", "true"),
        ("a", None),
        ("a", None),
    ]
    over = [rectangles(link[1].attrib["d"])[0] for link in links]
    assert over[0] in rectangles("".join(paths(picture, fill="var(--accent)")))
    assert over[1] in rectangles("".join(paths(picture, fill="var(--error)")))


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
@pytest.mark.parametrize("hue", ["accent", "error"])
def test_every_number_in_a_cell_can_be_read(theme: str, hue: str) -> None:
    """On each shade, in the colour that the heatmap writes on it, at a contrast of 4.5 at least (WCAG 1.4.3)."""
    colours = tokens(theme)
    for step, opacity in enumerate(confusion_matrix.SHADES):
        text = colours["ink" if step < confusion_matrix.N_LIGHT else "on-accent"]
        cell = opacity * colours[hue] + (1 - opacity) * colours["paper"]
        assert contrast(text, cell) >= 4.5, f"{theme} {hue} {opacity}"


def tokens(theme: str) -> dict[str, NDArray[np.float64]]:
    """The colours of the page, red, green and blue in [0, 255]."""
    blocks = dict(zip(("light", "dark", "print"), re.findall(r":root \{([^}]*)\}", STYLE), strict=True))
    found = dict(re.findall(r"--([\w-]+): #(\w+);", blocks[theme]))
    doubled = {name: "".join(2 * digit for digit in code) if len(code) == 3 else code for name, code in found.items()}
    return {name: np.array([*bytes.fromhex(code)], np.float64) for name, code in doubled.items()}


def contrast(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The ratio that WCAG 2.2 defines."""
    lights = []
    for colour in (one, other):
        share = colour / 255
        linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
        lights.append(float(linear @ [0.2126, 0.7152, 0.0722]) + 0.05)
    return max(lights) / min(lights)


@pytest.mark.parametrize(("share", "step"), [(1e-9, 0), (0.01, 0), (0.128, 3), (0.44, 5), (0.45, 6), (1.0, 8)])
def test_the_shade_grows_with_the_root_of_the_share(share: float, step: int) -> None:
    """By hand: the ninth in which the square root lies; 4/9 is the last share that is light."""
    assert confusion_matrix.shade(share) == step


def test_numbers_are_light_on_dark_cells_alone() -> None:
    """62 % of a row is written in the colour for accents, 38 % in ink, which is the picture's own."""
    numbers = elements(figures.confusion_matrix(np.array([[62, 38], [0, 1]]), ["a", "b"]), "text")
    fills = {text.text: text.get("fill") for text in numbers}
    assert (fills["62"], fills["38"]) == ("var(--on-accent)", None)


@pytest.mark.parametrize("n_classes", [2, 3, 5, 10, 20, 21, 100, 256])
def test_a_matrix_of_any_size_fits_the_page(n_classes: int) -> None:
    """No wider than the page, no cell larger than the largest, numbers up to twenty classes, labels for twenty."""
    picture = figures.confusion_matrix(*diagonal(n_classes))
    width, height = map(float, ET.fromstring(picture).attrib["viewBox"].split()[2:])
    cells = rectangles("".join(paths(picture, fill="var(--accent)")))
    assert width <= confusion_matrix.WIDTH
    assert len(cells) == n_classes
    assert max(right - left for left, _, right, _ in cells) <= confusion_matrix.MAX_CELL[0]
    assert max(right for _, _, right, _ in cells) <= width
    assert max(bottom for *_, bottom in cells) <= height + 0.1
    assert texts(picture).count("30") == (n_classes if n_classes <= figures.MAX_ANNOTATED else 0)
    assert 2 * min(n_classes, 11) <= len([text for text in texts(picture) if text.startswith("class")]) <= 40


def test_phones_get_the_text_that_the_matrix_has_room_for() -> None:
    """The size in the style sheet, with which ten classes on a phone of 360 pixels have text of 10 pixels."""
    sizes = [int(size) for size in re.findall(r"\.wide \{ font-size: (\d+)px; \}", STYLE)]
    assert sizes[-1] == confusion_matrix.PHONE_SIZE
    assert confusion_matrix.PHONE_SIZE * 328 / confusion_matrix.WIDTH > 10


def test_the_bar_chart_shows_every_recall() -> None:
    """The figure beside each bar, bars as long as it, and whiskers from end to end of the interval."""
    picture = figures.recall([0.8, 1.0, 0.0], [0.5, 0.7, 0.0], [0.9, 1.0, 0.3], NAMES)
    assert [text for text in texts(picture) if "." in text] == ["80.0%", "100.0%", "0.0%"]
    bars = re.findall(r"h([\d.]+)", paths(picture, fill="var(--accent)")[0])
    assert float(bars[0]) / float(bars[1]) == pytest.approx(0.8, rel=1e-3)
    (whiskers,) = paths(picture, stroke="var(--ink)")
    start = float(re.findall(r"M([\d.]+)", paths(picture, fill="var(--accent)")[0])[0])
    ends = [(float(x), float(x) + float(h)) for x, h in re.findall(r"M([\d.]+) [\d.]+h([\d.]+)", whiskers)]
    shares = [((left - start) / float(bars[1]), (right - start) / float(bars[1])) for left, right in ends]
    assert shares == [pytest.approx(pair, abs=2e-3) for pair in ((0.5, 0.9), (0.7, 1), (0, 0.3))]
    assert label(picture) == (
        f"Bar chart of recall per class with 95% intervals, from {NAMES[2]} with 0.0% (0.0% to 30.0%) "
        f"to {NAMES[1]} with 100.0%."
    )


def test_the_reliability_diagram_leaves_out_empty_bins() -> None:
    """Two bins of three have images: two dots, two whiskers, two bars; the means are weighted by hand."""
    picture = drawn()["reliability"]
    strokes = [paths(picture, stroke="var(--accent)", stroke_width=width) for width in ("1.4", str(canvas.DOT))]
    strokes.append(paths(picture, stroke="var(--muted)", stroke_width="8"))
    assert [group[0].count("M") for group in strokes] == [2, 2, 2]
    assert label(picture) == (
        "Reliability diagram: on average the model is 75.0% sure and 70.0% right. "
        "Where it is surest, 90.0%, 80.0% of 30 images are right."
    )


def test_the_axis_of_coverage_says_where_it_starts() -> None:
    """87 % on all images: the axis starts at 85 %, and its label, its lowest mark and the last dot's say so."""
    shown = texts(drawn()["coverage"])
    assert "accuracy, from 85%" in shown
    assert [text for text in shown if re.fullmatch(r"\d+%", text)][5:] == ["85%", "90%", "95%", "100%"]
    assert shown[-2:] == ["surest 50%: 93.6%", "all: 87.0%"]


def test_curves_without_validation() -> None:
    """One curve, one name, no best epoch."""
    picture = figures.learning(History([0.5, 0.25], [0.8, 0.9], [0.1, 0.1]), "loss")
    assert [text for text in texts(picture) if text[0].isalpha()] == ["epoch", "loss", "training 0.250"]
    assert label(picture) == "Line chart of loss per epoch, 2 in all: training from 0.500 to 0.250."


@pytest.mark.parametrize(("quantity", "best"), [("loss", "epoch 2 with 0.400"), ("accuracy", "epoch 3 with 0.900")])
def test_the_best_epoch_of_the_validation_is_marked(quantity: str, best: str) -> None:
    """The lowest loss, the highest accuracy."""
    picture = figures.learning(HISTORY, quantity)
    assert "best" in texts(picture)
    assert label(picture).endswith(f"validation best in {best}.")


@pytest.mark.parametrize("n_epochs", [1, 5, 20, 21, 200])
def test_curves_of_any_length(n_epochs: int) -> None:
    """Two names at least a line apart, the higher above, even where both end alike; dots and a best epoch for some."""
    curve = np.linspace(0.5, 0.9, n_epochs).tolist()
    picture = figures.learning(History(curve, curve, curve, curve, [*curve[:-1], curve[-1] + 0.001]), "accuracy")
    ends = [float(text.attrib["y"]) for text in elements(picture, "text") if " 0." in (text.text or "")]
    assert len(ends) == 2
    assert max(ends) - min(ends) >= canvas.LINE - 0.1
    assert ends.index(min(ends)) == [text[:5] for text in texts(picture) if " 0." in text].index("valid")
    assert ("best" in texts(picture)) == (n_epochs > 1)
    assert bool(paths(picture, stroke_width="5")) == (n_epochs <= 20)


CROWD: list[tuple[str, number_line.Accuracy]] = [
    (f"a model called {number}", 0.9 + number / 1000) for number in range(8)
]


@pytest.mark.parametrize(
    "draw",
    [
        lambda: figures.scale(0.8742, 0.8676, 0.8806, POINTS),
        lambda: figures.scale(0.1, 0.09, 0.11, CROWD),
        lambda: figures.scale(0.999, 0.99, 1.0, CROWD),
        lambda: figures.scale(0.5, 0.5, 0.5, [("same", 0.5), ("again", 0.5)]),
        lambda: figures.scale(0.5, 0.4, 0.6, []),
        lambda: figures.stages(TIMINGS),
        lambda: figures.stages({"data": 0.01, "training": 3000, "evaluation": 0.2, "report": 0.5, "archive": 0.1}),
        lambda: figures.stages({"training": 0.0}),
    ],
)
def test_labels_along_a_line_never_collide(draw: Callable[[], str]) -> None:
    """No two labels overlap, no stem cuts through one, and none leaves the picture."""
    picture = draw()
    _, _, width, height = map(float, ET.fromstring(picture).attrib["viewBox"].split())
    placed = [box_of(text) for text in elements(picture, "text")]
    stems = [tuple(map(float, stem)) for path in paths(picture, stroke_width="0.8") for stem in stems_of(path)]
    assert all(left >= 0 and top >= 0 and right <= width and bottom <= height for left, top, right, bottom in placed)
    for one, other in combinations(placed, 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
    for x, start, length in stems:
        for left, top, right, bottom in placed:
            assert not (left < x < right and start < bottom and top < start + length)


def box_of(text: ET.Element) -> Box:
    """Where a text stands, by the width that the drawing itself expects."""
    x, y, width = float(text.attrib["x"]), float(text.attrib["y"]), canvas.width_of(text.text or "")
    left = x - width / 2 if text.get("text-anchor") == "middle" else x
    return left, y - 10, left + width, y + 3


def stems_of(path: str) -> list[tuple[str, ...]]:
    return re.findall(r"M([\d.]+) ([\d.]+)v([\d.]+)", path)


def test_the_scale_names_every_accuracy() -> None:
    """This model's with its interval, a range as a range, the others as published."""
    assert label(drawn()["scale"]) == (
        "Scale of accuracy: this model 87.4%, 95% interval 86.8% to 88.1%. Others: human 83.5%; "
        "logistic regression 84.2%; MLPs 87\N{EN DASH}89%; two conv layers 92.5%; best 96.9%."
    )


def test_stages_are_as_long_as_they_took() -> None:
    """Two seconds are twice as long as one, and the longest has the accent."""
    picture = figures.stages({"data": 1.0, "training": 4.0, "report": 2.0})
    bars = [
        right - left + 1.5 for path in paths(picture, fill="var(--accent)") for left, _, right, _ in rectangles(path)
    ]
    assert [bar / bars[0] for bar in bars] == pytest.approx([1, 4, 2], rel=1e-2)
    assert paths(picture, opacity="0.45") == paths(picture, fill="var(--accent)")[::2]
    assert texts(picture)[0] == "7.0 s"


def test_warming_up_draws_without_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is left of it but what is loaded."""
    figures.warm_up()
    assert capsys.readouterr() == ("", "")

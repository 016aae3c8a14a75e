import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from numpy.typing import NDArray
from support import REPOSITORY
from svg_reading import NAMES, elements, label, paths, rectangles, texts

from job.report.charts import canvas, confusion_matrix, svg
from job.report.charts.confusion_matrix import draw_confusion_matrix

STYLE = (REPOSITORY / "templates" / "report" / "style.css").read_text(encoding="utf-8")
MATRIX = np.array([[8, 1, 1], [0, 10, 0], [5, 0, 5]])


def diagonal(n_classes: int) -> tuple[NDArray[np.int64], list[str]]:
    return np.diag(np.full(n_classes, 30)), [f"class {number}" for number in range(n_classes)]


def test_names_stay_text() -> None:
    """Markup, mathematics, quotes and every script are shown as they are, as far as there is room."""
    names = ["<b>", "$x^2$", "\"'&", "حقيبة", "袋", "an unusually long name of a class"]
    picture = draw_confusion_matrix(np.eye(6, dtype=np.int64), names)
    shown = [*names[:5], "an unusually…"]
    assert labels(picture, "row") == labels(picture, "vertical") == shown
    assert labels(picture, "column") == [*names[:5], "unusually…", "an"]


def labels(picture: str, css_class: str) -> list[str]:
    """Texts of a class."""
    return [text.text or "" for text in elements(picture, "text") if text.get("class") == css_class]


def test_column_names_are_vertical_if_two_lines_are_too_narrow() -> None:
    """Names in two lines break after a space, a slash or a hyphen; phones show all names vertically."""
    matrix = np.eye(10, dtype=np.int64)
    picture = draw_confusion_matrix(matrix, ["T-shirt/top", "Ankle boot", *"abcdefgh"])
    assert labels(picture, "column")[:4] == ["top", "T-shirt/", "boot", "Ankle"]
    assert "turned" in ET.fromstring(picture).attrib["class"]
    unbreakable = draw_confusion_matrix(matrix, ["Donaudampfer", *"abcdefghi"])
    assert labels(unbreakable, "column") == []
    assert labels(unbreakable, "vertical")[0] == "Donaudampfer"
    assert "upright" in ET.fromstring(unbreakable).attrib["class"]


def test_each_row_has_its_number_of_images() -> None:
    """Before the row; a matrix of three classes has no room for it."""
    picture = draw_confusion_matrix(np.array([[1200, 0, 0, 34], *np.eye(4, dtype=np.int64)[1:]]), list("abcd"))
    assert labels(picture, "share")[:5] == ["images", "1,234", "1", "1", "1"]
    assert "images" not in texts(draw_confusion_matrix(MATRIX, NAMES))


def test_large_counts_have_commas() -> None:
    """As all other numbers of the page."""
    assert labels(draw_confusion_matrix(np.array([[63957, 0], [1, 999]]), ["a", "b"]), "count") == [
        "63,957",
        "1",
        "999",
    ]


def test_it_shows_every_count_share_and_name() -> None:
    """Row by row the cells that are not zero, and each class on both axes."""
    shown = texts(draw_confusion_matrix(MATRIX, NAMES))
    assert [text for text in shown if text.isdigit()] == ["8", "1", "1", "10", "5", "5"]
    assert [text for text in shown if text.endswith("%")] == ["80.0%", "10.0%", "10.0%", "100.0%", "50.0%", "50.0%"]
    assert [shown.count(canvas.shorten(name, confusion_matrix.MAX_NAME)) for name in NAMES] == [2, 2, 2]
    assert label(draw_confusion_matrix(MATRIX, NAMES)) == (
        "Heatmap of the confusion matrix: 23 of 30 images are on the diagonal. "
        f"Most frequent error: {NAMES[2]} predicted as T-shirt/top: 5 of 10, 50.0%."
    )


def test_cells_are_in_their_place() -> None:
    """A column per predicted class, a row per true class, in the colours of correct and wrong."""
    picture = draw_confusion_matrix(np.array([[1, 0], [1, 0]]), ["a", "b"])
    (right,), (wrong,) = (rectangles("".join(paths(picture, fill=f"var(--{hue})"))) for hue in ("accent", "error"))
    empty = rectangles("".join(paths(picture, fill="var(--tint)")))
    width, height = confusion_matrix.MAX_CELL
    assert (wrong[0] - right[0], wrong[1] - right[1]) == (0, height)
    assert [(x - right[0], y - right[1]) for x, y, _, _ in empty] == [(width, 0), (width, height)]


def test_cells_link_to_their_images() -> None:
    """Each requested link, in order, with a name, over its cell; screen readers skip the rest."""
    picture = draw_confusion_matrix(MATRIX, NAMES, {(2, 0), (0, 0)})
    links = elements(picture, "a")
    assert [link.get("href") for link in links] == ["#cell-0-0", "#cell-2-0"]
    titles = [link.findtext(f"{{{svg.SVG}}}title") for link in links]
    assert titles == [
        "T-shirt/top predicted correctly: 8 of 10, 80.0%",
        f"{NAMES[2]} predicted as T-shirt/top: 5 of 10, 50.0%",
    ]
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
def test_every_number_in_a_cell_is_readable(theme: str) -> None:
    """On each shade, the text has a contrast of at least 4.5 (WCAG 1.4.3)."""
    colours = tokens(theme)
    for step, opacity in enumerate(confusion_matrix.ERROR_SHADES):
        text = colours["ink" if step < confusion_matrix.N_LIGHT else "on-accent"]
        assert contrast(text, mix(colours, "error", opacity)) >= 4.5, f"{theme} error {opacity}"
    for opacity in confusion_matrix.CORRECT_SHADES:
        assert contrast(colours["ink"], mix(colours, "accent", opacity)) >= 4.5, f"{theme} correct {opacity}"


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
def test_errors_stand_out_and_not_the_diagonal(theme: str) -> None:
    """An error of 5% of its row has more contrast with the page than a class without errors."""
    colours = tokens(theme)
    error, correct = confusion_matrix.choose_shade(0.05), confusion_matrix.choose_shade(1)
    strong = mix(colours, "error", confusion_matrix.ERROR_SHADES[error])
    pale = mix(colours, "accent", confusion_matrix.CORRECT_SHADES[correct])
    assert contrast(strong, colours["paper"]) > contrast(pale, colours["paper"])


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
def test_single_errors_among_many_classes_are_paler_than_the_diagonal(theme: str) -> None:
    """One image of a hundred has less contrast with the page than 10%, and than a recall of 35%."""
    colours = tokens(theme)
    errors, corrects = confusion_matrix.BARE_ERROR_SHADES, confusion_matrix.BARE_CORRECT_SHADES
    single, frequent = (mix(colours, "error", errors[confusion_matrix.choose_shade(share)]) for share in (0.01, 0.1))
    recall = mix(colours, "accent", corrects[confusion_matrix.choose_shade(0.35)])
    single_contrast = contrast(single, colours["paper"])
    assert 1.25 * single_contrast < contrast(frequent, colours["paper"])
    assert 1.25 * single_contrast < contrast(recall, colours["paper"])


def mix(colours: dict[str, NDArray[np.float64]], hue: str, opacity: float) -> NDArray[np.float64]:
    """A colour on the page."""
    return opacity * colours[hue] + (1 - opacity) * colours["paper"]


def tokens(theme: str) -> dict[str, NDArray[np.float64]]:
    """The colours of the page: red, green and blue in [0, 255]."""
    blocks = dict(zip(("light", "dark", "print"), re.findall(r":root \{([^}]*)\}", STYLE), strict=True))
    codes = dict(re.findall(r"--([\w-]+): #(\w+);", blocks[theme]))
    doubled = {name: "".join(2 * digit for digit in code) if len(code) == 3 else code for name, code in codes.items()}
    return {name: np.array([*bytes.fromhex(code)], np.float64) for name, code in doubled.items()}


def contrast(colour: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The ratio that WCAG 2.2 defines."""
    lights = []
    for channels in (colour, other):
        share = channels / 255
        linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
        lights.append(float(linear @ [0.2126, 0.7152, 0.0722]) + 0.05)
    return max(lights) / min(lights)


@pytest.mark.parametrize(
    ("share", "step"), [(1e-9, 0), (0.006, 0), (0.064, 3), (0.22, 5), (0.225, 6), (0.5, 8), (1.0, 8)]
)
def test_the_shade_grows_with_the_root_of_the_share(share: float, step: int) -> None:
    """By hand: the ninth that contains the square root of twice the share; 2/9 is the largest with a light shade."""
    assert confusion_matrix.choose_shade(share) == step


def test_numbers_are_light_on_dark_cells_alone() -> None:
    """Errors of 62% of their row have the text colour for accents; others the ink that is the picture's default."""
    numbers = elements(draw_confusion_matrix(np.array([[38, 62], [20, 80]]), ["a", "b"]), "text")
    fills = {text.text: text.get("fill") for text in numbers}
    assert [fills[number] for number in ("62", "38", "20", "80")] == ["var(--on-accent)", None, None, None]


@pytest.mark.parametrize("n_classes", [2, 3, 5, 10, 20, 21, 100, 256])
def test_a_matrix_of_any_size_fits_the_page(n_classes: int) -> None:
    """No wider than the page, no cell larger than the largest, numbers and all labels up to twenty classes."""
    picture = draw_confusion_matrix(*diagonal(n_classes))
    width, height = map(float, ET.fromstring(picture).attrib["viewBox"].split()[2:])
    cells = rectangles("".join(paths(picture, fill="var(--accent)")))
    assert width <= confusion_matrix.WIDTH
    assert len(cells) == n_classes
    assert max(right - left for left, _, right, _ in cells) <= confusion_matrix.MAX_CELL[0]
    assert max(right for _, _, right, _ in cells) <= width
    assert max(bottom for *_, bottom in cells) <= height + 0.1
    assert len(labels(picture, "count")) == (n_classes if n_classes <= confusion_matrix.MAX_ANNOTATED else 0)
    assert min(n_classes, 11) <= len(labels(picture, "row")) <= 20


def test_phones_have_the_font_size_that_the_matrix_has_room_for() -> None:
    """The size in the style sheet; with it, text on a phone of 390 pixels is at least 12 pixels high."""
    sizes = [int(size) for size in re.findall(r"\.wide \{ font-size: (\d+)px; \}", STYLE)]
    assert sizes[-1] == confusion_matrix.PHONE_SIZE
    assert confusion_matrix.PHONE_SIZE * 358 / confusion_matrix.WIDTH > 12


def test_it_is_small() -> None:
    """40 kB for ten classes with links, 100 kB for 256 classes."""
    matrix = np.full((10, 10), 12) + np.diag(np.full(10, 880))
    names = [f"some class {number}" for number in range(10)]
    assert len(draw_confusion_matrix(matrix, names, list(np.ndindex(10, 10)))) < 40_000
    many, many_names = diagonal(256)
    noise = np.random.default_rng(0).integers(0, 20, (256, 256)) // 19
    assert len(draw_confusion_matrix(many + noise, many_names)) < 100_000

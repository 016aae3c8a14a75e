"""Tries pictures and drawings in the page: what the model sees of them, by mouse and by keyboard."""

import base64

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from try_it import (
    ALL_PARTS,
    UInt8,
    answer,
    boot,
    choose,
    draw,
    draw_trousers,
    encode,
    paper,
    pixels,
    settle,
    show,
)

pytestmark = [pytest.mark.browser, pytest.mark.training]
pytest_plugins = ["browser_fixtures"]

EXPECTED_L = np.zeros((28, 28), bool)
EXPECTED_L[:, 7:13] = EXPECTED_L[21:, 7:21] = True


def shows_l(page: Page) -> bool:
    """Whether the model sees the L, upright and light on black."""
    return bool(((pixels(page) > 100) == EXPECTED_L).mean() > 0.97)


def rotated_jpeg() -> bytes:
    """The L, stored upside down, with the EXIF orientation 3: turn by 180 degrees."""
    exif = Image.Exif()
    exif[0x0112] = 3
    return encode(boot().rotate(180), "JPEG", quality=95, exif=exif)


def large_jpeg() -> bytes:
    """The L with 40 megapixels."""
    return encode(boot().resize((6400, 6400), Image.Resampling.NEAREST), "JPEG", quality=90)


def animated_gif() -> bytes:
    """The L, then nothing."""
    return encode(boot(), "GIF", save_all=True, append_images=[Image.new("RGB", (300, 300), "white")], duration=50)


SVG = b"""<svg xmlns="http://www.w3.org/2000/svg" width="300" height="300">
<rect width="300" height="300" fill="#fafafa"/><path d="M50 20h40v150h60v50H50z" fill="#5a3c1e"/></svg>"""


def test_pictures(page: Page) -> None:
    """Each shows the same L."""
    pictures = {
        "plain.png": encode(boot()),
        "transparent.png": encode(boot("RGBA", (90, 60, 30, 255), (0, 0, 0, 0))),
        "palette.png": encode(boot().quantize(4)),
        "grey.png": encode(boot("L", 60, 250)),
        "large.jpg": large_jpeg(),
        "rotated.jpg": rotated_jpeg(),
        "animated.gif": animated_gif(),
        "picture.webp": encode(boot(), "WEBP", quality=95),
        "drawing.svg": SVG,
    }
    for name, content in pictures.items():
        page.locator("#try-images button").first.click()
        settle(page)
        assert not shows_l(page)
        show(page, name, content)
        assert shows_l(page), name
        expect(page.locator("#try-images [aria-pressed=true]")).to_have_count(0)
        expect(page.locator("#try-warnings")).not_to_contain_text("background")


def test_files_that_are_no_pictures(page: Page) -> None:
    """One sentence names the file; the page keeps what it shows."""
    files = {
        "broken.png": encode(boot())[:200],
        "broken.jpg": b"\xff\xd8\xff\xe0 not a picture",
        "notes.txt": b"some notes",
        "empty.png": b"",
        "broken.svg": b"<svg",
    }
    before = answer(page).inner_text()
    for name, content in files.items():
        choose(page, name, content)
        expect(page.locator("#try-warnings")).to_have_text(f"{name} is not a picture that this browser can read.")
        assert answer(page).inner_text() == before


def test_a_broken_file_that_a_newer_picture_overtakes(page: Page) -> None:
    """Its warning would be about another picture."""
    page.evaluate("void (self.createImageBitmap = () => new Promise((_, reject) => (self.endReading = reject)))")
    choose(page, "broken.png", b"")
    page.locator("#try-images button").nth(1).click()
    settle(page)
    before = page.locator("#try-warnings").inner_text()
    page.evaluate("void self.endReading()")
    page.locator("#try-paper").focus()
    assert page.locator("#try-warnings").inner_text() == before
    assert "broken.png" not in before


def test_a_picture_of_one_colour(page: Page) -> None:
    """There is no subject, so there is no answer."""
    choose(page, "white.png", encode(Image.new("RGB", (50, 50), "white")))
    expect(page.locator("#try-warnings")).to_have_text("The picture has a single colour.")
    expect(answer(page)).to_be_empty()


def test_invert_and_crop(page: Page) -> None:
    """A dark background switches Invert on, a light one off; without Crop, the subject keeps its place."""
    choose(page, "dark.png", encode(boot("RGB", (230, 230, 230), (10, 10, 10))))
    expect(page.locator("#try-invert")).to_be_checked()
    settle(page)
    assert shows_l(page)
    page.uncheck("#try-invert")
    expect(page.locator("#try-warnings")).to_contain_text("switch Invert on")
    choose(page, "light.png", encode(boot()))
    expect(page.locator("#try-name")).to_have_text("light.png")
    expect(page.locator("#try-invert")).not_to_be_checked()
    choose(page, "dark.png", encode(boot("RGB", (230, 230, 230), (10, 10, 10))))
    expect(page.locator("#try-name")).to_have_text("dark.png")
    settle(page)
    assert shows_l(page)
    page.uncheck("#try-crop")
    settle(page)
    rows, columns = np.nonzero(pixels(page) > 100)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (2, 20, 5, 13)


@pytest.mark.parametrize("event", ["drop", "paste"])
def test_drop_and_paste(page: Page, event: str) -> None:
    """A file that is dropped on the section, or pasted anywhere."""
    page.evaluate(
        """([event, text]) => {
            const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], "l.png", { type: "image/png" }));
            const target = event === "drop" ? document.getElementById("try-paper") : document;
            const options = { bubbles: true, cancelable: true };
            target.dispatchEvent(event === "drop"
                ? new DragEvent("drop", { ...options, dataTransfer: transfer })
                : new ClipboardEvent("paste", { ...options, clipboardData: transfer }));
        }""",
        [event, base64.b64encode(encode(boot())).decode()],
    )
    expect(page.locator("#try-images [aria-pressed=true]")).to_have_count(0)
    settle(page)
    assert shows_l(page)


def reference_pixels(rgb: UInt8) -> UInt8:
    """The steps of the makers, pixel by pixel, for an opaque picture whose corners have one colour."""
    far = ((rgb.astype(int) - rgb[0, 0]) ** 2).sum(axis=2) > (0.05 * 255) ** 2 * 3
    (rows,), (columns,) = np.nonzero(far.any(axis=1)), np.nonzero(far.any(axis=0))
    crop = rgb[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(float)
    scale = 28 / max(crop.shape)
    height, width = (int(length * scale + 0.5) for length in crop.shape[:2])
    small = np.array(
        [
            [
                crop[int((y + 0.5) * crop.shape[0] / height), int((x + 0.5) * crop.shape[1] / width)]
                for x in range(width)
            ]
            for y in range(height)
        ]
    )
    padded = np.pad(small, ((1, 1), (1, 1), (0, 0)), mode="edge")
    weights = np.array([[-0.0624, -0.1028, -0.0624], [-0.1028, 1.6609, -0.1028], [-0.0624, -0.1028, -0.0624]])
    sharp = sum(weights[y, x] * padded[y : y + height, x : x + width] for y in range(3) for x in range(3))
    grey = np.floor(np.clip(np.floor(sharp + 0.5), 0, 255) @ [0.2126, 0.7152, 0.0722] + 0.5)
    result = np.zeros((28, 28), np.uint8)
    top, left = (28 - height) // 2, (28 - width) // 2
    result[top : top + height, left : left + width] = 255 - grey
    return result


def test_a_photo_is_prepared_as_the_makers_did(page: Page) -> None:
    """Trim, skip rows and columns, sharpen, centre, negate, grey: the same bytes as an independent computation."""
    random = np.random.default_rng(4)
    rgb = np.full((230, 310, 3), 244, np.uint8)
    rgb[31:200, 40:141] = random.integers(0, 200, (169, 101, 3))
    show(page, "photo.png", encode(Image.fromarray(rgb)))
    assert pixels(page).tolist() == reference_pixels(rgb).tolist()


def test_drawing_moves_the_bars(page: Page) -> None:
    """A pair of trousers, drawn by mouse, is a pair of trousers; an empty paper has no answer."""
    page.click("#try-clear")
    expect(answer(page)).to_have_text("Draw something.")
    assert set(page.locator("#try-bars span").all_inner_texts()) == {""}
    draw_trousers(page)
    expect(answer(page)).to_contain_text("Trouser")
    before = pixels(page)
    assert before[-1, 14] == 0  # between the legs
    assert before[-1].max() > 100
    for _ in range(4):
        page.click("#try-undo")
    expect(answer(page)).to_have_text("Draw something.")
    draw_trousers(page)
    expect(answer(page)).to_contain_text("Trouser")
    page.click("#try-clear")
    expect(answer(page)).to_have_text("Draw something.")


def test_undo_brings_a_picture_back(page: Page) -> None:
    """Fill does nothing to a picture; a stroke replaces it until it is undone, and Invert follows."""
    choose(page, "dark.png", encode(boot("RGB", (230, 230, 230), (10, 10, 10))))
    expect(page.locator("#try-name")).to_have_text("dark.png")
    expect(page.locator("#try-fill")).to_have_attribute("aria-disabled", "true")
    page.locator("#try-fill").press("Enter")
    settle(page)
    assert shows_l(page)
    draw(page, (60, 60), (220, 220))
    settle(page)
    assert not shows_l(page)
    expect(page.locator("#try-invert")).not_to_be_checked()
    page.click("#try-undo")
    expect(page.locator("#try-name")).to_have_text("dark.png")
    settle(page)
    assert shows_l(page)


def test_a_small_subject_and_a_scribble_are_doubted(page: Page) -> None:
    """A dot in the middle is small; noise is unlike the data."""
    page.click("#try-clear")
    page.locator("#try-paper").click(position={"x": 184, "y": 184})
    expect(page.locator("#try-warnings")).to_contain_text("details are lost")
    noise = np.random.default_rng(0).integers(0, 256, (280, 280), np.uint8)
    choose(page, "noise.png", encode(Image.fromarray(noise)))
    text = "This is unlike the data: 99% of the test images are closer to the mean image of a class."
    expect(page.locator("#try-warnings")).to_contain_text(text)


def test_an_outline_can_be_filled(page: Page) -> None:
    """Fill paints what the outline encloses, and nothing else."""
    page.click("#try-clear")
    page.locator("#try-size").fill("8")
    draw(page, (60, 60), (220, 60), (220, 220), (60, 220), (60, 60))
    settle(page)
    assert pixels(page)[14, 14] == 0
    page.click("#try-fill")
    settle(page)
    assert pixels(page)[14, 14] == 195


def test_the_parts_that_matter(page: Page) -> None:
    """Only covered places that show something can matter."""
    page.check("#try-occlude")
    expect(page.locator("#try-matters")).to_contain_text(ALL_PARTS, timeout=20_000)
    painted = page.evaluate(
        "document.getElementById('try-heat').getContext('2d').getImageData(0, 0, 280, 280).data.some(value => value)"
    )
    assert painted
    page.uncheck("#try-occlude")
    expect(page.locator("#try-matters")).to_be_empty()


def test_the_keyboard_reaches_and_draws(page: Page) -> None:
    """A line, then every control in the order of the page, then a test image."""
    page.locator("#try-paper").focus()
    for key in ("Shift+ArrowDown", "Space", *["Shift+ArrowRight"] * 8, "ArrowUp"):
        page.keyboard.press(key)
    settle(page)
    rows, columns = np.nonzero(pixels(page) > 100)
    assert np.ptp(columns) > 2 * np.ptp(rows)  # a line to the right
    reached = []
    for _ in range(10):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.parentElement.id"))
    names = ["clear", "undo", "fill", "choose", "size", "shade", "crop", "invert", "occlude", "images"]
    assert reached == [f"try-{name}" for name in names]
    for key in ("ArrowRight", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("#try-images button").nth(2)).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#try-images button").nth(2)).to_be_focused()


def test_the_keyboard_works_every_control(page: Page) -> None:
    """Each key has the effect of the mouse."""

    def press(name: str, *keys: str) -> None:
        for key in keys:
            page.locator(f"#try-{name}").press(key)
        settle(page)

    def n_drawn() -> int:
        return int((paper(page) < 255).sum())

    press("clear", "Enter")
    expect(answer(page)).to_have_text("Draw something.")
    press("size", "Home", "ArrowRight")
    expect(page.locator("#try-size")).to_have_value("3")
    press("shade", "End")
    press("paper", "Space")
    page.locator("#try-size").focus()  # hides the circle of the pen
    settle(page)
    thin = n_drawn()
    assert paper(page).min() == 230
    press("size", "End")
    press("shade", "Home")
    press("paper", "Space")
    page.locator("#try-size").focus()
    settle(page)
    assert n_drawn() > 50 * thin > 0
    assert paper(page).min() == 0
    press("undo", "Space")
    assert n_drawn() == thin
    press("clear", "Space")
    press("size", "Home")
    press("paper", *(f"Shift+Arrow{way}" for way in ("Right", "Down", "Left", "Up") for _ in range(6)))
    outline = paper(page)
    assert outline[170, 170] == 255
    press("fill", "Enter")
    assert paper(page)[170, 170] == 0
    cropped = pixels(page)
    press("crop", "Space")
    assert (cropped > 0).sum() > 4 * (pixels(page) > 0).sum() > 0
    press("invert", "Space")
    assert pixels(page)[0, 0] == 255
    press("occlude", "Space")
    expect(page.locator("#try-matters")).to_contain_text(ALL_PARTS, timeout=20_000)
    for key in ("Enter", "Space"):
        with page.expect_file_chooser():
            page.locator("#try-choose").press(key)

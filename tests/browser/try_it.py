"""Uses the section "Try the model": draws, chooses pictures, and reads what the page shows."""

import base64
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import FilePayload, Locator, Page, expect

UInt8 = NDArray[np.uint8]
Runs = Callable[[str], Path]
"""Returns the output folder of a trained run of a recipe."""

ALL_PARTS = "Covering an orange place makes"
"""How the text begins that follows when every part of a picture has been covered."""


def settle(page: Page) -> None:
    """Wait until the page shows the answer to the last change."""
    section = page.locator("#try-it")
    expect(section).to_have_attribute("data-turn", re.compile(r"\d"))
    expect(section).to_have_attribute("data-answered", section.get_attribute("data-turn") or "")


def link_results(folder: Path, copy: Path) -> Path:
    """A folder with the same results."""
    copy.mkdir()
    for path in folder.iterdir():
        if path.is_file():
            (copy / path.name).hardlink_to(path)
    return copy


def draw(page: Page, *points: tuple[float, float]) -> None:
    """Draw lines by mouse from point to point of the paper, which has 280 x 280."""
    page.locator("#try-paper").scroll_into_view_if_needed()
    box = page.locator("#try-paper").bounding_box()
    assert box
    places = [(box["x"] + x * box["width"] / 280, box["y"] + y * box["height"] / 280) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=8)
    page.mouse.up()


def draw_trousers(page: Page) -> None:
    """With the thickest pen."""
    page.click("#try-clear")
    page.locator("#try-size").fill("40")
    for points in ([(105, 30), (85, 250)], [(175, 30), (195, 250)], [(105, 35), (175, 35)], [(105, 60), (175, 60)]):
        draw(page, *points)


def answer(page: Page) -> Locator:
    return page.locator("#try-answer")


def shares(page: Page) -> list[float]:
    """The probabilities on the page, in percent."""
    return [float(text.removesuffix("%")) for text in page.locator("#try-bars span").all_inner_texts()]


def pixels(page: Page) -> UInt8:
    """What the model sees, shape (28, 28)."""
    values = page.evaluate("[...document.getElementById('try-seen').getContext('2d').getImageData(0, 0, 28, 28).data]")
    return np.array(values, np.uint8).reshape(28, 28, 4)[:, :, 0]


def encode(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:  # noqa: ANN401 - of Pillow
    """The bytes of a file."""
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def choose(page: Page, name: str, content: bytes) -> None:
    """Choose a file as the picture."""
    kinds = {"svg": "image/svg+xml", "txt": "text/plain", "jpg": "image/jpeg"}
    suffix = name.rsplit(".", 1)[-1]
    page.set_input_files(
        "#try-file", FilePayload(name=name, mimeType=kinds.get(suffix, f"image/{suffix}"), buffer=content)
    )


def show(page: Page, name: str, content: bytes) -> None:
    """Choose a picture, and wait for its answer."""
    section = page.locator("#try-it")
    before = section.get_attribute("data-turn") or ""
    choose(page, name, content)
    expect(section).not_to_have_attribute("data-turn", before)
    settle(page)


def paper(page: Page) -> UInt8:
    """The red of "Your picture", shape (280, 280)."""
    address = page.evaluate("document.getElementById('try-paper').toDataURL()")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.split(",")[1]))))[:, :, 0]


def boot(mode: str = "RGB", colour: Any = (90, 60, 30), paper: Any = (250, 250, 250)) -> Image.Image:  # noqa: ANN401
    """An upright L on paper: 100 x 200 pixels at (50, 20), of 300 x 300."""
    image = Image.new(mode, (300, 300), paper)
    image.paste(colour, (50, 20, 90, 220))
    image.paste(colour, (50, 170, 150, 220))
    return image

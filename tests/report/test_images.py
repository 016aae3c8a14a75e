import base64
import io

import numpy as np
from PIL import Image

from job.report.images import NEGATIVE, POSITIVE, Pictures

IMAGES = {7: np.arange(784, dtype=np.uint16).reshape(28, 28).astype(np.uint8)}


def pixels(png: bytes) -> list[list[int]]:
    values: list[list[int]] = np.asarray(Image.open(io.BytesIO(png))).tolist()
    return values


def test_embedded_pictures_are_data_uris() -> None:
    """They contain every pixel and need no file."""
    pictures = Pictures(IMAGES, embedded=True)
    kind, content = pictures.add_image(7).split(",")
    assert kind == "data:image/png;base64"
    assert pixels(base64.b64decode(content)) == IMAGES[7].tolist()
    assert pictures.files == {}


def test_other_pictures_are_files() -> None:
    """Each added image is one file, even if it is added twice."""
    pictures = Pictures(IMAGES, embedded=False)
    assert [pictures.add_image(7), pictures.add_image(7)] == ["report-images/7.png"] * 2
    assert {name: pixels(png) for name, png in pictures.files.items()} == {"report-images/7.png": IMAGES[7].tolist()}


def test_weights_are_blue_and_orange_on_a_transparent_ground() -> None:
    """The stronger a weight, the more opaque; zeros and the gaps between the squares are transparent."""
    weights = np.zeros((1, 2, 3, 3))
    weights[0, 0, 1, 2], weights[0, 1, 0, 0], weights[0, 1, 2, 2] = 1, -1, 3 / 7
    pictures = Pictures({}, embedded=False)
    sheet = pictures.add_weights(weights, "weights")
    picture = Image.open(io.BytesIO(pictures.files["report-images/weights.png"])).convert("RGBA")
    assert (sheet.picture, sheet.width, sheet.height) == ("report-images/weights.png", 14, 6)
    values = np.asarray(picture)
    assert values.shape == (3, 7, 4)
    assert {(int(y), int(x)): tuple(values[y, x].tolist()) for y, x in np.argwhere(values[..., 3])} == {
        (1, 2): (*POSITIVE, 255),
        (0, 4): (*NEGATIVE, 255),
        (2, 6): (*POSITIVE, 109),
    }


def test_a_picture_of_any_array() -> None:
    """It has a name of its own."""
    pictures = Pictures({}, embedded=False)
    assert pictures.add_picture(IMAGES[7], "mean-0") == "report-images/mean-0.png"
    assert pixels(pictures.files["report-images/mean-0.png"]) == IMAGES[7].tolist()

import base64
import io

import numpy as np
from PIL import Image

from job.report.images import Pictures

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

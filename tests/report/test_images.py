import base64
import io

import numpy as np
from PIL import Image

from job.report.images import Pictures

IMAGES = {7: np.arange(784, dtype=np.uint16).reshape(28, 28).astype(np.uint8)}


def pixels(png: bytes) -> list[list[int]]:
    found: list[list[int]] = np.asarray(Image.open(io.BytesIO(png))).tolist()
    return found


def test_embedded_pictures_are_data_uris() -> None:
    """Every pixel is there, and no file is needed."""
    pictures = Pictures(IMAGES, embedded=True)
    kind, content = pictures.address(7).split(",")
    assert kind == "data:image/png;base64"
    assert pixels(base64.b64decode(content)) == IMAGES[7].tolist()
    assert pictures.files == {}


def test_other_pictures_are_files_beside_the_page() -> None:
    """Those whose address was asked for, each once."""
    pictures = Pictures(IMAGES, embedded=False)
    assert [pictures.address(7), pictures.address(7)] == ["report-images/7.png"] * 2
    assert {name: pixels(png) for name, png in pictures.files.items()} == {"report-images/7.png": IMAGES[7].tolist()}

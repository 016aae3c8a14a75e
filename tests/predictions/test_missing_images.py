from typing import Any

import numpy as np
import pytest
from prediction_tables import make_table

from job.predictions.missing_images import warn_of_unread_images
from job.predictions.parts import find_parts

PICTURES = ["a.png", "b.JPG"]


@pytest.mark.parametrize(
    ("columns", "warning"),
    [
        ({"photo": PICTURES}, "table: column photo seems to name pictures; to show them, rename it to path"),
        (
            {"id": ["a", "b"], "photo": PICTURES},
            "table: column photo seems to name pictures; to show them, rename it to",
        ),
        ({"photo": ["a.png", "b"]}, ""),
        ({"path": ["a.png", "b"]}, "table, row 1, column path: b is not a PNG, JPEG, WebP, BMP, GIF or TIFF file, so"),
        ({"imgs": np.zeros((2, 8, 8))}, "table: if its array imgs has the images, rename it to images"),
        ({"imgs": np.zeros((3, 8, 8))}, ""),
        ({"features": np.zeros((2, 64)), "accuracy": 0.9}, ""),
    ],
)
def test_images_that_are_not_read(columns: dict[str, Any], warning: str, caplog: pytest.LogCaptureFixture) -> None:
    """A warning says what to rename, or which name is none of a picture."""
    warn_of_unread_images(find_parts(make_table(true=[0, 1], **columns)))
    assert [record.getMessage()[: len(warning)] for record in caplog.records] == ([warning] if warning else [])


@pytest.mark.parametrize("name", ["path", "filepath", "File_Path", "img_path", "image_name"])
def test_names_of_columns_of_pictures(name: str) -> None:
    """They give the images, and name them."""
    parts = find_parts(make_table(true=[0, 1], **{name: PICTURES}))
    assert (parts.names["picture"], parts.names["id"]) == (name, name)

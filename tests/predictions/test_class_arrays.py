from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from prediction_tables import make_table

from job.errors import PredictionsError
from job.predictions.class_arrays import find_class_names

CATS_AND_DOGS: dict[str, Any] = {"y_true": [0, 1, 1], "probabilities": np.array([[1, 0], [0, 1], [0, 1]])}


def find(*, is_archive: bool = True, **arrays: Any) -> list[str] | None:  # noqa: ANN401 - any array
    return find_class_names(replace(make_table(**arrays), is_archive=is_archive))


@pytest.mark.parametrize("name", ["class_names", "classes", "Classes"])
@pytest.mark.parametrize("names", [["dog", "cat"], [b"dog", b"cat"]])
def test_class_names_next_to_the_predictions(name: str, names: list[Any]) -> None:
    """Texts, in the order of the array; there can be other arrays of the same number of texts."""
    arrays: dict[str, Any] = {name: names, "splits": ["train", "test"]}
    assert find(**CATS_AND_DOGS, **arrays) == ["dog", "cat"]
    assert find(y_true=[0, 1, 1], y_pred=[0, 1, 0], **arrays) == ["dog", "cat"]
    assert find(y_true=[[0], [1], [1]], y_pred=[0, 1, 0], **arrays) == ["dog", "cat"]
    assert find(logits=np.eye(2), **arrays) == ["dog", "cat"]
    assert find(unnamed=np.eye(2), **arrays) == ["dog", "cat"]


def test_arrays_that_do_not_name_the_classes(caplog: pytest.LogCaptureFixture) -> None:
    """Numbers, and columns of other files than NPZ files, are ignored; texts of another number with a warning."""
    assert find(**CATS_AND_DOGS, classes=[0, 1]) is None
    assert find(**CATS_AND_DOGS, class_names=["cat", "dog"], is_archive=False) is None
    assert not caplog.records
    assert find(**CATS_AND_DOGS, classes=["cat", "dog", "dog"]) is None
    assert [record.getMessage() for record in caplog.records] == [
        "table: its array classes has 3 texts, but there are 2 classes, so it does not name the classes"
    ]


def test_bad_class_names() -> None:
    """The error names the array."""
    with pytest.raises(PredictionsError, match="table, array class_names: 'cat' is listed twice; give each class"):
        find(**CATS_AND_DOGS, class_names=["cat", "cat"])

from typing import Any

import numpy as np
import pytest
from prediction_tables import make_table

from job.errors import PredictionsError
from job.predictions.assemble import Assembled, assemble_predictions

NAMES = ["10.png", "A9", "9.png", "a10", "9.PNG"]
ORDERED = ["9.PNG", "9.png", "10.png", "A9", "a10"]
CONFIDENCES = [0.5, 0.625, 0.75, 0.875, 1.0]


def assemble(order: list[int], column: str = "id", **options: Any) -> Assembled:  # noqa: ANN401 - any option
    """The predictions of five images whose rows are in an order."""
    p_0 = np.array(CONFIDENCES)
    columns = {column: NAMES, "true": [0, 1, 0, 1, 0], "p_0": p_0, "p_1": 1 - p_0}
    return assemble_predictions(
        make_table(**{name: np.asarray(values)[order] for name, values in columns.items()}), **options
    )


def names_and_confidences(assembled: Assembled) -> list[tuple[str, float]]:
    """Each name with the probability of the first class."""
    predictions = assembled.predictions
    assert predictions.names is not None
    assert predictions.probabilities is not None
    return list(zip(predictions.names, predictions.probabilities[:, 0].tolist(), strict=True))


@pytest.mark.parametrize("column", ["id", "image", "path", "file", "file_name"])
@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [4, 2, 0, 1, 3]])
def test_names_order_the_images(order: list[int], column: str) -> None:
    """In natural order, whatever the order of the rows is; each image keeps its prediction."""
    assembled = assemble(order, column)
    expected = [(name, CONFIDENCES[NAMES.index(name)]) for name in ORDERED]
    assert names_and_confidences(assembled) == expected
    assert [order[row] for row in assembled.rows] == [NAMES.index(name) for name in ORDERED]


@pytest.mark.parametrize("is_reversed", [False, True])
def test_a_file_of_images_keeps_its_order(*, is_reversed: bool) -> None:
    """The position of each image is that of its row, or its number in the column index."""
    order = [4, 2, 0, 1, 3]
    table = make_table(id=np.array(NAMES)[order], true=[0, 0, 0, 1, 1], predicted=[0, 0, 0, 1, 1])
    if is_reversed:
        table = make_table(index=[4, 3, 2, 1, 0], **table.columns)
    assembled = assemble_predictions(table, n_images=5)
    assert assembled.predictions.names == ORDERED
    positions = [order.index(NAMES.index(name)) for name in ORDERED]
    assert assembled.positions.tolist() == ([4 - each for each in positions] if is_reversed else positions)


def test_the_labels_may_have_the_names() -> None:
    """Of labels in the order of the predictions."""
    p_0 = np.array(CONFIDENCES)
    labels = make_table("labels", path=NAMES, label=[0, 1, 0, 1, 0])
    assembled = assemble_predictions(make_table(unnamed=np.column_stack([p_0, 1 - p_0])), labels)
    assert names_and_confidences(assembled) == [(name, CONFIDENCES[NAMES.index(name)]) for name in ORDERED]
    assert assembled.predictions.y_true.tolist() == [0, 0, 0, 1, 1]


def test_images_without_names_keep_their_order() -> None:
    """Nor does an index name them."""
    assembled = assemble_predictions(make_table(index=[0, 1], true=[1, 0], predicted=[1, 0]))
    assert (assembled.predictions.names, assembled.positions.tolist()) == (None, [0, 1])


def test_other_class_names_keep_the_names() -> None:
    """Also if they change the order of the classes."""
    named = assemble([0, 1, 2, 3, 4])
    for names in (["b", "a"], ["1", "0"]):
        assert named.with_class_names(names).predictions.names == ORDERED
    labels = assemble_predictions(make_table(id=["b", "a"], true=["x", "y"], predicted=["x", "y"]))
    assert labels.with_class_names(["y", "x"]).predictions.names == ["a", "b"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([10, 9], ["9", "10"]),
        ([10.0, 9.0], ["9", "10"]),
        ([0.5, 9.0], ["0.5", "9.0"]),
        ([b"b", b"a"], ["a", "b"]),
        (["10", "010"], ["010", "10"]),
    ],
)
def test_names_of_any_type(values: list[Any], expected: list[str]) -> None:
    """Whole numbers have no point; texts stay as they are."""
    assembled = assemble_predictions(make_table(id=values, true=[0, 1], predicted=[0, 1]))
    assert assembled.predictions.names == expected


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (["a", ""], "table, row 1, column id: is empty; give each image its own name"),
        (["", ""], "table, row 0, column id: is empty; give each image its own name"),
        ([1.0, np.nan], "table, row 1, column id: is empty; give each image its own name"),
        (["a\0b", "b"], "table, row 0, column id: 'a\\x00b' has a control character; give each image its own name"),
        (["a", "a"], "table, row 1, column id: a is listed twice, first in row 0; keep one row for each image"),
        (["b", "9" * 5000], "table, row 1, column id: '99999999999999999999'… has 5,000 characters, more than 4,096"),
    ],
)
def test_names_that_are_not_usable(values: list[Any], problem: str) -> None:
    """One line names the row and the remedy."""
    with pytest.raises(PredictionsError) as caught:
        assemble_predictions(make_table(id=values, true=[0, 1], predicted=[0, 1]))
    assert str(caught.value).startswith(problem)

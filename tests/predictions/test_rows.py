from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prediction_tables import assemble_text, error_of_text, make_table

from job.errors import PredictionsError
from job.predictions.assemble import assemble_predictions

PREDICTIONS = "{},p_0,p_1\n{},0,1\n{},1,0\n{},0.25,0.75\n"


def labels_and_confidences(folder: Path, text: str, labels: str) -> list[tuple[int, float]]:
    predictions = assemble_text(folder, text, labels).predictions
    assert predictions.probabilities is not None
    return list(zip(predictions.y_true.tolist(), predictions.probabilities.max(axis=1).tolist(), strict=True))


def test_labels_in_the_order_of_the_rows(tmp_path: Path) -> None:
    """Without a name for each image, the order counts."""
    text = PREDICTIONS.format("x", *"abc")
    assert labels_and_confidences(tmp_path, text, "1\n0\n1\n") == [(1, 1), (0, 1), (1, 0.75)]


def test_an_index_sorts_the_rows(tmp_path: Path) -> None:
    """It has the numbers of the images, and the labels are in their order."""
    text = PREDICTIONS.format("index", 2, 0, 1)
    assert labels_and_confidences(tmp_path, text, "0\n1\n1\n") == [(0, 1), (1, 0.75), (1, 1)]
    labels = "index,label\n2,0\n1,0\n0,1\n"
    assert labels_and_confidences(tmp_path, PREDICTIONS.format("x", *"abc"), labels) == [(1, 1), (0, 1), (0, 0.75)]


@pytest.mark.parametrize("column", ["id", "index", "file_name"])
def test_names_match_the_rows(tmp_path: Path, column: str) -> None:
    """The images are then in the order of their names."""
    text, labels = PREDICTIONS.format(column, 7, 3, 5), f"label,{column}\n0,3\n1,5\n1,7\n"
    assert labels_and_confidences(tmp_path, text, labels) == [(0, 1), (1, 0.75), (1, 1)]


def test_numbers_match_however_they_are_written(tmp_path: Path) -> None:
    """Programs write whole numbers as fractions if a column once had a gap."""
    text, labels = PREDICTIONS.format("index", 2, 0, 1), "index,label\n0.0,1\n1.0,0\n2.0,1\n"
    assert labels_and_confidences(tmp_path, text, labels) == [(1, 1), (0, 0.75), (1, 1)]
    text = PREDICTIONS.format("index", 2, "2.0", 1)
    problem = "table.csv, line 3, column index: 2 is listed twice, first in line 2; keep one row for each image"
    assert error_of_text(tmp_path, text, labels) == problem


def test_images_are_in_the_order_of_the_index() -> None:
    """A file of images has the image 0 first."""
    table = make_table(index=[1, 0], true=[1, 0], p_0=[0.0, 1.0], p_1=[1.0, 0.0])
    assembled = assemble_predictions(table, n_images=2)
    assert (assembled.predictions.y_true.tolist(), assembled.rows.tolist()) == ([0, 1], [1, 0])
    assert assemble_predictions(table).rows.tolist() == [1, 0]


@pytest.mark.parametrize("index", [[9, 2, 5], ["9", "2", "05"], ["9.0", "2.0", "5.0"], [9.0, 2.0, 5.0]])
def test_an_index_orders_a_single_table(index: list[Any]) -> None:
    """So that a comparison with another run compares the same images; gaps do not matter."""
    assembled = assemble_predictions(make_table(index=index, true=[0, 1, 1], predicted=[0, 1, 0]))
    assert (assembled.rows.tolist(), assembled.predictions.y_true.tolist()) == ([1, 2, 0], [1, 1, 0])
    assert assembled.predictions.y_pred.tolist() == [1, 0, 0]


def test_an_index_without_numbers_orders_nothing() -> None:
    """It is a name of each image."""
    for index in (["b", "a"], ["2", "0.5"], [1.5, 0.5], [1e300, 0.0]):
        assert assemble_predictions(make_table(index=index, true=[0, 1], predicted=[0, 1])).rows.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("column", "ids", "labels", "problem"),
    [
        (
            "x",
            "abc",
            "0\n1\n",
            "table.csv: has 3 rows, but labels.csv has 2 labels; give one row for each image in both",
        ),
        ("index", "013", "0\n1\n1\n", "table.csv: image 2 is missing in column index, which ends with 3; number all 3"),
        (
            "index",
            "abc",
            "0\n1\n1\n",
            "table.csv, line 2, column index: is not a whole number; number the images from 0, or",
        ),
        (
            "id",
            "abc",
            "id,label\na,0\nb,1\nd,1\n",
            "table.csv, line 4, column id: c is missing in labels.csv; give one",
        ),
        ("id", "abc", "id,label\na,0\nb,1\n", "table.csv, line 4, column id: c is missing in labels.csv; give one row"),
        (
            "id",
            "abc",
            "id,label\nd,0\na,0\nb,1\nc,1\n",
            "labels.csv, line 2, column id: d is missing in table.csv; give",
        ),
        (
            "id",
            "abc",
            "id,label\na,0\nb,1\nb,1\nc,1\n",
            "labels.csv, line 4, column id: b is listed twice, first in line",
        ),
    ],
)
def test_missing_and_doubled_rows(tmp_path: Path, column: str, ids: str, labels: str, problem: str) -> None:
    """Each image has one row in both tables."""
    assert error_of_text(tmp_path, PREDICTIONS.format(column, *ids), labels).startswith(problem)


@pytest.mark.parametrize(("n_images", "remedy"), [(3, "one row for each image"), (1, "one image for each row")])
def test_another_number_of_images(n_images: int, remedy: str) -> None:
    """Each row has an image; the error asks for what is missing."""
    table = make_table(true=[1, 0], p_0=[0.0, 1.0], p_1=[1.0, 0.0])
    with pytest.raises(PredictionsError, match=f"table: has 2 rows, but there are {n_images} images; give {remedy}"):
        assemble_predictions(table, n_images=n_images)


def test_gaps_in_an_index_are_allowed_without_other_files() -> None:
    """The rows of one table belong together, whatever their numbers are."""
    table = make_table(index=[7, 3], true=[1, 0], probabilities=np.eye(2)[::-1])
    assert assemble_predictions(table).predictions.accuracy == 1


@pytest.mark.parametrize(
    ("index", "missing"),
    [
        ([*range(9), *range(10, 450)], "image 9 is missing in column index; the report is about the other 449 images"),
        (
            [4, 1, 0, 9],
            "image 2 is missing in column index, and 5 more up to 9; the report is about the other 4 images",
        ),
        ([2, 3], "image 0 is missing in column index, and 1 more up to 3; the report is about the other 2 images"),
        ([1, 2, 3], None),
        ([3, 0, 2, 1], None),
        ([-1, 5], None),
        (["a", "b"], None),
        (["9" * 30, "1"], None),
        ([np.nan, 1.0], None),
        (["0.5", "1"], None),
        (["1_0", "1_1"], None),
        ([1e300, 0.0], None),
        ([2**63, 2**64 - 1], None),
        (["0.0", "2.0", "1e0"], None),
    ],
)
def test_a_gap_in_an_index_is_a_warning(
    caplog: pytest.LogCaptureFixture, index: list[Any], missing: str | None
) -> None:
    """It names the first number that is missing; the numbers begin with 0 or 1."""
    labels = [each % 2 for each in range(len(index))]
    assemble_predictions(make_table(index=index, true=labels, predicted=labels))
    assert caplog.messages == ([f"table: {missing}"] if missing else [])


def test_a_gap_in_the_index_of_two_tables_is_a_warning(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """Also if the labels lack the same image."""
    assemble_text(tmp_path, PREDICTIONS.format("index", 0, 1, 3), "index,label\n0,0\n1,0\n3,1\n")
    assert caplog.messages == [
        f"{tmp_path}/table.csv: image 2 is missing in column index; the report is about the other 3 images"
    ]


def test_labels_in_two_places(tmp_path: Path) -> None:
    """It is unclear which count."""
    text = "true,p_0,p_1\n0,1,0\n1,0,1\n"
    expected = "table.csv: has labels in column true; leave out --labels, or remove the column"
    assert error_of_text(tmp_path, text, "0\n1\n") == expected


def test_arrays_that_belong_to_other_images() -> None:
    """Only arrays with a role or a number count; the others may have any length."""
    table = make_table(x_train=np.zeros(5), epoch=3, y_true=[1, 0], p_0=[0.0, 1.0], p_1=[1.0, 0.0], time=np.zeros(3))
    assert assemble_predictions(table).predictions.accuracy == 1


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"true": [1, 0], "p_0": [0, 1], "p_1": [1, 0, 0]}, "table: p_1 has 3 rows, but true has 2; give all the same"),
        ({"y_true": 3, "p_0": [0, 1], "p_1": [1, 0]}, "table: y_true is a single value; write one for each image"),
        ({"true": [], "p_0": [], "p_1": []}, "table: has no row; write one for each image"),
    ],
)
def test_columns_of_different_lengths(columns: dict[str, Any], problem: str) -> None:
    """One line names them."""
    with pytest.raises(PredictionsError) as caught:
        assemble_predictions(make_table(**columns))
    assert str(caught.value) == problem


@pytest.mark.parametrize("columns", ["id,path", "path,id"])
def test_names_and_pictures(tmp_path: Path, columns: str) -> None:
    """If a table has both, the names match the rows, and the pictures are the images."""
    rows = [("a", "1.png"), ("b", "2.png")]
    text = "\n".join(",".join([*(row if columns == "id,path" else row[::-1]), "0", "1"]) for row in rows)
    assembled = assemble_text(tmp_path, f"{columns},p_0,p_1\n{text}\n", "id,label\nb,0\na,1\n")
    assert assembled.predictions.y_true.tolist() == [1, 0]
    assert assembled.parts.names["picture"] == "path"

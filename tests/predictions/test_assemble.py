from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prediction_tables import GOOD, assemble_text, error_of_text, make_table
from support import FASHION_NAMES, make_predictions

from job.errors import PredictionsError
from job.evaluation.predictions import LabelPredictions, Predictions
from job.predictions.assemble import assemble_predictions
from job.predictions.tables import Table

NAMED = "label,dog,cat\ncat,0.25,0.75\ndog,0.875,0.125\n"
CLASSES = ["cat", "dog"]


def probabilities_of(predictions: object) -> Any:  # noqa: ANN401 - a list
    assert isinstance(predictions, Predictions)
    return predictions.probabilities.tolist()


def test_columns_that_are_named_as_the_classes(tmp_path: Path) -> None:
    """Their order is that of the classes, unless class names are given."""
    assembled = assemble_text(tmp_path, NAMED)
    assert assembled.class_names == ["dog", "cat"]
    assert assembled.predictions.y_true.tolist() == [1, 0]
    assert probabilities_of(assembled.predictions) == [[0.25, 0.75], [0.875, 0.125]]
    assembled = assemble_text(tmp_path, NAMED, class_names=CLASSES)
    assert assembled.class_names == CLASSES
    assert assembled.predictions.y_true.tolist() == [0, 1]
    assert probabilities_of(assembled.predictions) == [[0.75, 0.25], [0.125, 0.875]]


@pytest.mark.parametrize("class_names", [None, CLASSES])
def test_columns_that_differ_from_the_classes_in_capital_letters(tmp_path: Path, class_names: list[str] | None) -> None:
    """They are the same if that is clear; an error names the column of the table."""
    assembled = assemble_text(tmp_path, NAMED.replace("label,dog,cat", "label,Dog,CAT"), class_names=class_names)
    assert sorted(assembled.class_names) == CLASSES
    assert assembled.predictions.accuracy == 1
    text = NAMED.replace("label,dog,cat", "label,Dog,CAT").replace("0.875", "nan")
    assert error_of_text(tmp_path, text, class_names=class_names).startswith("table.csv, line 3, column Dog: ")
    text = "label,dog,Dog,Cat\ncat,0.25,0.5,0.75\ndog,0.875,0.5,0.125\n"
    problem = error_of_text(tmp_path, text, class_names=class_names)
    place = "table.csv" if class_names else "table.csv, line 2, column label"
    assert problem == f"{place}: the class 'cat' has no column; did you mean 'Cat'?"


def test_classes_that_differ_in_capital_letters(tmp_path: Path) -> None:
    """Each has the column of its own name, and the order of the classes does not depend on capital letters."""
    text = "label,a,A,b\na,1,0,0\nA,0,1,0\nb,0,0,1\n"
    assert assemble_text(tmp_path, text, class_names=["b", "A", "a"]).predictions.accuracy == 1
    problem = error_of_text(tmp_path, text.replace("label,a,", "label,x,"), class_names=["b", "A", "a"])
    assert problem == "table.csv: the class 'a' has no column; did you mean 'A'?"
    assert assemble_text(tmp_path, "true,predicted\na,a\nA,A\nB,B\nc,c\n").class_names == ["A", "a", "B", "c"]


@pytest.mark.parametrize("class_names", [None, CLASSES])
def test_columns_with_a_prefix(tmp_path: Path, class_names: list[str] | None) -> None:
    """The remedy is one that was not taken yet."""
    problem = error_of_text(tmp_path, NAMED.replace("label,dog,cat", "label,p_dog,p_cat"), class_names=class_names)
    remedies = {
        True: "are not named as the classes; name each column as its class: cat, dog",
        False: "the labels are other names: 'cat', 'dog'; name each column as its class",
    }
    start = "table.csv: the columns p_dog, p_cat look like probabilities, but "
    assert problem.startswith(start + remedies[class_names is not None])


def test_numbers_or_names_as_labels(tmp_path: Path) -> None:
    """With class names, both mean the same."""
    for text in (GOOD, GOOD.replace("\n0", "\ncat").replace("\n1", "\ndog"), GOOD.replace("\n1,", "\n1.0,")):
        assert assemble_text(tmp_path, text, class_names=CLASSES).predictions.y_true.tolist() == [0, 1]


def test_names_that_are_numbers(tmp_path: Path) -> None:
    """A label is a name first: class 0 may be called 1."""
    assert assemble_text(tmp_path, GOOD, class_names=["1", "0"]).predictions.y_true.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0,1\n1,1\n2,2\n", [[0, 1, 2], [1, 1, 2]]),
        ("1,1\n2,2\n3,2\n", [[0, 1, 2], [0, 1, 1]]),
        ("0,1\n1,cat\n2,2\n", [[0, 1, 2], [0, 2, 1]]),
    ],
    ids=["numbers", "names", "both"],
)
def test_true_and_predicted_labels_mean_the_same(tmp_path: Path, text: str, expected: list[list[int]]) -> None:
    """If all of them are numbers, either all are names, or none."""
    names = ["1", "2", "cat" if "cat" in text else "3"]
    predictions = assemble_text(tmp_path, f"true,predicted\n{text}", class_names=names).predictions
    assert [predictions.y_true.tolist(), predictions.y_pred.tolist()] == expected


def test_named_columns_and_numbers_as_labels(tmp_path: Path) -> None:
    """Only class names say which number is which class."""
    text = NAMED.replace("\ncat", "\n0").replace("\ndog", "\n1")
    assert assemble_text(tmp_path, text, class_names=CLASSES).predictions.accuracy == 1
    problem = error_of_text(tmp_path, text)
    assert problem == (
        "table.csv: the columns dog, cat look like probabilities, but the labels are numbers, so their order is "
        "unknown; name the classes in label order: --classes FILE"
    )


def test_predicted_classes_alone(tmp_path: Path) -> None:
    """The classes are all that occur, numbers by value."""
    assembled = assemble_text(tmp_path, "target,prediction\nclass 10,class 9\nclass 9,class 9\nclass 1,class 1\n")
    assert assembled.class_names == ["class 1", "class 9", "class 10"]
    assert isinstance(assembled.predictions, LabelPredictions)
    assert assembled.predictions.y_true.tolist() == [2, 1, 0]
    assert assembled.predictions.y_pred.tolist() == [1, 1, 0]


@pytest.mark.parametrize("labels", [np.array([0, 1]), np.array([0.0, 1.0]), np.array([False, True]), np.eye(2)])
def test_labels_of_all_types(labels: Any) -> None:  # noqa: ANN401 - any array
    """Numbers, booleans, and one-hot."""
    table = make_table(y_true=labels, probabilities=[[0.75, 0.25], [0.125, 0.875]])
    assert assemble_predictions(table).predictions.y_true.tolist() == [0, 1]


def test_bytes_as_labels() -> None:
    """They are UTF-8 text."""
    table = make_table(true=np.array([b"cat", b"dog"]), predicted=np.array(["cat", "cat"]))
    assert assemble_predictions(table).class_names == CLASSES


def test_logits() -> None:
    """Softmax in double precision: large ones neither overflow nor lose digits."""
    logits = np.array([[1000.0, 999.0], [-5.0, 5.0]])
    table = make_table(y_true=[0, 1], logits=logits)
    predictions = assemble_predictions(table, logits=True).predictions
    expected = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected /= expected.sum(axis=1, keepdims=True)
    assert probabilities_of(predictions) == expected.astype(np.float32).tolist()
    with pytest.raises(PredictionsError, match="these look like logits; add --logits"):
        assemble_predictions(table)


def test_logits_near_the_largest_number() -> None:
    """Neither their difference nor their sum prints a warning."""
    table = make_table(y_true=[0, 1], logits=[[1e308, -1e308], [-1.5e308, 1.5e308]])
    assert probabilities_of(assemble_predictions(table, logits=True).predictions) == [[1, 0], [0, 1]]
    table = make_table(y_true=[0, 1], probabilities=[[1.5e308, 1.5e308], [-1.5e308, -1.5e308]])
    with pytest.raises(PredictionsError, match="sums to inf: these look like logits; add --logits"):
        assemble_predictions(table)


def test_predicted_classes_break_ties() -> None:
    """Also ties that only rounding to single precision makes."""
    close = 0.5 + 1e-12
    table = make_table(true=[0, 1, 1], predicted=[1, 1, 1], p_0=[0.5, 1 - close, 0.0], p_1=[0.5, close, 1.0])
    predictions = assemble_predictions(table).predictions
    assert predictions.y_pred.tolist() == [1, 1, 1]
    assert probabilities_of(predictions) == pytest.approx(np.array([[0.5, 0.5], [0.5, 0.5], [0, 1]]), abs=1e-6)


def test_rounding_changes_no_predicted_class() -> None:
    """Of two probabilities that are equal in single precision, the larger one counts."""
    table = make_table(true=[0, 1], probabilities=[[0.5 - 1e-12, 0.5 + 1e-12], [1e-12, 1.0]])
    assert assemble_predictions(table).predictions.y_pred.tolist() == [1, 1]


def test_a_name_of_a_class_is_no_role(tmp_path: Path) -> None:
    """Classes may be called true and false if they are named."""
    text = "y_true,true,false\ntrue,1,0\nfalse,0,1\n"
    assert assemble_text(tmp_path, text, class_names=["false", "true"]).predictions.accuracy == 1
    assert error_of_text(tmp_path, text).endswith("y_true and true are both labels; rename or remove one")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "p_0,p_1\n1,0\n",
            "table.csv: has no labels (its columns: p_0, p_1); name their column true, or name a file of labels",
        ),
        (
            "class,a,b,c,d,e\na,1,0,0,0,0\n",
            "table.csv: has no labels (its columns: class, a, b, c, d, …); name their column true, or name a file of",
        ),
        (
            "true,x\n0,a\n1,b\n",
            "table.csv: has neither probabilities (columns p_0, p_1, … or one named as each class) nor predicted",
        ),
        ("true,p_1\n0,1\n1,0\n", "table.csv: p_1 is the only column of probabilities; write one for each class"),
        ("true,p_1,p_2\n0,1,0\n1,0,1\n", "table.csv: the column p_0 is missing; number the classes from 0"),
        (
            "true,p_0,p_1\n0,1,0\n2,0,1\n",
            "table.csv, line 3, column true: label 2 is out of range; the labels of 2 classes",
        ),
        (
            "true,p_0,p_1\n1,1,0\n2,0,1\n",
            "table.csv, line 3, column true: label 2 is out of range; the labels of 2 classes",
        ),
        ("true,p_0,p_1\n-1,1,0\n0,0,1\n", "table.csv, line 2, column true: label -1 is out of range"),
        ("true,p_0,p_1\n0,1,0\n0,0,1\n", "table.csv: no image has the label '1', but each class needs one; add images"),
        (
            "true,p_0,p_1\na,1,0\nb,0,1\n",
            "table.csv: the labels are names, so the order of the probabilities is unknown",
        ),
        (
            "true,p_0,p_1\n0,1,0\n3.5,0,1\n",
            "table.csv, line 3, column true: 3.5 is not a class number; write whole numbers from 0, or",
        ),
        ("true,predicted\n0,0\n1,3.5\n2,2\n", "table.csv, line 3, column predicted: 3.5 is not a class number; write"),
        (
            "true,a,b\na,1,0\nc,0,1\n",
            "table.csv, line 3, column true: the class 'c' has no column; write one for each class, or correct",
        ),
        (
            "true,apple,b\napple,1,0\naple,1,0\nb,0,1\n",
            "table.csv, line 3, column true: the class 'aple' has no column; did you mean 'apple'?",
        ),
        (
            "true,apple,b\napple,1,0\nb,0,1\nApple,1,0\n",
            "table.csv, line 4, column true: the class 'Apple' has no column; did you mean 'apple'?",
        ),
        ("true,a,b\na,1,0\n", "table.csv: all images have the label 'a'; add images of other classes"),
        (
            "true,predicted\n0,0.2\n1,0.9\n",
            "table.csv, line 2, column predicted: 0.2 is not a class number; of two classes, write",
        ),
        ("true,predicted,p_0,p_1\n0,1,1,0\n1,1,0,1\n", "table.csv, line 2, column predicted: is '1', but '0' is more"),
        ("true,predicted\n0,0\n0,0\n", "table.csv: contains 1 class name; write 2 to 256"),
        (f"true,predicted\n{'1' * 5000},2\n2,2\n", "table.csv: '11111111111111111111'… has 5,000 characters; shorten"),
        (
            "id,file,true,p_0,p_1\nx,y,0,1,0\nz,y,1,0,1\n",
            "table.csv: the columns id and file are both names of images; rename or remove one",
        ),
        (
            "id,true,p_0,p_1\nx,0,1,0\nx,1,0,1\n",
            "table.csv, line 3, column id: x is listed twice, first in line 2; keep",
        ),
    ],
)
def test_what_does_not_fit_together(tmp_path: Path, text: str, problem: str) -> None:
    """One line names the place and the remedy."""
    assert error_of_text(tmp_path, text).startswith(problem)


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (
            ["1,0", "2,1", "3,1"],
            "table.csv: the labels seem to count from 1, but the predicted classes from 0; subtract 1 from the labels",
        ),
        (
            ["0,1", "1,2", "2,3"],
            "table.csv: the predicted classes seem to count from 1, but the labels from 0; subtract 1 from the",
        ),
        (
            ["cat,0", "dog,1"],
            "table.csv: the labels are names, but the predicted classes are numbers; name the classes in label order",
        ),
        (["0,cat", "1,dog"], "table.csv: the labels are numbers, but the predicted classes are names; name the"),
        (
            ["cat,cat", "dog,Dog"],
            "table.csv, line 3, column predicted: no image has the label 'Dog', but each class needs one; did you mean",
        ),
        (
            ["1,1", "2,10"],
            "table.csv, line 3, column predicted: no image has the label '10', but each class needs one; add images of",
        ),
    ],
)
def test_predicted_classes_that_are_no_label(tmp_path: Path, rows: list[str], problem: str) -> None:
    """The error says what differs as a whole, otherwise the first row."""
    assert error_of_text(tmp_path, "\n".join(["true,predicted", *rows])).startswith(problem)


def test_spaces_in_arrays_of_labels() -> None:
    """They count, but the error names the class without them."""
    table = make_table(true=["cat ", "dog"], cat=[1.0, 0], dog=[0, 1.0])
    with pytest.raises(PredictionsError) as caught:
        assemble_predictions(table)
    assert str(caught.value) == "table, row 0, column true: the class 'cat ' has no column; did you mean 'cat'?"


def test_pictures_in_place_of_labels_or_probabilities() -> None:
    """The error gives the shape."""
    pictures, probabilities = make_table("X.npy", unnamed=np.zeros((2, 8, 8))), make_table("p.npy", unnamed=np.eye(2))
    expected = "X.npy: has the shape (2, 8, 8), but {} have {}; if these are the images, use --images FILE"
    for table, labels, words in (
        (probabilities, pictures, ("labels", "(n,)")),
        (pictures, make_table("y.npy", unnamed=[0, 1]), ("probabilities", "(n, n_classes)")),
    ):
        with pytest.raises(PredictionsError) as caught:
            assemble_predictions(table, labels)
        assert str(caught.value) == expected.format(*words)
    for name in ("y_true", "probabilities"):
        table = make_table("t", **{"y_true": [0, 1], "probabilities": np.eye(2), name: np.zeros((2, 8, 8))})
        with pytest.raises(PredictionsError, match=rf"^t: {name} has the shape \(2, 8, 8\), but "):
            assemble_predictions(table)


def test_the_columns_of_a_table_without_predictions(tmp_path: Path) -> None:
    """The error lists them."""
    assert error_of_text(tmp_path, "true,x\n0,a\n1,b\n").endswith("(column predicted); its columns: true, x")


def test_class_names_that_are_fractions(tmp_path: Path) -> None:
    """Such as ratings with half a star, if they are named as classes, by columns or by all labels."""
    text = "true,predicted\n1,1\n1.5,1.5\n2,1.5\n"
    assert assemble_text(tmp_path, text, class_names=["1", "1.5", "2"]).predictions.accuracy == 2 / 3
    text = "true,1,1.5\n1,1,0\n1.5,0,1\n"
    assert assemble_text(tmp_path, text).predictions.accuracy == 1
    assert assemble_text(tmp_path, "true,predicted\n1.5,1.5\n2.5,2.5\n").class_names == ["1.5", "2.5"]


def test_an_array_without_labels() -> None:
    """It has no columns, so the labels need a file."""
    with pytest.raises(PredictionsError, match=r"^table: has no labels; add --labels FILE$"):
        assemble_predictions(Table("table", {"": np.eye(2)}))


def test_probabilities_with_the_classes_in_rows() -> None:
    """The error is about the rows, not about labels."""
    table = Table("table", {"": np.eye(2).repeat(2, axis=1)})
    with pytest.raises(PredictionsError, match=r"^table: has 2 rows, but labels has 4 labels; give one row for each"):
        assemble_predictions(table, make_table("labels", true=[0, 0, 1, 1]))


@pytest.mark.parametrize("name", ["probabilities", "logits"])
def test_a_vector_of_probabilities(name: str) -> None:
    """It has no class."""
    with pytest.raises(PredictionsError) as caught:
        assemble_predictions(make_table(true=[0, 1], **{name: [0.5, 0.75]}))
    assert str(caught.value) == f"table: {name} has one value for each image; give one for each class of each image"
    table = make_table(true=[0, 1], predicted=[0, 1], **{name: [0.5, 0.75]})
    assert assemble_predictions(table).predictions.probabilities is None


def test_labels_that_are_huge_numbers() -> None:
    """They are not exact, and not turned into other ones."""
    with pytest.raises(
        PredictionsError, match=r"^table, row 1, column true: 1e\+30 is not a class number; write class"
    ):
        assemble_predictions(make_table(true=[0.0, 1e30], predicted=[0, 1]))


def test_labels_that_count_from_1(tmp_path: Path) -> None:
    """The remedy says so."""
    assert error_of_text(tmp_path, GOOD.replace("\n1,", "\n2,").replace("\n0,", "\n1,")).endswith("from 1: subtract 1")


@pytest.mark.parametrize(
    ("text", "names", "problem"),
    [
        (
            GOOD,
            ["a", "b", "c"],
            "table.csv: has probabilities of 2 classes, but --classes FILE names 3; name each class",
        ),
        (NAMED, ["cat", "dog", "cow"], "table.csv: the class 'cow' has no column; write one for each class"),
        (
            NAMED.replace("\ncat", "\nct"),
            CLASSES,
            "table.csv, line 2, column label: 'ct' is not one of the 2 classes; did",
        ),
        (
            "true,predicted\ncat,dog\n",
            ["cat", "dog"],
            "table.csv: no image has the label 'dog', but each class needs one",
        ),
    ],
)
def test_more_or_fewer_classes_than_named(tmp_path: Path, text: str, names: list[str], problem: str) -> None:
    """Each class has a name, a column and an image."""
    assert error_of_text(tmp_path, text, class_names=names).startswith(problem)


def test_classes_in_another_order_than_the_labels() -> None:
    """Probabilities in alphabetical order, and labels in that of the data set: some classes form a circle."""
    predictions = make_predictions(1000)
    order = np.argsort(FASHION_NAMES)
    table = make_table(probabilities=predictions.probabilities[:, order], y_true=predictions.y_true)
    with pytest.raises(PredictionsError) as caught:
        assemble_predictions(table, class_names=FASHION_NAMES)
    assert "table: the probabilities seem to be in another order than the labels: most images of" in str(caught.value)
    named = {FASHION_NAMES[label]: predictions.probabilities[:, label] for label in order}
    named["label"] = np.array(FASHION_NAMES)[predictions.y_true]
    accuracy = assemble_predictions(make_table(**named)).predictions.accuracy
    assert accuracy == predictions.accuracy


@pytest.mark.parametrize(
    ("columns", "column"),
    [
        ({"p_0": [1.0, 0, 0], "p_1": [0.0, 1, 1]}, "p_2"),
        ({"probs": np.eye(2)[[0, 1, 1]]}, "probs[2]"),
        ({"a": [1.0, 0, 0], "b": [0.0, 1, 1]}, ""),
    ],
)
def test_a_class_without_a_column(columns: dict[str, Any], column: str) -> None:
    """The error names the column that may be missing, unless the names of the columns are those of the classes."""
    with pytest.raises(PredictionsError) as caught:
        assemble_predictions(make_table(true=[0, 1, 2], **columns), class_names=None if column else ["a", "b"])
    remedy = f", or add the column {column} if it is missing" if column else ""
    message = (
        "table, row 2, column true: label 2 is out of range; the labels of 2 classes are 0 to 1; correct the label"
    )
    assert str(caught.value) == message + remedy


@pytest.mark.parametrize("has_probabilities", [True, False])
def test_names_that_seem_mixed_up(caplog: pytest.LogCaptureFixture, *, has_probabilities: bool) -> None:
    """Where both sides are named, the names count, but a warning names two pairs of a circle."""
    labels = np.repeat(["a", "b", "c", "d"], 50)
    for order, has_warning in (("abcd", False), ("bcad", True), ("bacd", True), ("bbcd", False)):
        predicted = np.repeat(list(order), 50)
        columns: dict[str, Any] = {name: (predicted == name).astype(float) for name in "abcd"}
        table = make_table("t.csv", true=labels, **(columns if has_probabilities else {"predicted": predicted}))
        caplog.clear()
        assert assemble_predictions(table).predictions.accuracy == (labels == predicted).mean()
        assert bool(caplog.messages) == has_warning
        if has_warning:
            pairs = f"'a' are predicted as 'b', and most of 'b' are predicted as {order[1]!r}"
            words = "check that these classes are not swapped"
            assert caplog.messages == [f"t.csv: most images of {pairs}; {words}"]


def test_a_bad_model_is_no_wrong_order() -> None:
    """A class may be predicted as another one, and a random model as anything."""
    random = np.random.default_rng(0)
    y_true = np.arange(1000) % 5
    for y_pred in (np.where(y_true == 1, 2, y_true), random.integers(0, 5, 1000), np.zeros(1000, int)):
        table = make_table(y_true=y_true, probabilities=np.eye(5)[y_pred])
        assert assemble_predictions(table).predictions.y_pred.tolist() == y_pred.tolist()


def test_other_names_and_another_order() -> None:
    """Every image keeps its classes and probabilities."""
    assembled = assemble_predictions(make_table(true=["b", "a", "c"], a=[0, 1, 0.25], b=[1, 0, 0], c=[0, 0, 0.75]))
    reordered = assembled.with_class_names(["c", "a", "b"])
    assert reordered.predictions.y_true.tolist() == [2, 1, 0]
    assert probabilities_of(reordered.predictions) == [[0, 0, 1], [0, 1, 0], [0.75, 0.25, 0]]
    assert assembled.with_class_names(["x", "y", "z"]).predictions is assembled.predictions

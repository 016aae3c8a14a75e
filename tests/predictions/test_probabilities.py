from typing import Any

import numpy as np
import pytest
from prediction_tables import make_table

from job.errors import PredictionsError
from job.predictions.assemble import assemble_predictions

ROWS = [[0.75, 0.25], [0.125, 0.875], [0.5, 0.5]]


def error_of(rows: Any, *, logits: bool = False, name: str = "probabilities") -> str:  # noqa: ANN401 - any array
    table = make_table(y_true=[0, 1, 1], **{name: np.asarray(rows)})
    with pytest.raises(PredictionsError) as caught:
        assemble_predictions(table, logits=logits)
    return str(caught.value)


@pytest.mark.parametrize(("value", "shown"), [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf")])
@pytest.mark.parametrize("logits", [False, True])
def test_values_that_are_no_numbers(value: float, shown: str, *, logits: bool) -> None:
    """The first one is named, with the number of rows."""
    rows = [[0.75, 0.25], [value, 0.875], [value, value]]
    expected = (
        f"table, row 1, column probabilities[0]: is {shown}, in 2 rows; correct the model, or leave out its images"
    )
    assert error_of(rows, logits=logits) == expected


def test_rows_that_do_not_sum_to_1() -> None:
    """Up to 0.001 is rounding."""
    rows = np.array(ROWS)
    rows[1] = [0.1, 0.8985]
    problem = "table, row 1: its probabilities sum to 0.9985, not to 1, in 1 row; write a column for each class, normal"
    assert error_of(rows).startswith(problem)
    for row in ([0.1, 0.8995], [0.1, 0.899], [0.1, 0.901]):
        rows[1] = row
        assert assemble_predictions(make_table(y_true=[0, 1, 1], probabilities=rows)).predictions.accuracy == 2 / 3


def test_columns_of_classes_without_an_image() -> None:
    """Naming them does not help, because each class needs an image."""
    table = make_table(true=["a", "b"], a=[0.5, 0.25], b=[0.25, 0.5], c=[0.25, 0.25])
    with pytest.raises(PredictionsError) as caught:
        assemble_predictions(table)
    assert str(caught.value) == (
        "table, row 0: its probabilities sum to 0.75, not to 1, in 2 rows; the test set needs an image of each class "
        "that has a column, such as c"
    )


@pytest.mark.parametrize("names", [list("abcdefgh"), [f"p_{label}" for label in range(8)]])
@pytest.mark.parametrize(("n_digits", "kind"), [(1, np.float64), (2, np.float64), (2, np.float32), (3, np.float64)])
def test_rounded_probabilities(names: list[str], n_digits: int, kind: Any) -> None:  # noqa: ANN401 - a type
    """The remedy is more digits, not an image or logits."""
    rows = np.random.default_rng(0).dirichlet(np.ones(8), 300).round(n_digits).astype(kind)
    labels = [names[row % 8] if names[0] == "a" else str(row % 8) for row in range(300)]
    table = make_table(true=labels, **{name: rows[:, index] for index, name in enumerate(names)})
    with pytest.raises(PredictionsError) as caught:
        assemble_predictions(table)
    noun = "digit" if n_digits == 1 else "digits"
    assert str(caught.value).endswith(f"; they seem to be rounded to {n_digits} {noun}; write more of them")


@pytest.mark.parametrize("value", [-0.01, 1.2])
def test_one_value_that_is_no_probability(value: float) -> None:
    """If the others are fractions, it is an error of that row, not a logit."""
    rows = np.tile([0.25, 0.75], (5, 1))
    rows[3, 0] = value
    with pytest.raises(PredictionsError) as caught:
        assemble_predictions(make_table(y_true=[0, 1, 0, 1, 0], probabilities=rows))
    assert str(caught.value) == (
        f"table, row 3, column probabilities[0]: {value} is not between 0 and 1, in 1 of 5 rows; correct it, or leave "
        "out its image"
    )


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (np.array(ROWS) * 8 - 4, "the row has values from -2 to 2 and sums to 0: these look like logits; add --logits"),
        (
            np.array(ROWS) * 8,
            "6 is above 1, and the row does not sum to 1 but to 8; write probabilities; if these are logits, add",
        ),
        (np.array(ROWS) * 100, "75 is a percentage: each row sums to 100; divide by 100"),
        (np.log(ROWS), "-0.2877 is the logarithm of a probability; apply exp, or add --logits"),
    ],
)
def test_values_that_are_no_probabilities(rows: Any, words: str) -> None:  # noqa: ANN401 - any array
    """What they look like is said."""
    assert error_of(rows).startswith(f"table, row 0, column probabilities[0]: {words}")


def test_logarithms_of_probabilities_are_logits() -> None:
    """Softmax gives the probabilities back."""
    table = make_table(y_true=[0, 1, 1], probabilities=np.log(ROWS))
    probabilities = assemble_predictions(table, logits=True).predictions.probabilities
    assert probabilities is not None
    assert probabilities == pytest.approx(np.array(ROWS))


def test_probabilities_are_no_logits() -> None:
    """Softmax would make them almost equal."""
    assert error_of(ROWS, logits=True).endswith("each row sums to 1; leave out --logits")


def test_arrays_that_are_called_logits() -> None:
    """Their name counts even if the values could be probabilities."""
    assert "these look like logits; add --logits" in error_of(ROWS, name="logits")

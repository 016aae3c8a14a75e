from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from first_screen_reading import words
from numpy.typing import NDArray
from support import make_run

from job.evaluation.evaluate import Evaluation, evaluate
from job.evaluation.intervals import Interval, wilson_interval
from job.evaluation.predictions import Predictions
from job.report.first_screen import error_findings
from job.report.first_screen.statements import ClassName, Level

TEN = np.arange(1000, dtype=np.int16) % 10


def evaluate_labels(y_true: NDArray[np.int16], y_pred: NDArray[np.int16], n_classes: int = 10) -> Evaluation:
    """The evaluation of these predictions; the second most probable class is the first other one."""
    probabilities = np.full((len(y_true), n_classes), 0.001, np.float32)
    probabilities[np.arange(len(y_true)), y_pred] = 1 - 0.001 * (n_classes - 1)
    return evaluate(Predictions(y_true, probabilities), [f"c{label}" for label in range(n_classes)], 0)


def confuse(y_true: NDArray[np.int16], errors: dict[tuple[int, int], int]) -> NDArray[np.int16]:
    """Predictions with this number of errors of each kind, by true and predicted class."""
    y_pred = y_true.copy()
    for (true, predicted), n in errors.items():
        y_pred[np.flatnonzero((y_true == true) & (y_pred == true))[:n]] = predicted
    return y_pred


def test_a_model_that_predicts_one_class() -> None:
    """That is all there is to say about its predictions."""
    evaluation = evaluate_labels(TEN, np.full_like(TEN, 8))
    finding = error_findings.find_single_class(evaluation)
    assert words(finding) == "The model predicts c8 for each of the 1,000 test images."
    assert finding is not None
    assert finding.level is Level.USELESS
    assert error_findings.find_unpredicted(evaluation) is None
    assert error_findings.find_no_skill(evaluation) is None


@pytest.mark.parametrize(
    ("n_predicted", "expected"),
    [
        (9, "The model never predicts c9 (100 of the 1,000 test images)."),
        (5, "The model never predicts c5, c6, c7, c8 and c9 (500 of the 1,000 test images)."),
        (4, "The model never predicts 6 of the 10 classes (600 of the 1,000 test images)."),
    ],
)
def test_a_model_that_never_predicts_some_classes(n_predicted: int, expected: str) -> None:
    """At most five of them are named."""
    finding = error_findings.find_unpredicted(evaluate_labels(TEN, TEN % n_predicted))
    assert words(finding) == expected
    assert finding is not None
    assert finding.level is Level.FAULT


@pytest.mark.parametrize(("n", "level"), [(50, Level.INSIGHT), (60, Level.FAULT)])
def test_few_images_of_a_class_may_be_missed_by_chance(n: int, level: Level) -> None:
    """5 images of each of ten classes: exp(-5) times 10 is 7 %; 6 images: 2 %."""
    y_true = TEN[:n]
    finding = error_findings.find_unpredicted(evaluate_labels(y_true, np.where(y_true == 9, 0, y_true)))
    assert finding is not None
    assert finding.level is level


@pytest.mark.parametrize("n_correct", [56, 68, 69, 100])
def test_an_accuracy_that_guessing_reaches(n_correct: int) -> None:
    """60 of 100 images belong to one class. 60 % lies in the interval of 69 % (59.4 %), but not in that of 70 %."""
    y_true = np.repeat(np.array([1, 0], np.int16), [60, 40])
    y_pred = np.where(np.arange(100) < n_correct, y_true, 1 - y_true).astype(np.int16)
    finding = error_findings.find_no_skill(evaluate_labels(y_true, y_pred, 2))
    if wilson_interval(n_correct, 100).lower > 0.6:
        assert finding is None
    else:
        expected = "The accuracy is not significantly higher than that of always predicting c1 (60.0%, n = 100)."
        assert words(finding) == expected


def test_few_wrong_predictions_are_not_below_chance() -> None:
    """None of three is right, which chance explains; the link leads to the confusion matrix."""
    finding = error_findings.find_no_skill(evaluate_labels(TEN[:3], TEN[1:4], 4))
    assert words(finding) == "None of the 3 test images is classified correctly."
    assert finding is not None
    assert finding.anchor == "confusion"


@pytest.mark.parametrize(("n_correct", "shown"), [(0, "none"), (40, "40"), (76, "76"), (90, None), (120, None)])
def test_an_accuracy_below_chance(n_correct: int, shown: str | None) -> None:
    """The others are one of the next two classes. 10 % lies in the interval of 9.0 %, but not in that of 7.6 %."""
    shift = 1 + np.arange(1000) // 10 % 2
    y_pred = np.where(np.arange(1000) < n_correct, TEN, (TEN + shift) % 10).astype(np.int16)
    evaluation = evaluate_labels(TEN, y_pred)
    assert (wilson_interval(n_correct, 1000).upper < 0.1) == (shown is not None)
    finding = error_findings.find_below_chance(evaluation)
    assert (finding is not None) == (shown is not None)
    if finding is not None:
        assert words(finding) == (
            f"The model is right on {shown} of the 1,000 test images, significantly less often than by chance (10.0%): "
            "the labels may be mixed up."
        )
        assert (finding.level, finding.anchor) == (Level.USELESS, "confusion")
        assert error_findings.find_no_skill(evaluation) is None


@pytest.mark.parametrize(
    ("order", "text"),
    [
        ([0, 1, 2, 3], None),
        ([1, 1, 2, 3], None),
        ([0, 2, 1, 3], "c1 are predicted as c2, and most of c2 as c1"),
        ([0, 2, 3, 1], "c1 are predicted as c2, most of c2 as c3, and so on for 3 classes"),
        ([3, 1, 0, 2], "c0 are predicted as c3, most of c3 as c2, and so on for 3 classes"),
    ],
)
def test_swapped_classes(order: list[int], text: str | None) -> None:
    """A class that is merely predicted as another one is not swapped."""
    y_true = (np.arange(400) % 4).astype(np.int16)
    finding = error_findings.find_swapped_classes(evaluate_labels(y_true, np.array(order, np.int16)[y_true], 4))
    if text is None:
        assert finding is None
    else:
        assert words(finding) == f"Most images of {text}: their labels may be swapped."
        assert finding is not None
        assert (finding.level, finding.anchor) == (Level.FAULT, "confusion")
        assert finding.share == (0.5 if "and most" in text else 0.75)


def test_a_rare_class_that_is_always_predicted_is_chance() -> None:
    """The predictions in any other order would be right as often, although 5 % is less than a third."""
    y_true = np.repeat(np.array([0, 1, 2], np.int16), [950, 1000, 50])
    evaluation = evaluate_labels(y_true, np.full_like(y_true, 2), 3)
    assert evaluation.accuracy == 0.025
    assert error_findings.find_below_chance(evaluation) is None


def test_all_right() -> None:
    """With the interval, which says how much that means; there are no errors to speak of."""
    evaluation = evaluate_labels(TEN[:20], TEN[:20])
    lower = wilson_interval(20, 20).lower
    assert words(error_findings.find_perfection(evaluation)) == (
        "All 20 test images are classified correctly (95% confidence interval of the accuracy "
        f"{100 * lower:.1f}\N{EN DASH}100.0%)."
    )
    for find in (error_findings.find_group, error_findings.find_involved_class, error_findings.find_near_misses):
        assert find(evaluation) is None
    assert error_findings.find_perfection(evaluate_labels(TEN, confuse(TEN, {(0, 1): 1}))) is None


def test_the_group_of_confused_classes() -> None:
    """Its share of the errors, its classes, and their links."""
    errors = {(2, 4): 40, (4, 6): 25, (6, 2): 15, (0, 9): 20}
    finding = error_findings.find_group(evaluate_labels(TEN, confuse(TEN, errors)))
    assert words(finding) == "80 of the 100 errors (80.0%) are among c4, c2 and c6."
    assert finding is not None
    assert [part for part in finding.text if isinstance(part, ClassName)] == ["c4", "c2", "c6"]
    assert (finding.share, finding.anchor) == (0.08, "confusion")
    pair = error_findings.find_group(evaluate_labels(TEN, confuse(TEN, {(2, 4): 40})))
    assert words(pair) == "All 40 errors are between c2 and c4."


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        (
            {(6, 0): 25, (2, 6): 25, (1, 2): 20, (3, 4): 30},
            "Class “c6” is involved in 50 of the 100 errors (50.0%).",
        ),
        (
            {(6, 0): 25, (2, 6): 20, (1, 2): 30, (3, 4): 25},
            "Class “c2” is involved in 50 of the 100 errors (50.0%).",
        ),
        (
            {(0, 6): 35, (5, 0): 25, (1, 2): 20, (3, 4): 20},
            "Class “c0” is involved in 60 of the 100 errors (60.0%).",
        ),
        ({(6, 0): 40, (6, 2): 30}, "Class “c6” is involved in all 70 errors."),
        ({(6, 0): 1, (2, 6): 1, (1, 2): 1, (3, 4): 1}, None),  # few errors show nothing
        ({(6, 0): 1, (2, 6): 1}, None),  # as one of ten classes would in 40 % of the cases
        (dict.fromkeys(permutations(range(10), 2), 2), None),  # spread evenly
        ({(6, 0): 90}, None),  # both equally
        ({}, None),
    ],
)
def test_a_class_that_takes_part_in_many_errors(errors: dict[tuple[int, int], int], expected: str | None) -> None:
    """With counts and a percentage; nothing if the class is no exception."""
    finding = error_findings.find_involved_class(evaluate_labels(TEN, confuse(TEN, errors)))
    assert finding is None if expected is None else words(finding) == expected


def test_each_of_two_classes_takes_part_in_every_error() -> None:
    """So neither stands out."""
    y_true = np.arange(100, dtype=np.int16) % 2
    assert error_findings.find_involved_class(evaluate_labels(y_true, confuse(y_true, {(0, 1): 30}), 2)) is None


@pytest.mark.parametrize(("n_second", "is_shown"), [(120, True), (90, False)])
def test_near_misses(n_second: int, is_shown: bool) -> None:  # noqa: FBT001 - a parameter of pytest
    """The true class is the second most probable one in most of the 200 errors."""
    evaluation = evaluate_labels(TEN, confuse(TEN, {(label, (label + 1) % 10): 20 for label in range(10)}))
    hits = evaluation.n_correct + n_second
    evaluation = replace(evaluation, top_2_accuracy=hits / 1000, top_2_accuracy_interval=Interval(0.9, 0.94))
    finding = error_findings.find_near_misses(evaluation)
    assert (finding is not None) == is_shown
    if is_shown:
        assert words(finding) == (
            "The true class is among the two most probable ones in 92.0% (90.0\N{EN DASH}94.0%) of the 1,000 test "
            "images."
        )
        assert finding is not None
        assert finding.anchor == "metrics"


def test_two_classes_have_no_near_misses() -> None:
    """The true class is always among both."""
    assert error_findings.find_near_misses(make_run(n_classes=2).evaluation) is None


def test_the_second_of_three_classes_is_right_half_of_the_time_by_chance() -> None:
    """55 of 100 errors are not significantly more than half; 70 are."""
    y_true = np.arange(300, dtype=np.int16) % 3
    evaluation = evaluate_labels(y_true, confuse(y_true, {(0, 1): 50, (1, 2): 50}), 3)
    for n_second, is_shown in ((55, False), (70, True)):
        changed = replace(
            evaluation, top_2_accuracy=(200 + n_second) / 300, top_2_accuracy_interval=Interval(0.8, 0.95)
        )
        assert (error_findings.find_near_misses(changed) is not None) == is_shown

import operator
import re

import independent
import msgspec
import numpy as np
import pytest
from support import calibration_of, make_predictions

from job.evaluation.evaluate import Evaluation, evaluate
from job.evaluation.intervals import Interval, f1_interval, wilson_interval
from job.evaluation.predictions import Predictions

NAMES = ("a", "b", "c")


def make_tied_predictions(n: int, n_classes: int) -> Predictions:
    """Predictions with equal confidences, certain mistakes and classes that nobody predicts."""
    random = np.random.default_rng(n)
    probabilities = np.round(random.dirichlet([0.2] * n_classes, n), 2).astype(np.float32)
    y_pred, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    y_true = np.where(random.random(n) < confidence, y_pred, random.integers(0, n_classes, n))
    return Predictions(y_true, probabilities)


def predict_labels(y_true: list[int], y_pred: list[int], n_classes: int = 3) -> Predictions:
    """Predictions of these classes with certainty."""
    return Predictions(np.array(y_true), np.eye(n_classes, dtype=np.float32)[y_pred])


def assert_equals_independent(predictions: Predictions, n_classes: int) -> None:
    """All metrics equal the independent ones; left over is what is random, or checked by a test of its own."""
    evaluation = evaluate(predictions, [""] * n_classes, seed=0)
    ours = dict(independent.flatten(msgspec.to_builtins(evaluation)))
    expected = dict(independent.flatten(independent.evaluate(predictions, n_classes)))
    mean_error = expected.pop("calibration.ece_if_calibrated")
    assert ours.pop("calibration.ece_if_calibrated") == pytest.approx(mean_error, rel=1e-4)  # of many, groups are alike
    known = {place: value for place, value in expected.items() if value is not None}
    assert {place: ours[place] for place in known} == pytest.approx(known, rel=1e-9, abs=1e-12)
    assert [ours[place] for place in expected.keys() - known.keys()] == [None] * (len(expected) - len(known))
    left = {place for place in ours.keys() - expected.keys() if not place.endswith(".name")}
    averages = {f"{kind}.{name}_interval" for kind in ("macro", "weighted") for name in ("precision", "recall", "f1")}
    intervals = {f"{name}_interval" for name in ("loss", "brier", "mcc", "roc_auc", "average_precision")}
    places = {re.sub(r"\[.*|\.(lower|upper)$", "", place) for place in left}
    assert places - {"samples.right", "samples.wrong"} == {
        *("seed", "calibration.ece_if_calibrated_95"),
        *(averages | intervals) - {"weighted.recall_interval"},
    }


@pytest.mark.parametrize(("n_classes", "seed"), [(2, 0), (3, 1), (4, 2), (5, 3), (7, 4), (10, 5), (11, 6), (12, 7)])
def test_every_metric_equals_an_independent_computation(n_classes: int, seed: int) -> None:
    """Plain Python loops give the same metrics for realistic predictions."""
    assert_equals_independent(make_predictions(600, n_classes, seed), n_classes)


@pytest.mark.parametrize("n_classes", [2, 10, 30])
@pytest.mark.parametrize("n", [1, 43, 3001])
def test_every_metric_of_tied_predictions_equals_an_independent_computation(n: int, n_classes: int) -> None:
    """Ties, certain mistakes, few images, more than 100 cells and unpredicted classes make no difference."""
    assert_equals_independent(make_tied_predictions(n, n_classes), n_classes)


def test_a_case_worked_by_hand() -> None:
    """Five images of three classes: one image of class a is predicted as b, and one of class c as a."""
    probabilities = np.array(
        [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1], [0.0, 0.1, 0.9], [0.5, 0.25, 0.25]], np.float32
    )
    evaluation = evaluate(Predictions(np.array([0, 0, 1, 2, 2]), probabilities), NAMES, seed=0)
    assert (evaluation.n_test, evaluation.n_correct, evaluation.accuracy) == (5, 3, 0.6)
    assert evaluation.confusion_matrix == evaluation.matrix.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 1]]
    assert evaluation.class_names == [row.name for row in evaluation.per_class] == ["a", "b", "c"]
    assert [row.precision for row in evaluation.per_class] == [1 / 2, 1 / 2, 1]
    assert [row.recall for row in evaluation.per_class] == [1 / 2, 1, 1 / 2]
    assert [row.f1 for row in evaluation.per_class] == pytest.approx([1 / 2, 2 / 3, 2 / 3])
    assert [row.support for row in evaluation.per_class] == [2, 1, 2]
    assert evaluation.macro.precision == pytest.approx((1 / 2 + 1 / 2 + 1) / 3)
    assert evaluation.macro.recall == pytest.approx((1 / 2 + 1 + 1 / 2) / 3)
    assert evaluation.macro.f1 == pytest.approx((1 / 2 + 2 / 3 + 2 / 3) / 3)
    assert evaluation.weighted.precision == pytest.approx((2 * 1 / 2 + 1 * 1 / 2 + 2 * 1) / 5)
    assert evaluation.weighted.recall == evaluation.accuracy
    assert evaluation.weighted.f1 == pytest.approx((2 * 1 / 2 + 1 * 2 / 3 + 2 * 2 / 3) / 5)
    assert evaluation.loss == pytest.approx(-np.log([0.8, 0.2, 0.8, 0.9, 0.25]).sum() / 5)
    assert (evaluation.samples.right, evaluation.samples.wrong) == ([0, 2, 3], [1, 4])


def test_fractions_have_the_intervals_of_their_counts() -> None:
    """Four images: one of class a is predicted as b, and none is predicted as c."""
    probabilities = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1], [0.5, 0.25, 0.25]], np.float32)
    evaluation = evaluate(Predictions(np.array([0, 0, 1, 2]), probabilities), NAMES, seed=0)
    assert evaluation.accuracy_interval == evaluation.weighted.recall_interval == wilson_interval(2, 4)
    first, second, third = evaluation.per_class
    assert (first.precision_interval, first.recall_interval) == (wilson_interval(1, 2), wilson_interval(1, 2))
    assert (second.precision_interval, second.recall_interval) == (wilson_interval(1, 2), wilson_interval(1, 1))
    assert (third.precision_interval, third.recall_interval) == (Interval(0, 1), wilson_interval(0, 1))
    assert [row.f1_interval for row in evaluation.per_class] == [f1_interval(*n) for n in ((1, 3), (1, 2), (0, 1))]
    assert [(row.n, row.accuracy) for row in calibration_of(evaluation).bins] == [(1, 0), (1, 0), (2, 1)]


def test_the_example_of_classification_report() -> None:
    """scikit-learn's documentation prints these numbers for `classification_report`."""
    evaluation = evaluate(predict_labels([0, 1, 2, 2, 2], [0, 0, 2, 2, 1]), NAMES, seed=0)
    table = [(row.precision, row.recall, row.f1, row.support) for row in evaluation.per_class]
    assert np.round(table, 2).tolist() == [[0.5, 1, 0.67, 1], [0, 0, 0, 1], [1, 0.67, 0.8, 3]]
    assert evaluation.accuracy == 0.6
    for averages, expected in ((evaluation.macro, [0.5, 0.56, 0.49]), (evaluation.weighted, [0.7, 0.6, 0.61])):
        assert np.round([averages.precision, averages.recall, averages.f1], 2).tolist() == expected


def test_the_example_of_confusion_matrix() -> None:
    """scikit-learn's documentation prints this matrix for `confusion_matrix`."""
    evaluation = evaluate(predict_labels([2, 0, 2, 2, 0, 1], [0, 0, 2, 2, 0, 2]), NAMES, seed=0)
    assert evaluation.confusion_matrix == [[2, 0, 0], [0, 0, 1], [1, 0, 2]]


def test_the_example_of_log_loss() -> None:
    """scikit-learn's documentation prints 0.21616 for these probabilities of ham and spam."""
    probabilities = np.array([[0.1, 0.9], [0.9, 0.1], [0.8, 0.2], [0.35, 0.65]], np.float32)
    evaluation = evaluate(Predictions(np.array([1, 0, 0, 1]), probabilities), ("ham", "spam"), seed=0)
    assert evaluation.loss == pytest.approx(0.21616, abs=5e-6)


def evaluate_realistic(seed: int = 0) -> tuple[Predictions, Evaluation]:
    """Predictions as accurate as they are confident, and their evaluation."""
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet([0.5] * 3, 2000).astype(np.float32)
    y_true = np.array([random.choice(3, p=row / row.sum()) for row in probabilities.astype(np.float64)])
    predictions = Predictions(y_true, probabilities)
    return predictions, evaluate(predictions, NAMES, seed=0)


def test_every_interval_contains_its_metric() -> None:
    """None is missing, with many images of each class."""
    _, evaluation = evaluate_realistic()
    rows = (evaluation, evaluation.macro, evaluation.weighted, *evaluation.per_class, *calibration_of(evaluation).bins)
    for row in (*rows, calibration_of(evaluation)):
        for name, interval in vars(row).items():
            if name.endswith("_interval") and not name.startswith("top_3"):  # of three classes
                assert interval.lower < getattr(row, name.removesuffix("_interval")) < interval.upper


def test_intervals_agree_with_images_resampled_one_by_one() -> None:
    """200 evaluations of resampled images give each interval to a quarter of its width."""
    predictions, evaluation = evaluate_realistic()
    random = np.random.default_rng(1)
    names = (
        *(f"{kind}.{name}" for kind in ("macro", "weighted") for name in ("precision", "recall", "f1")),
        *("loss", "brier", "mcc", "roc_auc", "average_precision", "top_2_accuracy", "calibration.overconfidence"),
    )

    def resample() -> list[float]:
        indices = random.integers(0, 2000, 2000)
        resampled = Predictions(predictions.y_true[indices], predictions.probabilities[indices])
        found = evaluate(resampled, NAMES, 0)
        return [operator.attrgetter(name)(found) for name in names]

    bounds = np.quantile([resample() for _ in range(200)], [0.025, 0.975], axis=0).T
    for name, expected in zip(names, bounds.tolist(), strict=True):
        interval = operator.attrgetter(f"{name}_interval")(evaluation)
        width = interval.upper - interval.lower
        assert [interval.lower, interval.upper] == pytest.approx(expected, abs=0.25 * width), name


def test_only_the_samples_depend_on_the_seed() -> None:
    """Another seed draws other images; every metric and interval comes from a formula."""
    predictions = make_predictions()
    first, second = (
        dict(independent.flatten(msgspec.to_builtins(evaluate(predictions, [""] * 10, seed)))) for seed in (0, 1)
    )
    changed = {place.split("[")[0] for place in first if first[place] != second[place]}
    assert changed == {"seed", "samples.right", "samples.wrong"}


@pytest.mark.parametrize(("shift", "accuracy"), [(0, 1), (1, 0)])
@pytest.mark.parametrize("n_each", [1, 100])
def test_all_right_and_all_wrong(shift: int, n_each: int, accuracy: float) -> None:
    """Fractions have an interval up to 0 or 1 exactly; other metrics have none, rather than one without a width."""
    y_true = list(range(4)) * n_each
    evaluation = evaluate(predict_labels(y_true, [(label + shift) % 4 for label in y_true], 4), ("",) * 4, seed=0)
    assert evaluation.accuracy == evaluation.macro.f1 == evaluation.weighted.precision == accuracy
    edge = {1: "upper", 0: "lower"}[int(accuracy)]
    for row in evaluation.per_class:
        for interval in (row.precision_interval, row.recall_interval, row.f1_interval, evaluation.accuracy_interval):
            assert getattr(interval, edge) == accuracy
            assert 0 < interval.upper - interval.lower < 1
    assert evaluation.loss == pytest.approx(0 if accuracy else 36.04, abs=0.01)
    assert evaluation.brier == 2 * (1 - accuracy)
    assert calibration_of(evaluation).ece == calibration_of(evaluation).ece_debiased == 1 - accuracy
    overconfidence = calibration_of(evaluation).overconfidence_interval
    assert overconfidence.lower <= 1 - accuracy <= overconfidence.upper
    assert overconfidence.upper - overconfidence.lower > 0.009
    assert {type(average) for average in vars(evaluation.macro).values()} == {float, type(None)}
    assert evaluation.loss_interval is evaluation.brier_interval is evaluation.macro.recall_interval is None
    assert evaluation.roc_auc == pytest.approx(1 if accuracy else 1 / 3)  # two of three others also have the score 0
    assert not accuracy or evaluation.roc_auc_interval is evaluation.mcc_interval is None


def test_a_model_that_predicts_one_class() -> None:
    """Its balanced accuracy is certain only on these images, so it has no interval; the correlation is 0."""
    evaluation = evaluate(predict_labels([0, 1, 2] * 100, [1] * 300), NAMES, seed=0)
    assert evaluation.macro.recall == pytest.approx(1 / 3)
    assert (evaluation.mcc, evaluation.mcc_interval, evaluation.roc_auc) == (0, None, 0.5)
    averages = (evaluation.macro, evaluation.weighted)
    assert [each.f1_interval or each.precision_interval for each in averages] == [None, None]
    assert evaluation.macro.recall_interval is None
    assert evaluation.weighted.recall_interval == evaluation.accuracy_interval


def test_a_class_without_test_images() -> None:
    """Nothing can be separated from it, so neither it nor the mean has a ROC AUC."""
    evaluation = evaluate(predict_labels([0, 1] * 20, [0, 1] * 19 + [1, 2]), NAMES, seed=0)
    assert [row.roc_auc is None for row in evaluation.per_class] == [False, False, True]
    assert [row.average_precision is None for row in evaluation.per_class] == [False, False, True]
    assert evaluation.roc_auc is evaluation.average_precision is None
    assert evaluation.macro.recall_interval is None


def test_two_classes_have_no_second_and_third_guess() -> None:
    """The true class is always among two; of three classes, it is always among three."""
    assert evaluate(make_predictions(30, 2), ["", ""], 0).top_2_accuracy is None
    three = evaluate(make_predictions(30, 3), [""] * 3, 0)
    assert three.top_2_accuracy is not None
    assert three.top_3_accuracy is None
    assert three.top_3_accuracy_interval is None


def test_the_second_guess_worked_by_hand() -> None:
    """The true classes are first, second, third and second, of equals the later; ties go to the first class."""
    probabilities = np.array([[0.5, 0.3, 0.2, 0], [0.6, 0.3, 0.1, 0], [0.5, 0.3, 0.2, 0], [0.4, 0.3, 0.3, 0]])
    predictions = Predictions(np.array([0, 1, 2, 2]), probabilities.astype(np.float32))
    evaluation = evaluate(predictions, [""] * 4, 0)
    assert (evaluation.accuracy, evaluation.top_2_accuracy, evaluation.top_3_accuracy) == (0.25, 0.5, 1)
    brier = [0.25 + 0.09 + 0.04, 0.36 + 0.49 + 0.01, 0.25 + 0.09 + 0.64, 0.16 + 0.09 + 0.49]
    assert evaluation.brier == pytest.approx(sum(brier) / 4)

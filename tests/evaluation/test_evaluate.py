import independent
import msgspec
import numpy as np
import pytest
from support import make_predictions

from job.evaluation import bootstrap
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
    """All metrics equal the independent ones; only what is resampled or drawn at random is left over."""
    evaluation = evaluate(predictions, [""] * n_classes, seed=0)
    ours = dict(independent.flatten(msgspec.to_builtins(evaluation)))
    expected = dict(independent.flatten(independent.evaluate(predictions, n_classes)))
    assert {place: ours.get(place) for place in expected} == pytest.approx(expected, rel=1e-9, abs=1e-12)
    left = {place for place in ours.keys() - expected.keys() if not place.endswith(".name")}
    resampled = {
        f"{name}.{side}"
        for name in (
            "loss_interval",
            "calibration.ece_interval",
            *(f"macro.{metric}_interval" for metric in ("precision", "recall", "f1")),
            *(f"weighted.{metric}_interval" for metric in ("precision", "f1")),
        )
        for side in ("lower", "upper")
    }
    assert {place.split("[")[0] for place in left} - {"samples.right", "samples.wrong"} == {
        "n_resamples",
        "seed",
        *resampled,
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
    assert [(row.n, row.accuracy) for row in evaluation.calibration.bins] == [(1, 0), (1, 0), (2, 1)]
    assert evaluation.n_resamples == 1000


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
    """The interval of the calibration error is an exception: it can be below an error that is due to chance."""
    _, evaluation = evaluate_realistic()
    rows = (evaluation, evaluation.macro, evaluation.weighted, *evaluation.per_class, *evaluation.calibration.bins)
    for row in rows:
        for name, interval in vars(row).items():
            if name.endswith("_interval"):
                assert interval.lower < getattr(row, name.removesuffix("_interval")) < interval.upper
    assert evaluation.calibration.ece_interval.lower < evaluation.calibration.ece_interval.upper


def test_resampled_intervals_agree_with_images_resampled_one_by_one() -> None:
    """400 evaluations of resampled images give each interval to a fifth of its width."""
    predictions, evaluation = evaluate_realistic()
    random = np.random.default_rng(1)

    def resample() -> dict[str, float]:
        indices = random.integers(0, 2000, 2000)
        matrix = np.zeros((3, 3))
        np.add.at(matrix, (predictions.y_true[indices], predictions.y_pred[indices]), 1)
        precision, recall = np.diag(matrix) / matrix.sum(axis=0), np.diag(matrix) / matrix.sum(axis=1)
        per_class = np.stack([precision, recall, 2 / (1 / precision + 1 / recall)])
        names = ("precision", "recall", "f1")
        macro = dict(zip((f"macro.{name}" for name in names), per_class.mean(axis=1), strict=True))
        averages = np.average(per_class, axis=1, weights=matrix.sum(axis=1))
        weighted = dict(zip((f"weighted.{name}" for name in names), averages, strict=True))
        return macro | weighted | {"loss": -np.log(predictions.p_true[indices].astype(float)).mean()}

    resamples = [resample() for _ in range(400)]
    metrics = dict(independent.flatten(msgspec.to_builtins(evaluation)))
    for name in resamples[0]:
        lower, upper = metrics[f"{name}_interval.lower"], metrics[f"{name}_interval.upper"]
        expected = np.quantile([resample[name] for resample in resamples], [0.025, 0.975])
        assert [lower, upper] == pytest.approx(expected, abs=0.2 * (upper - lower)), name


def test_the_intervals_depend_on_the_seed_only_if_they_are_resampled() -> None:
    """Another seed changes the intervals of the loss and the averages, and the random samples; nothing else."""
    predictions = make_predictions()
    first, second = (
        dict(independent.flatten(msgspec.to_builtins(evaluate(predictions, [""] * 10, seed)))) for seed in (0, 1)
    )
    assert evaluate(predictions, [""] * 10, 0) == evaluate(predictions, [""] * 10, 0)
    changed = {
        place.split("[")[0].rsplit(".lower")[0].rsplit(".upper")[0] for place in first if first[place] != second[place]
    }
    assert changed == {
        "seed",
        "samples.right",
        "samples.wrong",
        "loss_interval",
        "calibration.ece_interval",
        "macro.precision_interval",
        "macro.recall_interval",
        "macro.f1_interval",
        "weighted.precision_interval",
        "weighted.f1_interval",
    }


def test_the_evaluation_says_how_often_it_resampled(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than 100,000 images are resampled less often, here more than 99."""
    monkeypatch.setattr(bootstrap, "LARGE_N", 99)
    assert evaluate(make_predictions(), [""] * 10, 0).n_resamples == 200
    assert evaluate(make_predictions(99), [""] * 10, 0).n_resamples == 1000


@pytest.mark.parametrize(("y_pred", "accuracy"), [([0, 1, 2], 1), ([1, 2, 0], 0)])
def test_all_right_and_all_wrong(y_pred: list[int], accuracy: float) -> None:
    """The bounds of every fraction are finite, and those that no image contradicts are 0 or 1 exactly."""
    evaluation = evaluate(predict_labels([0, 1, 2], y_pred), NAMES, seed=0)
    assert evaluation.accuracy == evaluation.macro.f1 == evaluation.weighted.precision == accuracy
    assert evaluation.macro.f1_interval == Interval(accuracy, accuracy)
    edge = {1: "upper", 0: "lower"}[int(accuracy)]
    for row in evaluation.per_class:
        for interval in (row.precision_interval, row.recall_interval, row.f1_interval, evaluation.accuracy_interval):
            assert getattr(interval, edge) == accuracy
            assert 0.1 < interval.upper - interval.lower < 1
    assert evaluation.loss == pytest.approx(0 if accuracy else 36.04, abs=0.01)
    assert evaluation.calibration.ece == 1 - accuracy

import numpy as np
import pytest
from numpy.typing import NDArray
from support import calibration_of, make_predictions

from job.evaluation.evaluate import evaluate
from job.evaluation.intervals import mean_interval
from job.evaluation.predictions import Predictions
from job.evaluation.temperature_scaling import measure_temperature_scaling, undo_temperature


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float32]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    normalised: NDArray[np.float32] = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return normalised


@pytest.mark.parametrize("temperature", [0.2, 0.7, 1.0, 1.5, 20.0])
@pytest.mark.parametrize("n_classes", [2, 10, 100])
def test_undoes_the_temperature(temperature: float, n_classes: int) -> None:
    """The calibrated probabilities give those of the logits back, up to the rounding of float32."""
    logits = np.random.default_rng(0).normal(0, 3, (500, n_classes))
    calibrated = softmax(logits / temperature)
    given = undo_temperature(calibrated, temperature)
    assert given.dtype == np.float32
    np.testing.assert_allclose(given, softmax(logits), atol=1e-5)
    most_probable = calibrated.argmax(axis=1)[:, np.newaxis]
    assert (np.take_along_axis(given, most_probable, axis=1)[:, 0] == given.max(axis=1)).all()


def test_a_probability_that_became_0() -> None:
    """It was below 3e-8, so that no other probability changes notably."""
    logits = np.array([[0.0, -17.5, -40.0]])
    calibrated = softmax(logits / 0.2)
    assert calibrated[0, 2] == 0
    given = undo_temperature(calibrated, 0.2)
    np.testing.assert_allclose(given, softmax(logits), atol=3e-8)
    assert np.isfinite(given).all()


def test_scores_worked_by_hand() -> None:
    """T = 2 turned (0.8, 0.2) into (2/3, 1/3); two of three images are right."""
    calibrated = np.array([[2 / 3, 1 / 3]] * 3, np.float32)
    scaling = measure_temperature_scaling(Predictions(np.array([0, 0, 1]), calibrated), 2.0)
    assert scaling.overconfidence.reference == pytest.approx(0.8 - 2 / 3, abs=1e-6)
    assert scaling.overconfidence.current == pytest.approx(0, abs=1e-6)
    assert scaling.before.ece == pytest.approx(0.8 - 2 / 3, abs=1e-6)
    assert scaling.after.ece == pytest.approx(0, abs=1e-6)
    assert scaling.loss.reference == pytest.approx(-(2 * np.log(0.8) + np.log(0.2)) / 3, rel=1e-6)
    assert scaling.loss.current == pytest.approx(-(2 * np.log(2 / 3) + np.log(1 / 3)) / 3, rel=1e-6)
    assert scaling.loss.difference == pytest.approx(scaling.loss.current - scaling.loss.reference)
    assert scaling.brier.reference == pytest.approx((2 * (0.2**2 + 0.2**2) + (0.8**2 + 0.8**2)) / 3, rel=1e-6)


def test_the_values_are_those_of_the_evaluation() -> None:
    """After: the metrics of the run. Before: those of the probabilities without the temperature."""
    without = make_predictions(500)
    calibrated = Predictions(without.y_true, softmax(np.log(without.probabilities.astype(np.float64)) / 1.7))
    scaling = measure_temperature_scaling(calibrated, 1.7)
    rows = ((without, scaling.before, "reference"), (calibrated, scaling.after, "current"))
    for predictions, errors, side in rows:
        evaluation = evaluate(predictions, [f"class {label}" for label in range(10)], seed=0)
        assert getattr(scaling.loss, side) == pytest.approx(evaluation.loss, rel=1e-5)
        assert getattr(scaling.brier, side) == pytest.approx(evaluation.brier, rel=1e-5)
        assert getattr(scaling.overconfidence, side) == pytest.approx(
            calibration_of(evaluation).overconfidence, abs=1e-6
        )
        assert errors.ece == pytest.approx(calibration_of(evaluation).ece, abs=1e-5)
        assert errors.ece_debiased == pytest.approx(calibration_of(evaluation).ece_debiased, abs=1e-4)


def test_the_intervals_are_paired() -> None:
    """They are those of the differences image by image."""
    without = make_predictions(500)
    calibrated = Predictions(without.y_true, softmax(np.log(without.probabilities.astype(np.float64)) / 1.7))
    loss = measure_temperature_scaling(calibrated, 1.7).loss
    expected = mean_interval(calibrated.losses - without.losses)
    assert loss.interval is not None
    assert expected is not None
    assert (loss.interval.lower, loss.interval.upper) == pytest.approx((expected.lower, expected.upper), abs=1e-5)

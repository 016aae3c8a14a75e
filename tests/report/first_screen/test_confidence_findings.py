from dataclasses import replace

import pytest
from first_screen_reading import words
from support import calibration_of, make_run

from job.evaluation.calibration import Coverage, HighConfidence
from job.evaluation.evaluate import Evaluation
from job.evaluation.intervals import Interval
from job.report.first_screen.confidence_findings import find_abstention, find_confident_errors


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    return make_run(n=1000).evaluation


OVER, UNDER, NEITHER = Interval(0.01, 0.02), Interval(-0.02, -0.01), Interval(-0.01, 0.01)
"""Intervals of the overconfidence."""


def change_errors(evaluation: Evaluation, overconfidence: Interval, high: HighConfidence) -> Evaluation:
    calibration = replace(calibration_of(evaluation), overconfidence_interval=overconfidence, high_confidence=high)
    return replace(evaluation, calibration=calibration)


@pytest.mark.parametrize(
    ("overconfidence", "n_wrong", "expected"),
    [
        (OVER, 38, "Above 90% confidence, 38 of 500 predictions are wrong; the probabilities predict 20 errors."),
        (OVER, 30, None),
        (UNDER, 12, None),
        (UNDER, 1, "Above 90% confidence, 1 of 500 predictions is wrong; the probabilities predict 20 errors."),
        (NEITHER, 38, None),
        (NEITHER, 1, None),
        (UNDER, 38, None),
        (OVER, 1, None),
    ],
)
def test_confident_errors_beyond_chance(
    evaluation: Evaluation, overconfidence: Interval, n_wrong: int, expected: str | None
) -> None:
    """More or fewer than a calibrated model has in 95 % of all cases, 12 to 30, and as the overconfidence says."""
    high = HighConfidence(0.9, 500, n_wrong, 20.3, Interval(12, 30))
    finding = find_confident_errors(change_errors(evaluation, overconfidence, high))
    assert finding is None if expected is None else words(finding) == expected


@pytest.mark.parametrize(("n_wrong", "share"), [(60, 0.5), (31, 1 / 31), (3, 0.75), (0, 1.0)])
def test_confident_errors_rank_by_their_distance(evaluation: Evaluation, n_wrong: int, share: float) -> None:
    """From the range of 12 to 30 that the probabilities promise: 60 is twice as much, 3 a quarter."""
    high = replace(
        calibration_of(evaluation).high_confidence, n=500, n_wrong=n_wrong, n_wrong_expected_interval=Interval(12, 30)
    )
    tendency = Interval(0.01, 0.02) if n_wrong > 30 else Interval(-0.02, -0.01)
    calibration = replace(calibration_of(evaluation), high_confidence=high, overconfidence_interval=tendency)
    finding = find_confident_errors(replace(evaluation, calibration=calibration))
    assert finding is not None
    assert finding.share == pytest.approx(share)


def test_few_expected_errors_have_a_decimal(evaluation: Evaluation) -> None:
    """Otherwise 0.4 of them would be none."""
    high = HighConfidence(0.9, 50, 3, 0.42, Interval(0, 2))
    finding = find_confident_errors(change_errors(evaluation, OVER, high))
    assert words(finding).endswith("3 of 50 predictions are wrong; the probabilities predict 0.4 errors.")


@pytest.mark.parametrize(
    ("n", "n_right", "expected"),
    [
        (800, 784, "On the 80% most confident predictions (n = 800), the accuracy is 98.0% (96.8\N{EN DASH}98.8%)."),
        (800, 752, None),  # 94 %, from 92.1 %
        (1000, 1000, None),  # no prediction is left out
    ],
)
def test_abstention_must_help(evaluation: Evaluation, n: int, n_right: int, expected: str | None) -> None:
    """The accuracy of all predictions is at most 92.5 %."""
    coverage = [Coverage(n / 1000, n, 0.6, n_right, n_right / n)]
    changed = replace(
        evaluation,
        accuracy_interval=Interval(0.89, 0.925),
        calibration=replace(calibration_of(evaluation), coverage=coverage),
    )
    finding = find_abstention(changed)
    assert finding is None if expected is None else words(finding) == expected

"""Finds what the confidence of the predictions shows: too many confident errors, and how much abstaining helps."""

from job.evaluation.evaluate import Evaluation
from job.evaluation.intervals import Interval, wilson_interval
from job.report.assessment import accuracy_at_coverage
from job.report.first_screen.statements import Finding, Level, sample_size
from job.report.formatting import format_percents, format_rounded

COVERAGE = 0.8


def find_confident_errors(evaluation: Evaluation) -> Finding | None:
    """More confident predictions of an overconfident model are wrong than predicted, or fewer of an underconfident one.

    Without an over- or underconfidence, the finding would contradict the tile.
    """
    calibration = evaluation.calibration
    if calibration is None:
        return None
    high, predicted = calibration.high_confidence, calibration.high_confidence.n_wrong_expected_interval
    has_more = calibration.tendency == "overconfident" and high.n_wrong > predicted.upper
    has_fewer = calibration.tendency == "underconfident" and high.n_wrong < predicted.lower
    if not (has_more or has_fewer):
        return None
    verb = "is" if high.n_wrong == 1 else "are"
    expected = high.n_wrong_expected
    text = (
        f"Above {high.threshold:.0%} confidence, {high.n_wrong:,} of {high.n:,} predictions {verb} wrong; the "
        f"probabilities predict {format_rounded(expected)} errors."
    )
    return Finding(Level.INSIGHT, _measure_distance(high.n_wrong, predicted), "calibration", (text,))


def _measure_distance(n: int, predicted: Interval) -> float:
    """Distance of a number from an interval outside of which it lies, as a fraction of the larger number; in [0, 1]."""
    smaller, larger = sorted((n, predicted.upper if n > predicted.upper else predicted.lower))
    return 1 - smaller / larger


def find_abstention(evaluation: Evaluation) -> Finding | None:
    """The most confident predictions are clearly more accurate than all predictions."""
    if evaluation.calibration is None:
        return None
    point = accuracy_at_coverage(evaluation.calibration, COVERAGE)
    interval = wilson_interval(point.n_right, point.n)
    if interval.lower <= evaluation.accuracy_interval.upper or point.n == evaluation.n_test:
        return None
    bounds = format_percents(interval)
    text = (
        f"On the {point.coverage:.0%} most confident predictions ({sample_size(point.n)}), the accuracy is "
        f"{point.accuracy:.1%} ({bounds})."
    )
    n_avoided = (evaluation.n_test - evaluation.n_correct) - (point.n - point.n_right)
    return Finding(Level.INSIGHT, n_avoided / evaluation.n_test, "calibration", (text,))

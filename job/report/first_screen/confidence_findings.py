"""Finds what the confidence of the predictions shows: too many confident errors, and how much abstaining helps."""

from job.evaluation.evaluate import Evaluation
from job.evaluation.intervals import Interval, wilson_interval
from job.report.findings import accuracy_at_coverage
from job.report.first_screen.statements import Finding, Level, sample_size
from job.report.formatting import FILTERS

COVERAGE = 0.8
FEW = 10  # expected errors below which their number has a decimal


def find_confident_errors(evaluation: Evaluation) -> Finding | None:
    """More or fewer of the confident predictions are wrong than their probabilities promise."""
    high = evaluation.calibration.high_confidence
    promised = high.n_wrong_expected_interval
    if high.n == 0 or promised.lower <= high.n_wrong <= promised.upper:
        return None
    verb = "is" if high.n_wrong == 1 else "are"
    expected = f"{high.n_wrong_expected:,.{int(high.n_wrong_expected < FEW)}f}"
    text = (
        f"Above {high.threshold:.0%} confidence, {high.n_wrong:,} of {high.n:,} predictions {verb} wrong; the "
        f"probabilities promise {expected}."
    )
    return Finding(Level.INSIGHT, _measure_distance(high.n_wrong, promised), "calibration", (text,))


def _measure_distance(n: int, promised: Interval) -> float:
    """Distance of a number from an interval outside of which it lies, as a fraction of the larger number; in [0, 1]."""
    smaller, larger = sorted((n, promised.upper if n > promised.upper else promised.lower))
    return 1 - smaller / larger


def find_abstention(evaluation: Evaluation) -> Finding | None:
    """The most confident predictions are clearly more accurate than all predictions."""
    point = accuracy_at_coverage(evaluation.calibration, COVERAGE)
    interval = wilson_interval(point.n_right, point.n)
    if interval.lower <= evaluation.accuracy_interval.upper or point.n == evaluation.n_test:
        return None
    bounds = FILTERS["percents"](interval)
    text = (
        f"On the {point.coverage:.0%} most confident predictions ({sample_size(point.n)}), the accuracy is "
        f"{point.accuracy:.1%} ({bounds})."
    )
    n_avoided = (evaluation.n_test - evaluation.n_correct) - (point.n - point.n_right)
    return Finding(Level.INSIGHT, n_avoided / evaluation.n_test, "calibration", (text,))

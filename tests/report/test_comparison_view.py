from dataclasses import replace
from pathlib import Path

import pytest

from job.evaluation.intervals import Interval
from job.evaluation.paired_comparison import Comparison
from job.report import comparison_view
from job.report.images import Pictures
from job.results import run
from job.results.schema import Results


@pytest.fixture
def compared(compared_run: Path) -> Results:
    return run.read_metrics(compared_run)


def arrange(folder: Path, results: Results) -> comparison_view.Changes | None:
    predictions = run.read_predictions(folder, 10, [], compared=results.comparison is not None)
    return comparison_view.arrange(results, predictions, Pictures(run.read_samples(folder, []), embedded=True))


def test_a_run_alone_has_no_changes(finished_run: Path, finished_results: Results) -> None:
    """There is nothing to be better than."""
    assert arrange(finished_run, finished_results) is None


def test_each_image_with_what_both_said(compared_run: Path, finished_run: Path, compared: Results) -> None:
    """Won: now right, before wrong. Lost: the reverse. The surest first."""
    found = arrange(compared_run, compared)
    before = run.read_predictions(finished_run, 10, [])
    assert found is not None
    assert compared.comparison is not None
    assert [one.index for one in found.won] == compared.comparison.won
    assert [one.index for one in found.lost] == compared.comparison.lost
    assert all(one.true == one.now != one.before for one in found.won)
    assert all(one.true == one.before != one.now for one in found.lost)
    for one in (*found.won, *found.lost):
        assert one.true == f"class {before.y_true[one.index]}"
        assert one.before == f"class {before.y_pred[one.index]}"
    confidences = [one.confidence for one in found.won]
    assert confidences == sorted(confidences, reverse=True)


@pytest.mark.parametrize(
    ("bounds", "p_value", "sign"),
    [
        ((0.002, 0.018), 0.01, "better"),
        ((-0.018, -0.002), 0.01, "worse"),
        ((-0.002, 0.022), 0.1, "open"),
        ((0.0001, 0.02), 0.051, "open"),
        ((-0.0001, 0.02), 0.049, "open"),
        ((-0.01, 0.01), 1.0, "open"),
    ],
)
def test_a_sign_needs_both_the_interval_and_the_test(
    compared_run: Path, compared: Results, bounds: tuple[float, float], p_value: float, sign: str
) -> None:
    """Where they disagree, chance is not excluded."""
    assert isinstance(compared.comparison, Comparison)
    pairs = replace(compared.comparison.pairs, difference=sum(bounds) / 2, interval=Interval(*bounds))
    other = replace(compared, comparison=replace(compared.comparison, pairs=pairs, p_value=p_value))
    found = arrange(compared_run, other)
    assert found is not None
    assert found.sign == sign

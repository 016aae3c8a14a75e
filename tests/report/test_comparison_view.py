from dataclasses import replace

import pytest
from support import make_run

from job.evaluation.intervals import Interval
from job.report.comparison_view import assess_difference, view_comparison
from job.report.images import Pictures


def test_a_run_without_reference_has_no_comparison() -> None:
    """Its page has no such section."""
    run = make_run()
    assert view_comparison(run, Pictures(run.images, embedded=True)) is None


def test_each_changed_image_has_both_predictions() -> None:
    """Fixed: only this model is correct; broken: only the reference; the most confident first."""
    run = make_run(with_reference=True)
    view, names = view_comparison(run, Pictures(run.images, embedded=True)), run.evaluation.class_names
    assert view is not None
    assert run.comparison is not None
    assert run.predictions.y_reference is not None
    assert [image.index for image in view.fixed] == run.comparison.fixed
    assert [image.index for image in view.broken] == run.comparison.broken
    assert all(image.true == image.current != image.reference for image in view.fixed)
    assert all(image.true == image.reference != image.current for image in view.broken)
    for image in (*view.fixed, *view.broken):
        assert image.true == names[run.predictions.y_true[image.index]]
        assert image.reference == names[run.predictions.y_reference[image.index]]
    confidences = [image.confidence for image in view.fixed]
    assert len(confidences) > 1
    assert confidences == sorted(confidences, reverse=True)


@pytest.mark.parametrize(
    ("bounds", "p_value", "verdict"),
    [
        ((0.002, 0.018), 0.01, "better"),
        ((-0.018, -0.002), 0.01, "worse"),
        ((-0.002, 0.022), 0.1, "no significant difference"),
        ((0.0001, 0.02), 0.051, "no significant difference"),
        ((-0.0001, 0.02), 0.049, "no significant difference"),
        ((-0.01, 0.01), 1.0, "no significant difference"),
    ],
)
def test_a_verdict_requires_both_the_interval_and_the_test(
    bounds: tuple[float, float], p_value: float, verdict: str
) -> None:
    """If they disagree, the difference is not significant."""
    comparison = make_run(with_reference=True).comparison
    assert comparison is not None
    counts = replace(comparison.counts, difference=sum(bounds) / 2, interval=Interval(*bounds))
    assert assess_difference(replace(comparison, counts=counts, p_value=p_value)) == verdict

import re
from dataclasses import replace

import pytest
from first_screen_reading import words
from support import make_run

from job.evaluation.intervals import Interval
from job.evaluation.paired_comparison import ClassCounts, Comparison
from job.evaluation.recipe_comparison import RecipeComparison
from job.report.first_screen.comparison_findings import (
    find_changed_recalls,
    find_reseed_difference,
)
from job.report.first_screen.statements import ClassName, Level

NAMES = ["a", "b", "c", "d", "e"]


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    comparison = make_run(n=500, n_classes=5, with_reference=True).comparison
    assert comparison is not None
    return comparison


def with_changes(comparison: Comparison, changes: dict[str, int], p_adjusted: float = 0.01) -> Comparison:
    """The comparison if so many more images of some classes, 100 each, are right, significantly or not."""
    rows = [
        replace(
            row,
            n_fixed=max(changes.get(name, 0), 0),
            n_broken=max(-changes.get(name, 0), 0),
            difference=changes.get(name, 0) / 100,
            p_adjusted=p_adjusted if name in changes else 1.0,
        )
        for name, row in zip(NAMES, comparison.per_class, strict=True)
    ]
    return replace(comparison, per_class=rows)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"b": -6}, "b (-6.0 points, n = 100)."),
        ({"b": -6, "c": -9}, "c (-9.0 points, n = 100) and b (-6.0 points, n = 100)."),
        (
            {"a": -5, "b": -6, "c": -9},
            "c (-9.0 points, n = 100), b (-6.0 points, n = 100) and a (-5.0 points, n = 100).",
        ),
        (
            {"a": -5, "b": -6, "c": -9, "d": -4, "e": -3},
            "c (-9.0 points, n = 100), b (-6.0 points, n = 100), a (-5.0 points, n = 100) and 2 more.",
        ),
    ],
)
def test_classes_of_lower_recall(comparison: Comparison, changes: dict[str, int], expected: str) -> None:
    """At most three, the largest change first."""
    finding = find_changed_recalls(with_changes(comparison, changes), NAMES)
    sentence = words(finding).replace("\N{MINUS SIGN}", "-")
    assert sentence == f"Recall is significantly lower than that of the reference for {expected}"
    assert finding is not None
    assert {part for part in finding.text if isinstance(part, ClassName)} <= set(changes)
    assert (finding.level, finding.anchor) == (Level.PROBLEM, "comparison")
    assert finding.share == -sum(n for n in changes.values() if n < 0) / 500


def test_classes_of_higher_recall(comparison: Comparison) -> None:
    """Good news is no problem."""
    finding = find_changed_recalls(with_changes(comparison, {"d": 4}), NAMES)
    expected = "Recall is significantly higher than that of the reference for d (+4.0 points, n = 100)."
    assert words(finding) == expected
    assert finding is not None
    assert finding.level is Level.INSIGHT


@pytest.mark.parametrize(
    ("changes", "n", "expected"),
    [
        ({"b": -6, "d": 4}, 2, "lower in 1 (b, -6.0 points, n = 100); higher in 1 (d, +4.0 points, n = 100)."),
        (
            {"a": 3, "b": -6, "c": -9, "d": 12},
            4,
            "lower in 2 (most for c, -9.0 points, n = 100); higher in 2 (most for d, +12.0 points, n = 100).",
        ),
    ],
)
def test_gains_are_named_next_to_losses(comparison: Comparison, changes: dict[str, int], n: int, expected: str) -> None:
    """Both numbers of classes, and the class that changed most in each direction; a loss makes it a problem."""
    finding = find_changed_recalls(with_changes(comparison, changes), NAMES)
    start = f"Recall differs significantly from that of the reference in {n} of 5 classes: "
    assert words(finding).replace("\N{MINUS SIGN}", "-") == start + expected
    assert finding is not None
    assert [part for part in finding.text if isinstance(part, ClassName)] == re.findall(r"\b[a-e](?=, )", expected)
    assert finding.level is Level.PROBLEM
    assert finding.share == sum(map(abs, changes.values())) / 500


def test_a_change_must_be_significant_among_all_classes(comparison: Comparison) -> None:
    """Holm's p-value decides."""
    changed = with_changes(comparison, {"b": -6, "d": 4}, p_adjusted=0.06)
    assert find_changed_recalls(changed, NAMES) is None
    assert all(isinstance(row, ClassCounts) for row in changed.per_class)


@pytest.mark.parametrize(
    ("limit", "p_value", "is_shown"), [(0.03, 0.01, True), (0.01, 0.01, False), (0.03, 0.2, False), (None, 0.01, False)]
)
def test_a_significant_difference_may_be_due_to_the_seed(
    comparison: Comparison,
    limit: float | None,
    p_value: float,
    is_shown: bool,  # noqa: FBT001 - a parameter of pytest
) -> None:
    """If another seed changes the accuracy as much; not if recipes are compared, which takes the seeds into account."""
    counts = replace(comparison.counts, difference=0.02, interval=Interval(0.01, 0.03))
    changed = replace(comparison, counts=counts, p_value=p_value, reseed_difference=limit)
    finding = find_reseed_difference(changed)
    assert (finding is not None) == is_shown
    if is_shown:
        assert words(finding) == (
            "The difference from the reference (+2.0 points) may be due to the seed: in 95% of cases, two seeds differ "
            "by at most 3.0 points."
        )
    recipes = RecipeComparison(
        n_runs=2,
        n_reference_runs=2,
        mean=0.9,
        reference_mean=0.88,
        difference=0.02,
        interval=None,
        loss=None,  # type: ignore[arg-type]
    )
    assert find_reseed_difference(replace(changed, recipes=recipes)) is None

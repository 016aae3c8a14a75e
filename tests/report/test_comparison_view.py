from dataclasses import replace
from typing import Any

import pytest
from support import make_run

from job.evaluation.intervals import Interval
from job.evaluation.paired_comparison import Comparison
from job.evaluation.paired_differences import PairedDifference
from job.report.comparison_view import ComparisonView, view_comparison
from job.report.metric_rows import choose_form

ABOVE, AROUND, BELOW = Interval(0.01, 0.03), Interval(-0.02, 0.02), Interval(-0.03, -0.01)
NAMES = [f"class {label}" for label in range(10)]


def compare(**settings: Any) -> Comparison:  # noqa: ANN401 - settings of a run
    comparison = make_run(n=300, with_reference=True, **settings).comparison
    assert comparison is not None
    return comparison


def view(comparison: Comparison, n_runs: int = 1) -> ComparisonView:
    return view_comparison(comparison, NAMES, n_runs)


def differ(interval: Interval | None, reference: float = 0.5) -> PairedDifference:
    """A difference in the middle of its interval."""
    difference = (interval.lower + interval.upper) / 2 if interval else 0.0
    return PairedDifference(reference, reference + difference, difference, interval)


def with_accuracy(comparison: Comparison, interval: Interval, p_value: float) -> Comparison:
    difference = (interval.lower + interval.upper) / 2
    return replace(
        comparison, counts=replace(comparison.counts, difference=difference, interval=interval), p_value=p_value
    )


@pytest.mark.parametrize(
    ("bounds", "p_value", "words"),
    [
        ((0.002, 0.018), 0.01, "more accurate"),
        ((-0.018, -0.002), 0.01, "less accurate"),
        ((-0.002, 0.022), 0.1, "no significant difference in accuracy"),
        ((0.0001, 0.02), 0.051, "no significant difference in accuracy"),
        ((-0.0001, 0.02), 0.049, "no significant difference in accuracy"),
        ((-0.01, 0.01), 1.0, "no significant difference in accuracy"),
    ],
)
def test_a_statement_on_accuracy_requires_both_the_interval_and_the_test(
    bounds: tuple[float, float], p_value: float, words: str
) -> None:
    """If they disagree, the difference is not significant."""
    seen = view(with_accuracy(compare(), Interval(*bounds), p_value))
    assert seen.outcomes[0].words == words
    assert seen.outcomes[0].is_significant == (not words.startswith("no"))
    assert (seen.difference, seen.interval) == (sum(bounds) / 2, Interval(*bounds))
    assert seen.about == "networks"


def test_a_verdict_names_its_metrics() -> None:
    """Those that differ significantly first, then the others."""
    comparison = with_accuracy(compare(), ABOVE, 0.001)
    mixed = replace(comparison, loss=differ(BELOW), brier=differ(AROUND), overconfidence=differ(ABOVE, 0.1))
    assert view(mixed).verdict == (
        "More accurate, lower loss, more overconfident, no significant difference in Brier score"
    )
    unclear = replace(
        with_accuracy(comparison, AROUND, 0.9), loss=differ(None), brier=differ(ABOVE), overconfidence=differ(AROUND)
    )
    assert view(unclear).verdict == (
        "Higher Brier score, no significant difference in accuracy, loss or overconfidence"
    )


def test_what_has_no_interval_is_not_tested() -> None:
    """The note says why; models that predict the same do not differ."""
    untested = PairedDifference(0.5, 0.6, 0.1, None)
    few = replace(compare(), loss=untested, brier=untested, overconfidence=untested)
    seen = view(with_accuracy(few, AROUND, 0.9))
    assert seen.verdict == ("No significant difference in accuracy; loss, Brier score and overconfidence not tested")
    assert seen.missing.startswith("A difference in loss, Brier score or overconfidence has no interval with fewer")
    same = PairedDifference(0.5, 0.5, 0.0, None)
    seen = view(with_accuracy(replace(few, loss=same, brier=same, overconfidence=same), AROUND, 0.9))
    assert seen.verdict == "No significant difference in accuracy, loss, Brier score or overconfidence"
    assert seen.missing == ""


@pytest.mark.parametrize(
    ("reference", "interval", "words"),
    [
        (0.1, ABOVE, "more overconfident"),
        (0.1, BELOW, "less overconfident"),
        (-0.1, ABOVE, "less underconfident"),
        (-0.1, BELOW, "more underconfident"),
        (-0.01, ABOVE, "overconfident instead of underconfident"),
        (0.01, BELOW, "underconfident instead of overconfident"),
    ],
)
def test_the_words_on_confidence_follow_from_both_signs(reference: float, interval: Interval, words: str) -> None:
    """A higher value is worse for an overconfident model only."""
    assert view(replace(compare(), overconfidence=differ(interval, reference))).outcomes[-1].words == words


def test_better_and_worse_are_about_recipes() -> None:
    """They need several runs on both sides; the verdict is then about the means."""
    comparison = compare(runs=3, reference_runs=2)
    recipes = comparison.recipes
    assert recipes is not None
    recipes = replace(recipes, difference=0.02, interval=ABOVE, loss=differ(ABOVE))
    seen = view(replace(comparison, recipes=recipes), 3)
    assert seen.verdict == "Better mean accuracy, worse mean loss"
    assert (seen.about, seen.difference, seen.interval) == ("recipes", 0.02, ABOVE)
    assert [row.name for row in seen.recipe_rows] == ["Mean accuracy", "Mean loss"]
    assert "trained with 3 seeds and that of the reference with 2." in seen.seeds
    unclear = replace(recipes, difference=0.0, interval=None, loss=differ(AROUND))
    assert view(replace(comparison, recipes=unclear), 3).verdict == (
        "No significant difference in mean accuracy or mean loss"
    )


@pytest.mark.parametrize("settings", [{}, {"runs": 3}, {"reference_runs": 3}])
def test_networks_are_never_better_or_worse(settings: dict[str, int]) -> None:
    """Whatever their metrics."""
    for interval in (ABOVE, BELOW):
        comparison = replace(
            with_accuracy(compare(**settings), interval, 0.001),
            loss=differ(interval),
            brier=differ(interval),
            overconfidence=differ(interval),
        )
        seen = view(comparison, settings.get("runs", 1))
        assert seen.about == "networks"
        for word in ("better", "worse"):
            assert word not in f"{seen.verdict} {seen.seeds} {[each.words for each in seen.outcomes]}".lower()


@pytest.mark.parametrize(
    ("name", "network", "n_runs", "shown", "noun"),
    [
        ("logistic regression", "MLP 784-128-10, 109,386 parameters", 1, "logistic regression", "networks"),
        ("", "MLP 784-128-10, 109,386 parameters", 1, "MLP 784-128-10", "networks"),
        ("", "MLP 784-128-10", 0, "MLP 784-128-10", "models"),
        ("forest", "", 1, "forest", "models"),
        ("", "", 0, "before", "models"),
    ],
)
def test_what_is_compared_has_a_name(name: str, network: str, n_runs: int, shown: str, noun: str) -> None:
    """That of the reference, else its network or folder; models of other programs are not called networks."""
    comparison = compare()
    reference = replace(comparison.reference, name=name, network=network)
    seen = view(replace(comparison, reference=reference), n_runs)
    assert (seen.reference, seen.noun) == (shown, noun)


def test_two_single_runs_say_that_they_cannot_tell() -> None:
    """And name the option that can."""
    seeds = view(compare()).seeds
    assert seeds.startswith("One training on each side cannot tell a difference between two recipes")
    assert seeds.endswith("train both with --runs.")


@pytest.mark.parametrize(
    ("difference", "words"), [(0.049, "not larger, so another seed alone could"), (0.051, "larger.")]
)
@pytest.mark.parametrize(
    ("settings", "side", "other"),
    [({"runs": 3}, "this run", "the reference"), ({"reference_runs": 4}, "the reference run", "this run")],
)
def test_the_spread_of_either_side_says_what_reseeding_gives(
    settings: dict[str, int], side: str, other: str, difference: float, words: str
) -> None:
    """With the run that it is estimated from, and what is missing to compare the recipes."""
    comparison = compare(**settings)
    assert comparison.reseed_difference is not None
    counts = replace(comparison.counts, difference=-difference)
    seen = view(replace(comparison, counts=counts, reseed_difference=0.05), settings.get("runs", 1))
    assert seen.seeds.startswith(f"Judging from the seeds of {side}, two trainings")
    assert (
        f"by less than 5.0 points in accuracy on these images in 95% of all cases. The difference here is {words}"
        in (seen.seeds)
    )
    assert seen.seeds.endswith(f"To compare the recipes, train {other} with --runs, too.")


def test_results_of_version_0_5_0_say_what_is_missing() -> None:
    """The probabilities of the reference, or the predictions of the other seeds."""
    comparison = compare(runs=3, reference_runs=2)
    old = view(replace(comparison, loss=None, brier=None, overconfidence=None, ece=None, recipes=None), 3)
    assert old.missing.endswith("To compare them, train this run again.")
    assert [row.name for row in old.rows] == ["Accuracy"]
    assert "without the predictions of all its seeds, so the recipes are not compared." in old.seeds
    assert view(comparison, 3).missing == ""


@pytest.mark.parametrize(("runs", "reference_runs"), [(1, 1), (3, 1), (1, 3), (3, 3)])
def test_more_seeds_do_not_help_with_few_images(runs: int, reference_runs: int) -> None:
    """So the page does not advise --runs."""
    comparison = compare(runs=runs, reference_runs=reference_runs)
    few = replace(comparison, recipes=None, counts=replace(comparison.counts, n=299))
    seeds = view(few, runs).seeds
    assert seeds.endswith("With fewer than 300 test images, the recipes are not compared.")
    assert "--runs" not in seeds


@pytest.mark.parametrize(
    ("n_runs", "interval", "words"),
    [
        (4, Interval(-0.05, 0.1), "contain the true difference in up to 99.2% of all cases."),
        (2, Interval(-0.05, 0.1), "contain the true difference in up to 99.8% of all cases."),
        (10, Interval(-0.05, 0.1), "of the seeds and of the test images together."),
        (2, Interval(-1, 1), "There are too few seeds to tell whether the recipes differ."),
        (10, Interval(0.05, 0.5), "of the seeds and of the test images together."),
    ],
)
def test_the_page_says_what_few_seeds_mean(n_runs: int, interval: Interval, words: str) -> None:
    """The interval is conservative, or too wide to say anything."""
    comparison = compare(runs=n_runs, reference_runs=10)
    assert comparison.recipes is not None
    recipes = replace(comparison.recipes, interval=interval)
    assert view(replace(comparison, recipes=recipes), n_runs).seeds.endswith(words)


def test_only_significant_classes_are_named() -> None:
    """With Holm's correction; the largest change first."""
    comparison = compare()
    adjusted = [0.2, 0.04, 0.05, *[1.0] * 6, 0.001]
    per_class = [replace(row, p_adjusted=p) for row, p in zip(comparison.per_class, adjusted, strict=True)]
    per_class[1], per_class[9] = replace(per_class[1], difference=0.1), replace(per_class[9], difference=-0.2)
    changed = view(replace(comparison, per_class=per_class)).changed
    assert [(row.name, row.difference, row.p_adjusted) for row in changed] == [
        ("class 9", -0.2, 0.001),
        ("class 1", 0.1, 0.04),
    ]


@pytest.mark.parametrize(
    ("difference", "interval", "form"),
    [
        (0.021, Interval(0.016, 0.026), ".1f"),
        (0.003, Interval(0.0004, 0.006), ".2f"),
        (0.0, Interval(-0.01, 0.01), ".1f"),
        (0.0004, None, ".2f"),
    ],
)
def test_a_value_that_is_not_0_is_not_written_as_0(difference: float, interval: Interval | None, form: str) -> None:
    """A significant difference whose interval begins at 0.0 would look like a contradiction."""
    assert choose_form(difference, interval) == form


def test_the_table_has_one_format_for_each_metric() -> None:
    """Percent with one digit and a true minus; three decimals for loss and Brier score."""
    comparison = replace(
        compare(),
        loss=PairedDifference(0.75, 0.5, -0.25, Interval(-0.3, -0.2)),
        overconfidence=PairedDifference(0.01, -0.02, -0.03, None),
    )
    _, loss, _, confidence, error = view(comparison).rows
    minus = "\N{MINUS SIGN}"
    assert (loss.reference, loss.current, loss.difference) == ("0.750", "0.500", f"{minus}0.250")
    assert loss.interval == f"{minus}0.300 to {minus}0.200"
    assert (confidence.reference, confidence.current) == ("1.0%", f"{minus}2.0%")
    assert (confidence.difference, confidence.interval) == (f"{minus}3.0 points", "")
    assert (error.name, error.interval) == ("Calibration error", "")

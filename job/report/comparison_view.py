"""Puts the comparison with the reference run into words.

A comparison of two single runs is about two networks: one is more or less accurate than the other. Only a comparison
of several runs on both sides is about the recipes, and says better or worse.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from job.evaluation.intervals import Interval
from job.evaluation.paired_comparison import Comparison
from job.evaluation.paired_differences import MIN_IMAGES, PairedDifference
from job.evaluation.recipe_comparison import RecipeComparison
from job.report.charts.recall_changes import format_change

Direction = Literal["higher", "lower", "equal"]
LABEL = "over reference"
SMALLEST = 0.05  # points; smaller values round to 0.0


@dataclass(frozen=True)
class Statement:
    """What the comparison says about one metric.

    Attributes:
        metric: `accuracy`, `loss`, `brier` or `overconfidence`.
        direction: Whether the metric of this run is higher or lower than that of the reference.
        significant: Whether the difference is significant at 5 %.
        words: The statement, such as `more accurate` or `no significant difference in loss`.
    """

    metric: str
    direction: Direction
    significant: bool
    words: str


@dataclass(frozen=True)
class Row:
    """A line of the table of metrics, as texts; `interval` is empty if the difference has none."""

    name: str
    meaning: str
    reference: str
    current: str
    difference: str
    interval: str


@dataclass(frozen=True)
class ChangedClass:
    """A class whose recall changed significantly, with Holm's correction."""

    name: str
    difference: float
    p_adjusted: float


@dataclass(frozen=True)
class ComparisonView:
    """The comparison in words.

    Attributes:
        about: What is compared: two networks, or two recipes with several networks each.
        difference: Difference in accuracy; of recipes, in mean accuracy.
        interval: Its 95 % confidence interval; None if nothing varies.
        label: Words behind the difference.
        form: Format of the difference and its interval in percentage points.
        statements: A statement about each metric, the accuracy first.
        verdict: The statements in one sentence.
        rows: The table of the metrics of both networks.
        recipe_rows: The table of the mean metrics of both recipes; empty without several runs on both sides.
        seeds: Sentences on what the choice of the seeds contributes.
        missing: Why some metrics are not compared; empty if all are.
        changed: Classes whose recall changed significantly, the largest change first.
    """

    about: Literal["networks", "recipes"]
    difference: float
    interval: Interval | None
    label: str
    form: str
    statements: list[Statement]
    verdict: str
    rows: list[Row]
    recipe_rows: list[Row]
    seeds: str
    missing: str
    changed: list[ChangedClass]


def view_comparison(comparison: Comparison, class_names: Sequence[str], n_runs: int) -> ComparisonView:
    """Describe a comparison; `n_runs` is the number of trainings of this run, 0 if this job did not train it."""
    recipes, counts = comparison.recipes, comparison.counts
    statements = list(_compare_recipes(recipes) if recipes else _compare_networks(comparison))
    difference, interval = (recipes.difference, recipes.interval) if recipes else (counts.difference, counts.interval)
    changed = [
        ChangedClass(name, row.difference, row.p_adjusted)
        for name, row in zip(class_names, comparison.per_class, strict=True)
        if row.is_significant
    ]
    return ComparisonView(
        about="recipes" if recipes else "networks",
        difference=difference,
        interval=interval,
        label=LABEL,
        form=choose_form(difference, interval),
        statements=statements,
        verdict=_join_statements(statements),
        rows=list(_list_metrics(comparison)),
        recipe_rows=list(_list_recipe_metrics(recipes)) if recipes else [],
        seeds=_describe_seeds(comparison, n_runs),
        missing="" if comparison.loss else MISSING_PROBABILITIES,
        changed=sorted(changed, key=lambda each: -abs(each.difference)),
    )


MISSING_PROBABILITIES = (
    "An earlier version of the job wrote this run without the probabilities that the reference predicted, so loss, "
    "Brier score and overconfidence are not compared. To compare them, train this run again."
)


def choose_form(difference: float, interval: Interval | None) -> str:
    """One digit for percentage points, or two if one digit would turn a value that is not 0 into 0.0."""
    values = [difference, *([interval.lower, interval.upper] if interval else [])]
    return ".2f" if any(0 < abs(100 * value) < SMALLEST for value in values) else ".1f"


def _compare_networks(comparison: Comparison) -> Iterator[Statement]:
    difference = comparison.counts.difference
    if comparison.is_significant:
        words = "more accurate" if difference > 0 else "less accurate"
    else:
        words = "no significant difference in accuracy"
    yield Statement("accuracy", _direction(difference), comparison.is_significant, words)
    for metric, name, means in (("loss", "loss", comparison.loss), ("brier", "Brier score", comparison.brier)):
        if means:
            words = f"{_direction(means.difference)} {name}"
            yield _state(metric, name, means, words)
    if comparison.overconfidence:
        yield _state(
            "overconfidence", "overconfidence", comparison.overconfidence, _word_confidence(comparison.overconfidence)
        )


def _compare_recipes(recipes: RecipeComparison) -> Iterator[Statement]:
    accuracy = PairedDifference(recipes.reference_mean, recipes.mean, recipes.difference, recipes.interval)
    words = "better mean accuracy" if accuracy.difference > 0 else "worse mean accuracy"
    yield _state("accuracy", "mean accuracy", accuracy, words)
    words = "better mean loss" if recipes.loss.difference < 0 else "worse mean loss"
    yield _state("loss", "mean loss", recipes.loss, words)


def _state(metric: str, name: str, means: PairedDifference, words: str) -> Statement:
    words = words if means.is_significant else f"no significant difference in {name}"
    return Statement(metric, _direction(means.difference), means.is_significant, words)


def _direction(difference: float) -> Direction:
    if difference == 0:
        return "equal"
    return "higher" if difference > 0 else "lower"


def _word_confidence(means: PairedDifference) -> str:
    """The change of mean confidence minus accuracy; the words depend on the signs of both values."""
    rises = means.difference > 0
    if min(means.reference, means.current) >= 0:
        return "more overconfident" if rises else "less overconfident"
    if max(means.reference, means.current) <= 0:
        return "less underconfident" if rises else "more underconfident"
    return "overconfident instead of underconfident" if rises else "underconfident instead of overconfident"


def _join_statements(statements: Sequence[Statement]) -> str:
    """The significant statements, and what the others do not show."""
    found = [each.words for each in statements if each.significant]
    if unclear := [each for each in statements if not each.significant]:
        names = [each.words.removeprefix("no significant difference in ") for each in unclear]
        listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
        found.append(f"no significant difference in {listed}")
    text = ", ".join(found)
    return text[0].upper() + text[1:]


def _list_metrics(comparison: Comparison) -> Iterator[Row]:
    counts = comparison.counts
    accuracy = PairedDifference(counts.reference, counts.current, counts.difference, counts.interval)
    yield percent_row("Accuracy", "", accuracy)
    if comparison.loss:
        yield decimal_row("Loss", "lower is better", comparison.loss)
    if comparison.brier:
        yield decimal_row("Brier score", "lower is better", comparison.brier)
    if comparison.overconfidence:
        yield percent_row("Overconfidence", "mean confidence − accuracy", comparison.overconfidence)  # noqa: RUF001 - a true minus


def _list_recipe_metrics(recipes: RecipeComparison) -> Iterator[Row]:
    accuracy = PairedDifference(recipes.reference_mean, recipes.mean, recipes.difference, recipes.interval)
    yield percent_row("Mean accuracy", "", accuracy)
    yield decimal_row("Mean loss", "lower is better", recipes.loss)


def percent_row(name: str, meaning: str, means: PairedDifference) -> Row:
    """A line of values that are shown as percent."""
    form, interval = choose_form(means.difference, means.interval), means.interval
    bounds = f"{format_change(interval.lower, form)} to {format_change(interval.upper, form)}" if interval else ""
    before, now = (f"{100 * value:.1f}%".replace("-", "\N{MINUS SIGN}") for value in (means.reference, means.current))
    return Row(name, meaning, before, now, f"{format_change(means.difference, form)} points", bounds)


def decimal_row(name: str, meaning: str, means: PairedDifference) -> Row:
    """A line of values that are shown as decimals."""
    interval = means.interval
    bounds = f"{_signed(interval.lower)} to {_signed(interval.upper)}" if interval else ""
    return Row(name, meaning, f"{means.reference:.3f}", f"{means.current:.3f}", _signed(means.difference), bounds)


def _signed(value: float) -> str:
    return format_change(value / 100, ".3f")


def _describe_seeds(comparison: Comparison, n_runs: int) -> str:
    """What is known about the seeds; if the recipes cannot be compared, why, and how to compare them."""
    if recipes := comparison.recipes:
        return (
            f"This recipe was trained with {recipes.n_runs} seeds and that of the reference with "
            f"{recipes.n_reference_runs}. The interval covers the choice of the seeds and of the test images together."
        )
    parts = [_describe_reseeding(comparison), _explain_missing_recipes(comparison, n_runs)]
    return " ".join(part for part in parts if part)


def _describe_reseeding(comparison: Comparison) -> str:
    size = comparison.reseed_difference
    if size is None:
        return ""
    run = "this run" if comparison.reseed_side == "current" else "the reference run"
    is_larger = abs(comparison.counts.difference) > size
    return (
        f"Judging from the seeds of {run}, two trainings that differ only by their seed differ by less than "
        f"{100 * size:.1f} points in accuracy on these images in 95% of all cases. The difference here is "
        + ("larger." if is_larger else "not larger, so another seed alone could explain it.")
    )


def _explain_missing_recipes(comparison: Comparison, n_runs: int) -> str:
    """Why the recipes are not compared; empty if this job did not train the network."""
    before = comparison.reference.seed_variation
    if not n_runs:
        return ""
    if n_runs > 1 and before:
        if comparison.counts.n < MIN_IMAGES:
            return f"With fewer than {MIN_IMAGES} test images, the recipes are not compared."
        return (
            "An earlier version of the job wrote one of the runs without the predictions of all its seeds, so the "
            "recipes are not compared. Train that run again."
        )
    if n_runs <= 1 and not before:
        return (
            "One training on each side cannot tell a difference between two recipes from a difference between two "
            "seeds. To compare the recipes, train both with --runs."
        )
    return f"To compare the recipes, train {'the reference' if n_runs > 1 else 'this run'} with --runs, too."

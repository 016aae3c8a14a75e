"""Puts the comparison with the reference run into words.

A comparison of two single runs is about two networks: one is more or less accurate than the other. Only a comparison
of several runs on both sides is about the recipes, and says better or worse.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from job.evaluation.intervals import Interval
from job.evaluation.paired_comparison import Comparison, Reference
from job.evaluation.paired_differences import MIN_IMAGES, MIN_PAIRED_OUTCOMES, PairedDifference
from job.evaluation.recipe_comparison import RecipeComparison
from job.report.comparison_seeds import describe_seeds
from job.report.metric_rows import Row, choose_form, list_metrics, list_recipe_metrics

WITHOUT_INTERVAL = (
    f"A difference in loss, Brier score or overconfidence has no interval with fewer than {MIN_IMAGES} images, or "
    f"fewer than {MIN_PAIRED_OUTCOMES} right or wrong predictions of a model, or if it is the same on each image."
)


@dataclass(frozen=True)
class Outcome:
    """What the comparison says about one metric.

    Attributes:
        is_significant: Whether the difference is significant at 5 %.
        is_tested: Whether the difference has an interval, so that it can be significant, or is 0.
        words: The outcome, such as `more accurate` or `no significant difference in loss`.
    """

    is_significant: bool
    words: str
    is_tested: bool = True


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
        reference: What the reference is called: its name, else its network, else its folder.
        noun: What both are: networks, or models if this job did not train both.
        difference: Difference in accuracy; of recipes, in mean accuracy.
        interval: Its 95 % confidence interval; None if nothing varies.
        form: Format of the difference and its interval in percentage points.
        outcomes: The outcome of each metric, the accuracy first.
        verdict: The outcomes in one sentence.
        rows: The table of the metrics of both networks.
        recipe_rows: The table of the mean metrics of both recipes; empty without several runs on both sides.
        seeds: Sentences on what the choice of the seeds contributes.
        missing: Why some metrics are not compared; empty if all are.
        changed: Classes whose recall changed significantly, the largest change first.
    """

    about: Literal["networks", "recipes"]
    reference: str
    noun: Literal["networks", "models"]
    difference: float
    interval: Interval | None
    form: str
    outcomes: list[Outcome]
    verdict: str
    rows: list[Row]
    recipe_rows: list[Row]
    seeds: str
    missing: str
    changed: list[ChangedClass]


def view_comparison(comparison: Comparison, class_names: Sequence[str], n_runs: int) -> ComparisonView:
    """Describe a comparison; `n_runs` is the number of trainings of this run, 0 if this job did not train it."""
    recipes, counts = comparison.recipes, comparison.counts
    outcomes = list(_compare_recipes(recipes) if recipes else _compare_networks(comparison))
    difference, interval = (recipes.difference, recipes.interval) if recipes else (counts.difference, counts.interval)
    changed = [
        ChangedClass(name, row.difference, row.p_adjusted)
        for name, row in zip(class_names, comparison.per_class, strict=True)
        if row.is_significant
    ]
    return ComparisonView(
        about="recipes" if recipes else "networks",
        reference=name_reference(comparison.reference),
        noun="networks" if n_runs and comparison.reference.network else "models",
        difference=difference,
        interval=interval,
        form=choose_form(difference, interval),
        outcomes=outcomes,
        verdict=_join_outcomes(outcomes),
        rows=list(list_metrics(comparison)),
        recipe_rows=list(list_recipe_metrics(recipes)) if recipes else [],
        seeds=describe_seeds(comparison, n_runs),
        missing=_explain_missing(comparison, n_runs),
        changed=sorted(changed, key=lambda each: -abs(each.difference)),
    )


def name_reference(reference: Reference) -> str:
    """What the reference is called: its name, else its network, else its folder."""
    return reference.name or reference.network.split(",")[0] or reference.folder


def _explain_missing(comparison: Comparison, n_runs: int) -> str:
    """Why the probabilities are not compared; empty if they are."""
    if comparison.loss:
        have_intervals = all(each is None or _is_tested(each) for each in (comparison.loss, comparison.overconfidence))
        return "" if have_intervals else WITHOUT_INTERVAL
    metrics = "loss, Brier score and overconfidence are not compared"
    if comparison.reference.loss is None:
        return f"The reference has no probabilities, so {metrics}."
    if not n_runs:
        return f"This run has no probabilities, so {metrics}."
    return (
        "An earlier version of the job wrote this run without the probabilities that the reference predicted, so "
        f"{metrics}. To compare them, train this run again."
    )


def _compare_networks(comparison: Comparison) -> Iterator[Outcome]:
    if comparison.is_significant:
        words = "more accurate" if comparison.counts.difference > 0 else "less accurate"
    else:
        words = "no significant difference in accuracy"
    yield Outcome(comparison.is_significant, words)
    for name, means in (("loss", comparison.loss), ("Brier score", comparison.brier)):
        if means:
            yield _describe(name, means, f"{'higher' if means.difference > 0 else 'lower'} {name}")
    if means := comparison.overconfidence:
        yield _describe("overconfidence", means, _word_confidence(means))


def _compare_recipes(recipes: RecipeComparison) -> Iterator[Outcome]:
    accuracy = PairedDifference(recipes.reference_mean, recipes.mean, recipes.difference, recipes.interval)
    words = "better mean accuracy" if accuracy.difference > 0 else "worse mean accuracy"
    yield _describe("mean accuracy", accuracy, words)
    words = "better mean loss" if recipes.loss.difference < 0 else "worse mean loss"
    yield _describe("mean loss", recipes.loss, words)


def _describe(name: str, means: PairedDifference, words: str) -> Outcome:
    """The outcome of one metric: `words` if its difference is significant."""
    words = words if means.is_significant else f"no significant difference in {name}"
    return Outcome(means.is_significant, words, is_tested=_is_tested(means))


def _is_tested(means: PairedDifference) -> bool:
    """Whether the difference has an interval, or is none at all."""
    return means.interval is not None or means.difference == 0


def _word_confidence(means: PairedDifference) -> str:
    """The change of mean confidence minus accuracy; the words depend on the signs of both values."""
    rises = means.difference > 0
    if min(means.reference, means.current) >= 0:
        return "more overconfident" if rises else "less overconfident"
    if max(means.reference, means.current) <= 0:
        return "less underconfident" if rises else "more underconfident"
    return "overconfident instead of underconfident" if rises else "underconfident instead of overconfident"


def _list_names(outcomes: Sequence[Outcome], word: str) -> str:
    """The metrics of outcomes that are not significant."""
    names = [each.words.removeprefix("no significant difference in ") for each in outcomes]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"


def _join_outcomes(outcomes: Sequence[Outcome]) -> str:
    """The significant outcomes, and what the others do not show."""
    found = [each.words for each in outcomes if each.is_significant]
    if unclear := [each for each in outcomes if each.is_tested and not each.is_significant]:
        found.append(f"no significant difference in {_list_names(unclear, 'or')}")
    text = ", ".join(found)
    if untested := [each for each in outcomes if not each.is_tested]:
        text += f"{'; ' if text else ''}{_list_names(untested, 'and')} not tested"
    return text[0].upper() + text[1:]

"""Puts the result of a sweep into words: the headline, the tiles and the findings."""

from collections.abc import Sequence
from datetime import datetime

from job.evaluation.sweep_effects import Effect
from job.evaluation.sweep_networks import SweepResults
from job.evaluation.sweep_pairs import PairDifference
from job.evaluation.sweep_summary import SweepSummary
from job.report.charts.recall_changes import format_change
from job.report.first_screen.identity import DIRTY, SHORT_HASH
from job.report.first_screen.statements import Finding, Level, Tile
from job.report.formatting import FILTERS, format_percents, format_signeds
from job.text import count_noun

MOST_FINDINGS = 3
FEW_SEEDS = 2
MUCH_CHEAPER = 0.5  # of the time of the best
SMALL_LOSS = 0.01  # of accuracy
MINUTE, HOUR = 60, 3600


def identify_sweep(results: SweepResults) -> list[str]:
    """The parts of the title line: data set, numbers, dates, revision."""
    revisions = [_shorten_revision(each) for each in results.revisions if each]
    parts = [
        results.data,
        f"{count_noun(len(results.configurations), 'configuration')}, {count_noun(results.n_runs, 'run')}",
        _describe_dates(*results.started),
        revisions[0] if len(results.revisions) == 1 and revisions else "",
        count_noun(len(revisions), "revision") if len(revisions) > 1 else "",
    ]
    return [part for part in parts if part]


def _shorten_revision(revision: str) -> str:
    return revision.removesuffix(DIRTY)[:SHORT_HASH] + (DIRTY if revision.endswith(DIRTY) else "")


def _describe_dates(first: str, last: str) -> str:
    days = [f"{moment.day} {moment:%b %Y}" for moment in map(datetime.fromisoformat, (first, last))]
    return days[0] if days[0] == days[1] else f"{days[0]} to {days[1]}"


def format_duration(seconds: float) -> str:
    """A time in the largest fitting unit, such as `3.6 s`, `12 min` or `2.5 h`."""
    if seconds < 2 * MINUTE:
        return f"{seconds:.1f} s" if seconds < MINUTE else f"{seconds:.0f} s"
    return f"{seconds / MINUTE:.0f} min" if seconds < 2 * HOUR else f"{seconds / HOUR:.1f} h"


def write_headline(summary: SweepSummary) -> tuple[str, str, str]:
    """The headline in three parts; the middle one, the accuracy, is emphasized."""
    label, n, k = summary.best.label, summary.results.n_test, len(summary.means)
    accuracy = f"{summary.best_mean.accuracy:.1%}"
    seeds = f"with {count_noun(summary.best.n_seeds, 'seed')}"
    average = f", on average over {summary.best.n_seeds} seeds" if summary.best.has_seeds else f", {seeds}"
    if k == 1:
        return f"{label} classifies ", accuracy, f" of {n:,} test images correctly{average}."
    unclear, worse = split_differences(summary.differences)
    mean = "mean test accuracy" if summary.best.has_seeds else "test accuracy"
    if not unclear and not worse:
        networks = any(each.compared == "networks" for each in summary.differences)
        subject = f"The network of {label}" if networks else label
        return f"{subject} is the best of {k} {'networks' if networks else 'configurations'}, {mean} ", accuracy, "."
    return f"{label} ranks first of {k} configurations, {mean} ", accuracy, f"; {_count_unclear(len(unclear), k - 1)}."


def _count_unclear(n_unclear: int, n_others: int) -> str:
    """How many of the others may be as good as the first rank."""
    if not n_unclear:
        return "another one is significantly more accurate on the test images"
    if n_others == 1:
        return "the other one is not significantly different"
    if n_unclear == n_others:
        return f"none of the other {n_others:,} is significantly different"
    return f"{n_unclear:,} of the other {n_others:,} {'is' if n_unclear == 1 else 'are'} not significantly different"


def split_differences(differences: Sequence[PairDifference]) -> tuple[list[PairDifference], list[PairDifference]]:
    """The differences from the best that are not significant, and those that are, but in favour of the other one."""
    unclear = [each for each in differences if not each.is_significant]
    return unclear, [each for each in differences if each.is_significant and each.difference < 0]


def list_sweep_tiles(summary: SweepSummary) -> list[Tile]:
    """The four tiles: accuracy of the best, its lead, seeds, training time."""
    return [_show_accuracy(summary), _show_lead(summary), _show_seeds(summary), _show_time(summary)]


def _show_accuracy(summary: SweepSummary) -> Tile:
    interval = summary.ranking.interval
    n = f"{summary.results.n_test:,} images"
    note = f"over {summary.best.n_seeds} seeds and {n}" if summary.best.has_seeds else f"one network, {n}"
    detail = (format_percents(interval),) if interval else ("no interval",)
    return Tile("configurations", "Test accuracy of the best", (f"{summary.best_mean.accuracy:.1%}",), detail, note)


def _show_lead(summary: SweepSummary) -> Tile:
    """The difference from the second rank; for a single configuration, its loss."""
    if not summary.differences:
        value = f"{summary.best_mean.loss:.3f}"
        return Tile("configurations", "Test loss", (value,), ("cross-entropy",), "mean over its networks")
    pair = summary.differences[0]
    detail = (format_signeds(pair.interval),) if pair.interval else ()
    verdict = "significant" if pair.is_significant else "not significant"
    note = f"{verdict}, p {FILTERS['p'](pair.p_adjusted)} (Holm)"
    return Tile("differences", "Against the second rank", (f"{format_change(pair.difference)} points",), detail, note)


def _show_seeds(summary: SweepSummary) -> Tile:
    sd, n_seeds = summary.best_mean.accuracy_sd, summary.best.n_seeds
    if sd is None:
        return Tile("configurations", "Seeds", ("1 seed",), ("Another seed gives another network",), "spread unknown")
    detail, note = ("standard deviation of the best",), f"{n_seeds} seeds"
    return Tile("configurations", "Spread over the seeds", (f"{100 * sd:.2f} points",), detail, note)


def _show_time(summary: SweepSummary) -> Tile:
    total = sum(network.training_s for each in summary.results.configurations for network in each.networks)
    value, n_networks = format_duration(summary.best_mean.training_s), summary.results.n_networks
    note = f"all {n_networks:,} trainings: {format_duration(total)}" if n_networks > 1 else ""
    detail = ("median of the best",) if summary.best.has_seeds else ("of the best",)
    return Tile("cost" if summary.pairs else "configurations", "Training time", (value,), detail, note)


def list_sweep_findings(summary: SweepSummary) -> list[Finding]:
    """At most three findings, the most important first; docs/sweep.md has the condition of each."""
    found = [
        _find_failures(summary),
        _find_better(summary),
        _find_tie(summary),
        _find_few_seeds(summary),
        _find_cheaper(summary),
        *map(_find_effect, summary.effects if len(summary.results.parameters) > 1 else []),
    ]
    return [finding for finding in found if finding][:MOST_FINDINGS]


def _find_failures(summary: SweepSummary) -> Finding | None:
    n_failed, n_runs = len(summary.results.failures), summary.results.n_runs
    if not n_failed:
        return None
    text = f"{n_failed:,} of {n_failed + n_runs:,} runs failed; the page leaves them out."
    return Finding(Level.FAULT, n_failed / (n_failed + n_runs), "failures", (text,))


def _find_better(summary: SweepSummary) -> Finding | None:
    """A configuration that is significantly better than the best, on the test images."""
    _, better = split_differences(summary.differences)
    if not better:
        return None
    pair = min(better, key=lambda each: each.difference)
    label = summary.results.configurations[pair.second].label
    text = (
        f"{label} is significantly more accurate on the test images than the first rank, by "
        f"{100 * -pair.difference:.1f} points. {summary.ranking.criterion.capitalize()} ranks them otherwise."
    )
    return Finding(Level.PROBLEM, -pair.difference, "differences", (text,))


def _find_tie(summary: SweepSummary) -> Finding | None:
    n_equal = summary.ranking.n_equal
    if n_equal == 1:
        return None
    note = ""
    if "test_time" in summary.results.parameters:
        note = " Validation does without test-time augmentation, so it cannot rank the values of test time."
    text = f"{n_equal} configurations share the first rank: their {summary.ranking.criterion} is the same.{note}"
    return Finding(Level.PROBLEM, 0.0, "configurations", (text,))


def _find_few_seeds(summary: SweepSummary) -> Finding | None:
    """One seed, or two that leave the second rank undecided."""
    if not summary.differences:
        return None
    pair = summary.differences[0]
    second = summary.results.configurations[pair.second]
    n_seeds = min(summary.best.n_seeds, second.n_seeds)
    if n_seeds == 1:
        text = (
            "With one seed, trained networks are compared, not configurations: another seed may change the order. "
            "Train the first ranks again with at least five seeds."
        )
        return Finding(Level.PROBLEM, 0.0, "differences", (text,))
    if n_seeds == FEW_SEEDS and not pair.is_significant:
        text = "Two seeds show only very large differences between configurations; train at least five seeds."
        return Finding(Level.PROBLEM, 0.0, "differences", (text,))
    return None


def _find_cheaper(summary: SweepSummary) -> Finding | None:
    """The fastest configuration that loses little, if anything, and takes at most half the time."""
    limit = MUCH_CHEAPER * summary.best_mean.training_s
    candidates = [
        pair
        for pair in summary.differences
        if summary.means[pair.second].training_s <= limit
        and not pair.is_significant
        and pair.interval
        and pair.interval.upper <= SMALL_LOSS
    ]
    if not candidates:
        return None
    pair = min(candidates, key=lambda each: summary.means[each.second].training_s)
    seconds = summary.means[pair.second].training_s
    low, high = (format_change(-bound) for bound in (pair.interval.upper, pair.interval.lower)) if pair.interval else ""
    text = (
        f"{summary.results.configurations[pair.second].label} trains in {format_duration(seconds)} instead of "
        f"{format_duration(summary.best_mean.training_s)}, and its accuracy is not significantly different: "
        f"{format_change(-pair.difference)} points, {low} to {high}."
    )
    return Finding(Level.INSIGHT, seconds, "cost", (text,))


def _find_effect(effect: Effect) -> Finding | None:
    """A setting whose best value beats its worst one whatever the other settings are."""
    if not effect.is_consistent:
        return None
    worst, best = effect.extremes
    name, n_pairs = effect.parameter.replace("_", " "), len(effect.accuracies[0])
    text = (
        f"{name.capitalize()} {best} is significantly better than {worst} with each of {n_pairs} combinations of the "
        f"other settings, by {100 * effect.span:.1f} points on average."
    )
    return Finding(Level.INSIGHT, effect.span, "settings", (text,))

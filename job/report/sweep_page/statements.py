"""Puts the result of a sweep into words: the title line, the headline and the tiles."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from job.evaluation.sweep_networks import SweepResults
from job.evaluation.sweep_pairs import PairDifference
from job.evaluation.sweep_summary import SweepSummary
from job.report.first_screen.identity import DIRTY, SHORT_HASH
from job.report.first_screen.statements import Tile
from job.report.formatting import FILTERS, format_percents, format_signeds
from job.text import count_noun, format_change

MINUTE, HOUR = 60, 3600
TRIAL = re.compile(r"trial-[0-9]+")  # a run of it has the seed in its name, too


def identify_sweep(results: SweepResults) -> list[str]:
    """The parts of the title line: data set, search, numbers, dates, revision."""
    revisions = [_shorten_revision(each) for each in results.revisions if each]
    parts = [
        results.data,
        f"search of {count_noun(len(results.search.trials), 'trial')}" if results.search else "",
        f"{count_noun(len(results.configurations), 'configuration')}, {count_noun(results.n_runs, 'run')}",
        _describe_dates(*results.started),
        revisions[0] if len(results.revisions) == 1 and revisions else "",
        count_noun(len(revisions), "revision") if len(revisions) > 1 else "",
    ]
    return [part for part in parts if part]


def describe_shared(results: SweepResults) -> str:
    """The settings that are the same in all runs, but not those of a recipe, such as `epochs 1`; empty if none."""
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in results.settings.items())


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


def count_failures(failures: Mapping[str, str]) -> str:
    """The number of runs, or of trials of a search, without a result, such as `2 runs have`."""
    noun = "trial" if all(map(TRIAL.fullmatch, failures)) else "run"
    return f"{count_noun(len(failures), noun)} {'has' if len(failures) == 1 else 'have'}"


def write_headline(summary: SweepSummary) -> tuple[str, str, str]:
    """The headline in three parts; the middle one, the accuracy, is emphasized."""
    label, n, k = summary.best.label, summary.results.n_test, len(summary.means)
    accuracy = f"{summary.best_mean.accuracy:.1%}"
    seeds = f"with {count_noun(summary.best.n_seeds, 'seed')}"
    average = f", on average over {summary.best.n_seeds} seeds" if summary.best.has_seeds else f", {seeds}"
    if k == 1:
        return f"{label} classifies ", accuracy, f" of {n:,} test images correctly{average}."
    unclear, better = split_differences(summary.differences)
    mean = "mean test accuracy" if summary.best.has_seeds else "test accuracy"
    if not unclear and not better and not summary.best.has_seeds:
        return f"The network of {label} is the best of {k:,} networks, {mean} ", accuracy, "."
    if not unclear and not better and all(each.compared == "configurations" for each in summary.differences):
        return f"{label} is the best of {k:,} configurations, {mean} ", accuracy, "."
    place = "ranks first" if summary.ranking.n_equal == 1 else "shares the first rank"
    return f"{label} {place} of {k:,} configurations, {mean} ", accuracy, f"; {_count_unclear(summary)}."


def _count_unclear(summary: SweepSummary) -> str:
    """How many of the others may be as good as the first rank."""
    unclear, better = split_differences(summary.differences)
    n_unclear, n_others = len(unclear), len(summary.differences)
    if not n_unclear and better:
        return "another one is significantly more accurate on the test images"
    if not n_unclear:
        return "its lead is significant, but some have one seed, so that only networks can be compared"
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
    label = "Test accuracy of the best" if summary.pairs else "Test accuracy"
    return Tile("configurations", label, (f"{summary.best_mean.accuracy:.1%}",), detail, note)


def _show_lead(summary: SweepSummary) -> Tile:
    """The difference from the second rank; for a single configuration, its loss."""
    if not summary.differences:
        value = f"{summary.best_mean.loss:.3f}"
        return Tile("configurations", "Test loss", (value,), ("cross-entropy",), "mean over its networks")
    pair = summary.differences[0]
    detail = (format_signeds(pair.interval),) if pair.interval else ()
    verdict = "significant" if pair.is_significant else "not significant"
    correction = " (Holm)" if len(summary.differences) > 1 else ""
    note = f"{verdict}, p {FILTERS['p'](pair.p_adjusted)}{correction}"
    label = "Against the second rank" if summary.ranking.n_equal == 1 else "Against the next of equal rank"
    return Tile("differences", label, (f"{format_change(pair.difference)} points",), detail, note)


def _show_seeds(summary: SweepSummary) -> Tile:
    sd, n_seeds = summary.best_mean.accuracy_sd, summary.best.n_seeds
    if sd is None:
        return Tile("configurations", "Seeds", ("1 seed",), ("Another seed gives another network",), "spread unknown")
    detail, note = (f"standard deviation{' of the best' * bool(summary.pairs)}",), f"{n_seeds} seeds"
    return Tile("configurations", "Spread over the seeds", (f"{100 * sd:.2f} points",), detail, note)


def _show_time(summary: SweepSummary) -> Tile:
    """The pooled time of the best, as in the table, and the measured time of all."""
    total = sum(network.training_s for each in summary.results.configurations for network in each.networks)
    value, n_networks = format_duration(summary.best_mean.training_s), summary.results.n_networks
    note = f"all {n_networks:,} trainings: {format_duration(total)}" if n_networks > 1 else ""
    works = [network.work for each in summary.results.configurations for network in each.networks]
    is_pooled = any(works.count(each.work) > 1 for each in summary.best.networks if each.work is not None)
    detail = ("median of trainings with the same work",) if is_pooled else ()
    label = "Training time of the best" if summary.pairs else "Training time"
    return Tile("cost" if summary.pairs else "configurations", label, (value,), detail, note)

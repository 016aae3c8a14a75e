"""Finds what matters most about a sweep."""

from job.evaluation.gate_result import count_missed
from job.evaluation.intervals import SIGNIFICANCE_LEVEL
from job.evaluation.sweep_effects import Effect
from job.evaluation.sweep_summary import SweepSummary
from job.report.first_screen.statements import Alert, Finding, Level, list_names
from job.report.sweep_page.gate_rows import describe_gate
from job.report.sweep_page.statements import count_failures, format_duration, split_differences
from job.text import format_change

MOST_FINDINGS = 3
MOST_GATES = 3
FEW_SEEDS = 2
MUCH_CHEAPER = 0.5  # of the time of the best
SMALL_LOSS = 0.01  # of accuracy


def list_sweep_findings(summary: SweepSummary) -> list[Finding]:
    """At most three findings, the most important first; docs/sweep.md has the condition of each."""
    found = [
        _find_missed_gates(summary),
        _find_failures(summary),
        _find_better(summary),
        _find_other_images(summary),
        _find_tie(summary),
        _find_few_seeds(summary),
        _find_cheaper(summary),
        *map(_find_effect, summary.effects if len(summary.results.varying) > 1 else []),
    ]
    return [finding for finding in found if finding][:MOST_FINDINGS]


def _find_missed_gates(summary: SweepSummary) -> Finding | None:
    missed = [each for each in summary.gates if each.missed]
    if not missed:
        return None
    names = list_names([describe_gate(each) for each in missed], MOST_GATES)
    return Finding(Level.FAULT, 1.0, "gates", (Alert(count_missed(summary.gates)), ": ", *names, "."))


def _find_failures(summary: SweepSummary) -> Finding | None:
    failures = summary.results.failures
    if not failures:
        return None
    text = f"{count_failures(failures)} no result; the page leaves {'it' if len(failures) == 1 else 'them'} out."
    return Finding(Level.FAULT, len(failures), "failures", (text,))


def _find_better(summary: SweepSummary) -> Finding | None:
    """A configuration that is significantly better than the best, on the test images."""
    _, better = split_differences(summary.differences)
    if not better:
        return None
    pair = min(better, key=lambda each: each.difference)
    label = summary.results.configurations[pair.second].label
    text = (
        f"{label} is significantly more accurate on the test images than the first rank, by "
        f"{100 * -pair.difference:.1f} points. By {summary.ranking.criterion}, it ranks lower."
    )
    return Finding(Level.PROBLEM, -pair.difference, "differences", (text,))


def _find_other_images(summary: SweepSummary) -> Finding | None:
    """Validation accuracies of different images rank the configurations."""
    if summary.ranking.criterion == "test accuracy" or "validation_split" not in summary.results.varying:
        return None
    text = (
        "The configurations were validated on different images, so their validation accuracies, which rank them, are "
        "not comparable. Use the same validation split for all."
    )
    return Finding(Level.PROBLEM, 0.0, "configurations", (text,))


def _find_tie(summary: SweepSummary) -> Finding | None:
    n_equal = summary.ranking.n_equal
    if n_equal == 1:
        return None
    note = ""
    if "test_time" in summary.results.varying:
        note = " Validation does not use test-time augmentation, so it cannot rank the values of test time."
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
    """The fastest configuration that loses little, if anything, and takes at most half the time.

    Its interval is corrected by Bonferroni's method, because it is picked among all others.
    """
    if summary.pairs is None or not summary.ranking.allows_intervals:
        return None
    limit = MUCH_CHEAPER * summary.best_mean.training_s
    alpha = SIGNIFICANCE_LEVEL / len(summary.differences)
    candidates = [
        pair
        for pair in summary.differences
        if summary.means[pair.second].training_s <= limit
        and not pair.is_significant
        and (interval := summary.pairs.find_interval(pair.first, pair.second, alpha))
        and interval.upper <= SMALL_LOSS
    ]
    if not candidates:
        return None
    pair = min(candidates, key=lambda each: summary.means[each.second].training_s)
    seconds = summary.means[pair.second].training_s
    text = (
        f"{summary.results.configurations[pair.second].label} trains in {format_duration(seconds)} instead of "
        f"{format_duration(summary.best_mean.training_s)}, and its accuracy is not significantly different: "
        f"{format_change(-pair.difference)} points."
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

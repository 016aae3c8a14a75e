"""Finds what the comparison with the reference shows beyond the change in accuracy."""

from collections.abc import Sequence

from job.evaluation.paired_comparison import ClassCounts, Comparison
from job.report.charts.recall_changes import format_change
from job.report.first_screen.statements import ClassName, Finding, Level, Text, sample_size

MOST_CLASSES = 3


def find_lower_recalls(comparison: Comparison, names: Sequence[str]) -> Finding | None:
    """The recall of some classes is significantly lower than that of the reference, with Holm's correction."""
    rows = [row for row in zip(comparison.per_class, names, strict=True) if row[0].is_significant]
    return _describe_changes(comparison, [row for row in rows if row[0].difference < 0], "lower", Level.PROBLEM)


def find_higher_recalls(comparison: Comparison, names: Sequence[str]) -> Finding | None:
    """The recall of some classes is significantly higher."""
    rows = [row for row in zip(comparison.per_class, names, strict=True) if row[0].is_significant]
    return _describe_changes(comparison, [row for row in rows if row[0].difference > 0], "higher", Level.INSIGHT)


def _describe_changes(
    comparison: Comparison, rows: Sequence[tuple[ClassCounts, str]], word: str, level: Level
) -> Finding | None:
    """A sentence on the classes whose recall changed most."""
    if not rows:
        return None
    ranked = sorted(rows, key=lambda row: -abs(row[0].n_fixed - row[0].n_broken))
    share = sum(abs(counts.n_fixed - counts.n_broken) for counts, _ in rows) / comparison.counts.n
    more = f" and {len(rows) - MOST_CLASSES:,} more" if len(rows) > MOST_CLASSES else ""
    changes = [_describe_change(counts, name) for counts, name in ranked[:MOST_CLASSES]]
    separators = [", "] * len(changes)
    if not more and len(changes) > 1:
        separators[-2] = " and "
    separators[-1] = f"{more}."
    parts = [part for change, separator in zip(changes, separators, strict=True) for part in (*change, separator)]
    return Finding(level, share, "comparison", (f"Recall is significantly {word} than in the reference for ", *parts))


def _describe_change(counts: ClassCounts, name: str) -> Text:
    return ClassName(name), f" ({format_change(counts.difference)} points, {sample_size(counts.n)})"


def find_reseed_difference(comparison: Comparison) -> Finding | None:
    """Another seed alone could have changed the accuracy as much; said only of a significant difference."""
    limit, difference = comparison.reseed_difference, comparison.counts.difference
    if comparison.recipes or limit is None or not comparison.is_significant or abs(difference) > limit:
        return None
    text = (
        f"The difference from the reference ({format_change(difference)} points) may be due to the seed: in 95% of "
        f"cases, two seeds differ by at most {100 * limit:.1f} points."
    )
    return Finding(Level.PROBLEM, min(limit, 1.0), "comparison", (text,))

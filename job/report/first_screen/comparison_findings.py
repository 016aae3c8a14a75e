"""Finds what the comparison with the reference shows beyond the change in accuracy."""

from collections.abc import Sequence

from job.evaluation.paired_comparison import ClassCounts, Comparison
from job.report.first_screen.statements import ClassName, Finding, Level, Text, sample_size
from job.text import format_change

MOST_CLASSES = 3


def find_changed_recalls(comparison: Comparison, names: Sequence[str]) -> Finding | None:
    """The recall of some classes differs significantly from that of the reference, with Holm's correction.

    A lower one is a problem; the gains are named next to it.
    """
    rows = [row for row in zip(comparison.per_class, names, strict=True) if row[0].is_significant]
    if not rows:
        return None
    ranked = sorted(rows, key=lambda row: -abs(row[0].difference))
    lower, higher = ([row for row in ranked if (row[0].difference > 0) == is_higher] for is_higher in (False, True))
    if lower and higher:
        start = f"Recall differs significantly from that of the reference in {len(rows)} of {len(names)} classes: "
        text = (start, *_describe_side(lower, "lower"), "; ", *_describe_side(higher, "higher"), ".")
    else:
        word = "lower" if lower else "higher"
        start = f"Recall is significantly {word} than that of the reference for "
        text = (start, *_list_changes(ranked))
    share = sum(abs(counts.n_fixed - counts.n_broken) for counts, _ in rows) / comparison.counts.n
    return Finding(Level.PROBLEM if lower else Level.INSIGHT, share, "comparison", text)


def _describe_side(ranked: Sequence[tuple[ClassCounts, str]], word: str) -> Text:
    """How many recalls are lower or higher, and which one changed most."""
    most = "most for " if len(ranked) > 1 else ""
    counts, name = ranked[0]
    return f"{word} in {len(ranked)} ({most}", ClassName(name), f", {_describe_change(counts)})"


def _list_changes(ranked: Sequence[tuple[ClassCounts, str]]) -> Text:
    """The largest changes as the end of a sentence."""
    shown = ranked[:MOST_CLASSES]
    more = f" and {len(ranked) - MOST_CLASSES:,} more" if len(ranked) > MOST_CLASSES else ""
    separators = [", "] * len(shown)
    if not more and len(shown) > 1:
        separators[-2] = " and "
    separators[-1] = f"{more}."
    changes = [(ClassName(name), f" ({_describe_change(counts)})") for counts, name in shown]
    return tuple(part for change, separator in zip(changes, separators, strict=True) for part in (*change, separator))


def _describe_change(counts: ClassCounts) -> str:
    return f"{format_change(counts.difference)} points, {sample_size(counts.n)}"


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

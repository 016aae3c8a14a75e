"""Explains what the choice of the seeds contributes to a difference from the reference."""

from job.evaluation.intervals import Interval
from job.evaluation.paired_comparison import Comparison
from job.evaluation.paired_differences import MIN_IMAGES
from job.evaluation.recipe_comparison import RecipeComparison

WIDEST = 0.4
"""A wider interval says next to nothing: with two seeds a side, it can have a width of 200 points."""


def describe_seeds(comparison: Comparison, n_runs: int) -> str:
    """What is known about the seeds; if the recipes cannot be compared, why, and how to compare them."""
    if recipes := comparison.recipes:
        return _describe_recipes(recipes)
    parts = [_describe_reseeding(comparison), _explain_missing_recipes(comparison, n_runs)]
    return " ".join(part for part in parts if part)


def _describe_recipes(recipes: RecipeComparison) -> str:
    """How many seeds there are, and what they say about the interval."""
    text = (
        f"This recipe was trained with {recipes.n_runs} seeds and that of the reference with "
        f"{recipes.n_reference_runs}. The interval covers the choice of the seeds and of the test images together."
    )
    if recipes.highest_coverage:
        text += (
            " With so few seeds it is conservative: in simulations, such intervals contain the true difference in up "
            f"to {recipes.highest_coverage:.1%} of all cases."
        )
    if recipes.interval and _is_too_wide(recipes.interval):
        text += " There are too few seeds to tell whether the recipes differ."
    return text


def _is_too_wide(interval: Interval) -> bool:
    """Whether an interval excludes neither 0 nor large differences."""
    return interval.lower <= 0 <= interval.upper and interval.upper - interval.lower > WIDEST


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
    if comparison.counts.n < MIN_IMAGES:
        return f"With fewer than {MIN_IMAGES} test images, the recipes are not compared."
    if n_runs > 1 and before:
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

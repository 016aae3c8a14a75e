"""Computes the four tiles: accuracy, change, calibration, weakest class."""

from job.evaluation.evaluate import Evaluation
from job.evaluation.intervals import Interval
from job.evaluation.paired_comparison import Comparison
from job.report.charts.recall_changes import format_change
from job.report.first_screen.statements import ClassName, Tile
from job.report.formatting import FILTERS, format_interval
from job.report.published import MOST_SIMILAR, is_comparable
from job.results.run import Run

CALIBRATED = "No significant miscalibration"


def list_tiles(run: Run) -> list[Tile]:
    """The tiles in their order; the second one depends on what the run can be compared with."""
    evaluation = run.evaluation
    return [
        _show_accuracy(evaluation),
        _show_comparison(run),
        _show_calibration(evaluation),
        _show_weakest_class(evaluation),
    ]


def _show_accuracy(evaluation: Evaluation) -> Tile:
    return Tile(
        "metrics",
        "Accuracy",
        (f"{evaluation.accuracy:.1%}",),
        format_interval(evaluation.accuracy_interval, ".1%"),
        f"{evaluation.n_correct:,} of {evaluation.n_test:,} images",
    )


def _show_comparison(run: Run) -> Tile:
    """The change against the reference; else the most similar published network; else the mean over the classes."""
    if run.comparison:
        return _show_change(run.comparison)
    if run.training and is_comparable(run):
        return _show_published(run)
    return _show_macro_f1(run.evaluation)


def _show_change(comparison: Comparison) -> Tile:
    """Of the recipes if both runs have several seeds, else of the two networks."""
    recipes = comparison.recipes
    if recipes:
        n_runs = f"means of {recipes.n_runs} and {recipes.n_reference_runs} seeds"
        return _show_points("Change of the recipe", recipes.difference, recipes.interval, n_runs)
    counts = comparison.counts
    return _show_points("Change against the reference", counts.difference, counts.interval, f"n = {counts.n:,} images")


def _show_points(label: str, difference: float, interval: Interval | None, note: str) -> Tile:
    detail = FILTERS["signeds"](interval) if interval else ""
    return Tile("comparison", label, (f"{format_change(difference)} points",), detail, note)


def _show_published(run: Run) -> Tile:
    """The published predictions are unknown, so the difference from this accuracy has no interval."""
    assert run.training is not None
    closest = MOST_SIMILAR[run.training.config.model]
    place = locate(closest.accuracy, run.evaluation.accuracy_interval)
    return Tile(
        "published",
        "Most similar published network",
        (f"{closest.accuracy:.1%}",),
        f"{place} the interval of this model",
        closest.name,
    )


def _show_macro_f1(evaluation: Evaluation) -> Tile:
    macro = evaluation.macro
    interval = format_interval(macro.f1_interval, ".3f") if macro.f1_interval else ""
    return Tile("metrics", "Macro F1", (f"{macro.f1:.3f}",), interval, f"mean over {len(evaluation.per_class)} classes")


def _show_calibration(evaluation: Evaluation) -> Tile:
    calibration = evaluation.calibration
    return Tile(
        "calibration",
        "Calibration",
        (describe_calibration(evaluation),),
        f"calibration error {calibration.ece:.1%}",
        f"{calibration.ece_if_calibrated:.1%} if perfectly calibrated, n = {evaluation.n_test:,}",
    )


def describe_calibration(evaluation: Evaluation) -> str:
    """Over- or underconfident if the interval excludes 0, else miscalibrated if the error is larger than by chance."""
    calibration = evaluation.calibration
    interval, points = calibration.overconfidence_interval, f"{100 * abs(calibration.overconfidence):.1f} points"
    if interval.lower > 0:
        return f"Overconfident by {points}"
    if interval.upper < 0:
        return f"Underconfident by {points}"
    return "Miscalibrated" if calibration.ece > calibration.ece_if_calibrated_95 else CALIBRATED


def _show_weakest_class(evaluation: Evaluation) -> Tile:
    """The class of lowest recall; if there are several, their number."""
    lowest = min(row.recall for row in evaluation.per_class)
    weakest = [row for row in evaluation.per_class if row.recall == lowest]
    first, n_classes = weakest[0], len(evaluation.per_class)
    if len(weakest) == 1:
        interval = format_interval(first.recall_interval, ".1%")
        return Tile(
            "classes", "Weakest class", (ClassName(first.name),), f"recall {lowest:.1%}", f"{interval}, n = {first.support:,}"
        )
    value = "All classes" if len(weakest) == n_classes else f"{len(weakest)} of {n_classes} classes"
    return Tile("classes", "Lowest recall", (f"{lowest:.1%}",), value, "equal recall")

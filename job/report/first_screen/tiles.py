"""Computes the four tiles: accuracy, change, calibration (without probabilities: correlation), weakest class."""

from job.config.recipes import ModelName
from job.evaluation.calibration import Calibration
from job.evaluation.evaluate import Evaluation
from job.evaluation.intervals import Interval
from job.evaluation.paired_comparison import Comparison
from job.evaluation.weakest_class import find_weakest_class
from job.report.first_screen.statements import ClassName, Tile, sample_size
from job.report.formatting import format_decimals, format_percents, format_signeds
from job.report.published import MOST_SIMILAR, is_comparable, locate
from job.results.run import Run
from job.text import format_change


def list_tiles(run: Run) -> list[Tile]:
    """The tiles in their order; the second one depends on what the run can be compared with."""
    evaluation = run.evaluation
    return [
        _show_accuracy(evaluation),
        _show_comparison(run),
        _show_calibration(evaluation, evaluation.calibration) if evaluation.calibration else _show_mcc(evaluation),
        _show_weakest_class(evaluation),
    ]


def _show_accuracy(evaluation: Evaluation) -> Tile:
    interval = format_percents(evaluation.accuracy_interval)
    note = f"{evaluation.n_correct:,} of {evaluation.n_test:,} images"
    return Tile("metrics", "Accuracy", (f"{evaluation.accuracy:.1%}",), (interval,), note)


def _show_comparison(run: Run) -> Tile:
    """The change against the reference; else the most similar published network; else the mean over the classes."""
    if run.comparison:
        return _show_change(run.comparison)
    if run.training and is_comparable(run):
        return _show_published(run.training.config.model, run.evaluation)
    return _show_macro_f1(run.evaluation)


def _show_change(comparison: Comparison) -> Tile:
    """Of the recipes if both runs have several seeds, else of the two networks."""
    recipes, counts = comparison.recipes, comparison.counts
    if recipes:
        note = f"means of {recipes.n_runs} and {recipes.n_reference_runs} seeds"
        return _show_points("Recipe against reference", recipes.difference, recipes.interval, note)
    return _show_points("Against the reference", counts.difference, counts.interval, f"{sample_size(counts.n)} images")


def _show_points(label: str, difference: float, interval: Interval | None, note: str) -> Tile:
    detail = (format_signeds(interval),) if interval else ()
    return Tile("comparison", label, (f"{format_change(difference)} points",), detail, note)


def _show_published(model: ModelName, evaluation: Evaluation) -> Tile:
    """No verdict, because the published predictions are unknown and a difference would have no interval."""
    closest = MOST_SIMILAR[model]
    place = locate(closest.accuracy, evaluation.accuracy_interval)
    detail = (f"{place} the interval", "of this model")
    return Tile("published", "Published, similar network", (f"{closest.accuracy:.1%}",), detail, closest.name)


def _show_macro_f1(evaluation: Evaluation) -> Tile:
    macro = evaluation.macro
    detail = (format_percents(macro.f1_interval),) if macro.f1_interval else ()
    return Tile("metrics", "Macro F1", (f"{macro.f1:.1%}",), detail, f"mean over {len(evaluation.per_class)} classes")


def _show_mcc(evaluation: Evaluation) -> Tile:
    """Matthews's correlation, in place of the calibration."""
    detail = (format_decimals(evaluation.mcc_interval),) if evaluation.mcc_interval else ()
    value = f"{evaluation.mcc:.3f}".replace("-", "\N{MINUS SIGN}")
    return Tile("metrics", "Matthews correlation", (value,), detail, "1 is best, 0 is chance")


def _show_calibration(evaluation: Evaluation, calibration: Calibration) -> Tile:
    note = f"{calibration.ece_if_calibrated:.1%} if perfectly calibrated"
    detail = (f"ECE {calibration.ece:.1%},", f"{sample_size(evaluation.n_test)}")
    return Tile("calibration", "Calibration", (describe_calibration(calibration),), detail, note)


def describe_calibration(calibration: Calibration) -> str:
    """Over- or underconfident if that is significant on average; else, what the calibration error shows."""
    if calibration.tendency:
        return f"{calibration.tendency.capitalize()} by {100 * abs(calibration.overconfidence):.1f} points"
    return "Miscalibrated" if calibration.is_miscalibrated else "No significant over- or underconfidence"


def _show_weakest_class(evaluation: Evaluation) -> Tile:
    """The class of lowest recall, with an interval if it is clearly the lowest; if there are several, their number."""
    lowest = min(row.recall for row in evaluation.per_class)
    weakest = [row for row in evaluation.per_class if row.recall == lowest]
    if len(weakest) == len(evaluation.per_class):
        return Tile("classes", "Recall", (f"{lowest:.1%}",), (f"in each of the {len(weakest)} classes",), "")
    if len(weakest) > 1:
        value = f"{len(weakest)} of {len(evaluation.per_class)} classes"
        return Tile("classes", "Weakest classes", (value,), (f"recall {lowest:.1%} each",), "")
    (row,) = weakest
    if find_weakest_class(evaluation.matrix) is None:
        detail = (f"lowest recall {lowest:.1%},", sample_size(row.support))
        name = f"class {row.name}" if row.name.isdecimal() else row.name
        return Tile("classes", "Weakest class", ("No class clearly weakest",), detail, ClassName(name))
    detail = (f"recall {lowest:.1%}", format_percents(row.recall_interval))
    return Tile("classes", "Weakest class", (ClassName(row.name),), detail, f"{sample_size(row.support)} images")

"""Finds what the confusion matrix shows: classes that the model ignores, and where the errors are."""

import math

import numpy as np

from job.evaluation.error_groups import bound_chance, find_error_group
from job.evaluation.evaluate import Evaluation
from job.evaluation.intervals import SIGNIFICANCE_LEVEL, wilson_interval
from job.evaluation.swapped_classes import find_cycle
from job.report.assessment import split_by_prediction
from job.report.first_screen.statements import ClassName, Finding, Level, count_errors, list_names, sample_size
from job.report.formatting import format_percents

MOST_NAMES = 5
PAIR = 2
MIN_INVOLVED = 0.25
MIN_RATIO = 1.5  # to the fraction of the errors that every class would be involved in if all were alike


def find_single_class(evaluation: Evaluation) -> Finding | None:
    """The model predicts the same class for every image."""
    predicted, unpredicted = split_by_prediction(evaluation)
    if len(predicted) > 1 or not unpredicted:
        return None
    text = ("The model predicts ", ClassName(predicted[0]), f" for each of the {evaluation.n_test:,} test images.")
    return Finding(Level.USELESS, 1.0, "confusion", text)


def find_unpredicted(evaluation: Evaluation) -> Finding | None:
    """The model never predicts some classes, and predicts more than one.

    A class that is predicted as often as it occurs is missing among the predictions with probability exp(-support), if
    its images are rare: with few images of each class, missing ones may be chance.
    """
    predicted, unpredicted = split_by_prediction(evaluation)
    if not unpredicted or len(predicted) == 1:
        return None
    supports = [row.support for row in evaluation.per_class if row.name in set(unpredicted)]
    n_classes = len(evaluation.per_class)
    is_short = len(unpredicted) <= MOST_NAMES
    what = list_names(unpredicted, MOST_NAMES) if is_short else (f"{len(unpredicted)} of the {n_classes} classes",)
    text = ("The model never predicts ", *what, f" ({sum(supports):,} of the {evaluation.n_test:,} test images).")
    is_chance = max(supports) < math.log(n_classes / SIGNIFICANCE_LEVEL)
    level = Level.INSIGHT if is_chance else Level.FAULT
    return Finding(level, sum(supports) / evaluation.n_test, "classes", text)


def find_below_chance(evaluation: Evaluation) -> Finding | None:
    """The model is right significantly less often than by chance: its classes may be in another order than the labels.

    By chance means: if the same predictions were assigned to the images at random.
    """
    shares = evaluation.matrix / evaluation.n_test
    chance = float(shares.sum(axis=0) @ shares.sum(axis=1))
    if evaluation.accuracy_interval.upper >= chance:
        return None
    n_right = f"{evaluation.n_correct:,}" if evaluation.n_correct else "none"
    text = (
        f"The model is right on {n_right} of the {evaluation.n_test:,} test images, significantly less often than by "
        f"chance ({chance:.1%}){'' if find_cycle(evaluation.matrix) else ': the labels may be mixed up'}."
    )
    return Finding(Level.USELESS, 1.0, "confusion", (text,))


def find_swapped_classes(evaluation: Evaluation) -> Finding | None:
    """Most images of a class are predicted as another one, and the other way round, or in a cycle of more classes."""
    cycle = find_cycle(evaluation.matrix)
    if not cycle:
        return None
    share = sum(evaluation.per_class[label].support for label in cycle) / evaluation.n_test
    first, second, third = (ClassName(evaluation.class_names[label]) for label in [*cycle, cycle[0]][: PAIR + 1])
    comma, end = (", and ", "") if len(cycle) == PAIR else (", ", f", and so on for {len(cycle)} classes")
    pairs = ("Most images of ", first, " are predicted as ", second, f"{comma}most of ", second, " as ", third)
    text = (*pairs, f"{end}: their labels may be swapped.")
    return Finding(Level.FAULT, share, "confusion", text)


def find_no_skill(evaluation: Evaluation) -> Finding | None:
    """The accuracy could be that of predicting the largest class for every image.

    `find_single_class` says if the model does predict one class for every image, and `find_below_chance` if it is right
    less often than by chance.
    """
    if find_below_chance(evaluation):
        return None
    largest = max(evaluation.per_class, key=lambda row: row.support)
    share = largest.support / evaluation.n_test
    if share < evaluation.accuracy_interval.lower or len(split_by_prediction(evaluation)[0]) == 1:
        return None
    if evaluation.n_correct == 0:
        none = f"None of the {evaluation.n_test:,} test images is classified correctly."
        return Finding(Level.USELESS, 1.0, "confusion", (none,))
    text = (
        "The accuracy is not significantly higher than that of always predicting ",
        ClassName(largest.name),
        f" ({share:.1%}, {sample_size(evaluation.n_test)}).",
    )
    return Finding(Level.USELESS, 1 - evaluation.accuracy, "metrics", text)


def find_perfection(evaluation: Evaluation) -> Finding | None:
    """Every prediction is right; the interval says how much that means."""
    if evaluation.n_correct < evaluation.n_test:
        return None
    interval = format_percents(evaluation.accuracy_interval)
    text = (
        f"All {evaluation.n_test:,} test images are classified correctly (95% confidence interval of the accuracy "
        f"{interval})."
    )
    return Finding(Level.INSIGHT, 1.0, "metrics", (text,))


def find_group(evaluation: Evaluation) -> Finding | None:
    """A small group of classes holds most of the errors."""
    group = find_error_group(evaluation.matrix)
    if group is None:
        return None
    names = list_names([evaluation.class_names[label] for label in group.labels], MOST_NAMES)
    among = "between " if len(group.labels) == PAIR else "among "
    if group.n_within == group.n_wrong:
        text = (f"All {group.n_wrong:,} errors are {among}", *names, ".")
    else:
        counts = f"{group.n_within:,} of {count_errors(group.n_wrong)} ({group.share:.1%})"
        text = (f"{counts} are {among}", *names, ".")
    return Finding(Level.INSIGHT, group.n_within / evaluation.n_test, "confusion", text)


def find_involved_class(evaluation: Evaluation) -> Finding | None:
    """One class is the true or the predicted one in a large part of the errors, and more often than any other.

    If all classes were alike, each would take part in a fraction of 2 / n_classes of the errors.
    """
    errors = evaluation.matrix
    np.fill_diagonal(errors, 0)
    n_wrong, involved = int(errors.sum()), errors.sum(axis=0) + errors.sum(axis=1)
    label, expected = int(involved.argmax()), 2 / len(errors)
    n = int(involved[label])
    is_chance = bound_chance(n, n_wrong, expected, len(errors)) >= SIGNIFICANCE_LEVEL
    if is_chance or n < max(MIN_RATIO * expected, MIN_INVOLVED) * n_wrong or (involved == n).sum() > 1:
        return None
    name = ClassName(evaluation.class_names[label])
    errors_of = f"all {n:,} errors" if n == n_wrong else f"{n:,} of {count_errors(n_wrong)} ({n / n_wrong:.1%})"
    text = ("Class “", name, f"” is involved in {errors_of}.")
    return Finding(Level.INSIGHT, n / evaluation.n_test, "classes", text)


def find_near_misses(evaluation: Evaluation) -> Finding | None:
    """In most errors, the true class is the second most probable one, more often than by chance."""
    if evaluation.top_2_accuracy is None or evaluation.top_2_accuracy_interval is None:
        return None
    n_wrong = evaluation.n_test - evaluation.n_correct
    n_second = round(evaluation.top_2_accuracy * evaluation.n_test) - evaluation.n_correct
    chance = 1 / (len(evaluation.per_class) - 1)
    if n_wrong == 0 or n_second < n_wrong / 2 or wilson_interval(n_second, n_wrong).lower <= chance:
        return None
    interval = format_percents(evaluation.top_2_accuracy_interval)
    text = (
        f"The true class is among the two most probable ones in {evaluation.top_2_accuracy:.1%} ({interval}) of the "
        f"{evaluation.n_test:,} test images."
    )
    return Finding(Level.INSIGHT, n_second / evaluation.n_test, "metrics", (text,))

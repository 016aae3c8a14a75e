"""Refuses tables in which a class has no image, and says what seems wrong: another numbering, or another spelling."""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from job.errors import PredictionsError
from job.predictions.class_names import Texts, are_numbers
from job.predictions.missing_parts import find_nearest
from job.predictions.parts import Parts

Labels = tuple[Parts, Texts]
"""A table, and its true labels or predicted classes."""


def require_all(true: Labels, predicted: Labels | None, numbers: NDArray[np.int16], class_names: Sequence[str]) -> None:
    """Check that each class has an image.

    Args:
        true: The labels.
        predicted: The predicted classes, if they are in the table, and no file names the classes.
        numbers: The labels as class numbers, shape (n,).
        class_names: The names of all classes.

    Raises:
        PredictionsError: If a class has none.
    """
    counts = np.bincount(numbers, minlength=len(class_names))
    if counts.all():
        return
    name, table = class_names[int(counts.argmin())], true[0].table
    if predicted is None or name not in predicted[1]:
        raise PredictionsError(
            f"{table.name}: no image has the label {name!r}, but each class needs one; add images, or leave out the "
            "class"
        )
    if problem := _explain_difference({*true[1].tolist()}, {*predicted[1].tolist()}):
        raise PredictionsError(f"{table.name}: {problem}")
    parts, classes = predicted
    place = parts.place(int(np.argmax(classes == name)), "predicted")
    nearest = find_nearest(name, {*true[1].tolist()})
    remedy = f"did you mean {nearest!r}?" if nearest else "add images of this class, or correct its name"
    raise PredictionsError(f"{place}: no image has the label {name!r}, but each class needs one; {remedy}")


def _explain_difference(true: Collection[str], predicted: Collection[str]) -> str:
    """How labels and predicted classes differ as a whole; empty if they do not seem to."""
    if are_numbers(true) != are_numbers(predicted):
        kinds = ("numbers", "names") if are_numbers(true) else ("names", "numbers")
        return (
            f"the labels are {kinds[0]}, but the predicted classes are {kinds[1]}; name the classes in label order: "
            "--classes FILE"
        )
    if not are_numbers(true):
        return ""
    lowest, highest = (min(map(int, true)), min(map(int, predicted))), (max(map(int, true)), max(map(int, predicted)))
    if lowest == (1, 0) and highest[1] < highest[0]:
        return "the labels seem to count from 1, but the predicted classes from 0; subtract 1 from the labels"
    if lowest[0] == 0 and lowest[1] > 0 and highest[1] == highest[0] + 1:
        return "the predicted classes seem to count from 1, but the labels from 0; subtract 1 from the predicted ones"
    return ""

"""Makes predictions from tables of predictions and labels, and refuses what does not fit together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray

from job.errors import PredictionsError
from job.evaluation.predictions import AnyPredictions, LabelPredictions, Predictions
from job.evaluation.swapped_classes import find_cycle
from job.log import log
from job.predictions.class_names import (
    Texts,
    are_numbers,
    as_texts,
    check_class_names,
    infer_class_names,
    number_labels,
    place_labels,
    require_whole_numbers,
)
from job.predictions.image_names import sort_images
from job.predictions.missing_classes import require_all
from job.predictions.missing_parts import explain_no_labels, explain_no_predictions
from job.predictions.parts import Parts, Scores, find_labels, find_parts
from job.predictions.probabilities import check_probabilities, round_probabilities
from job.predictions.rows import match_rows
from job.predictions.scores import with_scores
from job.predictions.tables import Table

MOST_PAIRS = 2
"""Pairs of classes in a message."""


@dataclass(frozen=True)
class Assembled:
    """Predictions, and where they come from.

    Attributes:
        parts: The table of predictions, in its own order.
        rows: The row of the table for each image, shape (n,).
        positions: The position of each image among all images in the order of the files, or of the column `index`,
            shape (n,); differs from the order of the predictions only if the images have names.
    """

    predictions: AnyPredictions
    class_names: list[str]
    parts: Parts
    rows: NDArray[np.intp]
    positions: NDArray[np.intp]

    def with_class_names(self, class_names: Sequence[str]) -> Self:
        """The same predictions with other class names, or the same names in another order."""
        if sorted(class_names) != sorted(self.class_names):
            return replace(self, class_names=list(class_names))
        numbers = np.array([class_names.index(name) for name in self.class_names], np.int16)
        y_true, predictions = numbers[self.predictions.y_true], self.predictions
        if isinstance(predictions, LabelPredictions):
            y_pred = numbers[predictions.y_pred]
            reordered: AnyPredictions = replace(predictions, y_true=y_true, y_pred=y_pred)
        else:
            rounded = predictions.probabilities[:, np.argsort(numbers)].astype(np.float64)
            probabilities = round_probabilities(rounded, numbers[predictions.y_pred])
            reordered = replace(predictions, y_true=y_true, probabilities=probabilities)
        return replace(self, predictions=reordered, class_names=list(class_names))


def assemble_predictions(  # noqa: PLR0913 - all but one have defaults
    table: Table,
    labels: Table | None = None,
    class_names: Sequence[str] | None = None,
    *,
    names_source: str = "--classes FILE",
    logits: bool = False,
    n_images: int | None = None,
    image_names: Sequence[str] | None = None,
) -> Assembled:
    """Make predictions from a table that has them, and the labels or another table of the labels.

    Args:
        table: Probabilities of the classes, or predicted classes, or both.
        labels: The labels, if `table` has none.
        class_names: Class names in label order, if they are known.
        names_source: Where they are from, for error messages.
        logits: Whether the probabilities are logits.
        n_images: Number of images, if there is a file of images.
        image_names: Good names of the images in the order of `table`, in place of those in a column.

    Raises:
        PredictionsError: If something is missing, impossible or contradictory.
    """
    parts = find_parts(table, class_names)
    truth, y_true = _read_labels(parts, labels)
    rows, others = match_rows(parts, truth, n_images)
    image_names, positions = sort_images([(parts, rows), (truth, others)], image_names)
    rows, others = rows[positions], others[positions]
    parts = with_scores(parts, place_labels(truth, "true", y_true), class_names)
    y_pred = None if parts.y_pred is None else as_texts(parts, "predicted", parts.y_pred)
    known = _list_labels(y_true, y_pred)
    if class_names is not None and parts.scores and parts.scores.values.shape[1] != len(class_names):
        _refuse_number(parts, parts.scores, f"{names_source} names {len(class_names)}")
    names = _name_classes(parts, truth, y_true, y_pred, class_names)
    columns = parts.scores.columns if parts.scores and parts.scores.class_names is None else ()
    true_numbers = number_labels(truth, "true", y_true, names, known, columns=columns)
    inferred = (parts, y_pred) if class_names is None and y_pred is not None else None
    require_all((truth, y_true), inferred, true_numbers, names)
    predicted = None if y_pred is None else number_labels(parts, "predicted", y_pred, names, known)
    true_numbers = true_numbers[others]
    if parts.scores is not None:
        probabilities = _find_probabilities(parts, parts.scores, predicted, names, logits=logits)
        predictions = Predictions(true_numbers, probabilities[rows], names=image_names)
        _check_order(table, predictions, names, is_sure=parts.scores.class_names is None or are_numbers(y_true))
        return Assembled(predictions, names, parts, rows, positions)
    if predicted is None:
        raise PredictionsError(explain_no_predictions(table))
    if logits:
        raise PredictionsError(f"{table.name}: has predicted classes, but no logits; leave out --logits")
    labelled = LabelPredictions(true_numbers, predicted[rows], len(names), names=image_names)
    _check_order(table, labelled, names, is_sure=False)
    return Assembled(labelled, names, parts, rows, positions)


def _read_labels(parts: Parts, labels: Table | None) -> tuple[Parts, Texts]:
    """The table that has the labels, and the labels in its order."""
    if labels is None:
        if parts.y_true is None:
            raise PredictionsError(explain_no_labels(parts.table))
        return parts, as_texts(parts, "true", parts.y_true)
    if parts.y_true is not None:
        raise PredictionsError(
            f"{parts.table.name}: has labels in column {parts.names['true']}; leave out --labels, or remove the column"
        )
    truth = find_labels(labels)
    return truth, as_texts(truth, "true", labels.columns[truth.names["true"]])


def _name_classes(
    parts: Parts, truth: Parts, y_true: Texts, y_pred: Texts | None, class_names: Sequence[str] | None
) -> list[str]:
    """The class names in label order."""
    scores = parts.scores
    if class_names is not None:
        return list(class_names)
    if scores is None or scores.class_names is None:
        require_whole_numbers(truth, "true", y_true)
        if y_pred is not None:
            require_whole_numbers(parts, "predicted", y_pred)
    if scores is None:
        return infer_class_names(_list_labels(y_true, y_pred), parts.table.name)
    if scores.class_names is not None and len(scores.class_names) == 1:
        raise PredictionsError(
            f"{truth.table.name}: all images have the label {scores.class_names[0]!r}; add images of other classes"
        )
    if scores.values.shape[1] == 1:
        raise PredictionsError(
            f"{parts.table.name}: has one probability for each image; give those of both classes, such as "
            "np.column_stack([1 - p, p])"
        )
    if scores.class_names is not None:
        return check_class_names(scores.class_names, parts.table.name)
    for each, texts in ((truth, y_true), (parts, y_pred)):
        if texts is not None and not are_numbers({*texts.tolist()}):
            raise PredictionsError(
                f"{each.table.name}: the labels are names, so the order of the probabilities is unknown; name the "
                "classes in that order: --classes FILE"
            )
    return check_class_names([str(label) for label in range(scores.values.shape[1])], parts.table.name)


def _list_labels(y_true: Texts, y_pred: Texts | None) -> set[str]:
    """All labels, true and predicted."""
    return {*y_true.tolist(), *(() if y_pred is None else y_pred.tolist())}


def _refuse_number(parts: Parts, scores: Scores, named: str) -> None:
    n = scores.values.shape[1]
    raise PredictionsError(f"{parts.table.name}: has probabilities of {n} classes, but {named}; name each class once")


def _find_probabilities(
    parts: Parts, scores: Scores, predicted: NDArray[np.int16] | None, names: Sequence[str], *, logits: bool
) -> NDArray[np.float32]:
    """The probabilities; the most probable class is the predicted one, if that is known."""
    probabilities = check_probabilities(parts, scores, logits=logits)
    most_probable = probabilities.argmax(axis=1)
    if predicted is None:
        return round_probabilities(probabilities, most_probable)
    rows = np.arange(len(predicted))
    differs = np.flatnonzero(probabilities[rows, predicted] < probabilities.max(axis=1))
    if differs.size:
        row = int(differs[0])
        raise PredictionsError(
            f"{parts.place(row, 'predicted')}: is {names[predicted[row]]!r}, but {names[most_probable[row]]!r} is more "
            f"probable, in {differs.size:,} of {len(rows):,} rows; correct the order of the probabilities, name each "
            "column as its class, or remove this one"
        )
    return round_probabilities(probabilities, predicted)


def _check_order(table: Table, predictions: AnyPredictions, names: Sequence[str], *, is_sure: bool) -> None:
    """Refuse labels that seem to stand for other classes than the predictions; only warn unless `is_sure`.

    A model that learned these labels hardly swaps classes; but where labels and predictions have names, these count.
    """
    n = len(names)
    matrix = np.bincount(predictions.y_true.astype(np.int64) * n + predictions.y_pred, minlength=n * n).reshape(n, n)
    if not (cycle := find_cycle(matrix)):
        return
    pairs = [f"{names[a]!r} are predicted as {names[b]!r}" for a, b in pairwise([*cycle, cycle[0]])]
    listed = ", and most of ".join(pairs[:MOST_PAIRS])
    if is_sure:
        raise PredictionsError(
            f"{table.name}: the probabilities seem to be in another order than the labels: most images of {listed}; "
            "correct the order; if it is right, name the columns and the labels by their classes"
        )
    log.warning("%s: most images of %s; check that these classes are not swapped", table.name, listed)

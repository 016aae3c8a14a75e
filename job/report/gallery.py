"""Prepares the test images that the page shows, each with its predictions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from job.evaluation.predictions import Predictions
from job.evaluation.sample_selection import Cell
from job.report.images import Pictures
from job.results.run import Run

N_SHOWN_PROBABILITIES = 3
N_FREQUENT_ERRORS = 6
N_PER_OTHER_CELL = 3
"""Number of images in each of the other cells; with more, a page with 100 full cells would exceed 500 kB."""


@dataclass(frozen=True, kw_only=True)
class ImageView:
    """A test image.

    Attributes:
        name: Name of the image, such as its path; empty if it is unknown.
        picture: Address of the picture for `src`.
        true: True class.
        predicted: Class that this model predicts.
        confidence: Probability of that class; None without probabilities.
        probabilities: Most probable classes and the true class, each as its name, its probability and whether it is
            the true class; most probable first. Empty without probabilities.
        reference: Class that the reference predicts; empty without a reference.
    """

    index: int
    name: str
    picture: str
    true: str
    predicted: str
    confidence: float | None
    probabilities: list[tuple[str, float, bool]]
    reference: str


@dataclass(frozen=True, kw_only=True)
class CellView:
    """A cell of the confusion matrix.

    Attributes:
        anchor: Id of the cell on the page.
        n: Number of images in the cell.
        support: Number of test images of the true class.
        images: Images of the cell, most confident predictions first, or random without probabilities.
    """

    anchor: str
    true: str
    predicted: str
    n: int
    support: int
    images: list[ImageView]

    @property
    def share(self) -> float:
        """`n` as a fraction of `support`."""
        return self.n / self.support


def view_gallery(run: Run, pictures: Pictures) -> dict[str, list[Any]]:
    """Prepare the test images of a run, by the name of their list in `Samples` or `Comparison`.

    The random errors are left out if the most confident ones are the same images.
    Of the cells with images, `frequent_errors` has the most frequent errors, and `other_cells` the others. If the
    images are unknown, only `frequent_errors` has cells, without images.
    """
    samples, comparison = run.evaluation.samples, run.comparison
    n_errors = sum(cell.true != cell.predicted for cell in samples.cells[:N_FREQUENT_ERRORS])

    def view(indices: Iterable[int]) -> list[ImageView]:
        return [_view_image(index, run, pictures) for index in indices] if run.images else []

    def view_cell(cell: Cell, n_images: int | None = None) -> CellView:
        true = run.evaluation.per_class[cell.true]
        return CellView(
            anchor=f"cell-{cell.true}-{cell.predicted}",
            true=true.name,
            predicted=run.evaluation.class_names[cell.predicted],
            n=run.evaluation.confusion_matrix[cell.true][cell.predicted],
            support=true.support,
            images=view(cell.indices[:n_images]),
        )

    return {
        "frequent_errors": [view_cell(cell) for cell in samples.cells[:n_errors]],
        "other_cells": [view_cell(cell, N_PER_OTHER_CELL) for cell in samples.cells[n_errors:] if run.images],
        "confident_mistakes": view(samples.confident_mistakes),
        "least_certain": view(samples.least_certain),
        "wrong": view(samples.wrong if set(samples.wrong) - set(samples.confident_mistakes) else ()),
        "right": view(samples.right),
        "fixed": view(comparison.fixed if comparison else ()),
        "broken": view(comparison.broken if comparison else ()),
    }


def list_links(run: Run) -> list[tuple[int, int]]:
    """The cells (true, predicted) of the confusion matrix that the page describes one by one."""
    cells = run.evaluation.samples.cells
    shown = cells if run.images else [cell for cell in cells[:N_FREQUENT_ERRORS] if cell.true != cell.predicted]
    return [(cell.true, cell.predicted) for cell in shown]


def list_images(run: Run) -> list[ImageView]:
    """Every image of the report, embedded."""
    pictures = Pictures(run.images, embedded=True)
    return [_view_image(index, run, pictures) for index in run.images]


def _view_image(index: int, run: Run, pictures: Pictures) -> ImageView:
    predictions, names = run.predictions, run.evaluation.class_names
    true, predicted = int(predictions.y_true[index]), int(predictions.y_pred[index])
    confidence, probabilities = None, []
    if isinstance(predictions, Predictions):
        confidence = float(predictions.confidence[index])
        probabilities = _list_probabilities(predictions.probabilities[index].tolist(), names, true)
    return ImageView(
        index=index,
        name="" if predictions.names is None else predictions.names[index],
        picture=pictures.add_image(index),
        true=names[true],
        predicted=names[predicted],
        confidence=confidence,
        probabilities=probabilities,
        reference="" if predictions.y_reference is None else names[predictions.y_reference[index]],
    )


def _list_probabilities(
    probabilities: Sequence[float], names: Sequence[str], true: int
) -> list[tuple[str, float, bool]]:
    """The most probable classes and the true one, as in `ImageView`."""
    shown = sorted(range(len(names)), key=lambda label: -probabilities[label])[:N_SHOWN_PROBABILITIES]
    if true not in shown:
        shown[-1] = true
    return [(names[label], probabilities[label], label == true) for label in shown]

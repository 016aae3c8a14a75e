"""Prepares the test images that the page shows, each with its predictions."""

from collections.abc import Sequence
from dataclasses import dataclass

from job.evaluation import sample_selection
from job.evaluation.intervals import Interval, wilson_interval
from job.report.images import Pictures
from job.results.run import Run

N_SHOWN_PROBABILITIES = 3
N_FREQUENT_ERRORS = 6
N_PER_OTHER_CELL = 3
"""Number of images in each of the other cells: with more, a page on which every cell is full would exceed 500 kB."""


@dataclass(frozen=True)
class ClassProbability:
    """The predicted probability of one class for one image."""

    name: str
    probability: float
    is_true: bool


@dataclass(frozen=True)
class Sample:
    """A test image and its most probable classes, most probable first, always including the true class."""

    index: int
    picture: str
    true: str
    predicted: str
    probabilities: list[ClassProbability]


@dataclass(frozen=True)
class Thumbnail:
    """A test image of a cell, and the probability of the predicted class."""

    index: int
    picture: str
    confidence: float


@dataclass(frozen=True)
class CellView:
    """A cell of the confusion matrix with its images.

    Attributes:
        anchor: Id of the cell on the page.
        true: True class of the images.
        predicted: Predicted class of the images.
        n: Number of images in the cell.
        support: Number of test images of the true class.
        share: `n` as a fraction of `support`.
        share_interval: 95 % confidence interval of `share`.
        thumbnails: Images of the cell, most confident predictions first.
    """

    anchor: str
    true: str
    predicted: str
    n: int
    support: int
    share: float
    share_interval: Interval
    thumbnails: list[Thumbnail]


@dataclass(frozen=True)
class Gallery:
    """All test images of the page.

    Attributes:
        frequent_errors: Cells of the most frequent errors.
        other_cells: The other cells that contain images, errors first.
        confident_mistakes: Incorrect predictions, most confident first.
        least_certain: Least confident predictions, least confident first.
        wrong: Random incorrect predictions.
        right: Random correct predictions.
    """

    frequent_errors: list[CellView]
    other_cells: list[CellView]
    confident_mistakes: list[Sample]
    least_certain: list[Sample]
    wrong: list[Sample]
    right: list[Sample]


def view_gallery(run: Run, pictures: Pictures) -> Gallery:
    """Prepare the test images of a run."""
    samples = run.evaluation.samples
    n_errors = sum(cell.true != cell.predicted for cell in samples.cells[:N_FREQUENT_ERRORS])

    def view(indices: Sequence[int]) -> list[Sample]:
        return [_view_sample(index, run, pictures) for index in indices]

    return Gallery(
        frequent_errors=[_view_cell(cell, cell.indices, run, pictures) for cell in samples.cells[:n_errors]],
        other_cells=[
            _view_cell(cell, cell.indices[:N_PER_OTHER_CELL], run, pictures) for cell in samples.cells[n_errors:]
        ],
        confident_mistakes=view(samples.confident_mistakes),
        least_certain=view(samples.least_certain),
        wrong=view(samples.wrong),
        right=view(samples.right),
    )


def _view_sample(index: int, run: Run, pictures: Pictures) -> Sample:
    names = run.evaluation.class_names
    true, predicted = int(run.predictions.y_true[index]), int(run.predictions.y_pred[index])
    probabilities = run.predictions.probabilities[index].tolist()
    shown = sorted(range(len(names)), key=lambda label: -probabilities[label])[:N_SHOWN_PROBABILITIES]
    if true not in shown:
        shown[-1] = true
    return Sample(
        index=index,
        picture=pictures.add_image(index),
        true=names[true],
        predicted=names[predicted],
        probabilities=[ClassProbability(names[label], probabilities[label], label == true) for label in shown],
    )


def _view_cell(cell: sample_selection.Cell, indices: Sequence[int], run: Run, pictures: Pictures) -> CellView:
    evaluation = run.evaluation
    n, support = evaluation.confusion_matrix[cell.true][cell.predicted], evaluation.per_class[cell.true].support
    return CellView(
        anchor=f"cell-{cell.true}-{cell.predicted}",
        true=evaluation.class_names[cell.true],
        predicted=evaluation.class_names[cell.predicted],
        n=n,
        support=support,
        share=n / support,
        share_interval=wilson_interval(n, support),
        thumbnails=[
            Thumbnail(index, pictures.add_image(index), float(run.predictions.confidence[index])) for index in indices
        ],
    )

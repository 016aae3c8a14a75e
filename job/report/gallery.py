"""The pictures that the report shows, each with what the model made of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from job.evaluation import intervals, sample_selection
from job.report.images import Pictures
from job.results.run import Predictions
from job.results.schema import Results

N_SHOWN_PROBABILITIES = 3
N_PAIRS = 6
"""The most confused pairs, which are shown apart from the other cells of the confusion matrix."""

N_OF_OTHERS = 3
"""The images of each other cell: with more, a page on which every cell is full would weigh over 500 kB."""


@dataclass(frozen=True)
class Guess:
    """One class's probability for one image."""

    name: str
    probability: float
    is_true: bool


@dataclass(frozen=True)
class Sample:
    """One test image and the most probable classes, most probable first, the true one always among them."""

    index: int
    picture: str
    true: str
    predicted: str
    guesses: list[Guess]


@dataclass(frozen=True)
class Thumbnail:
    """One test image of a cell, and the probability of the class predicted."""

    index: int
    picture: str
    confidence: float


@dataclass(frozen=True)
class Cell:
    """One cell of the confusion matrix, with its most confident images.

    Attributes:
        anchor: the id of its place on the page.
        true: the class of its images.
        predicted: what they were taken for.
        n: how many they are.
        support: the test images of the true class.
        share: of those, with its 95 % interval.
        thumbnails: most confident first.
    """

    anchor: str
    true: str
    predicted: str
    n: int
    support: int
    share: float
    share_interval: intervals.Interval
    thumbnails: list[Thumbnail]


@dataclass(frozen=True)
class Gallery:
    """All pictures of the page.

    Attributes:
        pairs: the most frequent mistakes.
        others: the other cells that have images, mistakes first.
        confident_mistakes: most confident first.
        least_certain: least certain first, right or wrong.
        wrong: drawn at random.
        right: drawn at random.
    """

    pairs: list[Cell]
    others: list[Cell]
    confident_mistakes: list[Sample]
    least_certain: list[Sample]
    wrong: list[Sample]
    right: list[Sample]


def arrange(results: Results, predictions: Predictions, pictures: Pictures) -> Gallery:
    """The gallery of one run."""
    names = results.class_names

    def show(indices: Sequence[int]) -> list[Sample]:
        return [_sample(index, predictions, pictures, names) for index in indices]

    chosen = results.samples

    def cells(of: Sequence[sample_selection.Cell], n_images: int) -> list[Cell]:
        return [_cell(cell, cell.indices[:n_images], results, predictions, pictures) for cell in of]

    n_pairs = sum(cell.true != cell.predicted for cell in chosen.cells[:N_PAIRS])
    return Gallery(
        pairs=cells(chosen.cells[:n_pairs], sample_selection.N_PER_CELL),
        others=cells(chosen.cells[n_pairs:], N_OF_OTHERS),
        confident_mistakes=show(chosen.confident_mistakes),
        least_certain=show(chosen.least_certain),
        wrong=show(chosen.wrong),
        right=show(chosen.right),
    )


def _sample(index: int, predictions: Predictions, pictures: Pictures, class_names: Sequence[str]) -> Sample:
    true, predicted = int(predictions.y_true[index]), int(predictions.y_pred[index])
    probabilities = predictions.rows[index].tolist()
    ranked = sorted(range(len(class_names)), key=lambda label: -probabilities[label])
    shown = ranked[:N_SHOWN_PROBABILITIES]
    if true not in shown:
        shown[-1] = true
    return Sample(
        index=index,
        picture=pictures.address(index),
        true=class_names[true],
        predicted=class_names[predicted],
        guesses=[Guess(class_names[label], probabilities[label], label == true) for label in shown],
    )


def _cell(
    chosen: sample_selection.Cell,
    indices: Sequence[int],
    results: Results,
    predictions: Predictions,
    pictures: Pictures,
) -> Cell:
    n, support = results.confusion_matrix[chosen.true][chosen.predicted], results.per_class[chosen.true].support
    return Cell(
        anchor=f"cell-{chosen.true}-{chosen.predicted}",
        true=results.class_names[chosen.true],
        predicted=results.class_names[chosen.predicted],
        n=n,
        support=support,
        share=n / support,
        share_interval=intervals.wilson(n, support),
        thumbnails=[Thumbnail(one, pictures.address(one), float(predictions.confidence[one])) for one in indices],
    )

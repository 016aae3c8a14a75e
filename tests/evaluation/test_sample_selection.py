from dataclasses import replace

import numpy as np
import pytest

from job.evaluation.predictions import LabelPredictions, Predictions
from job.evaluation.sample_selection import (
    N_SHOWN,
    Cell,
    Samples,
    select_changed_images,
    select_samples,
    select_shown_images,
)

Y_TRUE = np.arange(1000) % 10
Y_PRED = np.where(np.arange(1000) % 3 == 0, (Y_TRUE + 1) % 10, Y_TRUE)
CONFIDENCE = np.random.default_rng(0).integers(20, 100, 1000) / np.float32(100)  # with ties


def make(y_true: list[int], y_pred: list[int], confidence: list[float], n_classes: int) -> Predictions:
    """Predictions of these classes with these probabilities; the others share the rest."""
    n = len(y_true)
    rest = (1 - np.array(confidence, np.float32)) / (n_classes - 1)
    probabilities = np.repeat(rest[:, None], n_classes, axis=1).astype(np.float32)
    probabilities[np.arange(n), y_pred] = confidence
    return Predictions(np.array(y_true), probabilities)


PREDICTIONS = make(Y_TRUE.tolist(), Y_PRED.tolist(), CONFIDENCE.tolist(), 10)
SAMPLES = select_samples(PREDICTIONS, seed=0)


@pytest.mark.parametrize("is_right", [True, False])
def test_random_samples_are_right_or_wrong(is_right: bool) -> None:  # noqa: FBT001 - a parameter
    """They are nine different images in class order."""
    indices = SAMPLES.right if is_right else SAMPLES.wrong
    assert len(set(indices)) == N_SHOWN == 9
    assert all((Y_TRUE[index] == Y_PRED[index]) == is_right for index in indices)
    assert [(Y_TRUE[index], index) for index in indices] == sorted((Y_TRUE[index], index) for index in indices)


def test_every_image_can_be_drawn() -> None:
    """Over many seeds, the random samples cover the classes evenly and include early and late images."""
    drawn = np.concatenate([select_samples(PREDICTIONS, seed).right for seed in range(60)])
    counts = np.bincount(Y_TRUE[drawn], minlength=10)
    assert counts.min() > 25
    assert drawn.min() < 30
    assert drawn.max() > 970


def test_the_seed_decides_what_is_random() -> None:
    """The same seed selects the same images, another seed others; what is sorted by confidence stays."""
    assert select_samples(PREDICTIONS, 0) == SAMPLES
    other = select_samples(PREDICTIONS, 1)
    assert other.right != SAMPLES.right
    assert other.wrong != SAMPLES.wrong
    assert replace(other, right=SAMPLES.right, wrong=SAMPLES.wrong) == SAMPLES


def test_the_most_and_least_confident() -> None:
    """Python sorts them the same way; equally confident images rank by index."""
    mistakes = sorted(np.flatnonzero(Y_TRUE != Y_PRED).tolist(), key=lambda index: (-CONFIDENCE[index], index))
    assert SAMPLES.confident_mistakes == mistakes[:12]
    assert SAMPLES.least_certain == sorted(range(1000), key=lambda index: (CONFIDENCE[index], index))[:9]


def test_cells_worked_by_hand() -> None:
    """Class 0 is predicted as 2 twice, 1 as 0 and 2 as 1 once each; no image of class 1 is right."""
    predictions = make([0, 0, 1, 2, 0, 2], [2, 2, 0, 1, 0, 2], [0.5, 0.7, 0.9, 0.8, 0.6, 0.4], 3)
    assert select_samples(predictions, seed=0) == Samples(
        right=[4, 5],
        wrong=[0, 1, 2, 3],
        confident_mistakes=[2, 3, 1, 0],
        least_certain=[5, 0, 4, 1, 3, 2],
        cells=[Cell(0, 2, [1, 0]), Cell(1, 0, [2]), Cell(2, 1, [3]), Cell(0, 0, [4]), Cell(2, 2, [5])],
    )


def test_the_images_of_a_cell_are_its_most_confident_ones() -> None:
    """Each cell has at most six; equally confident images rank by index."""
    assert [(cell.true, cell.predicted) for cell in SAMPLES.cells[10:]] == [(label, label) for label in range(10)]
    for cell in SAMPLES.cells:
        inside = [i for i in range(1000) if (Y_TRUE[i], Y_PRED[i]) == (cell.true, cell.predicted)]
        assert cell.indices == sorted(inside, key=lambda index: (-CONFIDENCE[index], index))[:6]


def test_indices_are_unique_and_ascending() -> None:
    """They are the images that samples.npz keeps."""
    samples = Samples(right=[7], wrong=[3], confident_mistakes=[3, 9], least_certain=[0], cells=[Cell(1, 2, [9, 5])])
    assert samples.indices() == [0, 3, 5, 7, 9]


@pytest.mark.parametrize(("n_classes", "n_diagonal"), [(10, 10), (11, 0)])
def test_at_most_a_hundred_cells(n_classes: int, n_diagonal: int) -> None:
    """Every cell of 10 classes is kept; with more classes the diagonal is the first to go."""
    y_true, y_pred = np.indices((n_classes, n_classes)).reshape(2, -1).tolist()
    cells = select_samples(make(y_true, y_pred, [0.5] * n_classes**2, n_classes), seed=0).cells
    assert len(cells) == 100
    assert sum(cell.true == cell.predicted for cell in cells) == n_diagonal


def test_fewer_images_than_places() -> None:
    """A list is shorter if there are fewer images."""
    samples = select_samples(make([0, 1], [0, 1], [0.9, 0.8], 2), seed=0)
    assert (samples.right, samples.wrong, samples.confident_mistakes, samples.least_certain) == ([0, 1], [], [], [1, 0])


def test_changed_images_worked_by_hand() -> None:
    """Images 1, 2 and 4 are fixed, 3 is broken; the most confident come first, equals by index."""
    predictions = make([0, 0, 1, 1, 1], [0, 0, 1, 0, 1], [0.9, 0.7, 0.7, 0.6, 0.8], 2)
    assert select_changed_images(predictions) == ([], [])
    compared = replace(predictions, y_reference=np.array([0, 1, 0, 1, 0]))
    assert select_changed_images(compared) == ([4, 1, 2], [3])


def test_at_most_twelve_changed_images() -> None:
    """The most confident ones are kept."""
    confidence = np.linspace(0.99, 0.6, 20).tolist()
    predictions = replace(make([0] * 20, [0] * 20, confidence, 2), y_reference=np.ones(20, int))
    assert select_changed_images(predictions) == (list(range(12)), [])


def test_without_probabilities_images_are_drawn_from_all() -> None:
    """A file that is sorted by class shows images of every class, the same each time."""
    n = 1000
    y_true = np.repeat(np.arange(10, dtype=np.int16), n // 10)
    wrong = LabelPredictions(y_true, (y_true + 1) % 10, 10)
    fixed, broken = select_changed_images(replace(wrong, y_reference=y_true))
    assert (fixed, len(set(broken))) == ([], 12)
    assert len({int(y_true[index]) for index in broken}) > 5
    assert select_changed_images(replace(wrong, y_reference=y_true)) == (fixed, broken)
    cells = select_samples(wrong, seed=0).cells
    assert {(cell.true, cell.predicted) for cell in cells} == {(label, (label + 1) % 10) for label in range(10)}
    for cell in cells:
        assert {int(y_true[index]) for index in cell.indices} == {cell.true}
        assert len(set(cell.indices)) == 6
        assert max(cell.indices) - min(cell.indices) > 6


def test_all_shown_images() -> None:
    """They are the samples and the changed images."""
    y_reference = np.where(CONFIDENCE < 0.4, Y_TRUE, np.where(CONFIDENCE < 0.6, (Y_TRUE + 5) % 10, Y_PRED))
    compared = replace(PREDICTIONS, y_reference=y_reference)
    fixed, broken = select_changed_images(compared)
    shown = select_shown_images(compared, seed=0)
    assert shown == sorted({*SAMPLES.indices(), *fixed, *broken})
    assert set(fixed) - set(SAMPLES.indices())
    assert set(broken) - set(SAMPLES.indices())
    assert select_shown_images(PREDICTIONS, seed=0) == SAMPLES.indices()

import numpy as np
import pytest

from job.evaluation import sample_selection
from job.evaluation.sample_selection import Cell, Samples

Y_TRUE = np.arange(1000) % 10
Y_PRED = np.where(np.arange(1000) % 3 == 0, (Y_TRUE + 1) % 10, Y_TRUE)
CONFIDENCE = np.random.default_rng(0).integers(20, 100, 1000) / np.float32(100)  # with ties


def chosen(seed: int = 0) -> Samples:
    return sample_selection.choose(Y_TRUE, Y_PRED, CONFIDENCE, 10, seed)


def test_right_and_wrong_are_what_they_say() -> None:
    """The full number of each, no image twice, in class order."""
    for indices, hit in ((chosen().right, True), (chosen().wrong, False)):
        assert len(set(indices)) == sample_selection.N_SHOWN
        assert all((Y_TRUE[index] == Y_PRED[index]) == hit for index in indices)
        assert Y_TRUE[indices].tolist() == sorted(Y_TRUE[indices])


def test_the_seed_gives_the_choice() -> None:
    """The same seed the same images, another seed others; the confidence knows no chance."""
    assert chosen(1) == chosen(1) != chosen(2)
    assert chosen(1).confident_mistakes == chosen(2).confident_mistakes
    assert chosen(1).cells == chosen(2).cells


def test_the_most_and_least_confident() -> None:
    """As Python sorts them, ties by index."""
    mistakes = sorted(np.flatnonzero(Y_TRUE != Y_PRED).tolist(), key=lambda index: (-CONFIDENCE[index], index))
    assert chosen().confident_mistakes == mistakes[:12]
    assert chosen().least_certain == sorted(range(1000), key=lambda index: (CONFIDENCE[index], index))[:9]


def test_cells_worked_by_hand() -> None:
    """0 taken for 2 twice, 1 for 0 and 2 for 1 once each; nothing else is mistaken, and no 1 is found."""
    y_true = np.array([0, 0, 1, 2, 0, 2], np.uint8)
    y_pred = np.array([2, 2, 0, 1, 0, 2], np.int64)
    confidence = np.array([0.5, 0.7, 0.9, 0.8, 0.6, 0.4])
    assert sample_selection.choose(y_true, y_pred, confidence, 3, seed=0) == Samples(
        right=[4, 5],
        wrong=[0, 1, 2, 3],
        confident_mistakes=[2, 3, 1, 0],
        least_certain=[5, 0, 4, 1, 3, 2],
        cells=[Cell(0, 2, [1, 0]), Cell(1, 0, [2]), Cell(2, 1, [3]), Cell(0, 0, [4]), Cell(2, 2, [5])],
    )


def test_the_images_of_a_cell_are_its_most_confident_ones() -> None:
    """As Python sorts them, ties by index; six of each."""
    cells = chosen().cells
    assert [(one.true, one.predicted) for one in cells[10:]] == [(label, label) for label in range(10)]
    for one in cells:
        inside = [i for i in range(1000) if (Y_TRUE[i], Y_PRED[i]) == (one.true, one.predicted)]
        assert one.indices == sorted(inside, key=lambda index: (-CONFIDENCE[index], index))[:6]


def test_all_indices_once_and_ascending() -> None:
    """Those whose pictures are kept."""
    one = Samples(right=[7], wrong=[3], confident_mistakes=[3, 9], least_certain=[0], cells=[Cell(1, 2, [9, 5])])
    assert one.indices() == [0, 3, 5, 7, 9]


@pytest.mark.parametrize(("n_classes", "n_cells"), [(10, 100), (11, 100)])
def test_at_most_a_hundred_cells(n_classes: int, n_cells: int) -> None:
    """Every cell of 10 classes; of more, the diagonal is left out first."""
    y_true, y_pred = np.indices((n_classes, n_classes)).reshape(2, -1)
    cells = sample_selection.choose(y_true, y_pred, np.ones(n_classes**2), n_classes, seed=0).cells
    assert len(cells) == n_cells
    assert sum(one.true == one.predicted for one in cells) == (10 if n_classes == 10 else 0)


def test_fewer_images_than_places() -> None:
    """All there are; none where there is none."""
    one = sample_selection.choose(np.array([0, 1]), np.array([0, 1]), np.array([0.9, 0.8]), 2, seed=0)
    assert (one.right, one.wrong, one.confident_mistakes, one.least_certain) == ([0, 1], [], [], [1, 0])

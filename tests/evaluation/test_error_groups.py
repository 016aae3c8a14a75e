import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from job.evaluation.error_groups import ErrorGroup, find_error_group


def make_matrix(n_classes: int, errors: dict[tuple[int, int], int]) -> NDArray[np.int64]:
    """A confusion matrix with 100 right predictions of each class and these errors."""
    matrix = np.diag(np.full(n_classes, 100))
    for (true, predicted), n in errors.items():
        matrix[true, predicted] = n
    return matrix


def test_the_smallest_group_with_three_quarters_of_the_errors() -> None:
    """Three classes hold 80 of 100 errors, and any two of them at most 40; the most involved one comes first."""
    errors = {(1, 4): 30, (4, 1): 10, (4, 6): 20, (6, 4): 15, (1, 6): 5, (0, 2): 10, (9, 8): 10}
    assert find_error_group(make_matrix(10, errors)) == ErrorGroup([4, 1, 6], 80, 100)


@pytest.mark.parametrize(("n", "expected"), [(75, ErrorGroup([0, 1], 75, 100)), (74, None)])
def test_three_quarters_are_enough(n: int, expected: ErrorGroup | None) -> None:
    """Two of six classes hold the errors, the rest lies between two others; three classes hold no more."""
    assert find_error_group(make_matrix(6, {(0, 1): n, (2, 3): 100 - n})) == expected


def test_errors_that_leave_the_group_do_not_count() -> None:
    """Class 0 is true in every error, but its predictions are spread over all others."""
    assert find_error_group(make_matrix(10, {(0, label): 10 for label in range(1, 10)})) is None


def test_errors_that_are_spread_evenly_have_no_group() -> None:
    """Half of the classes hold about a quarter of them."""
    assert find_error_group(make_matrix(10, dict.fromkeys(itertools.permutations(range(10), 2), 3))) is None


@pytest.mark.parametrize(("n", "expected"), [(2, None), (3, ErrorGroup([2, 5], 3, 3))])
def test_a_group_must_exceed_chance(n: int, expected: ErrorGroup | None) -> None:
    """Two errors lie between the same two classes with probability (1/45)², but 627 groups of 2 to 5 are tried."""
    assert find_error_group(make_matrix(10, {(2, 5): n})) == expected


@pytest.mark.parametrize(("n_large", "expected"), [(100, ErrorGroup([0, 1], 4, 5)), (10_000, None)])
def test_large_classes_have_more_errors_by_chance(n_large: int, expected: ErrorGroup | None) -> None:
    """Two of ten classes hold 4 of 5 errors.

    If all classes are equal, an error lies between them with probability 1/45: 627 · 5 (1/45)⁴ is below 0.001. If they
    have nearly all images, it is 1/9, and 627 · 5 (1/9)⁴ is 0.5.
    """
    matrix = make_matrix(10, {(0, 1): 2, (1, 0): 2, (2, 3): 1})
    matrix[0, 0] = matrix[1, 1] = n_large
    assert find_error_group(matrix) == expected


def test_chance_seldom_makes_a_group() -> None:
    """In at most 5 % of 200 data sets with 8 errors between random classes."""
    random = np.random.default_rng(3)
    pairs = list(itertools.permutations(range(8), 2))
    n_found = 0
    for _ in range(200):
        matrix = np.zeros((8, 8), np.int64)
        np.add.at(matrix, tuple(np.array(pairs)[random.integers(len(pairs), size=8)].T), 1)
        n_found += find_error_group(matrix) is not None
    assert n_found <= 10


@pytest.mark.parametrize("n_classes", [2, 3])
def test_few_classes_have_no_group(n_classes: int) -> None:
    """A group is at most half of the classes."""
    assert find_error_group(make_matrix(n_classes, {(0, 1): 50})) is None


def test_a_matrix_without_errors() -> None:
    """Nothing to group."""
    assert find_error_group(make_matrix(10, {})) is None


@pytest.mark.parametrize("seed", range(5))
def test_every_group_of_few_classes_is_tried(seed: int) -> None:
    """Compared with a search of its own: no smaller group reaches three quarters, and no equal one more."""
    random = np.random.default_rng(seed)
    matrix = make_matrix(8, {})
    for true, predicted in itertools.permutations(range(8), 2):
        matrix[true, predicted] = random.integers(0, 60) if {true, predicted} <= {0, 3, 5, 7} else random.integers(0, 4)
    group = find_error_group(matrix)
    assert group is not None
    n_wrong = int(matrix.sum() - np.trace(matrix))

    def count(labels: tuple[int, ...]) -> int:
        return sum(int(matrix[pair]) for pair in itertools.permutations(labels, 2))

    assert group.n_within == count(tuple(group.labels))
    assert group.share == group.n_within / n_wrong >= 0.75
    for size in range(2, len(group.labels) + 1):
        best = max(map(count, itertools.combinations(range(8), size)))
        assert best == group.n_within if size == len(group.labels) else best < 0.75 * n_wrong


def test_many_classes_are_searched_greedily() -> None:
    """Five of 100 classes that are confused in a circle, among errors of all others."""
    circle = [3, 40, 41, 77, 99]
    errors = dict.fromkeys(zip(circle, circle[1:] + circle[:1], strict=True), 40)
    noise = {(label, (label + 7) % 100): 1 for label in range(0, 100, 2) if label not in circle}
    group = find_error_group(make_matrix(100, errors | noise))
    assert group is not None
    assert sorted(group.labels) == circle
    assert (group.n_within, group.n_wrong) == (200, 200 + len(noise))

import numpy as np
import pytest

from job.evaluation.class_clusters import N_PAIRS, Join, Pair, cluster_classes

BLOCKS = [{0, 3, 5}, {1, 4}, {2, 6}]


def block_matrix(support: int = 100) -> np.ndarray:
    """Seven classes that are confused only within three groups."""
    matrix = np.zeros((7, 7), np.int64)
    for block in BLOCKS:
        members = sorted(block)
        matrix[np.ix_(members, members)] = 5
    np.fill_diagonal(matrix, 0)
    np.fill_diagonal(matrix, support - matrix.sum(axis=1))
    return matrix


def test_groups_become_neighbours() -> None:
    """Classes that are confused with each other stand together, although their numbers do not."""
    clusters = cluster_classes(block_matrix())
    assert clusters
    assert sorted(clusters.order) == list(range(7))
    positions = [sorted(clusters.order.index(label) for label in block) for block in BLOCKS]
    assert all(place[-1] - place[0] == len(place) - 1 for place in positions)


def test_rates_and_joins_by_hand() -> None:
    """Classes 0 and 2 are confused in 20 % and 40 % of their images; class 1 is confused with 0 only, in 10 % and 0."""
    clusters = cluster_classes(np.array([[7, 1, 2], [0, 30, 0], [2, 0, 3]]))
    assert clusters
    assert clusters.order in ([1, 0, 2], [2, 0, 1])
    first, second = clusters.joins
    assert first.rate == pytest.approx((0.2 + 0.4) / 2)
    assert list(first.rates) == [1, 1]
    assert second.rate == pytest.approx((0.05 + 0) / 2)
    assert sorted(second.rates) == pytest.approx([0.3, 1])
    assert clusters.pairs == [Pair(0, 2, 4, 15), Pair(0, 1, 1, 40)]


def test_joins_form_a_tree_over_the_order() -> None:
    """Each join starts at classes or at earlier joins, in the middle of what they joined."""
    clusters = cluster_classes(np.random.default_rng(3).integers(1, 20, (12, 12)))
    assert clusters
    starts = {(float(position), 1.0) for position in range(12)}
    for join in clusters.joins:
        for position, rate in zip(join.positions, join.rates, strict=True):
            start = next(start for start in starts if start == pytest.approx((position, rate)))
            starts.remove(start)
        starts.add((sum(join.positions) / 2, join.rate))
    assert len(starts) == 1


def test_similar_neighbours_win() -> None:
    """Of the orders that keep the groups, one puts the classes that are confused across groups next to each other."""
    matrix = np.diag([90] * 4)
    for first, second, n in ((0, 1, 9), (2, 3, 8), (0, 3, 4)):
        matrix[first, second] = matrix[second, first] = n
    clusters = cluster_classes(matrix)
    assert clusters
    assert clusters.order in ([1, 0, 3, 2], [2, 3, 0, 1])


def test_many_pairs() -> None:
    """At most five, the highest rate first; pairs without a confusion are left out."""
    clusters = cluster_classes(block_matrix())
    assert clusters
    assert len(clusters.pairs) == N_PAIRS
    assert {(pair.n, pair.n_images) for pair in clusters.pairs} == {(10, 200)}


@pytest.mark.parametrize("matrix", [np.array([[3, 1], [1, 3]]), np.diag([3, 4, 5])], ids=["two classes", "no error"])
def test_nothing_to_cluster(matrix: np.ndarray) -> None:
    """Two classes have one order, and without an error every order is as good."""
    assert cluster_classes(matrix) is None


def test_a_class_without_images() -> None:
    """It is similar to the classes that are predicted as it, and to nothing otherwise."""
    clusters = cluster_classes(np.array([[0, 0, 0], [0, 5, 5], [0, 5, 5]]))
    assert clusters
    assert clusters.joins == [Join((1.0, 2.0), (1.0, 1.0), 0.5), Join((0.0, 1.5), (1.0, 0.5), 0.0)]


def test_two_classes_that_are_always_swapped() -> None:
    """The highest rate there is."""
    clusters = cluster_classes(np.array([[0, 4, 0], [4, 0, 0], [0, 0, 4]]))
    assert clusters
    assert [join.rate for join in clusters.joins] == [1, 0]

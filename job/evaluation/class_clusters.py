"""Finds the classes that a model confuses with each other, by hierarchical clustering of the confusion matrix."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from job.evaluation.predictions import Floats

MIN_CLASSES = 3  # two classes have only one order
N_PAIRS = 5


@dataclass(frozen=True)
class Join:
    """Two groups of classes that become one.

    A position is that of a class in the order, from 0, or the middle of a group. A rate is the confusion rate at which
    a group was joined, in [0, 1]; 1 for a single class.
    """

    positions: tuple[float, float]
    rates: tuple[float, float]
    rate: float


@dataclass(frozen=True)
class Pair:
    """Two classes that are confused with each other.

    Attributes:
        n: Number of test images of either class that are predicted as the other.
        n_images: Number of test images of both classes.
    """

    first: int
    second: int
    n: int
    n_images: int


@dataclass(frozen=True, kw_only=True)
class ClassClusters:
    """The classes, ordered so that those that are confused with each other are neighbours.

    Attributes:
        order: Class numbers in their new order.
        joins: How the groups join, the highest confusion rate first.
        pairs: At most 5 pairs of classes of the highest confusion rate, highest first.
    """

    order: list[int]
    joins: list[Join]
    pairs: list[Pair]


def cluster_classes(matrix: NDArray[np.int64]) -> ClassClusters | None:
    """Cluster the classes of a confusion matrix; None with two classes or without an error.

    The confusion rate of two classes is the mean of two fractions: the images of each that are predicted as the other.
    That of two groups is the mean over their pairs of classes (average linkage). Of all orders that keep the groups
    together, the result has the one with the highest rates between neighbours (Bar-Joseph, Gifford and Jaakkola 2001).

    Args:
        matrix: Image counts, shape (n_classes, n_classes); rows are true classes, columns predicted classes.
    """
    from scipy.cluster import hierarchy
    from scipy.spatial.distance import squareform

    rates = _measure_confusion(matrix)
    if len(matrix) < MIN_CLASSES or not rates.any():
        return None
    linkage = hierarchy.linkage(squareform(1 - rates, checks=False), "average", optimal_ordering=True)
    tree = hierarchy.dendrogram(linkage, no_plot=True)
    joins = [_read_join(*each) for each in zip(tree["icoord"], tree["dcoord"], strict=True)]
    return ClassClusters(
        order=[int(label) for label in tree["leaves"]],
        joins=sorted(joins, key=lambda join: -join.rate),
        pairs=_list_pairs(matrix, rates),
    )


def _measure_confusion(matrix: NDArray[np.int64]) -> Floats:
    """Confusion rate of each pair of classes, shape (n_classes, n_classes); 0 on the diagonal."""
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    rates: Floats = (shares + shares.T) / 2
    np.fill_diagonal(rates, 0)
    return rates


def _read_join(x: list[float], y: list[float]) -> Join:
    """Read a bracket of SciPy's dendrogram, in which the classes have the positions 5, 15, 25 and so on."""
    positions = (x[0] - 5) / 10, (x[3] - 5) / 10
    first, rate, _, second = (1 - float(distance) for distance in y)
    return Join(positions, (first, second), rate)


def _list_pairs(matrix: NDArray[np.int64], rates: Floats) -> list[Pair]:
    confusions, support = matrix + matrix.T, matrix.sum(axis=1)
    first, second = np.triu_indices(len(matrix), 1)
    largest = np.argsort(-rates[first, second], kind="stable")[:N_PAIRS]
    pairs = zip(first[largest].tolist(), second[largest].tolist(), strict=True)
    return [Pair(*pair, int(confusions[pair]), int(support[[*pair]].sum())) for pair in pairs if confusions[pair]]

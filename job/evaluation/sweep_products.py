"""Computes from the predictions what the tests of pairs need: products of the values of each two configurations.

A row is a configuration that is compared with all of them, the columns.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from job.evaluation.predictions import Floats
from job.evaluation.sweep_networks import Configuration
from job.evaluation.variance_parts import VarianceParts

BLOCK = 100
"""Configurations whose values for each image are in memory at the same time, besides those of the rows."""


def count_discordant(
    configurations: Sequence[Configuration], rows: range
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number of images that only the network of the row gets right, and of those that only that of the column does.

    The networks are those that stand for the configurations; both arrays have the shape (n_rows, n_configurations).
    """
    n_both = np.rint(_multiply(configurations, rows, _list_correct)).astype(np.int64)
    n_right = np.array([round(each.accuracies[each.reported] * len(each.y_true)) for each in configurations])
    return n_right[rows, np.newaxis] - n_both, n_right - n_both


def list_pair_parts(
    configurations: Sequence[Configuration], rows: range, have_seeds: NDArray[np.bool_]
) -> VarianceParts:
    """The parts of all pairs at once, as `recipe_comparison.list_parts` has those of one pair.

    The values of pairs of which one has a single seed mean nothing.
    """
    n, k = len(configurations[0].y_true), len(configurations)
    spreads = np.zeros((k, 3))
    spreads[have_seeds] = [
        _describe_spread(each) for each, is_known in zip(configurations, have_seeds, strict=True) if is_known
    ]
    over_columns, interactions, over_seeds = spreads.T
    covariances = _multiply(configurations, rows, _list_deviations) / (n - 1)
    over_images = np.maximum(over_columns[rows, np.newaxis] + over_columns - 2 * covariances, 0.0) / n
    apart = np.maximum(over_images - interactions[rows, np.newaxis] - interactions, 0.0)
    freedoms = np.array([max(each.n_seeds - 1.0, 1.0) for each in configurations])
    shape = len(rows), k
    by_row = [np.broadcast_to(values[rows, np.newaxis], shape) for values in (over_seeds, freedoms)]
    by_column = [np.broadcast_to(values, shape) for values in (over_seeds, freedoms)]
    return VarianceParts(
        np.stack([apart, by_row[0], by_column[0]], axis=-1),
        np.stack([np.full(shape, n - 1.0), by_row[1], by_column[1]], axis=-1),
        over_images,
    )


def _multiply(
    configurations: Sequence[Configuration], rows: range, list_values: Callable[[Configuration], Floats]
) -> Floats:
    """Dot products of the values for each image, shape (n_rows, n_configurations)."""
    of_rows = np.stack([list_values(configurations[row]) for row in rows])
    starts = range(0, len(configurations), BLOCK)
    blocks = (np.stack([list_values(each) for each in configurations[start : start + BLOCK]]) for start in starts)
    products: Floats = np.concatenate([of_rows @ block.T for block in blocks], axis=1)
    return products


def _list_correct(configuration: Configuration) -> Floats:
    """1 for each image that the network that stands for the configuration gets right, otherwise 0."""
    correct: Floats = (configuration.reported_network.y_pred == configuration.y_true).astype(np.float64)
    return correct


def _list_deviations(configuration: Configuration) -> Floats:
    """Mean over the networks for each image, minus the mean over all images; 0 for a single network."""
    if not configuration.has_seeds:
        return np.zeros(len(configuration.y_true))
    crossed = configuration.crossed
    return crossed.image_means - crossed.mean


def _describe_spread(configuration: Configuration) -> tuple[float, float, float]:
    """Variance of the image means, variance of the disagreement on single images, variance over the seeds."""
    crossed = configuration.crossed
    return float(np.var(crossed.image_means, ddof=1)), crossed.interaction_variance, crossed.seed_variance

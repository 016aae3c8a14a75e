"""Summarizes each configuration of a sweep: accuracy with its interval, loss, time."""

import math
import statistics
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from job.evaluation.intervals import ROUNDING, Interval, Z, bounded_interval, wilson_interval
from job.evaluation.paired_differences import MIN_IMAGES
from job.evaluation.recipe_comparison import CrossedMean
from job.evaluation.sweep_networks import Configuration, SweptNetwork
from job.evaluation.variance_parts import VarianceParts, measure_margins


@dataclass(frozen=True, kw_only=True)
class ConfigurationMean:
    """What the networks of a configuration have in common.

    Attributes:
        accuracy: Mean test accuracy of the networks.
        accuracy_sd: Sample standard deviation (n - 1) of their test accuracies; None for one network.
        accuracy_interval: 95 % confidence interval of the mean: over seeds and test images, or with one network over
            test images. None if nothing varies, or with several seeds and fewer than 300 images.
        loss: Mean test loss of the networks, in nats.
        val_accuracy: Mean validation accuracy; None if a network has none.
        training_s: Training time in seconds: the median over all networks of the sweep that did the same work, and of
            these medians, if its own networks did different work.
    """

    accuracy: float
    accuracy_sd: float | None
    accuracy_interval: Interval | None
    loss: float
    val_accuracy: float | None
    training_s: float


def pool_times(configurations: Sequence[Configuration]) -> list[list[float]]:
    """The training time of each network in seconds: the median of all that did the same work.

    Single times differ by what else the machines did at that moment.
    """
    times: dict[Hashable, list[float]] = defaultdict(list)
    for network in (network for each in configurations for network in each.networks):
        times[_find_work(network)].append(network.training_s)
    medians = {work: statistics.median(each) for work, each in times.items()}
    return [[medians[_find_work(network)] for network in each.networks] for each in configurations]


def _find_work(network: SweptNetwork) -> Hashable:
    return id(network) if network.work is None else (network.work,)


def summarize_configuration(configuration: Configuration, times: Sequence[float] = ()) -> ConfigurationMean:
    """Summarize the networks of a configuration; `times` are their pooled training times, if there are any others."""
    accuracies = configuration.accuracies
    val_accuracies = [each.val_accuracy for each in configuration.networks]
    return ConfigurationMean(
        accuracy=statistics.fmean(accuracies),
        accuracy_sd=statistics.stdev(accuracies) if configuration.has_seeds else None,
        accuracy_interval=_find_interval(configuration),
        loss=statistics.fmean(configuration.losses),
        val_accuracy=average_known(val_accuracies),
        training_s=statistics.median(times or [each.training_s for each in configuration.networks]),
    )


def average_known(values: Sequence[float | None]) -> float | None:
    """The mean; None if a value is unknown."""
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if len(known) == len(values) else None


def _find_interval(configuration: Configuration) -> Interval | None:
    n = len(configuration.y_true)
    if not configuration.has_seeds:
        return wilson_interval(round(configuration.accuracies[0] * n), n)
    return crossed_mean_interval(configuration.crossed) if n >= MIN_IMAGES else None


def crossed_mean_interval(mean: CrossedMean) -> Interval | None:
    """95 % confidence interval of a mean accuracy over seeds and images; None if nothing varies.

    The variance has two parts: that of the seeds, and that of the image means. The disagreement of networks on single
    images is in both, so it is subtracted from the second one. The margin of both parts is Howe's, as in
    `crossed_interval`; the interval is Wilson's for as many images as give this margin, so that it stays in [0, 1].
    `bench/sweep_coverage.py` simulates it.
    """
    n = len(mean.image_means)
    over_images = float(np.var(mean.image_means, ddof=1)) / n
    variances = np.array([max(over_images - mean.interaction_variance, 0.0), mean.seed_variance])
    parts = VarianceParts(variances, np.array([n - 1.0, mean.n_runs - 1.0]), np.array(over_images))
    margin = float(measure_margins(parts))
    return bounded_interval(mean.mean, (margin / Z) ** 2) if margin > ROUNDING else None


def expect_maximum(n: int) -> float:
    """Expected maximum of n independent standard normal variables."""
    from scipy.special import log_ndtr  # only the process that evaluates loads SciPy

    grid = np.linspace(-10, 10, 20_001)
    density = n * np.exp((n - 1) * log_ndtr(grid) - grid**2 / 2) / math.sqrt(2 * math.pi)
    return float(np.trapezoid(grid * density, grid))

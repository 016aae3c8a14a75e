"""Compares two recipes, each by several networks that differ only by their seed, on the same test images.

The networks of a recipe and the test images are both samples: other seeds give other networks, and other images of the
same kind give other accuracies. Every network predicts every image, so seeds and images are crossed.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from job.evaluation.intervals import ROUNDING, Interval
from job.evaluation.paired_differences import MIN_IMAGES, MIN_PAIRED_OUTCOMES, PairedDifference, count_rarest_outcome
from job.evaluation.predictions import Floats, Predictions, cross_entropy
from job.evaluation.variance_parts import VarianceParts, measure_margins, solve_p_values

HIGHEST_COVERAGE: Mapping[int, float] = MappingProxyType(
    {2: 0.998, 3: 0.994, 4: 0.992, 5: 0.984, **dict.fromkeys(range(6, 10), 0.98)}
)
"""Fraction of cases in which `crossed_interval` contains the true difference, at most, by the smaller number of seeds.
`bench/comparison_coverage.py` checks it; with more seeds, the fraction is at most 97 %."""


@dataclass(frozen=True, kw_only=True)
class RecipeComparison:
    """A recipe compared with the recipe of the reference.

    Attributes:
        n_runs: Number of networks of this recipe, at least 2.
        n_reference_runs: Number of networks of the reference, at least 2.
        mean: Mean test accuracy of the networks of this recipe.
        reference_mean: The same of the reference.
        difference: `mean` minus `reference_mean`.
        interval: 95 % confidence interval of the difference, over seeds and test images; None if nothing varies.
        loss: The mean losses, in nats, with the same kind of interval; without one if a reported network has fewer than
            10 right or 10 wrong predictions.
    """

    n_runs: int
    n_reference_runs: int
    mean: float
    reference_mean: float
    difference: float
    interval: Interval | None
    loss: PairedDifference

    @property
    def highest_coverage(self) -> float | None:
        """Fraction of cases in which the intervals contain the true difference, at most; None with many seeds."""
        return HIGHEST_COVERAGE.get(min(self.n_runs, self.n_reference_runs))


@dataclass(frozen=True)
class CrossedMean:
    """The mean over networks and images of one recipe, and what its variance is estimated from.

    Attributes:
        mean: Mean over all networks and images.
        image_means: Mean over the networks for each image, shape (n,).
        seed_variance: Variance of the means of the networks, divided by their number.
        interaction_variance: The part of `seed_variance` that comes from images on which the networks disagree.
        n_runs: Number of networks.
    """

    mean: float
    image_means: Floats
    seed_variance: float
    interaction_variance: float
    n_runs: int


def compare_recipes(predictions: Predictions) -> RecipeComparison | None:
    """Compare the recipes if both have at least two networks whose predictions are known, on at least 300 images."""
    reference = predictions.reference
    if reference is None or not reference.other_seeds or not predictions.other_seeds:
        return None
    if len(predictions.y_true) < MIN_IMAGES:
        return None
    now, before = summarize_networks(_correctness(predictions)), summarize_networks(_correctness(reference))
    loss, loss_before = summarize_networks(_losses(predictions)), summarize_networks(_losses(reference))
    shows_tails = min(map(count_rarest_outcome, (predictions, reference))) >= MIN_PAIRED_OUTCOMES
    loss_interval = crossed_interval(loss, loss_before) if shows_tails else None
    return RecipeComparison(
        n_runs=now.n_runs,
        n_reference_runs=before.n_runs,
        mean=now.mean,
        reference_mean=before.mean,
        difference=now.mean - before.mean,
        interval=_limit(crossed_interval(now, before)),
        loss=PairedDifference(loss_before.mean, loss.mean, loss.mean - loss_before.mean, loss_interval),
    )


def _limit(interval: Interval | None) -> Interval | None:
    """The part of an interval in which the difference between two fractions can lie."""
    return interval and Interval(max(interval.lower, -1.0), min(interval.upper, 1.0))


def _correctness(predictions: Predictions) -> Iterator[Floats]:
    """1 for each image that a network predicts correctly, otherwise 0: an array of shape (n,) for each network."""
    yield predictions.is_correct.astype(np.float64)
    if others := predictions.other_seeds:
        yield from ((column == predictions.y_true).astype(np.float64) for column in others.y_pred.T)


def _losses(predictions: Predictions) -> Iterator[Floats]:
    """Cross-entropy of each image in nats: an array of shape (n,) for each network."""
    yield predictions.losses
    if others := predictions.other_seeds:
        yield from (cross_entropy(column) for column in others.p_true.T)


def summarize_networks(values: Iterable[Floats]) -> CrossedMean:
    """Summarize one value per network and image: an array of shape (n,) for each of at least two networks.

    The variance comes from the usual mean squares of two crossed random factors without replication (Searle, Casella
    and McCulloch 1992, Variance Components, chapter 4). Only one network at a time is in memory.
    """
    means, square_sum, image_sums = [], 0.0, np.zeros(1)
    for column in values:
        means.append(float(column.mean()))
        square_sum += float(column @ column)
        image_sums = image_sums + column
    n, n_runs = len(image_sums), len(means)
    image_means, mean = image_sums / n_runs, math.fsum(means) / n_runs
    run_squares, image_squares = n * float(np.square(means).sum()), n_runs * float(image_means @ image_means)
    squares = square_sum - run_squares - image_squares + n * n_runs * mean**2  # of the interaction
    return CrossedMean(
        mean=mean,
        image_means=image_means,
        seed_variance=float(np.var(means, ddof=1)) / n_runs,
        interaction_variance=max(squares, 0.0) / ((n - 1) * (n_runs - 1)) / (n * n_runs),
        n_runs=n_runs,
    )


def crossed_interval(current: CrossedMean, reference: CrossedMean) -> Interval | None:
    """95 % confidence interval of `current.mean` minus `reference.mean`, over seeds and images; None if nothing varies.

    The variance of the difference has three parts: that of the seeds of each recipe, and that of the paired image
    means. The disagreement of networks on single images is in all of them, so it is subtracted from the last one. Each
    part has Student's quantile for its own degrees of freedom; the margin is the square root of the sum of the squared
    margins (Howe 1974, JASA 69:789). With few seeds the interval is conservative (`HIGHEST_COVERAGE`), and the exact
    quantile of the weighted sum of Student variables (Behrens and Fisher) is no narrower: two and two seeds give 99.5 %
    with both. Satterthwaite's degrees of freedom give narrower intervals, but only 87 % if one side has two seeds that
    vary.

    A bootstrap of both factors (Owen 2007, Annals of Applied Statistics 1:386) needs more seeds than runs usually have.
    """
    margin, difference = float(measure_margins(list_parts(current, reference))), current.mean - reference.mean
    if margin <= ROUNDING * max(abs(side.mean) for side in (current, reference)):
        return None
    return Interval(difference - margin, difference + margin)


def list_parts(current: CrossedMean, reference: CrossedMean) -> VarianceParts:
    """The parts of the variance of the difference between two means: images, seeds of one side, seeds of the other."""
    n, sides = len(current.image_means), (current, reference)
    over_images = float(np.var(current.image_means - reference.image_means, ddof=1)) / n
    apart = max(over_images - sum(side.interaction_variance for side in sides), 0.0)
    variances = np.array([apart, *(side.seed_variance for side in sides)])
    freedoms = np.array([n - 1.0, *(side.n_runs - 1.0 for side in sides)])
    return VarianceParts(variances, freedoms, np.array(over_images))


def crossed_p_value(current: CrossedMean, reference: CrossedMean) -> float:
    """Two-sided p-value of equal recipes: below 0.05 if `crossed_interval` excludes 0; 1 if nothing varies."""
    parts = list_parts(current, reference)[np.newaxis]
    return float(solve_p_values(np.array([current.mean - reference.mean]), parts)[0])

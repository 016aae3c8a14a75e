import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import t
from support import make_other_seeds, make_predictions

from job.evaluation.intervals import Interval
from job.evaluation.predictions import Predictions, SeedPredictions, cross_entropy
from job.evaluation.recipe_comparison import (
    HIGHEST_COVERAGE,
    compare_recipes,
    crossed_interval,
    crossed_p_value,
    list_parts,
    summarize_networks,
)

Table = NDArray[np.float64]


def make_recipes(n: int = 300, n_runs: int = 3, n_reference_runs: int = 4) -> Predictions:
    """Predictions of several networks on both sides."""
    predictions = make_predictions(n, with_reference=True)
    return replace(
        predictions,
        other_seeds=make_other_seeds(predictions.y_true, 10, range(1, n_runs)),
        reference_other_seeds=make_other_seeds(predictions.y_true, 10, range(50, 49 + n_reference_runs)),
    )


def independent_interval(now: Table, before: Table) -> tuple[float, float]:
    """From analysis-of-variance tables in plain loops; each table has a row per network and a column per image."""
    n = now.shape[1]
    differences = [math.fsum(now[:, i]) / len(now) - math.fsum(before[:, i]) / len(before) for i in range(n)]
    difference = math.fsum(differences) / n
    over_raw = over_images = math.fsum((each - difference) ** 2 for each in differences) / (n - 1) / n
    squares = 0.0
    for table in (now, before):
        runs, mean = len(table), float(table.mean())
        rows, columns = table.mean(axis=1), table.mean(axis=0)
        of_seeds = math.fsum((row - mean) ** 2 for row in rows) / (runs - 1) / runs
        residuals = [table[r, i] - rows[r] - columns[i] + mean for r, i in itertools.product(range(runs), range(n))]
        over_images -= math.fsum(each**2 for each in residuals) / ((runs - 1) * (n - 1)) / (runs * n)
        squares += float(t.ppf(0.975, runs - 1)) ** 2 * of_seeds
    quantile = float(t.ppf(0.975, n - 1))
    squares += quantile**2 * max(over_images, 0)
    margin = max(math.sqrt(squares), quantile * math.sqrt(over_raw))
    return difference - margin, difference + margin


def tabulate(y_true: NDArray[np.integer], predictions: Predictions) -> tuple[Table, Table]:
    """Correctness and loss of each network and image, shape (n_runs, n) each."""
    others = predictions.other_seeds
    assert others is not None
    y_pred = np.vstack([predictions.y_pred, others.y_pred.T])
    p_true = np.vstack([predictions.p_true, others.p_true.T])
    return (y_pred == y_true).astype(float), cross_entropy(p_true)


@pytest.mark.parametrize(("n_runs", "n_reference_runs"), [(2, 2), (3, 4), (2, 9), (4, 5)])
def test_every_number_equals_an_independent_computation(n_runs: int, n_reference_runs: int) -> None:
    """Means of both recipes, and both intervals."""
    predictions = make_recipes(310, n_runs, n_reference_runs)
    comparison = compare_recipes(predictions)
    assert comparison is not None
    assert (comparison.n_runs, comparison.n_reference_runs) == (n_runs, n_reference_runs)
    reference = predictions.reference
    assert reference is not None
    (right, losses), (was_right, losses_before) = (
        tabulate(predictions.y_true, each) for each in (predictions, reference)
    )
    assert comparison.mean == pytest.approx(right.mean(), rel=1e-12)
    assert comparison.reference_mean == pytest.approx(was_right.mean(), rel=1e-12)
    assert comparison.difference == pytest.approx(right.mean() - was_right.mean(), rel=1e-9)
    assert comparison.interval is not None
    bounds = (comparison.interval.lower, comparison.interval.upper)
    assert bounds == pytest.approx(independent_interval(right, was_right), rel=1e-9)
    loss = comparison.loss
    assert (loss.current, loss.reference) == pytest.approx((losses.mean(), losses_before.mean()), rel=1e-9)
    assert loss.interval is not None
    bounds = (loss.interval.lower, loss.interval.upper)
    assert bounds == pytest.approx(independent_interval(losses, losses_before), rel=1e-9)


def test_an_interval_of_accuracies_ends_at_100_points() -> None:
    """Two seeds that differ much on both sides would give -293 to +260 points."""
    right = np.arange(300) < 290
    before, after = np.where(right, 0.9, 0.2).astype(np.float32), np.where(right, 0.1, 0.3).astype(np.float32)
    predictions = make_recipes(300, 2, 2)
    y_true = predictions.y_true
    wrong = ((y_true + 1) % 10).astype(np.uint8)
    mixed = np.where(right, wrong, y_true).astype(np.uint8)
    others = SeedPredictions((1,), mixed[:, None], after[:, None])
    reference = SeedPredictions((50,), np.where(right, y_true, wrong).astype(np.uint8)[:, None], before[:, None])
    comparison = compare_recipes(replace(predictions, other_seeds=others, reference_other_seeds=reference))
    assert comparison is not None
    assert comparison.interval == Interval(-1.0, 1.0)


@pytest.mark.parametrize(("n_runs", "n_reference_runs", "highest"), [(2, 9, 0.998), (5, 4, 0.992), (10, 10, None)])
def test_the_smaller_number_of_seeds_says_how_conservative_it_is(
    n_runs: int, n_reference_runs: int, highest: float | None
) -> None:
    """With ten seeds on both sides, the interval is not conservative."""
    comparison = compare_recipes(make_recipes(300, n_runs, n_reference_runs))
    assert comparison is not None
    assert comparison.highest_coverage == highest


@pytest.mark.parametrize("side", ["current", "reference"])
def test_the_loss_of_accurate_networks_has_no_interval(side: str) -> None:
    """Fewer than ten wrong predictions do not show how large the loss of one can be."""
    recipes = make_recipes()
    perfect = np.eye(10, dtype=np.float32)[recipes.y_true] * np.float32(0.9) + np.float32(0.01)
    changes: dict[str, Any] = (
        {"probabilities": perfect} if side == "current" else {"p_reference": perfect, "y_reference": recipes.y_true}
    )
    comparison = compare_recipes(replace(recipes, **changes))
    assert comparison is not None
    assert comparison.loss.interval is None
    assert comparison.interval is not None


def test_swapping_the_recipes_mirrors_the_comparison() -> None:
    """The difference and both bounds change their signs."""
    predictions = make_recipes()
    assert predictions.p_reference is not None
    swapped = Predictions(
        predictions.y_true,
        predictions.p_reference,
        predictions.y_pred,
        predictions.probabilities,
        predictions.reference_other_seeds,
        predictions.other_seeds,
    )
    one, other = compare_recipes(predictions), compare_recipes(swapped)
    assert one is not None
    assert other is not None
    assert one.interval is not None
    assert other.interval is not None
    assert other.difference == pytest.approx(-one.difference)
    assert (other.interval.lower, other.interval.upper) == pytest.approx((-one.interval.upper, -one.interval.lower))


@pytest.mark.parametrize("name", ["other_seeds", "reference_other_seeds", "p_reference"])
def test_recipes_need_several_networks_on_both_sides(name: str) -> None:
    """With one network on a side, or in results of version 0.5.0, nothing is known about the recipe."""
    missing: dict[str, Any] = {name: None}
    assert compare_recipes(replace(make_recipes(), **missing)) is None


def test_few_images_give_no_comparison() -> None:
    """The interval would not hold its level."""
    assert compare_recipes(make_recipes(299)) is None
    assert compare_recipes(make_recipes(300)) is not None


def test_a_recipe_compared_with_itself_has_no_interval() -> None:
    """If nothing varies, an interval of width zero would claim certainty."""
    column = np.arange(100.0)
    same = summarize_networks([column, column])
    assert crossed_interval(same, same) is None
    almost = summarize_networks([column, column + 1e-12])
    assert crossed_interval(almost, same) is None


def test_the_interval_includes_the_spread_of_the_seeds() -> None:
    """It is wider if the networks of a recipe differ in accuracy, though the means of all images are the same."""
    random = np.random.default_rng(0)
    noise = random.normal(size=(4, 500))
    steady = summarize_networks(noise - noise.mean(axis=1, keepdims=True))
    varied = summarize_networks(noise - noise.mean(axis=1, keepdims=True) + np.array([[-1], [1], [-1], [1]]))
    reference = summarize_networks(random.normal(size=(4, 500)))
    narrow, wide = crossed_interval(steady, reference), crossed_interval(varied, reference)
    assert narrow is not None
    assert wide is not None
    assert wide.upper - wide.lower > 5 * (narrow.upper - narrow.lower)


@pytest.mark.parametrize(("n_runs", "spread"), [(2, 0.05), (4, 0.05), (6, 0.0), (6, 0.1)])
def test_the_interval_has_its_coverage(n_runs: int, spread: float) -> None:
    """About 95 of 100 intervals contain the true difference of 0; `bench.comparison_coverage` has more cases."""
    random = np.random.default_rng(1)
    hits = []
    for _ in range(600):
        image = random.normal(size=400)
        sides = [
            summarize_networks(
                (image + effect + random.normal(size=400) > 0).astype(float)
                for effect in random.normal(0, spread, n_runs)
            )
            for _ in range(2)
        ]
        interval = crossed_interval(*sides)
        assert interval is not None
        hits.append(interval.lower <= 0 <= interval.upper)
    assert 0.93 < np.mean(hits) <= HIGHEST_COVERAGE[n_runs] + 0.001


@pytest.mark.parametrize(("n_runs", "n_reference_runs"), [(2, 2), (3, 4), (10, 10)])
@pytest.mark.parametrize("shift", [0.0, 0.03, 0.1])
def test_the_p_value_agrees_with_the_interval(n_runs: int, n_reference_runs: int, shift: float) -> None:
    """At the level 1 - p, the interval ends at 0; p is below 0.05 if and only if the usual interval excludes 0."""
    random = np.random.default_rng((n_runs, round(1000 * shift)))
    image = random.normal(size=600)
    sides = [
        summarize_networks((image + level + random.normal(0, 0.5, (n, 600)) > 0).astype(float))
        for level, n in ((1 + 4 * shift, n_runs), (1, n_reference_runs))
    ]
    interval, p_value = crossed_interval(*sides), crossed_p_value(*sides)
    assert interval is not None
    assert (p_value < 0.05) == (not interval.lower <= 0 <= interval.upper)
    parts = list_parts(*sides)
    quantiles = t.ppf(1 - p_value / 2, parts.freedoms)
    assert math.sqrt(float(parts.variances @ quantiles**2)) == pytest.approx(
        abs(sides[0].mean - sides[1].mean), rel=1e-6
    )


def test_seeds_that_happen_to_agree_do_not_make_a_difference_certain() -> None:
    """Two equal accuracies a side show no variance of the seeds, but the images still vary."""
    random = np.random.default_rng(3)
    shapes = [(random.random((1, 300)) < level).astype(float) for level in (0.87, 0.86)]
    sides = [summarize_networks(np.vstack([shape, shape[:, ::-1]])) for shape in shapes]
    assert [side.seed_variance for side in sides] == [0, 0]
    interval = crossed_interval(*sides)
    assert interval is not None
    differences = sides[0].image_means - sides[1].image_means
    margin = float(t.ppf(0.975, 299)) * float(np.std(differences, ddof=1)) / math.sqrt(300)
    assert (interval.upper - interval.lower) / 2 == pytest.approx(margin)


def test_equal_networks_have_the_p_value_1() -> None:
    """Nothing varies and nothing differs."""
    side = summarize_networks(np.tile(np.arange(400) % 3 > 0, (2, 1)).astype(float))
    assert crossed_p_value(side, side) == 1


def test_predictions_of_other_seeds_are_used() -> None:
    """A further network that is always right moves the mean."""
    predictions = make_recipes(300, 2, 2)
    perfect = SeedPredictions((1,), predictions.y_true.astype(np.uint8)[:, None], np.ones((300, 1), np.float32))
    comparison = compare_recipes(replace(predictions, other_seeds=perfect))
    assert comparison is not None
    assert comparison.mean == pytest.approx((predictions.accuracy + 1) / 2)
    assert comparison.loss.current == pytest.approx(predictions.loss / 2, abs=1e-12)

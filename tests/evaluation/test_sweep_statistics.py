import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest, norm, t

from job.config.run_config import Config
from job.config.search_space import Objective
from job.evaluation import sweep_pairs
from job.evaluation.paired_comparison import adjust_p_values, mcnemar_p_value, paired_difference_interval
from job.evaluation.recipe_comparison import crossed_interval, crossed_p_value
from job.evaluation.sweep_effects import measure_effects
from job.evaluation.sweep_means import crossed_mean_interval, expect_maximum, summarize_configuration
from job.evaluation.sweep_networks import Configuration, SweepResults, SweptNetwork, Value
from job.evaluation.sweep_pairs import compare_pairs
from job.evaluation.sweep_ranking import find_frontier
from job.evaluation.sweep_summary import SweepSummary, summarize_sweep
from job.evaluation.sweep_trials import SearchHistory, SearchTrial
from job.report.charts.sweep_scale import find_range


def make_network(seed: int, is_right: NDArray[np.bool_], val_accuracy: float | None = 0.9) -> SweptNetwork:
    """A network whose test images are all of class 0."""
    return SweptNetwork(
        run=f"run-{seed}",
        folder=f"/runs/{seed}",
        seed=seed,
        val_accuracy=val_accuracy,
        val_loss=None if val_accuracy is None else 1 - val_accuracy + 0.01 * ((seed + 1) % 3),
        training_s=3.0 + seed,
        command="python -m job",
        loss=float(-np.log(np.where(is_right, 0.8, 0.3)).mean()),
        y_pred=(~is_right).astype(np.uint8),
    )


def make_configuration(  # noqa: PLR0913 - each is something that a test chooses
    level: float,
    n_seeds: int,
    *,
    n: int = 400,
    key: int = 0,
    val_accuracy: float | None = 0.9,
    values: dict[str, Value] | None = None,
    spread: float = 0.05,
) -> Configuration:
    """Networks that are right on about Φ(level / 1.1) of the images."""
    image = np.random.default_rng(5).standard_normal(n)
    random = np.random.default_rng((key, n_seeds))
    networks = [
        make_network(
            seed,
            level + spread * random.standard_normal() + image + 0.5 * random.standard_normal(n) > 0,
            None if val_accuracy is None else val_accuracy + 0.001 * seed,
        )
        for seed in range(n_seeds)
    ]
    return Configuration(
        label=f"configuration {key}",
        values=values or {},
        config=Config(),
        n_parameters=1000 + key,
        networks=networks,
        y_true=np.zeros(n, np.int64),
    )


def make_results(
    configurations: Sequence[Configuration], parameters: dict[str, list[Value]] | None = None
) -> SweepResults:
    return SweepResults(
        configurations=configurations,
        parameters=parameters or {},
        settings={},
        failures={},
        class_names=["a", "b"],
        y_true=configurations[0].y_true,
        n_validation=100,
        data="blocks",
        started=("2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00"),
        revisions=["0" * 40],
        machines=["CPU, 2 threads"],
    )


def summarize(*configurations: Configuration) -> SweepSummary:
    return summarize_sweep(make_results(configurations))


def tabulate(configuration: Configuration) -> NDArray[np.float64]:
    """1 where a network is right, shape (n_seeds, n)."""
    return np.array([(each.y_pred == 0).astype(float) for each in configuration.networks])


@pytest.mark.parametrize("n_seeds", [1, 2, 5])
def test_the_means_equal_an_independent_computation(n_seeds: int) -> None:
    """Accuracy, standard deviation, loss, validation accuracy and time, in plain Python."""
    configuration = make_configuration(1.2, n_seeds)
    mean = summarize_configuration(configuration)
    rows = tabulate(configuration).tolist()
    accuracies = [math.fsum(row) / len(row) for row in rows]
    assert mean.accuracy == pytest.approx(math.fsum(accuracies) / n_seeds)
    losses = [-math.log(0.8 if right else 0.3) for row in rows for right in row]
    assert mean.loss == pytest.approx(math.fsum(losses) / len(losses), rel=1e-6)
    assert mean.val_accuracy == pytest.approx(0.9 + 0.001 * (n_seeds - 1) / 2)
    assert mean.training_s == 3.0 + (n_seeds - 1) / 2
    if n_seeds > 1:
        squares = math.fsum((each - mean.accuracy) ** 2 for each in accuracies)
        assert mean.accuracy_sd == pytest.approx(math.sqrt(squares / (n_seeds - 1)))
    else:
        assert mean.accuracy_sd is None


def test_networks_that_did_the_same_work_have_one_time() -> None:
    """The median of all, whatever the configuration; networks whose work is unknown keep their own."""
    times = {"a": [2.3, 7.8, 10.6], "b": [7.9, 30.0, 2.0]}
    configurations = []
    for key, name in enumerate(times):
        configuration = make_configuration(1.2, 3, key=key)
        networks = [
            replace(network, training_s=time, work="long" if time == 30.0 else "short")
            for network, time in zip(configuration.networks, times[name], strict=True)
        ]
        configurations.append(replace(configuration, networks=networks))
    summary = summarize(*configurations, make_configuration(1.2, 2, key=3))
    assert summary.times == [[7.8] * 3, [7.8, 30.0, 7.8], [3.0, 4.0]]
    assert [mean.training_s for mean in summary.means] == [7.8, 7.8, 3.5]


@pytest.mark.parametrize(
    ("accuracies", "is_cut"),
    [
        ([0.8528, 0.8527, 0.8310], False),
        ([0.90, 0.89, 0.71], False),
        ([0.86, 0.85, 0.84, 0.70], False),
        ([0.86, 0.85, 0.84, 0.1], True),
        ([0.86, 0.85, 0.1], True),
        ([0.86, 0.50, 0.1], False),
    ],
)
def test_only_accuracies_that_are_really_far_are_below_the_axis(accuracies: list[float], *, is_cut: bool) -> None:
    """Never one of three ordinary seeds, whose spread would be hidden."""
    low, high = find_range(accuracies)
    assert (low > min(accuracies)) == is_cut
    assert high > max(accuracies)


@pytest.mark.parametrize(
    ("objective", "reached", "best"),
    [
        ("accuracy", [None, 0.8, 0.7, None, 0.9, 0.9], [(1, 0.8), (4, 0.9)]),
        ("loss", [0.5, None, 0.6, 0.4], [(0, 0.5), (3, 0.4)]),
    ],
)
def test_the_best_so_far(objective: Objective, reached: list[float | None], best: list[tuple[int, float]]) -> None:
    """Of complete trials; the first of equal ones counts, and a lower loss is better."""
    trials = [SearchTrial(name="", state="complete", objective=value, values={}) for value in reached]
    assert SearchHistory(objective=objective, trials=trials, parameters=[], ranges={}).best_so_far == best


@pytest.mark.parametrize("n_seeds", [2, 5, 10])
@pytest.mark.parametrize("spread", [0.0, 0.3])
def test_the_interval_over_seeds_and_images_equals_an_independent_one(n_seeds: int, spread: float) -> None:
    """From an analysis of variance in plain loops, and Wilson's formula for as many images as give the margin."""
    configuration = make_configuration(1.2, n_seeds, spread=spread)
    table = tabulate(configuration)
    n, mean = table.shape[1], table.mean()
    rows, columns = table.mean(axis=1), table.mean(axis=0)
    seeds = math.fsum((row - mean) ** 2 for row in rows) / (n_seeds - 1) / n_seeds
    residuals = [table[r, i] - rows[r] - columns[i] + mean for r, i in itertools.product(range(n_seeds), range(n))]
    disagreement = math.fsum(each**2 for each in residuals) / ((n_seeds - 1) * (n - 1)) / (n_seeds * n)
    images = math.fsum((column - mean) ** 2 for column in columns) / (n - 1) / n
    quantiles = float(t.ppf(0.975, n - 1)), float(t.ppf(0.975, n_seeds - 1))
    margin = math.sqrt(quantiles[0] ** 2 * (images - disagreement) + quantiles[1] ** 2 * seeds)
    margin = max(margin, quantiles[0] * math.sqrt(images))
    z = float(norm.ppf(0.975))
    n_eff = mean * (1 - mean) * (z / margin) ** 2
    centre = (mean + z**2 / 2 / n_eff) / (1 + z**2 / n_eff)
    half = z / (1 + z**2 / n_eff) * math.sqrt(mean * (1 - mean) / n_eff + z**2 / 4 / n_eff**2)
    interval = summarize_configuration(configuration).accuracy_interval
    assert interval is not None
    assert (interval.lower, interval.upper) == pytest.approx((centre - half, centre + half), rel=1e-6)


def test_a_small_test_set_has_no_interval_over_seeds() -> None:
    """It is not simulated; one network has its Wilson interval nevertheless."""
    assert summarize_configuration(make_configuration(1.2, 3, n=299)).accuracy_interval is None
    assert summarize_configuration(make_configuration(1.2, 3, n=300)).accuracy_interval is not None
    assert summarize_configuration(make_configuration(1.2, 1, n=20)).accuracy_interval is not None


def test_networks_that_are_always_right_have_no_interval_over_seeds() -> None:
    """Nothing varies."""
    assert crossed_mean_interval(make_configuration(50.0, 3).crossed) is None


@pytest.mark.parametrize("n_seeds", [(2, 2, 5), (1, 1, 1), (1, 3, 4), (3, 2, 2)])
def test_all_pairs_equal_single_comparisons(n_seeds: tuple[int, ...]) -> None:
    """Difference, p-value and interval of each pair, as `recipe_comparison` or McNemar's test has them."""
    levels = (1.2, 1.25, 1.5)
    configurations = [make_configuration(*each, key=key) for key, each in enumerate(zip(levels, n_seeds, strict=True))]
    pairs = compare_pairs(configurations)
    expected = []
    for first, second in itertools.permutations(range(3), 2):
        pair, sides = pairs.describe(first, second, has_interval=True), [configurations[i] for i in (first, second)]
        if min(each.n_seeds for each in sides) > 1:
            means = [each.crossed for each in sides]
            assert (pair.compared, pair.seeds) == ("configurations", None)
            assert pair.difference == pytest.approx(means[0].mean - means[1].mean, abs=1e-12)
            assert pair.p_value == pytest.approx(crossed_p_value(*means), rel=1e-6)
            interval = crossed_interval(*means)
        else:
            right = [tabulate(each)[each.reported] for each in sides]
            n_fixed, n_broken = int(((right[0] == 1) & (right[1] == 0)).sum()), int((right[0] < right[1]).sum())
            assert pair.compared == "networks"
            assert pair.seeds == tuple(each.reported_network.seed for each in sides)
            assert pair.difference == pytest.approx((n_fixed - n_broken) / 400)
            assert pair.p_value == pytest.approx(mcnemar_p_value(n_fixed, n_broken), rel=1e-9)
            assert pair.p_value == pytest.approx(binomtest(n_fixed, n_fixed + n_broken).pvalue, rel=1e-9)
            interval = paired_difference_interval(n_fixed, n_broken, 400)
        assert interval is not None
        assert pair.interval is not None
        assert (pair.interval.lower, pair.interval.upper) == pytest.approx((interval.lower, interval.upper), rel=1e-6)
        expected += [pair] if first < second else []
    adjusted = adjust_p_values([pair.p_value for pair in expected])
    assert [pair.p_adjusted for pair in expected] == pytest.approx(adjusted)
    assert pairs.n_pairs == 3


@pytest.mark.parametrize("n_seeds", [(1, 1, 1, 1, 1), (3, 1, 2, 4, 2), (1, 2, 2, 1, 3)])
def test_of_many_configurations_only_those_pairs_with_the_best_are_tested(
    monkeypatch: pytest.MonkeyPatch, n_seeds: tuple[int, ...]
) -> None:
    """Their results are the same, but for the corrected p-values, which are upper bounds."""
    configurations = [make_configuration(1.0 + key / 10, each, key=key) for key, each in enumerate(n_seeds)]
    every = compare_pairs(configurations)
    monkeypatch.setattr(sweep_pairs, "MAX_COMPARED", 4)
    some = compare_pairs(configurations, best=2)
    assert (every.are_all, some.are_all) == (True, False)
    assert some.n_pairs == every.n_pairs == 10
    assert some.standard_errors[0] == pytest.approx(every.standard_errors[2])
    p_values = []
    for other in (0, 1, 3, 4):
        one, full = (pairs.describe(2, other, has_interval=True) for pairs in (some, every))
        assert (one.compared, one.seeds) == (full.compared, full.seeds)
        assert one.difference == pytest.approx(full.difference)
        assert one.p_value == pytest.approx(full.p_value, rel=1e-6)
        assert one.interval is not None
        assert full.interval is not None
        assert one.interval.lower == pytest.approx(full.interval.lower)
        assert one.p_adjusted >= full.p_adjusted * (1 - 1e-6)
        p_values.append(one.p_value)
    assert [some.describe(2, other).p_adjusted for other in (0, 1, 3, 4)] == pytest.approx(
        adjust_p_values([*p_values, *[1.0] * 6])[:4]
    )


def test_memory_grows_with_the_number_of_configurations_and_not_of_pairs() -> None:
    """With more than 500, one row is left, which is that of the best; no effect is claimed from pairs without test."""
    configurations = [
        make_configuration(1.2, 1, n=20, key=key, val_accuracy=0.9 + (key == 300) / 100, values={"epochs": key})
        for key in range(501)
    ]
    parameters: dict[str, list[Value]] = {"epochs": list(range(501))}
    summary = summarize_sweep(make_results(configurations, parameters))
    assert summary.pairs is not None
    assert summary.pairs.p_values.shape == (1, 501)
    assert (summary.ranking.best, summary.pairs.n_pairs, len(summary.differences)) == (300, 125_250, 500)
    assert not summary.effects[0].is_consistent
    assert compare_pairs(configurations[1:]).p_values.shape == (500, 500)


def test_few_images_leave_networks_to_compare() -> None:
    """The test over seeds is not simulated for less than 300 images."""
    pairs = compare_pairs([make_configuration(1.2, 3, n=299, key=key) for key in range(2)])
    assert pairs.describe(0, 1).compared == "networks"


def test_a_network_stands_for_its_configuration_by_its_validation_loss() -> None:
    """The test images do not choose it; without validation, it is the first."""
    configuration = make_configuration(1.2, 3)
    losses = [network.val_loss or 0 for network in configuration.networks]
    assert configuration.reported == losses.index(min(losses)) != 0
    assert make_configuration(1.2, 3, val_accuracy=None).reported == 0


def test_identical_networks_are_not_different() -> None:
    """All equal: p is 1, and nothing is claimed."""
    one = make_configuration(1.2, 3)
    summary = summarize(one, replace(one, label="other"), replace(one, label="third"))
    assert [pair.p_adjusted for pair in summary.differences] == [1, 1]
    assert summary.ranking.n_equal == 3
    assert summary.ranking.ranked == [(1, 0), (1, 1), (1, 2)]


def test_equal_configurations_share_a_rank() -> None:
    """Also below the first rank; the next one is counted after all of them."""
    accuracies = (0.9, 0.95, 0.9, 0.8, 0.95)
    summary = summarize(
        *(make_configuration(1.2, 2, key=key, val_accuracy=value) for key, value in enumerate(accuracies))
    )
    assert summary.ranking.ranked == [(1, 1), (1, 4), (3, 0), (3, 2), (5, 3)]
    assert summary.ranking.n_equal == 2


def test_validation_accuracy_ranks_and_test_accuracy_does_not() -> None:
    """The second one is worse on the test images, but better in validation."""
    summary = summarize(make_configuration(1.5, 2, key=0), make_configuration(1.0, 2, key=1, val_accuracy=0.95))
    assert summary.ranking.criterion == "validation accuracy"
    assert summary.ranking.order == [1, 0]
    assert summary.differences[0].difference < 0


def test_test_accuracy_ranks_if_a_run_has_no_validation() -> None:
    """The page says so; intervals of differences from the best would not hold."""
    configurations = [make_configuration(1.5 - key / 10, 2, key=key, val_accuracy=None) for key in range(3)]
    summary = summarize(*configurations)
    assert summary.ranking.criterion == "test accuracy"
    accuracies = [mean.accuracy for mean in summary.means]
    assert summary.ranking.best == accuracies.index(max(accuracies))
    assert [pair.interval for pair in summary.differences] == [None, None]
    assert len(summarize(*configurations[:2]).differences) == 1
    assert summarize(*configurations[:2]).differences[0].interval is not None


def test_many_configurations_with_seeds_have_no_intervals_of_differences() -> None:
    """Of 10 they hold, of more they do not."""
    many = [make_configuration(1.2, 2, key=key) for key in range(11)]
    assert all(pair.interval is None for pair in summarize(*many).differences)
    assert all(pair.interval for pair in summarize(*many[:10]).differences)
    single = [make_configuration(1.2, 1, key=key) for key in range(11)]
    assert all(pair.interval for pair in summarize(*single).differences)


def test_the_optimism_is_the_expected_maximum_of_the_luck_with_seeds() -> None:
    """From the variance of the seeds alone, without the disagreement of networks on images."""
    configurations = [make_configuration(1.2, 4, key=key, spread=0.4) for key in range(3)]
    summary = summarize(*configurations)
    variances = []
    for each in configurations:
        table = tabulate(each)
        rows, columns, mean = table.mean(axis=1), table.mean(axis=0), table.mean()
        residuals = table - rows[:, None] - columns + mean
        disagreement = float((residuals**2).sum()) / (3 * 399) / (4 * 400)
        variances.append(max(float(np.var(rows, ddof=1)) / 4 - disagreement, 0))
    maximum = 3 / (2 * math.sqrt(math.pi))  # of three standard normal variables
    assert summary.ranking.optimism == pytest.approx(maximum * math.sqrt(statistics.fmean(variances)), rel=1e-5)
    own = summary.best_mean.accuracy_interval
    assert own is not None
    assert summary.ranking.interval is not None
    assert summary.ranking.interval.upper == own.upper
    assert summary.ranking.interval.lower == pytest.approx(own.lower - (summary.ranking.optimism or 0))


def test_the_optimism_of_a_choice_by_test_accuracy_is_the_noise_of_the_difference() -> None:
    """Of two networks: the expected maximum of two, with the standard error of their difference."""
    configurations = [make_configuration(1.2, 1, key=key, val_accuracy=None) for key in range(2)]
    right = [tabulate(each)[0] for each in configurations]
    error = float(np.std(right[0] - right[1])) / math.sqrt(400)
    assert summarize(*configurations).ranking.optimism == pytest.approx(error / math.sqrt(2 * math.pi), rel=1e-6)


def test_a_chosen_network_is_not_lucky_on_other_images() -> None:
    """Validation images chose it; the test images show what it is."""
    assert summarize(make_configuration(1.2, 1), make_configuration(1.2, 1, key=1)).ranking.optimism == 0
    assert summarize(make_configuration(1.2, 3)).ranking.optimism == 0


@pytest.mark.parametrize(("n", "expected"), [(2, 1 / math.sqrt(math.pi)), (3, 1.5 / math.sqrt(math.pi)), (10, 1.53875)])
def test_expected_maxima(n: int, expected: float) -> None:
    """Known values, also in tables of order statistics."""
    assert expect_maximum(n) == pytest.approx(expected, abs=1e-5)


def test_the_frontier_has_what_no_other_beats() -> None:
    """Compared with the definition, for random costs and accuracies with ties."""
    random = np.random.default_rng(0)
    for _ in range(50):
        costs, accuracies = random.integers(1, 8, (2, 12)).tolist()
        beaten = [
            any(
                c <= costs[i] and a >= accuracies[i] and (c < costs[i] or a > accuracies[i])
                for c, a in zip(costs, accuracies, strict=True)
            )
            for i in range(12)
        ]
        assert sorted(find_frontier(costs, accuracies)) == [i for i in range(12) if not beaten[i]]


def make_grid(n_missing: int = 0) -> SweepResults:
    """Two learning rates and three dropouts; the higher learning rate is far better."""
    parameters: dict[str, list[Value]] = {"learning_rate": [0.002, 0.001], "dropout": [0.1, 0.2, 0.3]}
    grid = list(itertools.product(*parameters.values()))[: 6 - n_missing]
    configurations = [
        make_configuration(
            2.0 if rate == 0.002 else 1.0, 4, key=key, values={"learning_rate": rate, "dropout": dropout}
        )
        for key, (rate, dropout) in enumerate(grid)
    ]
    return make_results(configurations, parameters)


def test_the_effect_of_a_setting_is_the_mean_over_the_others() -> None:
    """Numbers rise; the largest effect comes first; it is consistent if it is significant in each pair."""
    summary = summarize_sweep(make_grid())
    rate, dropout = summary.effects
    accuracies = [mean.accuracy for mean in summary.means]
    assert (rate.parameter, rate.values) == ("learning_rate", [0.001, 0.002])
    assert rate.means == pytest.approx([statistics.fmean(accuracies[3:]), statistics.fmean(accuracies[:3])])
    assert dropout.means == pytest.approx([statistics.fmean(accuracies[i::3]) for i in range(3)])
    assert rate.span == pytest.approx(rate.means[1] - rate.means[0])
    assert (rate.is_consistent, dropout.is_consistent) == (True, False)
    assert rate.extremes == (0.001, 0.002)


def test_a_small_effect_is_not_consistent() -> None:
    """The higher value is better by a few images in each pair, which is not significant."""
    parameters: dict[str, list[Value]] = {"learning_rate": [0.001, 0.002], "dropout": [0.1, 0.2]}
    configurations = [
        make_configuration(
            1.2 + 10 * float(rate),
            4,
            key=round(10 * float(dropout)),
            values={"learning_rate": rate, "dropout": dropout},
        )
        for rate, dropout in itertools.product(*parameters.values())
    ]
    summary = summarize_sweep(make_results(configurations, parameters))
    assert summary.pairs is not None
    effect = next(each for each in summary.effects if each.parameter == "learning_rate")
    assert [summary.pairs.differences[high, low] > 0 for low, high in ((0, 2), (1, 3))] == [True, True]
    assert effect.span > 0
    assert not effect.is_consistent


def test_an_unbalanced_grid_has_no_effects() -> None:
    """One combination is missing, so each mean would also depend on the other setting."""
    summary = summarize_sweep(make_grid(n_missing=1))
    assert [effect.is_balanced for effect in summary.effects] == [False, False]
    assert [effect.span for effect in summary.effects] == [0, 0]


def test_a_single_configuration_has_no_pairs_and_no_effects() -> None:
    """Nothing to compare."""
    summary = summarize(make_configuration(1.2, 10))
    assert (summary.pairs, summary.differences, summary.effects) == (None, [], [])
    assert measure_effects(summary.results, [0.5], None) == []
    assert summary.ranking.interval == summary.best_mean.accuracy_interval

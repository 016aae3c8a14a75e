"""Simulates how often the intervals and tests on the page of a sweep are right.

Run it with `python -m bench.sweep_coverage`.

The networks are those of `bench.comparison_coverage`: a score per image, with effects of seed, image, recipe and
network, so that the true accuracy of each configuration and of each network is known. Two tables follow.

- The mean accuracy of one configuration over seeds and test images: how often its interval contains the truth.
- Whole sweeps in which all configurations are equally good, the worst case for whoever picks the best one: which
  share of the intervals of differences from the best hold, how often Holm's test finds a difference that is not real,
  how often the interval of the best configuration contains the truth, and how much too high its mean is against the
  stated optimism.

The exit status is 1 if an interval holds in less than 93 %, if a test is wrong in more than 5 % of the sweeps, or if
the mean of the best is more optimistic than stated, each by more than three standard errors of the simulation. See
docs/benchmark.md.
"""

import argparse
import math
import multiprocessing
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from bench.comparison_coverage import LOWEST, N_ERRORS, NETWORK_SD, RECIPE_SD
from job.config.run_config import Config
from job.evaluation.intervals import SIGNIFICANCE_LEVEL, Interval
from job.evaluation.recipe_comparison import summarize_networks
from job.evaluation.sweep_means import ConfigurationMean, crossed_mean_interval, summarize_configuration
from job.evaluation.sweep_networks import Configuration, SweptNetwork
from job.evaluation.sweep_pairs import PairDifference, PairTests, compare_pairs
from job.evaluation.sweep_ranking import Criterion, rank_configurations
from job.system.processors import count_processors

N_REPETITIONS = 1000
MANY = 100  # configurations; their many pairs take long, so such a sweep is simulated less often
LEVELS = {"87%": 1.31, "98%": 2.4}
SEED_SDS = (0.0, 0.002, 0.005)
"""Standard deviations of the true accuracies of the seeds. Those of accurate networks vary less."""
TOLERANCE = 0.0002
"""Rounding of the stated optimism."""
CRITERIA: Sequence[Criterion] = ("validation accuracy", "test accuracy")

Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Line:
    """A line of a table: its cells, and whether they are as they should be."""

    cells: Sequence[str]
    holds: bool


def main(arguments: Sequence[str] | None = None) -> int:
    """Print both tables; returns 1 if a line does not hold."""
    parser = argparse.ArgumentParser(prog="python -m bench.sweep_coverage", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=N_REPETITIONS, help="simulations of each case (1000)")
    options = parser.parse_args(arguments)
    holds = True
    with ProcessPoolExecutor(count_processors(), multiprocessing.get_context("spawn")) as pool:
        for head, tasks in (
            (("seeds", "n", "accuracy", "SD of the seeds", "interval holds"), list_means(options.repetitions)),
            (SWEEP_HEAD, list_sweeps(options.repetitions)),
        ):
            print(f"\n| {' | '.join(head)} | |\n|{'---|' * (len(head) + 1)}")
            for line in pool.map(_run, tasks):
                print(f"| {' | '.join(line.cells)} | {'' if line.holds else 'outside'} |", flush=True)
                holds = holds and line.holds
    return int(not holds)


def _run(task: Callable[[], Line]) -> Line:
    return task()


def list_means(n_repetitions: int) -> Iterator[Callable[[], Line]]:
    """Every case of a single configuration."""
    for n_seeds, n, level in product((2, 3, 5, 10), (300, 10_000), LEVELS):
        for sd in SEED_SDS if level == "87%" else SEED_SDS[:2]:
            yield partial(simulate_mean, n_seeds, n, level, sd, n_repetitions)


def list_sweeps(n_repetitions: int) -> Iterator[Callable[[], Line]]:
    """Every case of a sweep: the number of seeds of each configuration, and the images."""
    shapes = (
        [(3, (m,)) for m in (2, 3, 5, 10)]
        + [(10, (m,)) for m in (2, 5, 10)]
        + [(20, (1,)), (20, (5,)), (10, (1, 5)), (100, (5,)), (200, (1,))]
    )
    for (n_configurations, n_seeds), n, sd in product(shapes, (300, 10_000), SEED_SDS[::2]):
        n_sweeps = n_repetitions // 5 if n_configurations >= MANY else n_repetitions
        yield partial(simulate_sweep, n_configurations, n_seeds, n, sd, n_sweeps)


def simulate_mean(n_seeds: int, n: int, level: str, seed_sd: float, n_repetitions: int) -> Line:
    """The interval of the mean accuracy of a configuration."""
    random, spread = np.random.default_rng((n_seeds, n, round(1e4 * seed_sd))), _find_spread(level, seed_sd)
    truth, hits = _expect(level, spread), 0
    for _ in range(n_repetitions):
        image = _normal(random, n)
        is_right, _ = _draw_networks(random, image, level, _normal(random, n_seeds) * spread)
        interval = crossed_mean_interval(summarize_networks(is_right.astype(np.float64)))
        hits += _contains(interval, truth)
    coverage = hits / n_repetitions
    holds = coverage >= LOWEST - N_ERRORS * math.sqrt(LOWEST * (1 - LOWEST) / n_repetitions)
    return Line((f"{n_seeds}", f"{n:,}", level, f"{100 * seed_sd:.1f} points", f"{coverage:.1%}"), holds)


SWEEP_HEAD = (
    *("configurations", "seeds", "n", "SD of the seeds", "differences from the best hold", "false differences"),
    *(f"best by {criterion} holds" for criterion in CRITERIA),
    *(f"optimism by {criterion}, stated" for criterion in CRITERIA),
)


def simulate_sweep(  # noqa: PLR0913, PLR0917 - the parts of a case
    n_configurations: int, n_seeds: Sequence[int], n: int, seed_sd: float, n_repetitions: int, level: str = "87%"
) -> Line:
    """Sweeps of equally good configurations, which have these numbers of seeds in turn."""
    random, spread = np.random.default_rng((n_configurations, *n_seeds, n)), _find_spread(level, seed_sd)
    seeds = [n_seeds[index % len(n_seeds)] for index in range(n_configurations)]
    hits, biases = np.full((n_repetitions, 4), math.nan), np.zeros((n_repetitions, 2, 2))
    for hit, bias in zip(hits, biases, strict=True):
        configurations, truths = _draw_sweep(random, n, level, spread, seeds)
        means = [summarize_configuration(each) for each in configurations]
        pairs = compare_pairs(configurations)
        hit[1] = _finds_false(pairs, truths)
        for column, criterion in enumerate(CRITERIA):
            ranked = means if column == 0 else [_without_validation(mean) for mean in means]
            ranking = rank_configurations(configurations, ranked, pairs)
            best = configurations[ranking.best]
            truth = _expect(level, spread) if best.has_seeds else truths[ranking.best]
            if ranking.allows_intervals and column == 0:
                hit[0] = _judge_differences(pairs, ranking.order, truths)
            hit[2 + column] = ranking.interval is None or _contains(ranking.interval, truth)
            bias[column] = means[ranking.best].accuracy - truth, ranking.optimism or 0.0
            if ranking.criterion != criterion:
                raise ValueError(f"the sweep was ranked by {ranking.criterion}")
    return _describe(n_configurations, n_seeds, n, seed_sd, hits, biases)


def _describe(  # noqa: PLR0913, PLR0917 - the parts of a case and what came out
    n_configurations: int,
    n_seeds: Sequence[int],
    n: int,
    seed_sd: float,
    hits: NDArray[np.float64],
    biases: NDArray[np.float64],
) -> Line:
    apart, false, *best = hits.mean(axis=0)
    errors = N_ERRORS / math.sqrt(len(hits))
    lowest = LOWEST - errors * math.sqrt(LOWEST * (1 - LOWEST))
    most_false = SIGNIFICANCE_LEVEL + errors * math.sqrt(SIGNIFICANCE_LEVEL * (1 - SIGNIFICANCE_LEVEL))
    actual, stated = biases.mean(axis=0).T
    limits = stated + errors * biases[:, :, 0].std(axis=0) + TOLERANCE
    holds = not min(apart, *best) < lowest and false <= most_false and bool((actual <= limits).all())
    cells = [f"{n_configurations}", " and ".join(map(str, n_seeds)), f"{n:,}", f"{100 * seed_sd:.1f} points"]
    cells += ["none" if math.isnan(apart) else f"{apart:.1%}", f"{false:.1%}", *(f"{each:.1%}" for each in best)]
    cells += [f"{100 * is_so:.2f}, {100 * said:.2f}" for is_so, said in zip(actual, stated, strict=True)]
    return Line(cells, holds)


def _judge_differences(pairs: PairTests, order: Sequence[int], truths: Sequence[float]) -> float:
    """Share of the intervals of differences from the best that contain the true one; at most 50 are looked at.

    The true accuracies of the networks that stand for configurations are in `truths`; configurations are equally good.
    """
    best, *others = order
    described = [pairs.describe(best, other, has_interval=True) for other in others[:: 1 + len(others) // 50]]
    return float(
        np.mean([pair.interval is None or _contains(pair.interval, _differ(pair, truths)) for pair in described])
    )


def _finds_false(pairs: PairTests, truths: Sequence[float]) -> bool:
    """Whether a difference is significant that does not exist, or has the other sign."""
    found = np.argwhere(np.triu(pairs.p_adjusted < SIGNIFICANCE_LEVEL, 1)).tolist()
    described = [pairs.describe(first, second) for first, second in found]
    return any(pair.difference * _differ(pair, truths) <= 0 for pair in described)


def _differ(pair: PairDifference, truths: Sequence[float]) -> float:
    return truths[pair.first] - truths[pair.second] if pair.compared == "networks" else 0.0


def _without_validation(mean: ConfigurationMean) -> ConfigurationMean:
    return ConfigurationMean(**vars(mean) | {"val_accuracy": None})


def _draw_sweep(
    random: np.random.Generator, n: int, level: str, spread: float, n_seeds: Sequence[int]
) -> tuple[list[Configuration], list[float]]:
    """Configurations with these numbers of seeds, and the true accuracy of the network that stands for each.

    There are six validation images for ten test images, as Fashion-MNIST has.
    """
    test, validation, y_true = _normal(random, n), _normal(random, n * 6 // 10), np.zeros(n, np.int64)
    configurations, truths = [], []
    for m in n_seeds:
        seeds = _normal(random, m) * spread
        is_right, _ = _draw_networks(random, test, level, seeds)
        is_valid, losses = _draw_networks(random, validation, level, seeds)
        networks = [
            _make_network(seed, right, valid, loss)
            for seed, (right, valid, loss) in enumerate(zip(is_right, is_valid.mean(axis=1), losses, strict=True))
        ]
        configuration = Configuration(
            label="", values={}, config=CONFIG, n_parameters=None, networks=networks, y_true=y_true
        )
        configurations.append(configuration)
        sd = math.sqrt(1 + RECIPE_SD**2 + NETWORK_SD**2)
        truths.append(NormalDist().cdf((LEVELS[level] + float(seeds[configuration.reported])) / sd))
    return configurations, truths


CONFIG = Config()


def _make_network(seed: int, is_right: NDArray[np.bool_], val_accuracy: float, val_loss: float) -> SweptNetwork:
    """A network that predicts class 0 for the images that it gets right, whose true class is 0."""
    return SweptNetwork(
        run="",
        folder="",
        seed=seed,
        val_accuracy=float(val_accuracy),
        val_loss=float(val_loss),
        training_s=1.0,
        command="",
        loss=1.0,
        y_pred=(~is_right).astype(np.uint8),
    )


def _draw_networks(
    random: np.random.Generator, image: Scores, level: str, seeds: Scores
) -> tuple[NDArray[np.bool_], Scores]:
    """Whether each network of a configuration gets each image right, shape (n_seeds, n), and its mean loss."""
    n = len(image)
    base = np.float32(LEVELS[level]) + image + np.float32(RECIPE_SD) * _normal(random, n)
    scores = base + seeds[:, np.newaxis]
    scores += np.float32(NETWORK_SD) * random.standard_normal((len(seeds), n), np.float32)
    losses: Scores = np.logaddexp(0, -scores).mean(axis=1) if len(seeds) > 1 else np.zeros(1, np.float32)
    return scores > 0, losses


def _normal(random: np.random.Generator, n: int) -> Scores:
    return random.standard_normal(n, np.float32)


def _find_spread(level: str, seed_sd: float) -> float:
    """The spread of the seed effects that gives the true accuracies this standard deviation."""
    sd = math.sqrt(1 + RECIPE_SD**2 + NETWORK_SD**2)
    return seed_sd * sd / NormalDist().pdf(LEVELS[level] / sd)


def _expect(level: str, spread: float) -> float:
    """True mean accuracy of a configuration over all seeds."""
    return NormalDist().cdf(LEVELS[level] / math.sqrt(1 + RECIPE_SD**2 + NETWORK_SD**2 + spread**2))


def _contains(interval: Interval | None, value: float) -> bool:
    return interval is not None and interval.lower <= value <= interval.upper


if __name__ == "__main__":
    sys.exit(main())

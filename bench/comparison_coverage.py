"""Simulates how often the intervals of comparisons and of seeds contain the truth.

Run it with `python -m bench.comparison_coverage`.

A network classifies an image correctly if its score is positive. The score of image i by the network of one seed is

    score = level + seed effect + image effect + effect of recipe and image + effect of network and image,

all effects normal. A logistic function of the score is the probability of the true class. So the true accuracies and
losses follow from integrals of one dimension. The table has one line per case, with the share of the repetitions that
have an interval. The exit status is 1 if these intervals contain the truth in less than 93 % or more than 97 % of the
repetitions, beyond what their number explains. Intervals between recipes with fewer than ten seeds are conservative:
their upper limit is that of `HIGHEST_COVERAGE`, which the report names. See docs/benchmark.md.
"""

import argparse
import math
import multiprocessing
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from job.evaluation.intervals import Interval
from job.evaluation.paired_comparison import paired_difference_interval
from job.evaluation.paired_differences import MIN_IMAGES, MIN_PAIRED_OUTCOMES, paired_mean_interval
from job.evaluation.recipe_comparison import HIGHEST_COVERAGE, crossed_interval, summarize_networks
from job.evaluation.seed_variation import SeedRun, add_intervals, measure_reseed_difference, summarize_seed_runs
from job.system.processors import count_processors

Scores = NDArray[np.float64]

LOWEST, HIGHEST = 0.93, 0.97
N_REPETITIONS = 1000
FEW = 30  # intervals
N_ERRORS = 3  # standard errors of the simulation by which a coverage may miss the limits
SLOPE = 1.7  # of the logistic function; its networks are about calibrated
RECIPE_SD, NETWORK_SD = 0.3, 0.5  # as often as two seeds of the baseline disagree: on 6 % of the images
SPREAD = (1 + RECIPE_SD**2 + NETWORK_SD**2) ** 0.5  # of the scores of a network
LEVELS = (1.1, 1.25)  # of reference and recipe; about 83 % and 86 % correct
ACCURATE_LEVELS = (2.5, 2.5)  # 98.4 % correct: few images have a large loss
CLASS_LEVELS = ((0.3, 0.5), LEVELS, (2.0, 2.2))  # recalls of about 60, 85 and 96 %
CLASS_SIZES = (100, 1000)
SPREADS = ((0.0, 0.0), (0.02, 0.02), (0.0, 0.05))  # of the seed effects; 0.02 moves the accuracy by 0.4 points
NORMAL = np.array([NormalDist().inv_cdf((index + 0.5) / 100_000) for index in range(100_000)])  # its quantiles


@dataclass(frozen=True)
class Case:
    """A line of the table.

    Attributes:
        coverage: Fraction of the intervals that contain the truth.
        n_intervals: Number of repetitions that have an interval.
        n_repetitions: Number of all repetitions.
        highest: Highest coverage allowed.
    """

    name: str
    coverage: float
    n_intervals: int
    n_repetitions: int
    highest: float = HIGHEST

    @property
    def holds(self) -> bool:
        """Whether the coverage lies within the limits, within three standard errors of the simulation."""
        lowest, highest = (N_ERRORS * math.sqrt(p * (1 - p) / max(self.n_intervals, 1)) for p in (LOWEST, self.highest))
        return not self.n_intervals or LOWEST - lowest <= self.coverage <= self.highest + highest

    @property
    def note(self) -> str:
        """The remark in the table."""
        if not self.holds:
            return f"outside {LOWEST:.1%} to {self.highest:.1%}"
        if self.n_intervals < FEW:
            return "too few intervals to judge"
        return "conservative" if self.coverage > HIGHEST < self.highest else ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the coverage of each case as a table; returns 1 if one is outside the limits."""
    parser = argparse.ArgumentParser(prog="python -m bench.comparison_coverage", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=N_REPETITIONS, help="simulations of each case (1000)")
    options = parser.parse_args(arguments)
    holds = True
    print("| interval | coverage | has an interval | |\n|---|---:|---:|---|")
    for case in simulate(options.repetitions):
        share = case.n_intervals / case.n_repetitions
        print(f"| {case.name} | {case.coverage:.1%} | {share:.0%} | {case.note} |", flush=True)
        holds = holds and case.holds
    return int(not holds)


def simulate(n_repetitions: int = N_REPETITIONS) -> Iterator[Case]:
    """Simulate every case, in as many processes as there are processors."""
    tasks = [
        partial(simulate_networks, levels, n, n_repetitions)
        for levels, sizes in ((LEVELS, (MIN_IMAGES, 3000, 10_000)), (ACCURATE_LEVELS, (MIN_IMAGES, 1000, 10_000)))
        for n in sizes
    ]
    tasks += [partial(simulate_recalls, levels, n, n_repetitions) for levels in CLASS_LEVELS for n in CLASS_SIZES]
    tasks += [
        partial(simulate_recipes, LEVELS, n, n_runs, spreads, n_repetitions)
        for n in (MIN_IMAGES, 10_000)
        for n_runs in ((2, 2), (2, 10), (3, 3), (4, 4), (5, 5), (6, 6), (10, 10))
        for spreads in SPREADS
    ]
    tasks += [
        partial(simulate_recipes, ACCURATE_LEVELS, n, (10, 10), SPREADS[0], n_repetitions) for n in (MIN_IMAGES, 1000)
    ]
    tasks += [partial(simulate_seeds, n_seeds, n_repetitions) for n_seeds in (2, 3, 5, 10)]
    with ProcessPoolExecutor(count_processors(), multiprocessing.get_context("spawn")) as pool:
        for cases in pool.map(_run, tasks):
            yield from cases


def _run(task: Callable[[], list[Case]]) -> list[Case]:
    return task()


def simulate_networks(levels: Sequence[float], n: int, n_repetitions: int) -> list[Case]:
    """Differences between two networks, of which the second is as confident as the first or far too confident."""
    random, cases = np.random.default_rng(n), []
    for slopes in ((SLOPE, SLOPE), (SLOPE, 3 * SLOPE)):
        truths = [_expect(measure, levels, (SPREAD, SPREAD), slopes) for measure in MEASURES.values()]
        hits = np.zeros((n_repetitions, len(MEASURES)))
        for hit in hits:
            before, now = _draw_pair(random, levels, n)
            n_rare = _count_rarest((before, now))
            differences = [measure(now, slopes[1]) - measure(before, slopes[0]) for measure in MEASURES.values()]
            hit[:] = [
                _judge(_paired_interval(each, n_rare), truth) for each, truth in zip(differences, truths, strict=True)
            ]
        confidence = "equally confident" if slopes[0] == slopes[1] else "one overconfident"
        name = f"two networks, {_accuracy_of(levels[0])} accurate, {confidence}, {{}}, n = {n:,}"
        cases += _list_cases([name.format(measure) for measure in MEASURES], hits)
    return cases


def simulate_recalls(levels: Sequence[float], n: int, n_repetitions: int) -> list[Case]:
    """Difference in the recall of a class with n images between two networks."""
    random = np.random.default_rng((n, round(10 * levels[0])))
    truth = _expect(_accuracy, levels, (SPREAD, SPREAD), (SLOPE, SLOPE))
    hits = np.zeros((n_repetitions, 1))
    for hit in hits:
        before, now = (_accuracy(scores, SLOPE) for scores in _draw_pair(random, levels, n))
        hit[0] = _judge(_paired_interval(now - before, 0), truth)
    return _list_cases([f"two networks, recall of a class, about {_accuracy_of(levels[0])}, n = {n:,}"], hits)


def _draw_pair(random: np.random.Generator, levels: Sequence[float], n: int) -> list[Scores]:
    """Scores of the same n images by two networks, shape (n,) each."""
    image = random.standard_normal(n)
    return [_draw_scores(random, image, level, 1, 0.0)[0] for level in levels]


def _count_rarest(networks: Iterable[Scores]) -> int:
    """The smallest number of right or of wrong predictions of a network."""
    return min(min(n_right, len(scores) - n_right) for scores in networks for n_right in [int((scores > 0).sum())])


def _accuracy_of(level: float) -> str:
    return f"{NormalDist().cdf(level / SPREAD):.0%}"


def _judge(interval: Interval | None, value: float) -> float:
    """1 if an interval contains a value, otherwise 0; NaN without an interval."""
    return math.nan if interval is None else _contains(interval, value)


def _list_cases(names: Sequence[str], hits: Scores, highest: float = HIGHEST) -> list[Case]:
    """A case for each column of `hits`, shape (n_repetitions, n_cases)."""
    n_intervals = np.isfinite(hits).sum(axis=0)
    rates = np.nansum(hits, axis=0) / np.maximum(n_intervals, 1)
    rows = zip(names, rates.tolist(), n_intervals.tolist(), strict=True)
    return [Case(name, rate, n, len(hits), highest) for name, rate, n in rows]


def _paired_interval(differences: Scores, n_rare: int) -> Interval | None:
    """The interval that the report has for differences in correctness, which are -1, 0 or 1, or in other values."""
    if set(np.unique(differences).tolist()) <= {-1.0, 0.0, 1.0}:
        n_fixed, n_broken = (int((differences == change).sum()) for change in (1, -1))
        return paired_difference_interval(n_fixed, n_broken, len(differences))
    return paired_mean_interval(differences, n_rare)


def simulate_recipes(
    levels: Sequence[float], n: int, n_runs: Sequence[int], spreads: Sequence[float], n_repetitions: int
) -> list[Case]:
    """Differences in mean accuracy and mean loss between two recipes, over seeds and images."""
    random = np.random.default_rng((n, *n_runs))
    sds = [(1 + RECIPE_SD**2 + NETWORK_SD**2 + spread**2) ** 0.5 for spread in spreads]
    measures = {name: MEASURES[name] for name in ("accuracy", "loss")}
    truths = [_expect(measure, levels, sds, (SLOPE, SLOPE)) for measure in measures.values()]
    hits = np.zeros((n_repetitions, len(measures)))
    for hit in hits:
        image = random.standard_normal(n)
        sides = [_draw_scores(random, image, *each) for each in zip(levels, n_runs, spreads, strict=True)]
        for index, measure in enumerate(measures.values()):
            before, now = (summarize_networks(measure(scores, SLOPE) for scores in side) for side in sides)
            hit[index] = _judge(crossed_interval(now, before), truths[index])
        if _count_rarest(side[0] for side in sides) < MIN_PAIRED_OUTCOMES:
            hit[1] = math.nan  # the loss of the recipes has no interval then
    case = f"{n_runs[0]} and {n_runs[1]} seeds, spreads {spreads[0]:g} and {spreads[1]:g}, n = {n:,}"
    names = [f"two recipes, {_accuracy_of(levels[0])} accurate, mean {measure}, {case}" for measure in measures]
    return _list_cases(names, hits, HIGHEST_COVERAGE.get(min(n_runs), HIGHEST))


def simulate_seeds(n_seeds: int, n_repetitions: int) -> list[Case]:
    """Mean, standard deviation and reseed difference of the accuracies of one recipe on the same 10,000 images."""
    random = np.random.default_rng(n_seeds)
    image = random.standard_normal(10_000)
    accuracies = np.array([(_draw_scores(random, image, LEVELS[0], 1, 0.02) > 0).mean() for _ in range(2000)])
    hits = np.zeros((n_repetitions, 3))
    for hit in hits:
        *drawn, first, second = random.choice(accuracies, n_seeds + 2).tolist()
        runs = [SeedRun(seed=0, accuracy=each, loss=0, val_accuracy=None, training_s=0) for each in drawn]
        variation = add_intervals(summarize_seed_runs(runs))
        hit[0] = _contains(variation.mean_interval, float(accuracies.mean()))
        hit[1] = _contains(variation.sd_interval, float(accuracies.std()))
        hit[2] = abs(first - second) <= (measure_reseed_difference(variation) or 0)
    names = ("mean", "standard deviation", "reseed difference")
    return _list_cases([f"{name} of the accuracies of {n_seeds} seeds" for name in names], hits)


def _draw_scores(random: np.random.Generator, image: Scores, level: float, n_runs: int, spread: float) -> Scores:
    """Scores of all images by the networks of one recipe, shape (n_runs, n)."""
    base = level + image + RECIPE_SD * random.standard_normal(len(image))
    seeds = spread * random.standard_normal((n_runs, 1))
    return base + seeds + NETWORK_SD * random.standard_normal((n_runs, len(image)))


def _loss(scores: Scores, slope: float) -> Scores:
    return np.logaddexp(0, -slope * scores)


def _brier(scores: Scores, slope: float) -> Scores:
    return 2 / (1 + np.exp(slope * scores)) ** 2


def _overconfidence(scores: Scores, slope: float) -> Scores:
    return 1 / (1 + np.exp(-slope * np.abs(scores))) - (scores > 0)


def _accuracy(scores: Scores, _: float) -> Scores:
    return (scores > 0).astype(np.float64)


MEASURES: dict[str, Callable[[Scores, float], Scores]] = {
    "loss": _loss,
    "Brier score": _brier,
    "overconfidence": _overconfidence,
    "accuracy": _accuracy,
}


def _expect(
    measure: Callable[[Scores, float], Scores], levels: Sequence[float], sds: Sequence[float], slopes: Sequence[float]
) -> float:
    """The true difference between the two recipes, whose scores are normal."""
    rows = zip(levels, sds, slopes, strict=True)
    before, now = (float(np.mean(measure(level + sd * NORMAL, slope))) for level, sd, slope in rows)
    return now - before


def _contains(interval: Interval | None, value: float) -> bool:
    return interval is not None and interval.lower <= value <= interval.upper


if __name__ == "__main__":
    sys.exit(main())

"""Simulates how often the intervals of comparisons and of seeds contain the truth.

Run it with `python -m bench.comparison_coverage`.

A network classifies an image correctly if its score is positive. The score of image i by the network of one seed is

    score = level + seed effect + image effect + effect of recipe and image + effect of network and image,

all effects normal. A logistic function of the score is the probability of the true class. So the true accuracies and
losses follow from integrals of one dimension. The table has one line per case; the exit status is 1 if an interval
contains the truth in less than 93 % or, with more than five seeds a side, more than 97 % of all repetitions, beyond
what the number of repetitions explains. With fewer seeds, intervals are conservative: wider than needed.
"""

import argparse
import multiprocessing
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from job.evaluation.intervals import Interval
from job.evaluation.paired_comparison import paired_difference_interval
from job.evaluation.paired_differences import MIN_IMAGES, paired_mean_interval
from job.evaluation.recipe_comparison import crossed_interval, summarize_networks
from job.evaluation.seed_variation import SeedRun, add_intervals, measure_reseed_difference, summarize_seed_runs
from job.training.resources import count_processors

Scores = NDArray[np.float64]

LOWEST, HIGHEST = 0.93, 0.97
N_REPETITIONS = 1000
FEW_SEEDS = 5
SLOPE = 1.7  # of the logistic function; its networks are about calibrated
RECIPE_SD, NETWORK_SD = 0.3, 0.5  # as often as two seeds of the baseline disagree: on 6 % of the images
LEVELS = (1.1, 1.25)  # of reference and recipe; about 83 % and 86 % correct
SPREADS = ((0.0, 0.0), (0.02, 0.02), (0.0, 0.05))  # of the seed effects; 0.02 moves the accuracy by 0.4 points
NORMAL = np.array([NormalDist().inv_cdf((index + 0.5) / 100_000) for index in range(100_000)])  # its quantiles


@dataclass(frozen=True)
class Case:
    """A line of the table; `is_conservative` allows a coverage above 97 %."""

    name: str
    coverage: float
    n_repetitions: int
    is_conservative: bool = False

    @property
    def holds(self) -> bool:
        """Whether the coverage lies between 93 % and 97 %, within two standard errors of the simulation."""
        margin = 2 * (LOWEST * (1 - LOWEST) / self.n_repetitions) ** 0.5
        return self.coverage >= LOWEST - margin and (self.is_conservative or self.coverage <= HIGHEST + margin)

    @property
    def note(self) -> str:
        """The remark in the table."""
        if not self.holds:
            return "outside 93–97 %"
        return "conservative" if self.is_conservative and self.coverage > HIGHEST else ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the coverage of each case as a table; returns 1 if one is outside the limits."""
    parser = argparse.ArgumentParser(prog="python -m bench.comparison_coverage", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=N_REPETITIONS, help="simulations of each case (1000)")
    options = parser.parse_args(arguments)
    holds = True
    print("| interval | coverage | |\n|---|---:|---|")
    for case in simulate(options.repetitions):
        print(f"| {case.name} | {case.coverage:.1%} | {case.note} |", flush=True)
        holds &= case.holds
    return int(not holds)


def simulate(n_repetitions: int = N_REPETITIONS) -> Iterator[Case]:
    """Simulate every case, in as many processes as there are processors."""
    tasks = [partial(simulate_networks, n, n_repetitions) for n in (MIN_IMAGES, 3000, 10_000)]
    tasks += [
        partial(simulate_recipes, n, n_runs, spreads, n_repetitions)
        for n in (MIN_IMAGES, 10_000)
        for n_runs in ((2, 2), (2, 10), (3, 3), (5, 5), (10, 10))
        for spreads in SPREADS
    ]
    tasks += [partial(simulate_seeds, n_seeds, n_repetitions) for n_seeds in (2, 3, 5, 10)]
    with ProcessPoolExecutor(count_processors(), multiprocessing.get_context("spawn")) as pool:
        for cases in pool.map(_run, tasks):
            yield from cases


def _run(task: Callable[[], list[Case]]) -> list[Case]:
    return task()


def simulate_networks(n: int, n_repetitions: int) -> list[Case]:
    """Differences between two networks, of which the second is as confident as the first or far too confident."""
    random, cases = np.random.default_rng(n), []
    spread = (1 + RECIPE_SD**2 + NETWORK_SD**2) ** 0.5
    for slopes in ((SLOPE, SLOPE), (SLOPE, 3 * SLOPE)):
        truths = [_expect(measure, (spread, spread), slopes) for measure in MEASURES.values()]
        hits = np.zeros((n_repetitions, len(MEASURES)), bool)
        for hit in hits:
            image = random.standard_normal(n)
            before, now = (_draw_scores(random, image, level, 1, 0.0)[0] for level in LEVELS)
            differences = [measure(now, slopes[1]) - measure(before, slopes[0]) for measure in MEASURES.values()]
            intervals = [_paired_interval(each) for each in differences]
            hit[:] = list(map(_contains, intervals, truths))
        confidence = "equally confident" if slopes[0] == slopes[1] else "one overconfident"
        rates = zip(MEASURES, hits.mean(axis=0).tolist(), strict=True)
        cases += [Case(f"two networks, {confidence}, {name}, n = {n:,}", rate, n_repetitions) for name, rate in rates]
    return cases


def _paired_interval(differences: Scores) -> Interval | None:
    """The interval that the report has for differences in correctness, which are -1, 0 or 1, or in other values."""
    if set(np.unique(differences).tolist()) <= {-1.0, 0.0, 1.0}:
        n_fixed, n_broken = (int((differences == change).sum()) for change in (1, -1))
        return paired_difference_interval(n_fixed, n_broken, len(differences))
    return paired_mean_interval(differences)


def simulate_recipes(n: int, n_runs: Sequence[int], spreads: Sequence[float], n_repetitions: int) -> list[Case]:
    """Differences in mean accuracy and mean loss between two recipes, over seeds and images."""
    random = np.random.default_rng((n, *n_runs))
    sds = [(1 + RECIPE_SD**2 + NETWORK_SD**2 + spread**2) ** 0.5 for spread in spreads]
    measures = {name: MEASURES[name] for name in ("accuracy", "loss")}
    truths = [_expect(measure, sds, (SLOPE, SLOPE)) for measure in measures.values()]
    hits = np.zeros((n_repetitions, len(measures)), bool)
    for hit in hits:
        image = random.standard_normal(n)
        sides = [_draw_scores(random, image, *each) for each in zip(LEVELS, n_runs, spreads, strict=True)]
        for index, measure in enumerate(measures.values()):
            before, now = (summarize_networks(measure(scores, SLOPE) for scores in side) for side in sides)
            hit[index] = _contains(crossed_interval(now, before), truths[index])
    name = f"{n_runs[0]} and {n_runs[1]} seeds, spreads {spreads[0]:g} and {spreads[1]:g}, n = {n:,}"
    return [
        Case(f"two recipes, mean {measure}, {name}", rate, n_repetitions, is_conservative=min(n_runs) <= FEW_SEEDS)
        for measure, rate in zip(measures, hits.mean(axis=0).tolist(), strict=True)
    ]


def simulate_seeds(n_seeds: int, n_repetitions: int) -> list[Case]:
    """Mean, standard deviation and reseed difference of the accuracies of one recipe on the same 10,000 images."""
    random = np.random.default_rng(n_seeds)
    image = random.standard_normal(10_000)
    accuracies = np.array([(_draw_scores(random, image, LEVELS[0], 1, 0.02) > 0).mean() for _ in range(2000)])
    hits = np.zeros((n_repetitions, 3), bool)
    for hit in hits:
        *drawn, first, second = random.choice(accuracies, n_seeds + 2).tolist()
        runs = [SeedRun(seed=0, accuracy=each, loss=0, val_accuracy=None, training_s=0) for each in drawn]
        variation = add_intervals(summarize_seed_runs(runs))
        hit[0] = _contains(variation.mean_interval, float(accuracies.mean()))
        hit[1] = _contains(variation.sd_interval, float(accuracies.std()))
        hit[2] = abs(first - second) <= (measure_reseed_difference(variation) or 0)
    rates = zip(("mean", "standard deviation", "reseed difference"), hits.mean(axis=0).tolist(), strict=True)
    return [Case(f"{name} of the accuracies of {n_seeds} seeds", rate, n_repetitions) for name, rate in rates]


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


def _expect(measure: Callable[[Scores, float], Scores], sds: Sequence[float], slopes: Sequence[float]) -> float:
    """The true difference between the two recipes, whose scores are normal."""
    rows = zip(LEVELS, sds, slopes, strict=True)
    before, now = (float(np.mean(measure(level + sd * NORMAL, slope))) for level, sd, slope in rows)
    return now - before


def _contains(interval: Interval | None, value: float) -> bool:
    return interval is not None and interval.lower <= value <= interval.upper


if __name__ == "__main__":
    sys.exit(main())

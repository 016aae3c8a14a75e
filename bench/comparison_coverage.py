"""Simulates how often the intervals of comparisons and of seeds contain the truth: `python -m bench.comparison_coverage`.

A network classifies an image correctly if its score is positive. The score of image i by the network of one seed is

    score = level + seed effect + image effect + effect of recipe and image + effect of network and image,

all effects normal. A logistic function of the score is the probability of the true class. So the true accuracies and
losses follow from integrals of one dimension. The table has one line per case; the exit status is 1 if an interval
contains the truth in less than 93 % or, with more than three seeds a side, more than 97 % of all repetitions, beyond
what the number of repetitions explains. With two or three seeds, intervals may be wider than needed.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from job.evaluation.intervals import Interval
from job.evaluation.paired_comparison import paired_difference_interval
from job.evaluation.paired_differences import MIN_IMAGES, paired_mean_interval
from job.evaluation.recipe_comparison import crossed_interval, summarize_networks
from job.evaluation.seed_variation import SeedRun, add_intervals, measure_reseed_difference, summarize_seed_runs

Scores = NDArray[np.float64]

LOWEST, HIGHEST = 0.93, 0.97
N_REPETITIONS = 1000
FEW_SEEDS = 3
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


def main() -> int:
    """Print the coverage of each case as a table."""
    cases = list(simulate())
    print("| interval | coverage | |\n|---|---:|---|")
    for case in cases:
        note = "" if case.holds else "outside 93–97 %"
        note = "conservative" if case.holds and case.coverage > HIGHEST else note
        print(f"| {case.name} | {case.coverage:.1%} | {note} |", flush=True)
    return int(not all(case.holds for case in cases))


def simulate(n_repetitions: int = N_REPETITIONS) -> Iterator[Case]:
    """Simulate every case."""
    random = np.random.default_rng(0)
    for n in (MIN_IMAGES, 300, 3000, 10_000):
        yield from simulate_networks(random, n, n_repetitions)
    for n in (300, 3000, 10_000):
        for n_runs in ((2, 2), (2, 5), (2, 10), (3, 3), (5, 5), (10, 10)):
            for spreads in SPREADS:
                yield from simulate_recipes(random, n, n_runs, spreads, n_repetitions)
    for n_seeds in (2, 3, 5, 10):
        yield from simulate_seeds(random, n_seeds, n_repetitions)


def simulate_networks(random: np.random.Generator, n: int, n_repetitions: int) -> Iterator[Case]:
    """Differences between two networks, the second of which is well calibrated or far too confident."""
    spread = (1 + RECIPE_SD**2 + NETWORK_SD**2) ** 0.5
    for slope in (1.7, 5.0):
        slopes = (1.7, slope)
        truths = [_expect(measure, LEVELS, (spread, spread), slopes) for measure in MEASURES.values()]
        hits = np.zeros((n_repetitions, 4), bool)
        for hit in hits:
            image = random.standard_normal(n)
            before, now = (_scores(random, image, level, 1, 0.0)[0] for level in LEVELS)
            for index, measure in enumerate(MEASURES.values()):
                interval = paired_mean_interval(measure(now, slopes[1]) - measure(before, slopes[0]))
                hit[index] = _contains(interval, truths[index])
            n_fixed, n_broken = int(((now > 0) & (before <= 0)).sum()), int(((now <= 0) & (before > 0)).sum())
            hit[3] = _contains(paired_difference_interval(n_fixed, n_broken, n), truths[3])
        for name, coverage in zip(MEASURES, hits.mean(axis=0).tolist(), strict=True):
            yield Case(
                f"two networks, {name}, slopes {slopes[0]:g} and {slopes[1]:g}, n = {n:,}", coverage, n_repetitions
            )


def simulate_recipes(
    random: np.random.Generator, n: int, n_runs: Sequence[int], spreads: Sequence[float], n_repetitions: int
) -> Iterator[Case]:
    """Differences in mean accuracy and mean loss between two recipes, over seeds and images."""
    sds = [(1 + RECIPE_SD**2 + NETWORK_SD**2 + spread**2) ** 0.5 for spread in spreads]
    measures = {name: MEASURES[name] for name in ("accuracy", "loss")}
    truths = [_expect(measure, LEVELS, sds, (1.7, 1.7)) for measure in measures.values()]
    hits = np.zeros((n_repetitions, len(measures)), bool)
    for hit in hits:
        image = random.standard_normal(n)
        sides = [_scores(random, image, *each) for each in zip(LEVELS, n_runs, spreads, strict=True)]
        for index, measure in enumerate(measures.values()):
            before, now = (summarize_networks(measure(scores, 1.7) for scores in side) for side in sides)
            hit[index] = _contains(crossed_interval(now, before), truths[index])
    for name, coverage in zip(measures, hits.mean(axis=0).tolist(), strict=True):
        case = f"two recipes, mean {name}, {n_runs[0]} and {n_runs[1]} seeds, spreads {spreads[0]:g} and {spreads[1]:g}"
        yield Case(f"{case}, n = {n:,}", coverage, n_repetitions, is_conservative=min(n_runs) <= FEW_SEEDS)


def simulate_seeds(random: np.random.Generator, n_seeds: int, n_repetitions: int) -> Iterator[Case]:
    """Mean, standard deviation and reseed difference of the accuracies of one recipe on the same 1,000 images."""
    image = random.standard_normal(1000)
    accuracies = (_scores(random, image, LEVELS[0], 5000, 0.02) > 0).mean(axis=1)
    hits = np.zeros((n_repetitions, 3), bool)
    for hit in hits:
        *drawn, first, second = random.choice(accuracies, n_seeds + 2).tolist()
        runs = [
            SeedRun(seed=seed, accuracy=each, loss=0, val_accuracy=None, training_s=0)
            for seed, each in enumerate(drawn)
        ]
        variation = add_intervals(summarize_seed_runs(runs))
        hit[0] = _contains(variation.mean_interval, accuracies.mean())
        hit[1] = _contains(variation.sd_interval, accuracies.std())
        hit[2] = abs(first - second) <= (measure_reseed_difference(variation) or 0)
    for name, coverage in zip(
        ("mean accuracy", "standard deviation", "reseed difference"), hits.mean(axis=0).tolist(), strict=True
    ):
        yield Case(f"{n_seeds} seeds, {name}", coverage, n_repetitions, is_conservative=n_seeds <= FEW_SEEDS)


def _scores(random: np.random.Generator, image: Scores, level: float, n_runs: int, spread: float) -> Scores:
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

"""Simulates how often the report names a weakest class, and whether its recall lies in the interval beside the name.

`python -m bench.weakest_coverage` prints a table. It exits with 1 if, in more than 5 % of the test sets, a wrong class
is named or the interval misses the recall of the named class. See docs/benchmark.md.
"""

import math
import sys
from dataclasses import dataclass

import numpy as np

from job.evaluation.intervals import SIGNIFICANCE_LEVEL, wilson_interval
from job.evaluation.weakest_class import find_weakest_class

N_SAMPLES = 4000
N_ERRORS = 3  # standard errors of the simulation by which a fraction may exceed the limit
RECALL = 0.87
GAPS = (0.0, 0.05, 0.1, 0.2)
"""By how much the recall of the first class is below that of all others."""
SHAPES = ((2, 100), (2, 1000), (10, 30), (10, 100), (10, 1000), (100, 100))
"""Numbers of classes, and of images in each."""


@dataclass(frozen=True)
class Naming:
    """Fractions of the test sets in which a class is named, a wrong one is, and the interval misses its recall."""

    named: float
    wrong: float
    missed: float

    @property
    def is_too_often_wrong(self) -> bool:
        """Whether one of the two errors is more frequent than 5 %, by more than the error of the simulation."""
        error = math.sqrt(SIGNIFICANCE_LEVEL * (1 - SIGNIFICANCE_LEVEL) / N_SAMPLES)
        limit = SIGNIFICANCE_LEVEL + N_ERRORS * error
        return max(self.wrong, self.missed) > limit


def simulate(n_classes: int, n_each: int, gap: float, n_samples: int = N_SAMPLES) -> Naming:
    """Draw test sets of equal classes of which the first is weaker; without a gap, every named class is wrong."""
    random = np.random.default_rng([n_classes, n_each, int(1000 * gap)])
    recalls = np.full(n_classes, RECALL)
    recalls[0] -= gap
    n_named = n_wrong = n_missed = 0
    for hits in random.binomial(n_each, recalls, (n_samples, n_classes)):
        matrix = np.diag(hits)
        matrix[:, 0] += n_each - hits  # where the errors fall makes no difference
        matrix[0] = [hits[0], n_each - hits[0], *[0] * (n_classes - 2)]
        label = find_weakest_class(matrix)
        if label is None:
            continue
        interval = wilson_interval(int(hits[label]), n_each)
        n_named += 1
        n_wrong += not gap or label != 0
        n_missed += not interval.lower <= recalls[label] <= interval.upper
    return Naming(n_named / n_samples, n_wrong / n_samples, n_missed / n_samples)


def main() -> int:
    """Print the table; returns 1 if an error is too frequent."""
    print("| classes | images each | recall of the weakest | named | wrong class | interval misses |")
    print("|---|---|---|---|---|---|")
    is_wrong = False
    for n_classes, n_each in SHAPES:
        for gap in GAPS:
            found = simulate(n_classes, n_each, gap)
            is_wrong |= found.is_too_often_wrong
            cells = [f"{100 * each:.1f}%" for each in (found.named, found.wrong, found.missed)]
            print(f"| {n_classes} | {n_each:,} | {RECALL - gap:.0%} | {' | '.join(cells)} |", flush=True)
    return int(is_wrong)


if __name__ == "__main__":
    sys.exit(main())

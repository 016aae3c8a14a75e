"""Simulates how often steps of a history and `--fail-if-worse` report a change that is not real.

Run it with `python -m bench.gate_errors`.

All runs are equally accurate: networks get an image right where level + image effect + network effect is positive, all
effects normal; with several seeds, each network also has a seed effect.

The first table is about histories: the share with any significant step, the share of the corrected intervals that
contain the true difference between the last run and the most accurate earlier one, and the share of last runs that are
called worse than it. The second table is about sweeps with `--fail-if-worse`: the share in which any run is called
worse than the reference. The last columns are the shares that are called worse if the last run, or one run of the
sweep, is truly one point less accurate. The exit status is 1 if steps or calls are false in more than 5 %, or intervals
hold in less than 95 %, beyond three standard errors of the simulation.
"""

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from job.config.gate import Gate
from job.evaluation.gated_runs import GatedRuns, measure_run
from job.evaluation.history_entry import HistoryEntry, encode_errors
from job.evaluation.intervals import Interval
from job.evaluation.paired_comparison import mcnemar_p_value, paired_difference_interval
from job.evaluation.sweep_gates import apply_holm
from job.evaluation.trend import BestRun, measure_trend, select_earlier

LEVEL, NETWORK_SD = 1.176, 0.3  # 87 % correct; exactly one of two networks is right on 7 % of the images
LOWER_LEVEL = 1.128  # one point less
SEED_SD = 0.02  # 0.4 points of accuracy
N_REPETITIONS = 400
ALPHA, N_ERRORS = 0.05, 3
CASES = ((300, 50, 1), (1000, 10, 1), (10_000, 50, 1), (1000, 10, 3))
"""Images, runs of the history, and seeds of each run."""

SWEEPS = ((300, 5), (1000, 20), (10_000, 5), (10_000, 100))
"""Images, and runs of the sweep."""

GATE = Gate("accuracy", "worse", 0.0)


@dataclass(frozen=True)
class Case:
    """A line of the first table; shares of the repetitions."""

    name: str
    n_repetitions: int
    false_steps: float
    coverage: float
    false_calls: float
    power: float

    @property
    def holds(self) -> bool:
        """Whether the shares are within the limits."""
        return max(self.false_steps, self.false_calls, 1 - self.coverage) <= _limit(self.n_repetitions)


@dataclass(frozen=True)
class SweepCase:
    """A line of the second table; shares of the repetitions."""

    name: str
    n_repetitions: int
    false_calls: float
    power: float

    @property
    def holds(self) -> bool:
        """Whether the share of false calls is within the limit."""
        return self.false_calls <= _limit(self.n_repetitions)


def _limit(n_repetitions: int) -> float:
    return ALPHA + N_ERRORS * math.sqrt(ALPHA * (1 - ALPHA) / n_repetitions)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; returns 1 if a share is outside the limits."""
    parser = argparse.ArgumentParser(prog="python -m bench.gate_errors", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=N_REPETITIONS, help="simulations of each case (400)")
    options = parser.parse_args(arguments)
    header = "| history | any false step | interval holds | falsely worse | finds a loss of 1 point |"
    print(f"{header}\n|---|---:|---:|---:|---:|")
    holds = True
    for case in (simulate(*sizes, options.repetitions) for sizes in CASES):
        shares = (case.false_steps, case.coverage, case.false_calls, case.power)
        print(f"| {case.name} | {' | '.join(f'{share:.1%}' for share in shares)} |", flush=True)
        holds = holds and case.holds
    print("\n| sweep | any run falsely worse | finds a loss of 1 point |\n|---|---:|---:|")
    for sweep in (simulate_sweep(*sizes, options.repetitions) for sizes in SWEEPS):
        print(f"| {sweep.name} | {sweep.false_calls:.1%} | {sweep.power:.1%} |", flush=True)
        holds = holds and sweep.holds
    return int(not holds)


def simulate(n: int, n_runs: int, n_seeds: int, n_repetitions: int) -> Case:
    """Simulate histories of one kind."""
    random = np.random.default_rng((n, n_runs, n_seeds))
    n_false_steps = n_holds = n_false_calls = n_found = 0
    for _ in range(n_repetitions):
        image = random.standard_normal(n)
        entries = [_draw(random, image, n_seeds, LEVEL) for _ in range(n_runs)]
        earlier = select_earlier(entries, entries[0].test_set, n)
        trend = measure_trend(earlier, _draw(random, image, n_seeds, LEVEL))
        worse = measure_trend(earlier, _draw(random, image, n_seeds, LOWER_LEVEL)).best
        assert trend.best is not None  # noqa: S101 - for mypy
        assert worse is not None  # noqa: S101
        n_false_steps += any(step is not None and step.is_significant for step in trend.steps)
        n_holds += trend.best.interval.lower <= 0 <= trend.best.interval.upper
        n_false_calls += _is_worse(trend.best)
        n_found += _is_worse(worse)
    shares = [count / n_repetitions for count in (n_false_steps, n_holds, n_false_calls, n_found)]
    seeds = f", {n_seeds} seeds each" if n_seeds > 1 else ""
    return Case(f"{n_runs} runs{seeds}, {n:,} images", n_repetitions, *shares)


def simulate_sweep(n: int, n_runs: int, n_repetitions: int) -> SweepCase:
    """Simulate sweeps of one size."""
    random = np.random.default_rng((n, n_runs))
    n_false_calls = n_found = 0
    for _ in range(n_repetitions):
        image = random.standard_normal(n)
        reference, *runs = (draw_errors(random, image, LEVEL) for _ in range(n_runs + 1))
        lower = draw_errors(random, image, LOWER_LEVEL)
        n_false_calls += any(_find_worse(reference, runs))
        n_found += _find_worse(reference, [lower, *runs[1:]])[0]
    return SweepCase(
        f"{n_runs} runs, {n:,} images", n_repetitions, n_false_calls / n_repetitions, n_found / n_repetitions
    )


def _find_worse(reference: NDArray[np.bool_], runs: Sequence[NDArray[np.bool_]]) -> list[bool]:
    """Which runs miss the gate; arrays of errors."""
    measured = [
        measure_run(str(index), "", [GATE], {"comparison": _compare(reference, run)}) for index, run in enumerate(runs)
    ]
    results = apply_holm({run.name: run.results[0] for run in measured}, GatedRuns([GATE], measured))
    return [not each.passed for each in results.values()]


def _compare(reference: NDArray[np.bool_], run: NDArray[np.bool_]) -> dict[str, Any]:
    """The part of metrics.json that a gate reads."""
    n_fixed, n_broken = int((reference & ~run).sum()), int((run & ~reference).sum())
    interval = asdict(paired_difference_interval(n_fixed, n_broken, len(run)))
    counts = {"difference": (n_fixed - n_broken) / len(run), "interval": interval}
    return {"recipes": None, "counts": counts, "p_value": mcnemar_p_value(n_fixed, n_broken)}


def _is_worse(best: BestRun) -> bool:
    return best.is_significant and best.difference < 0


def _draw(random: np.random.Generator, image: NDArray[np.float64], n_seeds: int, level: float) -> HistoryEntry:
    """The entry of a run of `n_seeds` networks."""
    shift = SEED_SD if n_seeds > 1 else 0.0
    wrong = [draw_errors(random, image, level + shift * random.standard_normal()) for _ in range(n_seeds)]
    accuracy = 1 - float(wrong[0].mean())
    entry = replace(EMPTY, n_test=len(image), accuracy=accuracy)
    return replace(entry, errors=[encode_errors(each) for each in wrong])


def draw_errors(random: np.random.Generator, image: NDArray[np.float64], level: float) -> NDArray[np.bool_]:
    """Which images a network gets wrong, shape (n,)."""
    return level + image + NETWORK_SD * random.standard_normal(len(image)) <= 0


EMPTY = HistoryEntry(
    started="2026-01-01T00:00:00+00:00",
    revision="",
    name="",
    configuration="",
    n_test=1,
    accuracy=0.0,
    accuracy_interval=Interval(0.0, 1.0),
    macro_f1=0.0,
    macro_f1_interval=None,
    loss=0.0,
    loss_interval=None,
    ece=0.0,
    training_s=None,
    total_s=None,
    test_set="0" * 64,
    errors=["x"],
)


if __name__ == "__main__":
    sys.exit(main())

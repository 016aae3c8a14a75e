import math
from dataclasses import replace

import numpy as np
import pytest

from job.evaluation.intervals import Interval
from job.evaluation.seed_variation import (
    SeedRun,
    add_intervals,
    choose_run,
    measure_reseed_difference,
    summarize_seed_runs,
)


def make_runs(*accuracies: float) -> list[SeedRun]:
    """Runs with the seeds from 7."""
    return [
        SeedRun(seed=seed, accuracy=accuracy, loss=0.5, val_accuracy=None, training_s=1.0)
        for seed, accuracy in enumerate(accuracies, 7)
    ]


def test_mean_and_standard_deviation_worked_by_hand() -> None:
    """Deviations of -0.1, 0 and 0.1 have the sample variance 0.02 / 2."""
    variation = summarize_seed_runs(make_runs(0.8, 0.6, 0.7))
    assert variation.mean == pytest.approx(0.7)
    assert variation.sd == pytest.approx(0.1)
    assert [run.seed for run in variation.runs] == [7, 8, 9]


def test_mean_and_standard_deviation_equal_their_definitions() -> None:
    """The standard deviation divides by n - 1."""
    accuracies = [0.87, 0.88, 0.8725, 0.869]
    variation = summarize_seed_runs(make_runs(*accuracies))
    mean = sum(accuracies) / 4
    assert variation.mean == pytest.approx(mean, rel=1e-12)
    assert variation.sd == pytest.approx((sum((value - mean) ** 2 for value in accuracies) / 3) ** 0.5, rel=1e-9)


@pytest.mark.parametrize(
    ("val_losses", "chosen"),
    [
        ([0.5, 0.4, 0.3], (2, "lowest validation loss")),
        ([0.5, 0.3, 0.3], (1, "lowest validation loss")),
        ([None, None], (0, "first seed")),
        ([None], (0, "first seed")),
    ],
)
def test_the_reported_run_is_chosen_by_the_validation_loss(
    val_losses: list[float | None], chosen: tuple[int, str]
) -> None:
    """Among equals, and without validation, it is the first one."""
    assert choose_run(val_losses) == chosen


def test_the_test_images_play_no_part_in_the_choice() -> None:
    """The run of lowest validation loss is reported, though its accuracy is the lowest."""
    runs = [replace(run, val_loss=run.accuracy) for run in make_runs(0.9, 0.7, 0.8)]
    variation = summarize_seed_runs(runs)
    assert (variation.reported_seed, variation.reported) == (8, runs[1])
    assert variation.chosen_by == "lowest validation loss"
    assert summarize_seed_runs(make_runs(0.9, 0.7, 0.8)).reported_seed == 7


def test_intervals_from_tables_of_quantiles() -> None:
    """With 5 runs, t = 2.776 and chi-square = 0.484 and 11.143, each with 4 degrees of freedom."""
    variation = add_intervals(summarize_seed_runs(make_runs(0.8, 0.81, 0.82, 0.83, 0.84)))
    sd = math.sqrt(0.001 / 4)
    assert variation.mean_interval is not None
    assert variation.sd_interval is not None
    margin = 2.776 * sd / math.sqrt(5)
    assert vars(variation.mean_interval) == pytest.approx({"lower": 0.82 - margin, "upper": 0.82 + margin}, rel=1e-4)
    bounds = {"lower": sd * math.sqrt(4 / 11.143), "upper": sd * math.sqrt(4 / 0.48442)}
    assert vars(variation.sd_interval) == pytest.approx(bounds, rel=1e-4)


def test_equal_accuracies_have_no_interval() -> None:
    """An interval without a width would claim to know the mean of all seeds; intervals that are stored are dropped."""
    stored = replace(
        summarize_seed_runs(make_runs(0.5, 0.5)), mean_interval=Interval(0.4, 0.6), sd_interval=Interval(0, 1)
    )
    variation = add_intervals(stored)
    assert (variation.mean_interval, variation.sd_interval) == (None, None)
    assert measure_reseed_difference(variation) is None


def test_the_mean_interval_stays_within_0_and_1() -> None:
    """Two runs have a wide one."""
    interval = add_intervals(summarize_seed_runs(make_runs(0.9, 1.0))).mean_interval
    assert interval is not None
    assert interval.lower == pytest.approx(0.3147, abs=1e-4)
    assert interval.upper == 1


def test_the_reseed_difference_is_rarely_exceeded() -> None:
    """About 95 of 100 pairs of further runs differ by less, whatever the number of runs it is estimated from."""
    random = np.random.default_rng(0)
    for n in (2, 3, 10):
        is_below = []
        for accuracies in random.normal(0.8, 0.01, (2000, n + 2)).tolist():
            size = measure_reseed_difference(summarize_seed_runs(make_runs(*accuracies[2:])))
            assert size is not None
            is_below.append(abs(accuracies[0] - accuracies[1]) < size)
        assert np.mean(is_below) == pytest.approx(0.95, abs=0.015)

import statistics

import pytest

from job.evaluation.seed_variation import SeedRun, find_median_run, summarize_seed_runs


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
    assert (variation.reported_seed, variation.reported) == (9, variation.runs[2])
    assert [run.seed for run in variation.runs] == [7, 8, 9]


def test_mean_and_standard_deviation_equal_their_definitions() -> None:
    """The standard deviation divides by n - 1; the reported run has the low median."""
    accuracies = [0.87, 0.88, 0.8725, 0.869]
    variation = summarize_seed_runs(make_runs(*accuracies))
    mean = sum(accuracies) / 4
    assert variation.mean == pytest.approx(mean, rel=1e-12)
    assert variation.sd == pytest.approx((sum((value - mean) ** 2 for value in accuracies) / 3) ** 0.5, rel=1e-9)
    assert variation.reported.accuracy == statistics.median_low(accuracies)


@pytest.mark.parametrize(
    ("accuracies", "seed"),
    [
        ((0.5,), 7),
        ((0.9, 0.7), 8),
        ((0.9, 0.7, 0.8), 9),
        ((0.6, 0.9, 0.7, 0.8), 9),
        ((0.8, 0.7, 0.8, 0.9, 0.8), 9),
        ((0.8, 0.7, 0.8, 0.9), 7),
    ],
)
def test_the_median_run(accuracies: tuple[float, ...], seed: int) -> None:
    """It is the lower middle one of an even number; equally accurate runs rank by seed."""
    assert find_median_run(make_runs(*accuracies)).seed == seed

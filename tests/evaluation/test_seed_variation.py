import statistics

import pytest

from job.evaluation import seed_variation
from job.evaluation.seed_variation import Trial


def trials(*accuracies: float) -> list[Trial]:
    return [Trial(seed, accuracy, 0.5, None, 1.0) for seed, accuracy in enumerate(accuracies, 7)]


def test_mean_and_deviation_are_those_of_a_sample() -> None:
    """As Python's statistics have them."""
    accuracies = [0.87, 0.88, 0.8725, 0.869]
    found = seed_variation.spread(trials(*accuracies))
    assert found.mean == pytest.approx(statistics.mean(accuracies), rel=1e-12)
    assert found.sd == pytest.approx(statistics.stdev(accuracies), rel=1e-9)


@pytest.mark.parametrize(
    ("accuracies", "seed"),
    [
        ((0.5,), 7),
        ((0.9, 0.7), 8),
        ((0.9, 0.7, 0.8), 9),
        ((0.6, 0.9, 0.7, 0.8), 9),
        ((0.8, 0.7, 0.8, 0.9, 0.8), 9),
    ],
)
def test_the_median_run_is_one_of_them(accuracies: tuple[float, ...], seed: int) -> None:
    """Of an even number the lower one, among equals the middle one by seed."""
    assert seed_variation.median(trials(*accuracies)).seed == seed

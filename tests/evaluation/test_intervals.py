import independent
import numpy as np
import pytest
from scipy.stats import binomtest

from job.evaluation.intervals import Interval, f1_interval, wilson_interval

COUNTS = [
    (0, 1),
    (0, 2),
    (0, 10),
    (1, 1),
    (9, 9),
    (13, 13),
    (3, 7),
    (871, 1000),
    (10_000, 10_000),
    (872_123, 1_000_000),
]


@pytest.mark.parametrize(
    ("n_hits", "n", "lower", "upper"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_intervals(n_hits: int, n: int, lower: float, upper: float) -> None:
    """Newcombe 1998, table I, method 3, has these four examples."""
    interval = wilson_interval(n_hits, n)
    assert (round(interval.lower, 4), round(interval.upper, 4)) == (lower, upper)


@pytest.mark.parametrize(("n_hits", "n"), COUNTS)
def test_wilson_equals_scipy_and_the_roots_of_its_equation(n_hits: int, n: int) -> None:
    """A bound is 0 or 1 to the last bit exactly if no image or every image is a hit."""
    interval = wilson_interval(n_hits, n)
    scipy_interval = binomtest(n_hits, n).proportion_ci(0.95, method="wilson")
    assert (interval.lower, interval.upper) == pytest.approx((scipy_interval.low, scipy_interval.high), rel=1e-12)
    assert vars(interval) == pytest.approx(independent.wilson(n_hits, n), rel=1e-9)
    assert (interval.lower == 0) == (n_hits == 0)
    assert (interval.upper == 1) == (n_hits == n)


def test_without_images_every_fraction_is_possible() -> None:
    """The interval of a class that was never predicted is [0, 1]."""
    assert wilson_interval(0, 0) == Interval(0.0, 1.0)
    assert f1_interval(0, 0) == Interval(0.0, 1.0)


def test_f1_interval_worked_by_hand() -> None:
    """Wilson's bounds of 15 in 148, 0.0624 and 0.1605, become 2 · 0.0624 / 1.0624 and 2 · 0.1605 / 1.1605."""
    interval = f1_interval(15, 148)
    assert (interval.lower, interval.upper) == pytest.approx((0.1175, 0.2766), abs=1e-4)


def test_f1_interval_agrees_with_a_bootstrap() -> None:
    """Of 2,000 resampled images, 900 are hits, 100 are missed and 140 are predicted as the class by mistake."""
    n_hits, n_missed, n_mistaken, _ = np.random.default_rng(0).multinomial(2000, [0.45, 0.05, 0.07, 0.43], 20_000).T
    resampled = 2 * n_hits / (2 * n_hits + n_missed + n_mistaken)
    interval = f1_interval(900, 1140)
    assert (interval.lower, interval.upper) == pytest.approx(np.quantile(resampled, [0.025, 0.975]), abs=1e-3)

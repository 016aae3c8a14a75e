import numpy as np
import pytest
from scipy.stats import binomtest

from job.evaluation import intervals
from job.evaluation.intervals import Interval


@pytest.mark.parametrize(
    ("n_hits", "n", "lower", "upper"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_intervals(n_hits: int, n: int, lower: float, upper: float) -> None:
    """The four examples of Newcombe 1998, table I, method 3."""
    interval = intervals.wilson(n_hits, n)
    assert (round(interval.lower, 4), round(interval.upper, 4)) == (lower, upper)


@pytest.mark.parametrize(("n_hits", "n"), [(0, 1), (1, 1), (3, 7), (871, 1000), (10_000, 10_000), (872_123, 1_000_000)])
def test_wilson_equals_scipy(n_hits: int, n: int) -> None:
    """Also where none or all are hits, where a bound is 0 or 1 to the last bit."""
    theirs = binomtest(n_hits, n).proportion_ci(0.95, method="wilson")
    ours = intervals.wilson(n_hits, n)
    assert (ours.lower, ours.upper) == pytest.approx((theirs.low, theirs.high), rel=1e-12)
    assert (ours.lower == 0) == (n_hits == 0)
    assert (ours.upper == 1) == (n_hits == n)


def test_nothing_is_known_of_no_images() -> None:
    """A class that was never predicted has a precision somewhere between 0 and 1."""
    assert intervals.wilson(0, 0) == Interval(0.0, 1.0)
    assert intervals.f1(0, 0) == Interval(0.0, 1.0)


def test_f1_by_hand() -> None:
    """15 hits among 148: Wilson's bounds 0.0624 and 0.1605 become 2 · 0.0624 / 1.0624 and 2 · 0.1605 / 1.1605."""
    interval = intervals.f1(15, 148)
    assert (interval.lower, interval.upper) == pytest.approx((0.1175, 0.2766), abs=1e-4)


def test_f1_agrees_with_its_bootstrap() -> None:
    """Resamples of 2,000 images, 900 of them hits, 100 missed and 140 mistaken for the class."""
    hits, missed, mistaken, _ = np.random.default_rng(0).multinomial(2000, [0.45, 0.05, 0.07, 0.43], 20_000).T
    resampled = 2 * hits / (2 * hits + missed + mistaken)
    interval = intervals.f1(900, 1140)
    assert (interval.lower, interval.upper) == pytest.approx(np.quantile(resampled, [0.025, 0.975]), abs=1e-3)

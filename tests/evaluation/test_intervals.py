import independent
import numpy as np
import pytest
from scipy.stats import binomtest, skew, t

from job.evaluation.intervals import (
    Interval,
    bounded_interval,
    f1_interval,
    mean_interval,
    score_interval,
    wilson_interval,
)

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


@pytest.mark.parametrize(("bounds", "expected"), [((0.1, 0.2), True), ((-0.2, -0.1), True), ((-0.1, 0.2), False)])
def test_an_interval_may_exclude_zero(bounds: tuple[float, float], expected: bool) -> None:  # noqa: FBT001
    """Its bounds belong to it."""
    assert Interval(*bounds).excludes_zero == expected
    assert not Interval(0.0, 0.1).excludes_zero
    assert not Interval(-0.1, 0.0).excludes_zero


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


def test_a_bounded_metric_with_the_variance_of_a_fraction_has_its_interval() -> None:
    """81 of 263; and the same stretched to the range from -1 to 1."""
    p = 81 / 263
    variance = p * (1 - p) / 263
    wilson, interval = wilson_interval(81, 263), bounded_interval(p, variance)
    stretched = bounded_interval(2 * p - 1, 4 * variance, lowest=-1)
    assert interval is not None
    assert stretched is not None
    assert vars(interval) == pytest.approx(vars(wilson))
    assert (stretched.lower, stretched.upper) == pytest.approx((2 * wilson.lower - 1, 2 * wilson.upper - 1))


def test_no_variance_no_interval() -> None:
    """Nor has a metric at the end of its range."""
    assert bounded_interval(0.5, 0) is bounded_interval(1, 0.1) is bounded_interval(0, 0.1) is None
    assert bounded_interval(-1, 0.1, lowest=-1) is None
    assert mean_interval(np.full(10, 0.1)) is mean_interval(np.array([0.3])) is None


def test_a_symmetric_mean_has_the_interval_of_student() -> None:
    """Skewness is 0."""
    values = np.array([1.0, 2, 3, 4, 5])
    interval = mean_interval(values)
    assert interval is not None
    assert (interval.lower, interval.upper) == pytest.approx(t.interval(0.95, 4, 3, np.sqrt(2.5 / 5)))


def test_the_bounds_of_a_skewed_mean_solve_the_equation_of_hall() -> None:
    """Hall 1992: g(t) = t + a t² + a² t³ / 3 + b is distributed as if there were no skewness."""
    values = np.random.default_rng(0).exponential(size=50)
    interval = mean_interval(values)
    assert interval is not None
    sd = values.std(ddof=1)
    a = skew(values) * (values.std() / sd) ** 3 / 3 / np.sqrt(50)
    for bound, quantile in ((interval.lower, 0.975), (interval.upper, 0.025)):
        x = (values.mean() - bound) / sd * np.sqrt(50)
        assert x + a * x**2 + a**2 * x**3 / 3 + a / 2 == pytest.approx(t.ppf(quantile, 49))
    assert interval.upper - values.mean() > values.mean() - interval.lower


def test_the_mean_of_scores_needs_right_and_wrong_predictions() -> None:
    """At least five of each."""
    scores = np.random.default_rng(0).exponential(size=30)
    for n_right in (0, 4, 26, 30):
        assert score_interval(scores, np.arange(30) < n_right) is None
    for n_right in (5, 25):
        assert score_interval(scores, np.arange(30) < n_right) == mean_interval(scores)


def test_the_interval_of_a_loss_is_not_negative() -> None:
    """Ten losses, half of them 0."""
    interval = score_interval(np.array([0.0] * 5 + [0, 0, 0, 0, 9]), np.arange(10) < 5)
    assert interval is not None
    assert 0 <= interval.lower < 0.9 < interval.upper < 36

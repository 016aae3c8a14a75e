from dataclasses import asdict

import numpy as np
import pytest
from scipy.stats import binomtest

from job.evaluation import paired_comparison
from job.evaluation.intervals import Interval
from job.evaluation.paired_comparison import Baseline, Earlier, Pairs

EARLIER = Earlier(
    folder="before",
    started="2026-01-01T00:00:00+00:00",
    command="python -m job",
    model="MLP",
    accuracy=0.5,
    accuracy_interval=Interval(0.0, 1.0),
    loss=1.0,
    loss_interval=Interval(0.0, 2.0),
)


def test_by_hand() -> None:
    """Ten images of two classes: 4 both right, 3 won, 1 lost, 2 both wrong."""
    y_true = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1])
    before = np.array([0, 0, 0, 1, 1, 0, 1, 0, 0, 0])
    now = np.array([0, 0, 0, 0, 0, 1, 1, 1, 0, 0])
    sure = np.array([0.9, 0.9, 0.9, 0.6, 0.7, 0.8, 0.9, 0.7, 0.9, 0.9], np.float32)
    probabilities = np.where(now[:, None] == [0, 1], sure[:, None], 1 - sure[:, None])
    found = paired_comparison.compare(Baseline(EARLIER, before), y_true, probabilities)
    assert found.earlier is EARLIER
    whole = asdict(found.pairs)
    interval = whole.pop("interval")
    assert whole == {
        "n": 10,
        "n_both_right": 4,
        "n_won": 3,
        "n_lost": 1,
        "n_both_wrong": 2,
        "earlier": 0.5,
        "now": 0.7,
        "difference": 0.2,
    }
    assert found.pairs.n_discordant == 4
    # Of 12 images, 3.5 won and 1.5 lost: 2/12, and the root of 5/12 - 4/144 by 12 for its standard error.
    error = ((5 / 12 - 4 / 144) / 12) ** 0.5
    assert interval == pytest.approx({"lower": 1 / 6 - 1.959964 * error, "upper": 1 / 6 + 1.959964 * error})
    # Heads at most once or at least thrice in four throws of a coin: (1 + 4 + 4 + 1) / 16.
    assert found.p_value == pytest.approx(10 / 16)
    assert [(one.n, one.n_both_right, one.n_won, one.n_lost, one.n_both_wrong) for one in found.per_class] == [
        (6, 3, 2, 1, 0),
        (4, 1, 1, 0, 2),
    ]
    assert [(one.earlier, one.now) for one in found.per_class] == [(4 / 6, 5 / 6), (1 / 4, 2 / 4)]
    assert found.won == [4, 7, 3]  # the surest first; of equals that of the lower index
    assert found.lost == [5]
    assert found.indices() == [3, 4, 5, 7]


def test_twelve_images_won_are_kept() -> None:
    """The surest."""
    sure = np.linspace(0.99, 0.6, 20, dtype=np.float32)
    probabilities = np.stack([sure, 1 - sure], axis=1)
    probabilities[-1] = [0.1, 0.9]
    y_true = np.array([0] * 19 + [1])
    found = paired_comparison.compare(Baseline(EARLIER, np.ones(20, int)), y_true, probabilities)
    assert found.won == list(range(12))
    assert found.lost == []


@pytest.mark.parametrize(
    ("n_won", "n_lost"), [(0, 0), (1, 0), (0, 1), (5, 5), (0, 12), (17, 3), (300, 275), (40_000, 40_900), (9000, 0)]
)
def test_mcnemar_is_scipys_binomial_test(n_won: int, n_lost: int) -> None:
    """Two-sided, with as many throws as only one model got right; of none there is nothing to doubt."""
    expected = binomtest(n_won, n_won + n_lost).pvalue if n_won + n_lost else 1.0
    assert paired_comparison.mcnemar(n_won, n_lost) == pytest.approx(expected, rel=1e-9)
    assert paired_comparison.mcnemar(n_lost, n_won) == paired_comparison.mcnemar(n_won, n_lost)


@pytest.mark.parametrize(("n_won", "n_lost", "n"), [(300, 275, 10_000), (90, 17, 1000), (420, 12, 600)])
def test_the_paired_interval_is_that_of_a_bootstrap(n_won: int, n_lost: int, n: int) -> None:
    """That of 20,000 resamples of the pairs, to a twentieth of its width."""
    random = np.random.default_rng(0)
    won, lost, _ = random.multinomial(n, [n_won / n, n_lost / n, 1 - (n_won + n_lost) / n], 20_000).T
    lower, upper = np.quantile((won - lost) / n, [0.025, 0.975])
    found = paired_comparison.paired(n_won, n_lost, n)
    assert [found.lower, found.upper] == pytest.approx([lower, upper], abs=0.05 * (upper - lower))


@pytest.mark.parametrize("n", [20, 200])
def test_the_paired_interval_covers_what_it_promises(n: int) -> None:
    """In about 95 of 100 draws, where a tenth is won and a twentieth lost; not much less, even of 20 images."""
    random = np.random.default_rng(0)
    drawn = random.multinomial(n, [0.1, 0.05, 0.85], 4000).tolist()
    intervals = [paired_comparison.paired(won, lost, n) for won, lost, _ in drawn]
    assert 0.935 < np.mean([one.lower <= 0.05 <= one.upper for one in intervals]) < 0.99


@pytest.mark.parametrize("n", [1, 2, 10, 1000])
def test_the_paired_interval_at_its_ends(n: int) -> None:
    """It stays within -1 and 1, holds the difference itself, and has a width where nothing changed."""
    for won, lost in ((n, 0), (0, n), (0, 0)):
        found = paired_comparison.paired(won, lost, n)
        assert -1 <= found.lower <= (won - lost) / n <= found.upper <= 1
        assert found.upper - found.lower > 0
    assert paired_comparison.paired(0, n, n) == Interval(
        -paired_comparison.paired(n, 0, n).upper, -paired_comparison.paired(n, 0, n).lower
    )


def test_two_equal_models() -> None:
    """No image is won or lost, and no picture is to be shown."""
    probabilities = np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]
    found = paired_comparison.compare(Baseline(EARLIER, np.array([0, 1, 2, 0])), np.array([0, 1, 2, 1]), probabilities)
    assert isinstance(found.pairs, Pairs)
    assert (found.pairs.n_discordant, found.pairs.difference, found.p_value) == (0, 0.0, 1.0)
    assert found.indices() == []

from dataclasses import asdict, replace
from typing import Any

import independent
import msgspec
import numpy as np
import pytest
from scipy.stats import binomtest
from support import calibration_of, make_predictions, make_reference

from job.evaluation.evaluate import evaluate
from job.evaluation.intervals import Interval, wilson_interval
from job.evaluation.paired_comparison import (
    Comparison,
    adjust_p_values,
    compare,
    mcnemar_p_value,
    paired_difference_interval,
)
from job.evaluation.predictions import Predictions
from job.evaluation.seed_variation import SeedRun, SeedVariation, summarize_seed_runs

COUNTS = [(0, 0), (1, 0), (0, 1), (5, 5), (0, 12), (17, 3), (300, 275), (600, 500)]


def compare_with_any(predictions: Predictions) -> Comparison:
    return compare(make_reference(predictions), predictions)


def test_a_case_worked_by_hand() -> None:
    """Of ten images of two classes, 4 are both right, 3 fixed, 1 broken and 2 both wrong."""
    y_true = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1])
    y_reference = np.array([0, 0, 0, 1, 1, 0, 1, 0, 0, 0])
    y_pred = np.array([0, 0, 0, 0, 0, 1, 1, 1, 0, 0])
    confidence = np.array([0.9, 0.9, 0.9, 0.6, 0.7, 0.8, 0.9, 0.7, 0.9, 0.9], np.float32)
    probabilities = np.where(y_pred[:, None] == [0, 1], confidence[:, None], 1 - confidence[:, None])
    comparison = compare_with_any(Predictions(y_true, probabilities, y_reference))
    counts = asdict(comparison.counts)
    interval = counts.pop("interval")
    assert counts == {
        "n": 10,
        "n_both_right": 4,
        "n_fixed": 3,
        "n_broken": 1,
        "n_both_wrong": 2,
        "reference": 0.5,
        "current": 0.7,
        "difference": 0.2,
    }
    assert comparison.counts.n_discordant == 4
    # 12 images, 3.5 fixed and 1.5 broken: a difference of 2/12, and a standard error of sqrt((5/12 - 4/144) / 12).
    error = ((5 / 12 - 4 / 144) / 12) ** 0.5
    assert interval == pytest.approx({"lower": 1 / 6 - 1.959964 * error, "upper": 1 / 6 + 1.959964 * error})
    # At most one or at least three heads in four throws of a coin: (1 + 4 + 4 + 1) / 16.
    assert comparison.p_value == pytest.approx(10 / 16)
    assert [(row.n, row.n_both_right, row.n_fixed, row.n_broken, row.n_both_wrong) for row in comparison.per_class] == [
        (6, 3, 2, 1, 0),
        (4, 1, 1, 0, 2),
    ]
    assert [(row.reference, row.current) for row in comparison.per_class] == [(4 / 6, 5 / 6), (1 / 4, 2 / 4)]
    assert (comparison.fixed, comparison.broken) == ([4, 7, 3], [5])


@pytest.mark.parametrize(("n_classes", "seed"), [(2, 0), (3, 1), (5, 2), (10, 3), (12, 4)])
@pytest.mark.parametrize("n", [12, 43, 1500])
def test_every_number_equals_an_independent_computation(n: int, n_classes: int, seed: int) -> None:
    """Plain Python loops give the same comparison; only what the reference says of itself is left over."""
    predictions = make_predictions(n, n_classes, seed, with_reference=True)
    ours = dict(independent.flatten(msgspec.to_builtins(compare_with_any(predictions))))
    expected = dict(independent.flatten(independent.compare(predictions, n_classes)))
    assert {place: ours.get(place) for place in expected} == pytest.approx(expected, rel=1e-9, abs=1e-12)
    others = {place.split(".")[-1] for place in ours.keys() - expected.keys() if place.startswith("reference.")}
    assert others == {"folder", "started", "command", "network", "name", "loss", "seed_variation"}


def test_the_accuracy_of_the_reference_is_that_of_its_predictions() -> None:
    """Whatever was stored as its accuracy is replaced."""
    predictions = make_predictions(with_reference=True)
    n_right = int(np.sum(predictions.y_reference == predictions.y_true))
    stored = make_reference(make_predictions(seed=1, with_reference=True), folder="other")
    reference = compare(stored, predictions).reference
    assert stored.accuracy != n_right / 100 == reference.accuracy
    assert reference.accuracy_interval == wilson_interval(n_right, 100)
    assert predictions.reference is not None
    assert (reference.folder, reference.loss) == ("other", predictions.reference.loss)


def test_predictions_without_a_reference_cannot_be_compared() -> None:
    """This is a mistake of the caller."""
    with pytest.raises(ValueError, match="predictions of the reference are missing"):
        compare(make_reference(make_predictions(with_reference=True)), make_predictions())


def test_the_example_of_agresti() -> None:
    """Agresti 2002, Categorical Data Analysis, section 10.1: approval falls from 944 to 880 of 1,600 people."""
    interval = paired_difference_interval(n_fixed=86, n_broken=150, n=1600)
    assert (round(interval.lower, 2), round(interval.upper, 2)) == (-0.06, -0.02)
    assert mcnemar_p_value(86, 150) < 0.0001


def test_the_example_of_propcis() -> None:
    """The documentation of R's PropCIs prints this interval for `diffpropci.mp(b = 40, c = 20, n = 160)`."""
    interval = paired_difference_interval(n_fixed=20, n_broken=40, n=160)
    assert (round(interval.lower, 8), round(interval.upper, 8)) == (-0.21601726, -0.03089632)


@pytest.mark.parametrize(("n_fixed", "n_broken"), COUNTS)
def test_mcnemar_is_a_binomial_test(n_fixed: int, n_broken: int) -> None:
    """SciPy and exact integers agree; without discordant images the p-value is 1."""
    p_value = mcnemar_p_value(n_fixed, n_broken)
    assert p_value == mcnemar_p_value(n_broken, n_fixed)
    assert p_value == pytest.approx(independent.mcnemar(n_fixed, n_broken), rel=1e-9)
    if n_fixed + n_broken:
        assert p_value == pytest.approx(binomtest(n_broken, n_fixed + n_broken).pvalue, rel=1e-9)


@pytest.mark.parametrize(("n_fixed", "n_broken", "n"), [(300, 275, 10_000), (90, 17, 1000), (420, 12, 600)])
def test_the_interval_of_the_difference_agrees_with_a_bootstrap(n_fixed: int, n_broken: int, n: int) -> None:
    """20,000 resamples of the pairs give each bound to a twentieth of the width."""
    random = np.random.default_rng(0)
    fixed, broken, _ = random.multinomial(n, [n_fixed / n, n_broken / n, 1 - (n_fixed + n_broken) / n], 20_000).T
    lower, upper = np.quantile((fixed - broken) / n, [0.025, 0.975])
    interval = paired_difference_interval(n_fixed, n_broken, n)
    assert [interval.lower, interval.upper] == pytest.approx([lower, upper], abs=0.05 * (upper - lower))


@pytest.mark.parametrize("n", [20, 200])
def test_the_interval_of_the_difference_has_its_coverage(n: int) -> None:
    """About 95 of 100 intervals contain the true difference of 0.05, and not many fewer with 20 images."""
    counts = np.random.default_rng(0).multinomial(n, [0.1, 0.05, 0.85], 4000).tolist()
    intervals = [paired_difference_interval(fixed, broken, n) for fixed, broken, _ in counts]
    assert 0.935 < np.mean([interval.lower <= 0.05 <= interval.upper for interval in intervals]) < 0.99


@pytest.mark.parametrize("n", [1, 2, 10, 1000])
def test_the_interval_of_the_difference_at_its_ends(n: int) -> None:
    """It stays within -1 and 1, contains the difference, and has a width even if nothing changed."""
    for n_fixed, n_broken in ((n, 0), (0, n), (0, 0)):
        interval = paired_difference_interval(n_fixed, n_broken, n)
        assert -1 <= interval.lower <= (n_fixed - n_broken) / n <= interval.upper <= 1
        assert interval.upper > interval.lower
    best, worst = paired_difference_interval(n, 0, n), paired_difference_interval(0, n, n)
    assert worst == Interval(-best.upper, -best.lower)


def test_two_equal_models() -> None:
    """No image is fixed or broken, and the p-value is 1."""
    probabilities = np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]
    comparison = compare_with_any(Predictions(np.array([0, 1, 2, 1]), probabilities, np.array([0, 1, 2, 0])))
    assert (comparison.counts.n_discordant, comparison.counts.difference, comparison.p_value) == (0, 0, 1)
    assert (comparison.fixed, comparison.broken) == ([], [])


def test_without_its_probabilities_the_loss_of_the_reference_is_the_stored_one() -> None:
    """Results of version 0.5.0 have only its predicted classes."""
    predictions = make_predictions(300, with_reference=True)
    old = compare_with_any(Predictions(predictions.y_true, predictions.probabilities, predictions.y_reference))
    new = compare_with_any(predictions)
    assert (old.reference.loss, old.loss, old.brier, old.overconfidence) == (0.75, None, None, None)
    assert (old.counts, old.p_value, old.per_class) == (new.counts, new.p_value, new.per_class)
    assert new.loss is not None
    assert new.loss.reference == new.reference.loss


def test_holm_worked_by_hand() -> None:
    """Holm 1979: 4 x 0.005, then 3 x 0.01; 2 x 0.03 is above 0.04, which therefore rises to 0.06."""
    assert adjust_p_values([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert adjust_p_values([0.5, 0.9]) == [1.0, 1.0]
    assert adjust_p_values([0.04]) == [0.04]
    assert adjust_p_values([0.01, 0.005], n_tests=4) == pytest.approx([0.03, 0.02])


def test_holm_rarely_finds_a_change_where_there_is_none() -> None:
    """Of 2,000 sets of 10 tests without an effect, at most about 5 % have an adjusted p-value below 0.05."""
    p_values = np.random.default_rng(0).random((2000, 10)).tolist()
    assert np.mean([min(adjust_p_values(each)) < 0.05 for each in p_values]) == pytest.approx(0.05, abs=0.012)


@pytest.mark.parametrize(("p_adjusted", "is_significant"), [(0.0499, True), (0.05, False)])
def test_a_class_changes_significantly_below_5_percent(p_adjusted: float, is_significant: bool) -> None:  # noqa: FBT001 - a parameter
    """The adjusted p-value decides, not its own."""
    row = compare_with_any(make_predictions(300, with_reference=True)).per_class[0]
    assert replace(row, p_value=0.01, p_adjusted=p_adjusted).is_significant == is_significant


def make_variation(*accuracies: float) -> SeedVariation:
    runs = [
        SeedRun(seed=seed, accuracy=accuracy, loss=0.5, val_accuracy=None, training_s=1.0)
        for seed, accuracy in enumerate(accuracies)
    ]
    return summarize_seed_runs(runs)


def test_the_calibration_errors_are_those_of_both_runs() -> None:
    """Without an interval, and unknown without the probabilities of the reference."""
    predictions = make_predictions(400, with_reference=True)
    assert predictions.reference is not None
    now, before = (
        calibration_of(evaluate(each, [""] * 10, seed=0)).ece for each in (predictions, predictions.reference)
    )
    ece = compare_with_any(predictions).ece
    assert ece is not None
    assert (ece.current, ece.reference, ece.difference) == pytest.approx((now, before, now - before))
    assert ece.interval is None
    assert compare_with_any(replace(predictions, p_reference=None)).ece is None


def test_the_reseed_difference_comes_from_the_side_with_more_seeds() -> None:
    """With 3 runs, t = 4.303; a side whose accuracies are all equal knows nothing."""
    predictions = make_predictions(300, with_reference=True)
    reference = make_reference(predictions)

    def measure(current: SeedVariation | None, before: SeedVariation | None) -> tuple[Any, str | None]:
        comparison = compare(replace(reference, seed_variation=before), predictions, current)
        return comparison.reseed_difference, comparison.reseed_side

    three, four = make_variation(0.8, 0.81, 0.82), make_variation(0.8, 0.81, 0.82, 0.83)
    size = pytest.approx(4.303 * 2**0.5 * 0.01, rel=1e-4)
    assert measure(three, None) == (size, "current")
    assert measure(None, three) == (size, "reference")
    assert measure(three, four)[1] == "reference"
    assert measure(four, three)[1] == "current"
    assert measure(three, three)[1] == "current"
    assert measure(three, make_variation(0.8, 0.8, 0.8, 0.8)) == (size, "current")
    assert measure(None, None) == (None, None)

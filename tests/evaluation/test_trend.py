import base64
import math
import zlib
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from support import make_run

from bench.gate_errors import EMPTY
from job.config.gate import MAX_POINTS, Gate
from job.evaluation.gates import evaluate_gates
from job.evaluation.history_entry import HistoryEntry, decode_errors, encode_errors, hash_test_set, list_errors
from job.evaluation.predictions import Predictions
from job.evaluation.recipe_comparison import crossed_interval, crossed_p_value, summarize_networks
from job.evaluation.trend import EarlierRuns, Trend, measure_trend, select_earlier

N = 1000


def make_wrong(*ranges: tuple[int, int]) -> NDArray[np.bool_]:
    """Errors on the images in these ranges."""
    wrong = np.zeros(N, np.bool_)
    for first, last in ranges:
        wrong[first:last] = True
    return wrong


def make_entry(*networks: NDArray[np.bool_], test_set: str = "0" * 64, name: str = "") -> HistoryEntry:
    """The entry of a run with these errors."""
    accuracy = 1 - float(networks[0].mean())
    errors = [encode_errors(each) for each in networks]
    return replace(EMPTY, n_test=len(networks[0]), accuracy=accuracy, errors=errors, test_set=test_set, name=name)


def mcnemar(n_fixed: int, n_broken: int) -> float:
    """The exact p-value from the binomial distribution, written out."""
    n, k = n_fixed + n_broken, min(n_fixed, n_broken)
    return float(min(1.0, 2 * sum(math.comb(n, i) for i in range(k + 1)) / 2**n))


@pytest.mark.parametrize("n", [1, 7, 8, 9, 1000])
def test_errors_are_restored(n: int) -> None:
    """For any number of images; 10,000 take about a kilobyte."""
    wrong = np.random.default_rng(n).random(n) < 0.3
    assert decode_errors(encode_errors(wrong), n).tolist() == wrong.tolist()
    assert len(encode_errors(np.random.default_rng(0).random(10_000) < 0.13)) < 1500


@pytest.mark.parametrize(
    "text",
    ["", "x", "é", encode_errors(make_wrong())[:-8], encode_errors(np.zeros(N + 8, np.bool_)), "AAAA"],
)
def test_damaged_errors_are_refused(text: str) -> None:
    """Also those of another number of images."""
    with pytest.raises(ValueError, match="errors are"):
        decode_errors(text, N)


def test_a_bomb_is_not_unpacked() -> None:
    """A text that would unpack to 100 MB is refused after the bytes that the images need."""
    bomb = base64.b64encode(zlib.compress(bytes(100_000_000), 9)).decode()
    with pytest.raises(ValueError, match="not those of 1000 images"):
        decode_errors(bomb, N)


def test_the_errors_of_a_run_are_those_of_all_networks() -> None:
    """The one of the report first."""
    run = make_run(n=50, runs=3)
    others = run.predictions.other_seeds
    assert others is not None
    decoded = [decode_errors(text, 50) for text in list_errors(run.predictions)]
    assert decoded[0].tolist() == (~run.predictions.is_correct).tolist()
    for column, y_pred in zip(decoded[1:], others.y_pred.T, strict=True):
        assert column.tolist() == (y_pred != run.predictions.y_true).tolist()


def test_a_test_set_is_its_labels_and_names() -> None:
    """In any integer type; another label, order, class, or name of a class or image makes another one."""
    y_true = np.array([0, 1, 2], np.int16)
    expected = hash_test_set(y_true, ["a", "b", "c"])
    assert hash_test_set(y_true.astype(np.uint8), ("a", "b", "c")) == expected
    others = [
        hash_test_set(np.array([0, 2, 1]), ["a", "b", "c"]),
        hash_test_set(y_true, ["a", "b", "d"]),
        hash_test_set(y_true, ["a", "b", "c", "d"]),
        hash_test_set(y_true[:2], ["a", "b", "c"]),
        hash_test_set(y_true, ["a", "b", "c"], ["1.png", "2.png", "3.png"]),
        hash_test_set(y_true, ["a", "b", "c"], ["1.png", "3.png", "2.png"]),
    ]
    assert len({expected, *others}) == 7


def test_the_best_of_the_same_test_set_is_selected() -> None:
    """By mean accuracy over the networks; equal results count once; the earliest of equals."""
    entries = [
        make_entry(make_wrong((0, 90)), name="first"),
        make_entry(make_wrong((0, 90)), name="equal"),
        make_entry(make_wrong((0, 50)), make_wrong((0, 150)), name="lucky"),
        make_entry(make_wrong((0, 10)), test_set="1" * 64, name="other"),
        make_entry(make_wrong((0, 99)), name="last"),
    ]
    earlier = select_earlier(entries, "0" * 64, N)
    assert earlier.best is not None
    assert (earlier.best.name, earlier.n_candidates, earlier.n_others) == ("first", 3, 1)
    assert [each.name for each in earlier.entries] == ["first", "equal", "lucky", "other", "last"]
    assert select_earlier(entries, "2" * 64, N).best is None


def test_the_best_is_one_of_the_last_runs() -> None:
    """An older one no longer counts, and neither does its result as a choice."""
    better, worse = make_entry(make_wrong((0, 10))), make_entry(make_wrong((0, 90)))
    for n_later, expected in ((MAX_POINTS - 2, (better, 2, 0)), (MAX_POINTS - 1, (worse, 1, 0))):
        earlier = select_earlier([better, *[worse] * n_later], "0" * 64, N)
        assert (earlier.best, earlier.n_candidates, earlier.n_others) == expected
        assert len(earlier.entries) == MAX_POINTS - 1
    other = make_entry(make_wrong(), test_set="1" * 64)
    forgotten = select_earlier([better, *[other] * (MAX_POINTS - 1)], "0" * 64, N)
    assert (forgotten.best, forgotten.n_others) == (None, MAX_POINTS - 1)


def test_a_line_with_another_number_of_images_is_not_compared() -> None:
    """Its hash of the test set contradicts the number, so it was edited."""
    edited = make_entry(np.zeros(N - 8, np.bool_))
    current = make_entry(make_wrong((0, 90)))
    trend = measure_trend(select_earlier([current, edited, current], "0" * 64, N), current)
    assert [step is not None for step in trend.steps] == [False, False, True]
    assert trend.best is not None
    assert (trend.best.n_candidates, trend.best.accuracy, trend.n_others) == (1, current.accuracy, 1)


def test_steps_have_the_tests_of_two_networks() -> None:
    """McNemar's exact p-values, Holm-corrected over the steps that changed something; none between test sets."""
    wrongs = [make_wrong((0, 100)), make_wrong((0, 100)), make_wrong((0, 160)), make_wrong((4, 160), (200, 212))]
    entries = [*map(make_entry, wrongs), make_entry(wrongs[3], test_set="1" * 64)]
    trend = measure_trend(EarlierRuns(entries), make_entry(wrongs[0]))
    p_values = [mcnemar(0, 60), mcnemar(4, 12)]
    same, first, second, other, last = trend.steps
    assert (other, last) == (None, None)
    assert same is not None
    assert first is not None
    assert second is not None
    assert (same.difference, same.p_value, same.p_adjusted) == (0, 1, 1)
    assert first.difference == pytest.approx(-0.06)
    assert second.difference == pytest.approx(-0.008)
    assert [first.p_value, second.p_value] == pytest.approx(p_values)
    assert [first.p_adjusted, second.p_adjusted] == pytest.approx([2 * p_values[0], p_values[1]])
    assert [first.is_significant, second.is_significant] == [True, False]
    assert len(trend.points) == 6
    assert trend.best is None


def test_only_steps_on_the_test_set_of_this_run_are_tested() -> None:
    """And the number of others is that within the trend."""
    other = [make_entry(make_wrong((0, size)), test_set="1" * 64) for size in (10, 90)]
    same = [make_entry(make_wrong((0, size))) for size in (50, 80)]
    trend = measure_trend(select_earlier([*other * 40, *other, same[0]], "0" * 64, N), same[1])
    assert [step is not None for step in trend.steps] == [*[False] * 48, True]
    assert trend.n_others == 48


def test_the_best_is_compared_with_a_correction_for_the_choice() -> None:
    """Interval and p-value are Bonferroni's; what is significant among 2 need not be among 49."""
    best, current = make_entry(make_wrong((0, 100))), make_entry(make_wrong((8, 127)))
    p_value = mcnemar(8, 27)
    for n_others in (0, 1, MAX_POINTS - 2):
        others = [make_entry(make_wrong((0, 130 + index))) for index in range(n_others)]
        trend = measure_trend(select_earlier([*others, best], "0" * 64, N), current)
        assert trend.best is not None
        n = n_others + 1
        assert trend.best.n_candidates == n
        assert trend.best.p_adjusted == pytest.approx(min(n * p_value, 1))
        assert trend.best.difference == pytest.approx(-0.019)
        assert trend.best.is_significant == (n < 40)
        assert trend.best.interval.lower < -0.019
        assert (trend.best.interval.upper < 0) == (n < 40)


def judge(trend: Trend) -> str:
    """The sentence of the gate against the best run."""
    content = {"trend": msgspec.to_builtins(trend)}
    return evaluate_gates([Gate("accuracy", "worse", 0.0, against="history")], content)[0].sentence


def test_runs_with_several_networks_are_compared_over_seeds_and_images() -> None:
    """With the interval and the p-value of two recipes; one network on a side is compared as a network."""
    random = np.random.default_rng(3)
    image = random.standard_normal(N)
    before, now = ([image + 0.5 * random.standard_normal(N) < -level for _ in range(3)] for level in (1.3, 1.0))
    trend = measure_trend(select_earlier([make_entry(*before)], "0" * 64, N), make_entry(*now))
    sides = [summarize_networks((~column).astype(np.float64) for column in each) for each in (now, before)]
    (step,) = trend.steps
    assert step is not None
    assert trend.best is not None
    assert step.difference == pytest.approx(sides[0].mean - sides[1].mean)
    assert step.p_value == pytest.approx(crossed_p_value(*sides))
    assert trend.best.n_networks == (3, 3)
    assert judge(trend).startswith("missed: mean accuracy minus that of the best of the last 49 runs is ")
    assert trend.best.accuracy == pytest.approx(sides[1].mean)
    interval = crossed_interval(*sides)
    assert interval is not None
    assert (trend.best.interval.lower, trend.best.interval.upper) == pytest.approx((interval.lower, interval.upper))
    trend = measure_trend(select_earlier([make_entry(*before)], "0" * 64, N), make_entry(now[0]))
    single = trend.best
    assert single is not None
    assert judge(trend).startswith("missed: accuracy minus that of the best of the last 49 runs is ")
    assert single.n_networks == (1, 1)
    assert single.difference == pytest.approx(float(before[0].mean() - now[0].mean()))
    assert single.accuracy == 1 - float(before[0].mean())


@pytest.mark.parametrize(
    ("wrong", "tolerance", "passed"),
    [((8, 128), 0.0, False), ((8, 128), 0.02, True), ((8, 128), 0.0199, False), ((0, 104), 0.0, True)],
)
def test_a_gate_against_the_best(wrong: tuple[int, int], tolerance: float, passed: bool) -> None:  # noqa: FBT001
    """It is missed if the loss is significant after the correction, and larger than the tolerance."""
    y_true = np.arange(N, dtype=np.int16) % 2
    y_pred = np.where(make_wrong(wrong), 1 - y_true, y_true)
    probabilities = (np.eye(2)[y_pred] * 0.8 + 0.1).astype(np.float32)
    run = make_run(predictions=Predictions(y_true, probabilities))
    entry = run.describe_entry()
    best = replace(entry, accuracy=0.9, errors=[encode_errors(make_wrong((0, 100)))])
    run = replace(run, trend=measure_trend(select_earlier([best], entry.test_set, N), entry))
    (result,) = evaluate_gates([Gate("accuracy", "worse", tolerance, against="history")], run.metrics())
    assert result.passed == passed
    assert run.trend is not None
    assert run.trend.best is not None
    assert (result.value, result.interval) == (run.trend.best.difference, run.trend.best.interval)


def assert_is_point(entries: Sequence[HistoryEntry]) -> None:
    """Entries become points without their errors."""
    trend = measure_trend(EarlierRuns(entries), entries[-1])
    assert not hasattr(trend.points[0], "errors")


def test_a_point_has_no_errors() -> None:
    """metrics.json stays small."""
    assert_is_point([make_entry(make_wrong((0, 10)))])

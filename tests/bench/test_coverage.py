import numpy as np
import pytest

from bench import coverage
from bench.coverage import Coverage, Sample, find_fractions, format_table, misses, simulate
from bench.populations import MODELS, Population, make_population
from job.evaluation.intervals import Interval


@pytest.fixture(scope="module")
def population() -> Population:
    return make_population("overconfident")


def test_a_large_sample_has_the_values_of_its_population(population: Population) -> None:
    """Every interval of 50,000 images contains its value, or misses it by little."""
    sample = Sample("overconfident", population, *population.draw(50_000, np.random.default_rng(1)))
    for find in coverage.FINDERS:
        for name, pairs in find(sample).items():
            for interval, value in pairs:
                assert interval is not None
                width = interval.upper - interval.lower
                assert interval.lower - width / 2 <= value <= interval.upper + width / 2, name


def test_the_models_are_as_accurate_but_claim_something_else() -> None:
    """Only one of them is calibrated."""
    values = {model: make_population(model).values for model in MODELS}
    same = ("calibrated", "overconfident", "underconfident")
    assert len({round(values[model]["accuracy"], 6) for model in same}) == 1
    assert values["98% accurate"]["accuracy"] == pytest.approx(0.98, abs=0.002)
    assert values["99.5% accurate"]["accuracy"] == pytest.approx(0.995, abs=0.002)
    assert values["calibrated"]["overconfidence"] == pytest.approx(0, abs=1e-6)
    assert values["underconfident"]["overconfidence"] < -0.03 < 0.03 < values["overconfident"]["overconfidence"]
    assert min(same, key=lambda model: values[model]["loss"]) == "calibrated"


def test_few_samples_already_show_that_the_intervals_hold() -> None:
    """60 test sets of 300 images; at most one interval in twenty misses the limits by three standard errors."""
    found = simulate("calibrated", 300, 60)
    assert {"accuracy", "macro f1", "MCC", "loss", "Brier score", "ROC AUC", "overconfidence"} <= found.keys()
    assert all(each.printed == 1 for each in found.values())
    assert [name for name, each in found.items() if misses(name, each, "calibrated")] == []
    assert found == simulate("calibrated", 300, 60)


def test_a_wrong_interval_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three in four of the intervals that are half as wide contain their value."""

    def halve(sample: Sample) -> dict[str, list[tuple[Interval, float]]]:
        ((interval, value),) = find_fractions(sample)["accuracy"]
        assert interval is not None
        quarter = (interval.upper - interval.lower) / 4
        return {"accuracy": [(Interval(interval.lower + quarter, interval.upper - quarter), value)]}

    monkeypatch.setattr(coverage, "FINDERS", (halve,))
    found = simulate("calibrated", 300, 200)["accuracy"]
    assert 0.55 < found.fraction < 0.8
    assert misses("accuracy", found, "calibrated")


def test_the_limits() -> None:
    """93 to 97 %, and three standard errors more; ranges, rare intervals and those of few errors may contain more."""
    for fraction, name, is_missed in (
        (0.95, "loss", False),
        (0.92, "loss", False),
        (0.90, "loss", True),
        (1.0, "loss", True),
        (1.0, "errors (range)", False),
        (0.90, "errors (range)", True),
    ):
        assert misses(name, Coverage(fraction, 0.005), "calibrated") == is_missed
    assert not misses("loss", Coverage(1.0, 0.005, printed=0.9), "calibrated")
    assert not misses("loss", Coverage(1.0, 0.005), "98% accurate")
    assert misses("loss", Coverage(0.9, 0.005, printed=0.9), "98% accurate")


def test_the_table_marks_what_misses() -> None:
    """One column for each model and number of images, and a blank where a model has no such interval."""
    hit, miss = Coverage(0.951, 0.005), Coverage(0.7, 0.01)
    table = format_table({("calibrated", 300): {"loss": hit, "range": hit}, ("overconfident", 1000): {"loss": miss}})
    assert table.splitlines() == [
        "| interval | calibrated, n = 300 | overconfident, n = 1,000 |",
        "| --- | --- | --- |",
        "| loss | 95.1 | 70.0* |",
        "| range | 95.1 |  |",
    ]

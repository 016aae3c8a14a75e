import pytest

from bench import comparison_coverage
from bench.comparison_coverage import (
    ACCURATE_LEVELS,
    LEVELS,
    Case,
    main,
    simulate_networks,
    simulate_recalls,
    simulate_recipes,
    simulate_seeds,
)
from job.evaluation.intervals import Interval
from job.evaluation.paired_comparison import paired_difference_interval


def test_a_few_repetitions_of_each_kind_already_hold() -> None:
    """Within three standard errors: networks, recalls of a class, recipes and seeds."""
    cases = [
        *simulate_networks(ACCURATE_LEVELS, 1000, 100),
        *simulate_recalls((0.3, 0.5), 100, 200),
        *simulate_recipes(LEVELS, 300, (4, 4), (0.02, 0.02), 100),
        *simulate_seeds(3, 100),
    ]
    assert len(cases) == 8 + 1 + 2 + 3
    assert [case.name for case in cases if not case.holds] == []
    assert cases[8].name == "two networks, recall of a class, about 60%, n = 100"


def test_intervals_that_are_not_given_do_not_count() -> None:
    """With 300 images and 98 % accuracy, hardly any network has ten errors; its accuracy always has an interval."""
    cases = simulate_networks(ACCURATE_LEVELS, 300, 50)
    assert [case.n_intervals < 10 for case in cases] == [True, True, True, False] * 2
    assert all(case.n_repetitions == 50 for case in cases)


def test_intervals_that_are_too_short_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a class, if they are as short as a tenth."""

    def shorten(n_fixed: int, n_broken: int, n: int) -> Interval:
        wide = paired_difference_interval(n_fixed, n_broken, n)
        middle, margin = (wide.lower + wide.upper) / 2, (wide.upper - wide.lower) / 20
        return Interval(middle - margin, middle + margin)

    monkeypatch.setattr(comparison_coverage, "paired_difference_interval", shorten)
    (case,) = simulate_recalls((1.1, 1.25), 100, 100)
    assert not case.holds


@pytest.mark.parametrize(
    ("coverage", "highest", "note"),
    [
        (0.95, 0.97, ""),
        (0.90, 0.97, "outside 93.0% to 97.0%"),
        (0.995, 0.97, "outside 93.0% to 97.0%"),
        (0.985, 0.988, "conservative"),
        (1.0, 0.97, "outside 93.0% to 97.0%"),
    ],
)
def test_the_limits(coverage: float, highest: float, note: str) -> None:
    """93 to 97 %; the conservative intervals of few seeds may contain more."""
    case = Case("name", coverage, 1000, 1000, highest)
    assert case.note == note
    assert case.holds == (not note.startswith("outside"))
    few = Case("name", 0.0, 0, 1000)
    assert few.holds
    assert few.note == "too few intervals to judge"


def test_the_command_prints_a_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit status says whether all cases hold."""
    cases = [Case("good", 0.951, 500, 1000), Case("bad", 0.5, 1000, 1000)]
    monkeypatch.setattr(comparison_coverage, "simulate", lambda _: iter(cases))
    assert main([]) == 1
    assert capsys.readouterr().out.splitlines()[2:] == [
        "| good | 95.1% | 50% |  |",
        "| bad | 50.0% | 100% | outside 93.0% to 97.0% |",
    ]
    monkeypatch.setattr(comparison_coverage, "simulate", lambda _: iter(cases[:1]))
    assert main([]) == 0

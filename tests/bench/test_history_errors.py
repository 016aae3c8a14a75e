from dataclasses import replace

from bench.history_errors import Case, simulate


def test_equal_runs_seldom_differ() -> None:
    """Of 60 histories in which nothing changes, few have a significant step or a run that is called worse."""
    case = simulate(1000, 5, 1, 60)
    assert case.holds
    assert case.false_steps <= 0.15
    assert case.name == "5 runs, 1,000 images"


def test_frequent_errors_are_found() -> None:
    """More than 5 % and three standard errors of the simulation."""
    case = Case("", 400, 0.05, 0.95, 0.05, 0.5)
    assert case.holds
    assert not replace(case, false_steps=0.09).holds
    assert not replace(case, false_calls=0.09).holds
    assert not replace(case, coverage=0.91).holds

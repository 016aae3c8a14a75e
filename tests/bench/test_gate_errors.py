from dataclasses import replace

import numpy as np
import pytest

from bench.gate_errors import LEVEL, LOWER_LEVEL, Case, SweepCase, draw_errors, simulate, simulate_sweep


def test_the_networks_are_like_those_of_the_baseline() -> None:
    """Two seeds are right on 87 %, and exactly one of them on 6 to 8 %."""
    random = np.random.default_rng(0)
    image = random.standard_normal(1_000_000)
    first, second, lower = (draw_errors(random, image, level) for level in (LEVEL, LEVEL, LOWER_LEVEL))
    assert first.mean() == pytest.approx(0.13, abs=0.001)
    assert lower.mean() == pytest.approx(0.14, abs=0.001)
    assert (first != second).mean() == pytest.approx(0.068, abs=0.002)


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


def test_a_gate_seldom_fails_a_sweep_of_equal_runs() -> None:
    """In 60 sweeps of 20 runs, it would fail in about half without the correction; a large loss is found."""
    case = simulate_sweep(1000, 20, 60)
    assert case.holds
    assert case.false_calls <= 0.1
    assert case.name == "20 runs, 1,000 images"
    assert simulate_sweep(10_000, 3, 20).power >= 0.8


def test_frequent_false_calls_of_a_sweep_are_found() -> None:
    """More than 5 % and three standard errors of the simulation."""
    assert SweepCase("", 400, 0.05, 0.5).holds
    assert not SweepCase("", 400, 0.09, 0.5).holds

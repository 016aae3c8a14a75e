from dataclasses import replace

import pytest

from job.config.run_config import Config
from job.sweep.estimate import describe_duration, estimate_run_bytes, estimate_run_s, estimate_sweep_s
from job.sweep.plan import PlannedRun

RUN = PlannedRun("baseline-seed0", "baseline", Config(threads=1))


def test_the_parts_of_a_run() -> None:
    """6 s besides training; five epochs of 1,688 steps, each 0.12 ms and 32 images of 6 µs."""
    assert estimate_run_s(RUN.config) == pytest.approx(6 + 5 * 54_000 / 32 * (0.00012 + 32 * 0.000006))
    cnn = Config(recipe="cnn", threads=4)
    assert estimate_run_s(cnn) == pytest.approx(6 + 10 * 54_000 / 128 * (0.002 + 128 * 0.0006 / 4))


def test_a_sweep_takes_as_long_as_its_longest_run() -> None:
    """Otherwise the runs share the slots."""
    run_s = estimate_run_s(RUN.config)
    assert estimate_sweep_s([RUN] * 8, 2) == pytest.approx(4 * run_s)
    assert estimate_sweep_s([RUN] * 2, 8) == pytest.approx(run_s)
    assert estimate_sweep_s([], 2) == 0


def test_finished_runs_say_how_fast_the_machine_is() -> None:
    """Two runs that took three times as long as estimated."""
    longer = replace(RUN.config, epochs=50)
    finished = [(config, 3 * estimate_run_s(config)) for config in (RUN.config, longer)]
    assert estimate_sweep_s([RUN], 1, finished) == pytest.approx(3 * estimate_run_s(RUN.config))


@pytest.mark.parametrize(("seconds", "text"), [(41.6, "42 s"), (150, "2 min"), (5999, "100 min"), (7.2e6, "2,000.0 h")])
def test_durations_in_words(seconds: float, text: str) -> None:
    assert describe_duration(seconds) == text


def test_the_size_of_a_run_grows_with_its_test_images_and_exports() -> None:
    """A run on Fashion-MNIST takes 4.5 MB."""
    assert estimate_run_bytes(Config(), 10_000 * 10) == 4_500_000
    assert estimate_run_bytes(Config(), 1_000_000 * 10) == 143_100_000
    assert estimate_run_bytes(Config(export=("onnx",)), 10_000 * 10) == 5_900_000

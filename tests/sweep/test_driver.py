"""What the driver does before and between the runs."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from support import REPOSITORY

from job.config.run_config import Config
from job.config.sweep_config import SweepConfig
from job.execution.executor import Outcome
from job.sweep import preparation
from job.sweep.attempts import Attempts
from job.sweep.driver import Driver
from job.sweep.plan import PlannedRun


class Recorder:
    """An executor whose runs fail at once; records what is asked of it."""

    n_slots = 2
    has_live_logs = True

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._running: list[PlannedRun] = []

    def start(self, run: PlannedRun) -> None:
        self.calls.append(f"start {run.name}")
        self._running.append(run)

    def wait(self, timeout_s: float | None = None) -> Sequence[Outcome[PlannedRun]]:
        assert timeout_s is None
        self.calls.append("wait")
        return [Outcome(self._running.pop(0), 79)]

    def stop_run(self, run: PlannedRun) -> None:
        raise AssertionError(run)

    def stop(self) -> None:
        self.calls.append("stop")


def test_the_driver_works_while_the_first_runs_start(tmp_path: Path) -> None:
    """Once, when all places are taken and before it waits."""
    executor = Recorder()
    runs = [PlannedRun(name, "baseline", Config()) for name in ("a", "b", "c")]
    driver = Driver(runs, executor, lambda _: 1.0, Attempts(tmp_path))
    driver.run(range(3), meanwhile=lambda: executor.calls.append("work"))
    assert executor.calls == ["start a", "start b", "work", "wait", "start c", "wait", "wait", "stop"]


def test_the_driver_imports_the_page_late_and_tensorflow_never() -> None:
    """Both take long, and would delay the first runs."""
    early = "import sys, job.sweep.sweep; assert not {'matplotlib', 'scipy.special'} & {*sys.modules}; "
    late = "job.sweep.sweep._import_page(); assert 'matplotlib' in sys.modules; assert 'tensorflow' not in sys.modules"
    subprocess.run((sys.executable, "-c", early + late), cwd=REPOSITORY, check=True)


@pytest.mark.parametrize(("config", "n_missing"), [(SweepConfig(), 0), (SweepConfig(cluster="auto"), 3)])
def test_no_process_starts_without_runs_on_this_machine(config: SweepConfig, n_missing: int) -> None:
    """Nothing imports TensorFlow in vain."""
    with preparation.start_launcher(config, n_missing) as launcher:
        assert launcher is None

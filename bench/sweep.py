"""Measures sweeps: the cost of the driver with stubs in place of trainings, and trainings side by side against in turn.

`python -m bench.sweep driver` and `python -m bench.sweep pairs` print what docs/sweep.md reports.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from job.config.settings import Setting
from job.config.sweep_config import SweepConfig, SweepRequest
from job.execution.executor import Outcome
from job.execution.launcher import Launcher
from job.execution.local_executor import LocalExecutor
from job.sweep.attempts import Attempts
from job.sweep.driver import Driver
from job.sweep.folder import LOGS
from job.sweep.plan import PlannedRun, build_plan

ROOT = Path(__file__).parents[1]
STUB = ROOT / "bench" / "stub_run.py"
EPOCHS = Setting(1, "--set epochs")


def main() -> int:
    """Measure what the command line names; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.sweep", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    driver = commands.add_parser("driver")
    driver.add_argument("--runs", type=int, default=1000)
    driver.add_argument("--parallel", type=int, default=32)
    driver.add_argument("--seconds", type=float, default=3)
    pairs = commands.add_parser("pairs")
    pairs.add_argument("--rounds", type=int, default=3)
    pairs.add_argument("--runs", type=int, default=8)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.command == "driver":
            measure_driver(Path(folder), given.runs, given.parallel, given.seconds)
        else:
            measure_pairs(Path(folder), given.rounds, given.runs)
    return 0


class _Recorder(LocalExecutor[PlannedRun]):
    """Records the memory of the driver whenever runs end."""

    resident_mib: list[float]

    def wait(self, timeout_s: float | None = None) -> Sequence[Outcome[PlannedRun]]:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        self.resident_mib.append(pages * resource.getpagesize() / 2**20)
        return super().wait(timeout_s)


def measure_driver(folder: Path, n_runs: int, n_slots: int, seconds: float) -> None:
    """Run stubs that take some seconds each; print the processor time and memory of the driver."""
    template = folder / "template"
    train(template, "--epochs", "1", "--threads", "1")
    config = SweepConfig(output=str(folder / "sweep"), threads=1)
    recipe = [Setting("baseline", "--recipe")]
    request = SweepRequest(config=config, base={"epochs": EPOCHS}, parameters={"recipe": recipe}, seeds=range(n_runs))
    plan = build_plan(request)
    logs = Path(config.output) / LOGS
    logs.mkdir(parents=True)

    def build_words(run: PlannedRun) -> list[str]:
        words = [str(template), str(seconds), run.config.output, str(run.config.seed)]
        return [sys.executable, "-S", "-E", str(STUB), *words]

    with Launcher() as launcher:
        executor = _Recorder(n_slots, logs, build_words, launcher)
        executor.resident_mib = []
        driver = Driver(plan.runs, executor, lambda _: 1.0, Attempts(Path(config.output)))
        before_files = len(list(Path("/proc/self/fd").iterdir()))
        before, began = read_cpu_s(), time.monotonic()
        driver.run(range(n_runs))
        wall_s, used_s = time.monotonic() - began, read_cpu_s() - before
        n_files = len(list(Path("/proc/self/fd").iterdir()))
    assert not driver.attempts.failures, driver.attempts.failures  # noqa: S101
    memory = executor.resident_mib
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{n_runs} stubs of {seconds} s, {n_slots} at a time; load of the machine {os.getloadavg()[0]:.1f}")
    print(
        f"driver: {1000 * used_s / n_runs:.2f} ms of processor time a run, {used_s / n_runs / seconds:.2%} of its time"
    )
    print(
        f"launcher and stubs: {1000 * (children.ru_utime + children.ru_stime) / n_runs:.0f} ms of processor time a run"
    )
    print(f"wall time: {wall_s:.0f} s; without any cost {n_runs * seconds / n_slots:.0f} s")
    print(f"open files of the driver: {n_files}, {before_files} before the first run")
    print(f"memory of the driver: {memory[len(memory) // 10]:.1f} MiB after a tenth, {memory[-1]:.1f} MiB at the end")


def measure_pairs(folder: Path, n_rounds: int, n_runs: int) -> None:
    """Train baselines as a sweep and in turn, alternating; print the times and the median of their ratios."""
    ratios = []
    for number in range(n_rounds):
        began = time.monotonic()
        for seed in range(n_runs):
            train(folder / f"turn{number}-{seed}", "--seed", str(seed))
        in_turn_s = time.monotonic() - began
        began = time.monotonic()
        words = ["sweep", "--seeds", f"0-{n_runs - 1}", "--output", str(folder / f"sweep{number}"), "--quiet"]
        subprocess.run([sys.executable, "-m", "job", *words], cwd=ROOT, check=True)
        swept_s = time.monotonic() - began
        ratios.append(swept_s / in_turn_s)
        load = os.getloadavg()[0]
        print(
            f"{n_runs} in turn {in_turn_s:.1f} s, sweep {swept_s:.1f} s: {ratios[-1]:.2f} (load {load:.1f})", flush=True
        )
    print(f"median {median(ratios):.2f}")


def train(folder: Path, *options: str) -> None:
    """Train a baseline into a folder."""
    words = ["-m", "job", "--output", str(folder), "--quiet", *options]
    subprocess.run([sys.executable, *words], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def read_cpu_s() -> float:
    """The processor time of this process, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    sys.exit(main())

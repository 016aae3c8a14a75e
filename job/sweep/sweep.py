"""The command `sweep`: plans the runs, executes what is missing, and makes the page."""

import os
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from job.config.recipes import ModelName
from job.config.sweep_config import SweepConfig, SweepRequest
from job.data.dataset import MEMORY_SHARE, load_dataset
from job.data.download import find_or_download
from job.errors import DataError, SweepError, UsageError
from job.execution.executor import Executor
from job.execution.local_executor import LocalExecutor, choose_parallel, choose_threads
from job.execution.worker import build_environment
from job.log import log_stage
from job.results.file_names import CHECKSUMS, METRICS, PAGE
from job.results.output_folder.preparation import require_free_space
from job.sweep import collection
from job.sweep.driver import Driver
from job.sweep.estimate import describe_duration, estimate_run_s, estimate_sweep_s
from job.sweep.folder import (
    LOGS,
    RUNS,
    describe_content,
    lock_sweep,
    read_finished,
    read_plan,
    remove_sweep,
    write_plan,
)
from job.sweep.plan import Configuration, Plan, PlannedRun, build_plan, describe_plan
from job.text import count_noun
from job.training.resources import available_memory_bytes

SHOWN_RUNS = 40
"""The most lines of a plan that `--list` prints."""

RUN_BYTES = 4_500_000
"""Size of a run's folder on Fashion-MNIST, about."""


def run_sweep(request: SweepRequest) -> str:
    """Do what the command line asks; returns the result in one line, or in several for `--list`.

    Raises:
        SweepError: If a run failed; the page is written nevertheless.
    """
    folder = Path(request.config.output)
    if request.collect:
        with lock_sweep(folder):
            return _write_page(_find_runs(request.collect), {}, folder)
    request = _with_threads(request, folder)
    plan = build_plan(request)
    if request.config.list:
        return _list_plan(request, plan, folder)
    if request.config.only_index is not None:
        return _replace_by_run(request, plan, folder)
    with lock_sweep(folder):
        return _run_missing(request, plan, folder)


def build_words(run: PlannedRun) -> list[str]:
    """The command of a run."""
    return [sys.executable, *shlex.split(run.config.command())[1:]]


def _with_threads(request: SweepRequest, folder: Path) -> SweepRequest:
    """The request with a number of threads."""
    if request.config.threads is not None:
        return request
    plan = build_plan(request)
    n_threads = choose_run_threads(request.config, folder, list_models(plan.configurations), len(plan.runs))
    return replace(request, config=replace(request.config, threads=n_threads))


def choose_run_threads(config: SweepConfig, folder: Path, models: Sequence[ModelName], n_runs: int) -> int:
    """The threads of each run: those of the option, of the plan in the folder, of the cluster, or of this machine."""
    earlier = None if config.fresh else (read_plan(folder) or {}).get("threads")
    if config.threads is not None:
        return config.threads
    if isinstance(earlier, int) and earlier > 0:
        return earlier
    if config.cluster is not None:
        return config.cpus_per_run
    return min(choose_threads(model, n_runs) for model in models)


def list_models(runs: Iterable[PlannedRun | Configuration]) -> list[ModelName]:
    """The networks of these runs, each once."""
    return list(dict.fromkeys(run.config.model for run in runs))


def _list_plan(request: SweepRequest, plan: Plan, folder: Path) -> str:
    """The plan in lines: each run, their number and the time that is left."""
    missing, finished = [], []
    for run in plan.runs:
        if done := read_finished(folder, run):
            finished.append((run.config, done.wall_time_s))
        else:
            missing.append(run)
    lines = [f"{index:>5}  {run.name}" for index, run in enumerate(plan.runs[:SHOWN_RUNS])]
    if len(plan.runs) > SHOWN_RUNS:
        lines.append(f"    …  {len(plan.runs) - SHOWN_RUNS:,} more")
    state = f", {len(finished):,} of them finished" if finished else ""
    n_slots = count_slots(request.config, list_models(plan.configurations), len(plan.runs))
    duration = describe_duration(estimate_sweep_s(missing, n_slots, finished))
    lines.append(f"{describe_plan(plan)}{state}; about {duration} with {n_slots} at the same time")
    return "\n".join(lines)


def count_slots(config: SweepConfig, models: Sequence[ModelName], n_runs: int) -> int:
    """How many runs of these models take place at the same time on this machine."""
    return min(config.parallel or choose_parallel(models, config.threads or 1), n_runs)


def _run_missing(request: SweepRequest, plan: Plan, folder: Path) -> str:
    config = request.config
    if config.fresh:
        remove_sweep(folder)
    write_plan(folder, describe_content(request, plan, hash_dataset(request.config)))
    missing = [index for index, run in enumerate(plan.runs) if not read_finished(folder, run)]
    require_free_space(folder, RUN_BYTES * len(missing))
    log_stage("sweep", f"{describe_plan(plan)}, {len(plan.runs) - len(missing):,} finished")
    failures = {}
    if missing:
        executor = create_executor(config, list_models(plan.configurations), len(plan.runs), folder)
        threads = count_noun(config.threads or 1, "thread")
        log_stage("sweep", f"{executor.n_slots:,} at the same time, {threads} each")
        driver = Driver(folder, plan.runs, executor, lambda run: estimate_run_s(run.config), config.fail_fast)
        driver.run(missing)
        failures = driver.failures
    finished = [folder / RUNS / run.name for run in plan.runs if run.name not in failures]
    if not finished:
        name, error = next(iter(failures.items()))
        raise SweepError(f"all {len(failures):,} runs failed, the first, {name}: {error}; see {folder / LOGS}")
    result = _write_page(finished, failures, folder)
    if failures:
        name, error = next(iter(failures.items()))
        raise SweepError(
            f"{len(failures):,} of {len(plan.runs):,} runs failed, the first, {name}: {error}; the same command "
            f"repeats them; {result}"
        )
    return result


def create_executor(
    config: SweepConfig, models: Sequence[ModelName], n_runs: int, folder: Path
) -> Executor[PlannedRun]:
    """The executor of at most `n_runs` runs of these models, on this machine or on a cluster."""
    if config.cluster is None:
        return LocalExecutor(count_slots(config, models, n_runs), folder / LOGS, build_words)
    from job.sweep.ray_executor import RayExecutor

    return RayExecutor(config, folder, find_or_download(config.data).folder)


def hash_dataset(config: SweepConfig) -> Mapping[str, str]:
    """The SHA-256 of the files of the data set, which is found or downloaded and checked once, before all runs."""
    dataset = load_dataset(find_or_download(config.data), available_memory_bytes() // MEMORY_SHARE)
    return dataset.sha256


def _replace_by_run(request: SweepRequest, plan: Plan, folder: Path) -> str:
    """Replace this process by the run with the index that the request names; returns only if that is finished."""
    index = request.config.only_index or 0
    if index >= len(plan.runs):
        raise UsageError(f"--only-index is {index}, but the plan has the runs 0 to {len(plan.runs) - 1}")
    run = plan.runs[index]
    with lock_sweep(folder, shared=True):
        write_plan(folder, describe_content(request, plan, hash_dataset(request.config)))
        if not read_finished(folder, run):
            words = build_words(run)
            os.execve(words[0], words, build_environment(os.environ))  # noqa: S606 - our own command
    return f"{run.name} is already finished: {folder / RUNS / run.name / PAGE}"


def _find_runs(names: Sequence[str]) -> list[Path]:
    """The folders of runs: each folder itself, or those in it, or in its folder `runs`."""
    found = []
    for name in names:
        folder = Path(name)
        places = ([folder], folder.glob("*"), (folder / RUNS).glob("*"))
        runs = next((runs for place in places if (runs := sorted(run for run in place if _is_run(run)))), [])
        if not runs:
            raise DataError(f"--collect {name}: contains no finished run; name output folders, or a folder of them")
        found += runs
    return list(dict.fromkeys(found))


def _is_run(folder: Path) -> bool:
    return (folder / METRICS).is_file() or (folder / CHECKSUMS).is_file()


def _write_page(runs: Sequence[Path], failures: Mapping[str, str], folder: Path) -> str:
    """Collect the runs and write the page; returns the result in one line."""
    results = collection.collect_runs(runs, failures)
    collection.write_sweep_report(results, folder)
    return f"{collection.describe_best(results)}: {folder / PAGE}"

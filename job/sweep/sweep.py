"""The command `sweep`: plans the runs, executes what is missing, and makes the page."""

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from job.config.recipes import ModelName
from job.config.sweep_config import SweepRequest
from job.data.dataset import MEMORY_SHARE, load_dataset
from job.data.download import find_or_download
from job.errors import DataError, SweepError, UsageError
from job.log import log_stage
from job.results.file_names import CHECKSUMS, METRICS, PAGE
from job.results.output_folder.preparation import require_free_space
from job.sweep import collection
from job.sweep.driver import Driver
from job.sweep.estimate import describe_duration, estimate_run_s, estimate_sweep_s
from job.sweep.executor import Executor
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
from job.sweep.local_executor import LocalExecutor, choose_parallel, choose_threads
from job.sweep.plan import Plan, PlannedRun, build_plan, describe_plan
from job.sweep.worker import build_environment
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
    """The request with a number of threads: that of the option, of the plan in the folder, or of this machine."""
    config = request.config
    if config.threads is not None:
        return request
    earlier = None if config.fresh else (read_plan(folder) or {}).get("threads")
    if isinstance(earlier, int) and earlier > 0:
        return replace(request, config=replace(config, threads=earlier))
    if config.cluster is not None:
        return replace(request, config=replace(config, threads=config.cpus_per_run))
    plan = build_plan(request)
    n_threads = min(choose_threads(model, len(plan.runs)) for model in _list_models(plan))
    return replace(request, config=replace(config, threads=n_threads))


def _list_models(plan: Plan) -> list[ModelName]:
    """The networks of the plan, each once."""
    return list(dict.fromkeys(run.config.model for run in plan.configurations))


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
    n_slots = _count_slots(request, plan)
    duration = describe_duration(estimate_sweep_s(missing, n_slots, finished))
    lines.append(f"{describe_plan(plan)}{state}; about {duration} with {n_slots} at the same time")
    return "\n".join(lines)


def _count_slots(request: SweepRequest, plan: Plan) -> int:
    n_threads = request.config.threads or 1
    return min(request.config.parallel or choose_parallel(_list_models(plan), n_threads), len(plan.runs))


def _run_missing(request: SweepRequest, plan: Plan, folder: Path) -> str:
    config = request.config
    if config.fresh:
        remove_sweep(folder)
    write_plan(folder, describe_content(request, plan, _hash_dataset(request)))
    missing = [index for index, run in enumerate(plan.runs) if not read_finished(folder, run)]
    require_free_space(folder, RUN_BYTES * len(missing))
    log_stage("sweep", f"{describe_plan(plan)}, {len(plan.runs) - len(missing):,} finished")
    failures = {}
    if missing:
        executor = _create_executor(request, plan, folder)
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


def _create_executor(request: SweepRequest, plan: Plan, folder: Path) -> Executor:
    if request.config.cluster is None:
        return LocalExecutor(_count_slots(request, plan), folder / LOGS, build_words)
    from job.sweep.ray_executor import RayExecutor

    return RayExecutor(request.config, folder, find_or_download(request.config.data).folder)


def _hash_dataset(request: SweepRequest) -> Mapping[str, str]:
    """The SHA-256 of the files of the data set, which is found or downloaded and checked once, before all runs."""
    dataset = load_dataset(find_or_download(request.config.data), available_memory_bytes() // MEMORY_SHARE)
    return dataset.sha256


def _replace_by_run(request: SweepRequest, plan: Plan, folder: Path) -> str:
    """Replace this process by the run with the index that the request names; returns only if that is finished."""
    index = request.config.only_index or 0
    if index >= len(plan.runs):
        raise UsageError(f"--only-index is {index}, but the plan has the runs 0 to {len(plan.runs) - 1}")
    run = plan.runs[index]
    with lock_sweep(folder, shared=True):
        write_plan(folder, describe_content(request, plan, _hash_dataset(request)))
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

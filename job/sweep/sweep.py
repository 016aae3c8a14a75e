"""The command `sweep`: plans the runs, executes what is missing, and makes the page."""

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from job.config.gate import Gate
from job.config.gate_options import list_gates
from job.config.sweep_config import SweepRequest
from job.errors import GateError, UsageError
from job.execution.launcher import build_environment
from job.log import log, log_stage
from job.results.file_names import PAGE
from job.results.gate_check import RunParts, check_gates
from job.results.output_folder.preparation import require_free_space
from job.sweep import preparation
from job.sweep.attempts import Attempts
from job.sweep.driver import Driver
from job.sweep.estimate import describe_duration, estimate_run_bytes, estimate_run_s, estimate_sweep_s
from job.sweep.finished_sweep import FinishedSweep
from job.sweep.folder import LOGS, RUNS, count_bytes, describe_damage, lock_sweep, make_folders, read_finished
from job.sweep.plan import Plan, build_plan, describe_plan, find_varied
from job.sweep.plan_file import describe_content, require_same_plan, write_plan
from job.sweep.preparation import (
    choose_run_threads,
    count_slots,
    create_executor,
    list_models,
    read_data,
    start_launcher,
)
from job.sweep.removal import remove_sweep, require_removable
from job.sweep.run_folders import find_runs, require_own_page
from job.text import count_noun

SHOWN_RUNS = 40
"""The most lines of a plan that `--list` prints."""


def run_sweep(request: SweepRequest) -> FinishedSweep:
    """Do what the command line asks.

    Raises:
        GateError: If no run has a result, so that there is no page.
    """
    folder = Path(request.config.output)
    if request.collect:
        return _collect(request.collect, folder, list_gates(request.config))
    request = _with_threads(request, folder)
    plan = build_plan(request)
    if request.config.list:
        return FinishedSweep(text=_list_plan(request, plan, folder))
    if request.config.only_index is not None:
        return FinishedSweep(text=_replace_by_run(request, plan, folder))
    with lock_sweep(folder):
        return _run_missing(request, plan, folder)


def _collect(names: Sequence[str], folder: Path, gates: Sequence[Gate]) -> FinishedSweep:
    """Make the page of the runs in these folders."""
    found = find_runs(names)
    require_own_page(folder, found.folders)
    failed = ""
    if found.failures:
        name, error = next(iter(found.failures.items()))
        missing = f"{count_noun(len(found.failures), 'planned run')} {'has' if len(found.failures) == 1 else 'have'}"
        failed = f"{missing} no result, the first, {name}: {error}; the page lists them"
    with lock_sweep(folder):
        return _write_page(found.folders, found.failures, folder, found.varied, gates=gates, failed=failed)


def _with_threads(request: SweepRequest, folder: Path) -> SweepRequest:
    """The request with a number of threads."""
    if request.config.threads is not None:
        return request
    plan = build_plan(request)
    n_threads = choose_run_threads(request.config, folder, list_models(plan.configurations), len(plan.runs))
    return replace(request, config=replace(request.config, threads=n_threads))


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


def _run_missing(request: SweepRequest, plan: Plan, folder: Path) -> FinishedSweep:
    """Run what is missing, and make the page."""
    gates = list_gates(request.config)
    done = [not request.config.fresh and read_finished(folder, run) is not None for run in plan.runs]
    missing = [index for index, is_done in enumerate(done) if not is_done]
    attempts = _run(request, plan, folder, missing)
    failures = attempts.failures
    finished = [folder / RUNS / run.name for run in plan.runs if run.name not in failures]
    if not finished:
        name, error = next(iter(failures.items()))
        raise GateError(f"all {len(failures):,} runs failed, the first, {name}: {error}; see {folder / LOGS}")
    failed = ""
    if failures:
        name, error = next(iter(failures.items()))
        other = "change the setting, in another folder or with --fresh"
        advice = "the same command repeats them" if attempts.may_succeed else other
        n = f"{len(failures):,} of {len(plan.runs):,}"
        failed = f"{n} runs failed, the first, {name}: {error}; {advice}; page of the others"
    return _write_page(finished, failures, folder, find_varied(plan), gates=gates, failed=failed)


def _run(request: SweepRequest, plan: Plan, folder: Path, missing: Sequence[int]) -> Attempts:
    """Run those with these indices, and return their attempts; the earlier sweep is removed after all is checked."""
    config, models = request.config, list_models(plan.configurations)
    with start_launcher(config, len(missing)) as launcher:
        data = read_data(config)
        check_gates(list_gates(config), data.class_names, RunParts.every())
        content = describe_content(request, plan, data.sha256)
        if config.fresh:
            require_removable(folder)
        else:
            require_same_plan(folder, content)
        run_bytes = estimate_run_bytes(plan.runs[0].config, data.n_probabilities)
        require_free_space(folder, run_bytes * len(missing) - (count_bytes(folder) if config.fresh else 0))
        executor = create_executor(config, models, len(plan.runs), folder, launcher) if missing else None
        if config.fresh:
            remove_sweep(folder)
        write_plan(folder, content)
        make_folders(folder)
        log_stage("sweep", f"{describe_plan(plan)}, {len(plan.runs) - len(missing):,} finished")
        for index in [] if config.fresh else missing:
            if damage := describe_damage(folder, plan.runs[index]):
                log.warning("%s %s; it is trained again", folder / RUNS / plan.runs[index].name, damage)
        attempts = Attempts(folder, config.fail_fast, run_bytes)
        if executor:
            threads = count_noun(config.threads or 1, "thread")
            log_stage("sweep", f"{count_noun(executor.n_slots, 'run')} at the same time, {threads} each")
            driver = Driver(plan.runs, executor, lambda run: estimate_run_s(run.config), attempts)
            driver.run(missing, meanwhile=_import_page)
        return attempts


def _replace_by_run(request: SweepRequest, plan: Plan, folder: Path) -> str:
    """Replace this process by the run with the index that the request names; returns only if that is finished."""
    index = request.config.only_index or 0
    if index >= len(plan.runs):
        raise UsageError(f"--only-index is {index}, but the plan has the runs 0 to {len(plan.runs) - 1}")
    run = plan.runs[index]
    with lock_sweep(folder, shared=True):
        write_plan(folder, describe_content(request, plan, read_data(request.config).sha256))
        make_folders(folder)
        if not read_finished(folder, run):
            words = preparation.build_words(run)
            os.execve(words[0], words, build_environment(os.environ))  # noqa: S606 - our own command
    return f"{run.name} is already finished: {folder / RUNS / run.name / PAGE}"


def _import_page() -> None:
    """Import what the page needs, which takes long."""
    from job.sweep import collection  # noqa: F401


def _write_page(  # noqa: PLR0913 - what the page shows
    runs: Sequence[Path],
    failures: Mapping[str, str],
    folder: Path,
    varied: Collection[str],
    *,
    gates: Sequence[Gate],
    failed: str,
) -> FinishedSweep:
    """Collect the runs, whose plans vary these settings, and write the page.

    `failed` says which runs have no result, and is empty if all have one.
    """
    from job.sweep import collection

    results = collection.collect_runs(runs, failures, varied=varied, gates=gates)
    collection.write_sweep_report(results, folder)
    problems = [collection.report_gates(results), f"{failed}: {folder / PAGE}" if failed else ""]
    return FinishedSweep(
        text=f"{collection.describe_best(results)}: {folder / PAGE}",
        problem="; ".join(filter(None, problems)),
        output=str(folder),
        summary=collection.summarize(results),
    )

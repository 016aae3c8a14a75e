"""The command `sweep` with a search: Optuna chooses the settings of each trial."""

import csv
import io
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from job.config.gate_options import list_gates
from job.config.run_config import OPTIONS
from job.config.search_space import Range, Search
from job.config.sweep_config import SweepRequest
from job.config.sweep_grid import MAX_RUNS
from job.errors import GateError, UsageError
from job.evaluation.sweep_trials import SearchHistory, SearchTrial
from job.log import log_stage
from job.results.file_names import PAGE
from job.results.gate_check import RunParts, check_gates
from job.results.output_folder.os_errors import as_output_error
from job.results.output_folder.preparation import require_free_space
from job.sweep.attempts import Attempts
from job.sweep.estimate import describe_duration, estimate_run_bytes, estimate_run_s
from job.sweep.finished_sweep import FinishedSweep
from job.sweep.folder import LOGS, RUNS, TRIALS, count_bytes, lock_sweep, make_folders
from job.sweep.plan import UNQUESTIONED, Plan
from job.sweep.plan_file import Content, describe_content, require_same_plan, write_plan
from job.sweep.preparation import (
    SweepData,
    choose_run_threads,
    count_slots,
    create_executor,
    list_models,
    read_data,
    start_launcher,
)
from job.sweep.removal import remove_sweep, require_removable
from job.sweep.search_driver import SearchDriver
from job.sweep.search_trials import build_runs, configure_values, name_trial, probe_space
from job.sweep.study import EndedTrial, Study, import_optuna
from job.text import count_noun


def run_search(request: SweepRequest) -> FinishedSweep:
    """Make the missing trials and the page, or for `--list` describe the search.

    Raises:
        UsageError: If the search is refused.
        PackageError: If Optuna is not installed.
        GateError: If no trial is complete, so that there is no page.
    """
    search, config, folder = request.search, request.config, Path(request.config.output)
    assert search is not None  # noqa: S101 - for mypy
    n_runs = search.trials * len(request.seeds)
    if n_runs > MAX_RUNS:
        raise UsageError(f"the search has {n_runs:,} runs, but a sweep has at most {MAX_RUNS:,}; make fewer trials")
    if n_runs > UNQUESTIONED and not config.yes:
        raise UsageError(f"the search has {n_runs:,} runs; make fewer trials, or add --yes if you want all of them")
    probes = probe_space(request, search)
    n_threads = choose_run_threads(config, folder, list_models(probes), n_runs)
    request = replace(request, config=replace(config, threads=n_threads))
    if config.list:
        return FinishedSweep(text=_list_search(request, search))
    import_optuna()
    with lock_sweep(folder):
        return _make_missing(request, search, folder)


def _list_search(request: SweepRequest, search: Search) -> str:
    """The parameters with what they are chosen from, the number of runs, and an estimate of the time."""
    lines = [f"{OPTIONS[name].key}: {_describe_space(search, name)}" for name in search.parameters]
    probes, n_runs = probe_space(request, search), search.trials * len(request.seeds)
    n_slots = count_slots(request.config, list_models(probes), n_runs)
    total_s = sum(estimate_run_s(each.config) for each in probes) / len(probes) * n_runs
    lines.append(
        f"{count_noun(search.trials, 'trial')} with {count_noun(len(request.seeds), 'seed')}; at most about "
        f"{describe_duration(total_s / n_slots)} with {n_slots} at the same time"
    )
    return "\n".join(lines)


def _describe_space(search: Search, name: str) -> str:
    space = search.parameters[name]
    if not isinstance(space, Range):
        return "; ".join(map(str, space))
    return f"{space.low} to {space.high}{', log' * space.log}"


def _make_missing(request: SweepRequest, search: Search, folder: Path) -> FinishedSweep:
    """Make the missing trials; the earlier sweep is removed after everything else is checked."""
    config, data, n_seeds = request.config, read_data(request.config), len(request.seeds)
    check_gates(list_gates(config), data.class_names, RunParts.every())
    content = _describe(request, search, data)
    if config.fresh:
        require_removable(folder)
    is_continued = not config.fresh and require_same_plan(folder, content)
    probes = probe_space(request, search)
    study = Study(search, folder) if is_continued else None
    if study and study.n_trials > search.trials:
        raise UsageError(
            f"--output {folder}: has {count_noun(study.n_trials, 'trial')}, so trials cannot be {search.trials:,}; set "
            f"{study.n_trials:,} or more"
        )
    n_missing = search.trials - (len(study.ended()) if study else 0)
    run_bytes = estimate_run_bytes(probes[0].config, data.n_probabilities)
    require_free_space(folder, run_bytes * n_missing * n_seeds - (count_bytes(folder) if config.fresh else 0))
    with start_launcher(config, max(0, n_missing) * n_seeds) as launcher:
        executor = (
            create_executor(config, list_models(probes), n_missing * n_seeds, folder, launcher)
            if n_missing > 0
            else None
        )
        if config.fresh:
            remove_sweep(folder)
        write_plan(folder, content)
        make_folders(folder)
        study = study or Study(search, folder)
        n_done = len(study.ended())
        trials, seeds = count_noun(search.trials, "trial"), count_noun(n_seeds, "seed")
        log_stage("search", f"{trials} with {seeds}, {n_done:,} finished")
        if executor:
            threads = count_noun(config.threads or 1, "thread")
            log_stage("search", f"{count_noun(executor.n_slots, 'run')} at the same time, {threads} each")
            attempts = Attempts(folder, config.fail_fast, run_bytes)
            SearchDriver(folder, search, study, executor, partial(build_runs, request), attempts=attempts).run()
    ended = study.ended()
    with as_output_error(folder):
        _write_trials(ended, search, folder)
    return _write_result(request, search, ended, folder)


def _describe(request: SweepRequest, search: Search, data: SweepData) -> Content:
    """The content of plan.json. The number of trials is not in it: a search can be continued with more."""
    content = describe_content(request, Plan((), {}), data.sha256)
    spaces = {
        OPTIONS[name].key: asdict(space) if isinstance(space, Range) else list(space)
        for name, space in search.parameters.items()
    }
    how = {"objective": search.objective, "pruning": search.pruning, "seed": search.seed}
    return {**{key: value for key, value in content.items() if key != "runs"}, "parameters": spaces, "search": how}


def _write_trials(ended: Sequence[EndedTrial], search: Search, folder: Path) -> None:
    """Write a line for each trial into trials.csv, at once."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    keys = [OPTIONS[name].key for name in search.parameters]
    writer.writerow(["trial", "state", f"validation {search.objective}", "reported epochs", *keys, "error"])
    for trial in ended:
        values = [trial.values.get(name, "") for name in search.parameters]
        objective = "" if trial.objective is None else trial.objective
        writer.writerow([name_trial(trial.number), trial.state, objective, trial.n_epochs, *values, trial.error])
    part = folder / f".{TRIALS}-{os.getpid()}"
    part.write_text(text.getvalue(), encoding="utf-8")
    part.replace(folder / TRIALS)


def _describe_trials(search: Search, ended: Sequence[EndedTrial]) -> SearchHistory:
    """What the page shows of the trials."""
    trials = [
        SearchTrial(name=name_trial(each.number), state=each.state, objective=each.objective, values=each.values)
        for each in ended
    ]
    ranges = {name: space.log for name, space in search.parameters.items() if isinstance(space, Range)}
    names = list(search.parameters)
    return SearchHistory(objective=search.objective, trials=trials, parameters=names, ranges=ranges)


def _write_result(request: SweepRequest, search: Search, ended: Sequence[EndedTrial], folder: Path) -> FinishedSweep:
    """Write the page of the complete trials."""
    from job.sweep import collection

    complete = [trial for trial in ended if trial.objective is not None]
    failed = [trial for trial in ended if trial.state == "failed"]
    counts = Counter(trial.state for trial in ended)
    states = ", ".join(f"{n:,} {state}" for state, n in counts.items())
    if not complete:
        error = next((trial.error for trial in ended if trial.error), "")
        raise GateError(f"no trial is complete ({states}), the first error is {error}; see {folder / LOGS}")
    sign = 1 if search.objective == "accuracy" else -1
    best = max(complete, key=lambda trial: sign * (trial.objective or 0))
    names = [f"{name_trial(trial.number)}-seed{seed}" for trial in complete for seed in request.seeds]
    errors = {name_trial(trial.number): f"{trial.state}: {trial.error}" for trial in ended if trial.error}
    trials, gates = _describe_trials(search, ended), list_gates(request.config)
    results = collection.collect_runs([folder / RUNS / name for name in names], errors, search=trials, gates=gates)
    collection.write_sweep_report(results, folder)
    result = (
        f"best of {count_noun(len(ended), 'trial')} ({states}): {name_trial(best.number)}, "
        f"{configure_values(request, best.values).label}, mean validation {search.objective} {best.objective:.4f} "
        f"({count_noun(len(request.seeds), 'seed')}): {folder / PAGE}"
    )
    problems = [collection.report_gates(results)]
    if failed:
        problems.append(
            f"{len(failed):,} of {len(ended):,} trials failed, the first, {name_trial(failed[0].number)}: "
            f"{failed[0].error}; the same command repeats them; page of the others: {folder / PAGE}"
        )
    return FinishedSweep(
        text=result,
        problem="; ".join(filter(None, problems)),
        output=str(folder),
        summary=collection.summarize(results),
    )

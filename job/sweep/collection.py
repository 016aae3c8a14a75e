"""Collects finished runs into the results of a sweep, and writes its page, sweep.json and sweep.csv."""

import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from job.config.gate import Gate
from job.config.run_config import OPTIONS, Config
from job.errors import DataError, OutputError, UsageError
from job.evaluation.gate_result import count_missed
from job.evaluation.gated_runs import GatedRuns, MeasuredRun
from job.evaluation.sweep_networks import Configuration, SweepResults, SweptNetwork, Value, write_label
from job.evaluation.sweep_summary import SweepSummary, summarize_sweep
from job.evaluation.sweep_trials import SearchHistory
from job.log import log, log_stage
from job.report.sweep_page.page import render_sweep_page
from job.results.file_names import METRICS, PAGE, PREDICTIONS, SWEEP_NUMBERS
from job.results.gate_check import RunParts, check_gates
from job.results.output_folder.os_errors import as_output_error
from job.sweep.finished_runs import UNCOMPARED, CollectedRun, read_run
from job.sweep.folder import TABLE
from job.sweep.sweep_files import encode_sweep, write_table
from job.text import count_noun

PARAMETERS = re.compile(r"([0-9,]+) parameters$")


def collect_runs(
    folders: Sequence[Path],
    failures: Mapping[str, str],
    *,
    varied: Collection[str] = (),
    search: SearchHistory | None = None,
    gates: Sequence[Gate] = (),
) -> SweepResults:
    """Read finished runs on the same data set, and group them into configurations.

    Args:
        folders: Output folders of this job, also from elsewhere. Runs with `--runs` count as several networks.
        failures: Why other runs, or trials of a search, have no result, by their names.
        varied: Settings that the plan varies; the labels have them even if only one value has results.
        search: The trials, if a search chose the configurations.
        gates: The gates of the sweep.

    Raises:
        UsageError: If the runs lack the metric of a gate, or the reference that one needs.
        DataError: If no folder is given, one contains no finished training, the runs are of different data sets, or a
            network was trained twice with different predictions.
    """
    if not folders:
        raise DataError("no run has finished, so there is nothing to report; read the errors of the runs")
    first, y_true = read_run(folders[0], gates)
    check_gates(gates, first.record.class_names, RunParts.every())
    runs = [first]
    for folder in folders[1:]:
        run, labels = read_run(folder, gates)
        if problem := _find_difference(first, y_true, run, labels):
            raise DataError(f"{folder}: {problem} than {first.folder}; collect runs on the same data set")
        runs.append(run)
    _require_references(runs)
    parameters = _find_parameters(runs, varied)
    configurations = _group(runs, parameters, y_true)
    started = sorted(run.record.provenance.started for run in runs)
    environments = [run.record.provenance.environment for run in runs]
    n_validation = {run.training.n_validation for run in runs}
    return SweepResults(
        configurations=configurations,
        parameters=parameters,
        settings=_find_shared(runs, parameters),
        failures=failures,
        class_names=first.record.class_names,
        y_true=y_true,
        n_validation=n_validation.pop() if len(n_validation) == 1 else None,
        data=first.record.provenance.data.name,
        started=(started[0], started[-1]),
        revisions=list(dict.fromkeys(each.revision for each in environments)),
        machines=list(
            dict.fromkeys(f"{each.device_name}, {count_noun(each.n_threads, 'thread')}" for each in environments)
        ),
        search=search,
        gated=GatedRuns(gates, _name_apart([run.measured for run in runs if run.measured])),
    )


def _require_references(runs: Sequence[CollectedRun]) -> None:
    for run in runs:
        for result in run.measured.results if run.measured else ():
            if result.gate.bound == "worse" and result.value is None:
                raise UsageError(
                    f"the gate {result.label}: {run.folder} was not compared with a reference; collect only runs that "
                    "were, or leave the gate out"
                )


def _name_apart(runs: Sequence[MeasuredRun]) -> list[MeasuredRun]:
    """The runs, those with the same name called by their folders."""
    counts = Counter(run.name for run in runs)
    return [replace(run, name=run.folder) if counts[run.name] > 1 else run for run in runs]


def _find_difference(
    first: CollectedRun, y_true: NDArray[np.uint8], run: CollectedRun, labels: NDArray[np.uint8]
) -> str:
    """How the data set of a run differs from that of the first one; empty if it does not."""
    before, after = first.record.provenance.data.sha256, run.record.provenance.data.sha256
    for name in {**before, **after}:
        if before.get(name) != after.get(name):
            return f"was trained or tested on another {name} (its SHA-256 differs)"
    if list(first.record.class_names) != list(run.record.class_names):
        return "has other class names"
    if not np.array_equal(y_true, labels):
        return f"{PREDICTIONS} has other true classes"
    return ""


def _find_parameters(runs: Sequence[CollectedRun], varied: Collection[str]) -> dict[str, list[Value]]:
    """The settings that vary, or of which a plan has several values, with their values.

    A setting that differs only because the recipes do belongs to the recipe, and is not a parameter of its own.
    """
    settings = [run.settings for run in runs]
    names = [name for name in OPTIONS if name in settings[0]]
    recipes = {each["recipe"] for each in settings}
    changed = {name for run in runs for name in find_changes(run.training.config)}
    return {
        name: list(dict.fromkeys(each[name] for each in settings))
        for name in names
        if name in varied
        or (name in {"recipe", *changed} and len({each[name] for each in settings}) > 1)
        or any(len({each[name] for each in settings if each["recipe"] == recipe}) > 1 for recipe in recipes)
    }


def _find_shared(runs: Sequence[CollectedRun], parameters: Collection[str]) -> dict[str, Value]:
    """The settings that are the same in all runs, but are not those of a recipe."""
    changed = {name for run in runs for name in find_changes(run.training.config)}
    return {name: runs[0].settings[name] for name in OPTIONS if name in changed and name not in parameters}


def find_changes(config: Config) -> list[str]:
    """The settings that decide what is trained, and are not those of the recipe, or else not the defaults."""
    others = [name for name, each in OPTIONS.items() if each.role == "training" and name not in {"recipe", *UNCOMPARED}]
    return [*config.changes(), *(name for name in others if getattr(config, name) != OPTIONS[name].default)]


def _group(runs: Iterable[CollectedRun], parameters: Iterable[str], y_true: NDArray[np.uint8]) -> list[Configuration]:
    """The configurations in the order of their first runs."""
    groups: dict[tuple[Value, ...], list[CollectedRun]] = {}
    for run in runs:
        groups.setdefault(tuple(run.settings.values()), []).append(run)
    return [_make_configuration(group, parameters, y_true) for group in groups.values()]


def _make_configuration(
    runs: Sequence[CollectedRun], parameters: Iterable[str], y_true: NDArray[np.uint8]
) -> Configuration:
    values = {name: runs[0].settings[name] for name in parameters}
    label = write_label(runs[0].training.config.recipe, values)
    networks: dict[int, SweptNetwork] = {}
    for network in (network for run in runs for network in run.networks):
        _require_same(network, networks.setdefault(network.seed, network), label)
    match = PARAMETERS.search(runs[0].training.network)
    return Configuration(
        label=label,
        values=values,
        config=runs[0].training.config,
        n_parameters=int(match[1].replace(",", "")) if match else None,
        networks=[networks[seed] for seed in sorted(networks)],
        y_true=y_true,
    )


def _require_same(network: SweptNetwork, earlier: SweptNetwork, label: str) -> None:
    """Check that a network that was trained twice predicts the same, so that it does not matter which one counts."""
    if network is earlier:
        return
    problem = f"{network.folder}: trained {label} with seed {network.seed}, as {earlier.folder} did"
    if network.loss != earlier.loss or not np.array_equal(network.y_pred, earlier.y_pred):
        raise DataError(f"{problem}, but predicts differently; collect one of them")
    log.warning("%s, with the same predictions; it counts once", problem)


def write_sweep_report(results: SweepResults, folder: Path) -> None:
    """Write index.html, sweep.json and sweep.csv into a folder, each of them at once and the page last.

    Raises:
        OutputError: If the folder cannot be written, or is the output folder of a run.
    """
    if (folder / METRICS).exists():
        raise OutputError(
            f"--output {folder}: is the output folder of a run, whose report the page would replace; name another"
        )
    summary = summarize(results)
    contents = {
        TABLE: write_table(summary, folder),
        SWEEP_NUMBERS: encode_sweep(summary, folder),
        PAGE: render_sweep_page(summary, folder),
    }
    with as_output_error(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            _replace_file(folder / name, content)


def _replace_file(path: Path, content: bytes) -> None:
    """Write a file so that it has either the earlier content or the new one, whatever stops the job."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def report_gates(results: SweepResults) -> str:
    """Log the gates of a sweep, a line each; returns those that are missed in words, empty if none sets the status."""
    gates = summarize(results).gates
    for each in gates:
        if each.is_warning:
            log.warning("gate %s", each.sentence)
        else:
            log_stage("gate", each.sentence)
    missed = [each.sentence.removeprefix("missed: ") for each in gates if each.is_error]
    return f"{count_missed(gates)}: {'; '.join(missed)}" if missed else ""


def describe_best(results: SweepResults) -> str:
    """The configuration that ranks first and its accuracy, in a few words."""
    summary = summarize(results)
    n = len(summary.means)
    choice = f"best of {count_noun(n, 'configuration')}: " if n > 1 else ""
    seeds = count_noun(summary.best.n_seeds, "seed")
    return f"{choice}{summary.best.label}, mean test accuracy {summary.best_mean.accuracy:.4f} ({seeds})"


@lru_cache(maxsize=1)
def summarize(results: SweepResults) -> SweepSummary:
    """What the page shows; computed once."""
    return summarize_sweep(results)

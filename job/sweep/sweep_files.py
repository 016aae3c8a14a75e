"""Defines sweep.json and sweep.csv: every number of a sweep for programs."""

import csv
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import msgspec

import job
from job.config.gate import Severity
from job.evaluation.gate_result import GateResult
from job.evaluation.intervals import Interval
from job.evaluation.sweep_effects import Effect
from job.evaluation.sweep_networks import Configuration, Value
from job.evaluation.sweep_pairs import PairDifference
from job.evaluation.sweep_ranking import Criterion
from job.evaluation.sweep_summary import SweepSummary
from job.evaluation.sweep_trials import SearchHistory

SCHEMA_VERSION = 1
MAX_PAIRS = 5000
"""The most pairs in the file; of more, it has only those of the best configuration."""


@dataclass(frozen=True, kw_only=True)
class StoredNetwork:
    """A trained network and its own training time; `folder` is relative to that of the sweep, unless it is absolute."""

    run: str
    folder: str
    seed: int
    accuracy: float
    loss: float
    val_accuracy: float | None
    val_loss: float | None
    training_s: float
    command: str


@dataclass(frozen=True, kw_only=True)
class StoredConfiguration:
    """A configuration: attributes of `Configuration` and `ConfigurationMean`, and its rank, which equal ones share."""

    rank: int
    label: str
    values: Mapping[str, Value]
    n_seeds: int
    n_parameters: int | None
    accuracy: float
    accuracy_sd: float | None
    accuracy_interval: Interval | None
    loss: float
    val_accuracy: float | None
    training_s: float
    on_time_frontier: bool
    on_size_frontier: bool
    networks: Sequence[StoredNetwork]


@dataclass(frozen=True, kw_only=True)
class StoredDifference:
    """A `PairDifference` with the labels of its configurations."""

    first: str
    second: str
    compared: str
    seeds: tuple[int, int] | None
    difference: float
    interval: Interval | None
    p_value: float
    p_adjusted: float
    is_significant: bool


@dataclass(frozen=True, kw_only=True)
class StoredGate:
    """A gate: its label, whether it sets the exit status, and the results of the runs that miss it by their names."""

    label: str
    severity: Severity
    passed: bool
    n_results: int
    missed: Mapping[str, GateResult]


@dataclass(frozen=True, kw_only=True)
class StoredSearch:
    """How many trials a search made, and how many of them ended in which way; trials.csv has each."""

    objective: str
    trials: int
    states: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class StoredSweep:
    """The content of sweep.json.

    Attributes:
        version: Version of fashion-job that wrote the file.
        parameters: Values of the settings that vary.
        settings: Settings that are the same in all runs, but not those of a recipe.
        search: None unless a search chose the configurations.
        ranked_by: The mean that ranks the configurations.
        best: Label of the configuration that ranks first.
        best_interval: Interval of its accuracy, which allows for the choice.
        optimism: By how much its mean test accuracy is too high on average if all configurations are equally good.
        n_pairs: Number of pairs that Holm's correction is for.
        differences: All pairs, or with more than 5,000 those of the best.
    """

    schema_version: int
    version: str
    data: str
    class_names: Sequence[str]
    n_test: int
    n_validation: int | None
    started: tuple[str, str]
    revisions: Sequence[str]
    machines: Sequence[str]
    parameters: Mapping[str, Sequence[Value]]
    settings: Mapping[str, Value]
    search: StoredSearch | None
    ranked_by: Criterion
    best: str
    best_interval: Interval | None
    optimism: float | None
    configurations: Sequence[StoredConfiguration]
    n_pairs: int
    differences: Sequence[StoredDifference]
    effects: Sequence[Effect]
    failures: Mapping[str, str]
    gates: Sequence[StoredGate] = ()


def encode_sweep(summary: SweepSummary, folder: Path) -> bytes:
    """The content of sweep.json in `folder`."""
    results, ranking, pairs = summary.results, summary.ranking, summary.pairs
    stored = StoredSweep(
        schema_version=SCHEMA_VERSION,
        version=job.__version__,
        data=results.data,
        class_names=results.class_names,
        n_test=results.n_test,
        n_validation=results.n_validation,
        started=results.started,
        revisions=results.revisions,
        machines=results.machines,
        parameters=results.parameters,
        settings=results.settings,
        search=_store_search(results.search),
        ranked_by=ranking.criterion,
        best=summary.best.label,
        best_interval=ranking.interval,
        optimism=ranking.optimism,
        configurations=[_store(summary, index, rank, folder) for rank, index in ranking.ranked],
        n_pairs=pairs.n_pairs if pairs else 0,
        differences=[_store_difference(each, results.configurations) for each in _list_differences(summary)],
        effects=summary.effects,
        failures=results.failures,
        gates=[
            StoredGate(
                label=each.gate.label,
                severity=each.gate.severity,
                passed=not each.missed,
                n_results=len(each.results),
                missed=each.missed,
            )
            for each in summary.gates
        ],
    )
    return msgspec.json.format(msgspec.json.encode(stored), indent=1) + b"\n"


def _store_search(search: SearchHistory | None) -> StoredSearch | None:
    if search is None:
        return None
    return StoredSearch(objective=search.objective, trials=len(search.trials), states=search.states)


def _store(summary: SweepSummary, index: int, rank: int, folder: Path) -> StoredConfiguration:
    configuration = summary.results.configurations[index]
    return StoredConfiguration(
        rank=rank,
        label=configuration.label,
        values=configuration.values,
        n_seeds=configuration.n_seeds,
        n_parameters=configuration.n_parameters,
        **vars(summary.means[index]),
        on_time_frontier=index in summary.time_frontier,
        on_size_frontier=index in summary.size_frontier,
        networks=_store_networks(configuration, folder),
    )


def _store_networks(configuration: Configuration, folder: Path) -> list[StoredNetwork]:
    measured = zip(configuration.networks, configuration.accuracies, configuration.losses, strict=True)
    return [
        StoredNetwork(
            run=network.run,
            folder=find_relative(network.folder, folder),
            seed=network.seed,
            accuracy=accuracy,
            loss=loss,
            val_accuracy=network.val_accuracy,
            val_loss=network.val_loss,
            training_s=network.training_s,
            command=network.command,
        )
        for network, accuracy, loss in measured
    ]


def find_relative(path: str, folder: Path) -> str:
    """A path relative to a folder, with `/` between its parts."""
    return Path(os.path.relpath(Path(path).resolve(), folder.resolve())).as_posix()


def _list_differences(summary: SweepSummary) -> list[PairDifference]:
    """All pairs in the order of their ranks, or those of the best."""
    pairs = summary.pairs
    if pairs is None or pairs.n_pairs > MAX_PAIRS:
        return summary.differences
    others = combinations(summary.ranking.order[1:], 2)
    return [*summary.differences, *(pairs.describe(first, second) for first, second in others)]


def _store_difference(pair: PairDifference, configurations: Sequence[Configuration]) -> StoredDifference:
    labels = {name: configurations[getattr(pair, name)].label for name in ("first", "second")}
    return StoredDifference(**vars(pair) | labels | {"is_significant": pair.is_significant})


def write_table(summary: SweepSummary, folder: Path) -> bytes:
    """The content of sweep.csv in `folder`: a line for each network, in the order of the ranks."""
    file = io.StringIO()
    names = list(summary.results.parameters)
    columns = ["rank", "configuration", *names, "run", "folder", "seed", "accuracy", "loss", "val_accuracy", "val_loss"]
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*columns, "training_s", "n_parameters"])
    for rank, index in summary.ranking.ranked:
        configuration = summary.results.configurations[index]
        for each in _store_networks(configuration, folder):
            values = [configuration.values[name] for name in names]
            row = [rank, configuration.label, *values, each.run, each.folder, each.seed, each.accuracy, each.loss]
            writer.writerow([*row, each.val_accuracy, each.val_loss, each.training_s, configuration.n_parameters])
    return file.getvalue().encode()

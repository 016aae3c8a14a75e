"""Plans the runs of a sweep: every combination of the parameters, with every seed."""

import hashlib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, overload

from job.config import settings
from job.config.run_config import OPTIONS, Config
from job.config.settings import Setting
from job.config.sweep_config import SweepRequest
from job.config.sweep_grid import MAX_RUNS
from job.errors import UsageError
from job.evaluation.sweep_networks import write_label
from job.text import count_noun

UNQUESTIONED = 10_000
"""The most runs that need no `--yes`."""

MAX_NAME = 120
"""The most characters of a configuration in the name of a folder; a file system takes 255 bytes."""


@dataclass(frozen=True)
class PlannedRun:
    """One training of the sweep.

    Attributes:
        name: Name of its folder, such as `mlp-learning-rate-0.002-seed3`.
        configuration: The parameters without the seed, such as `mlp, learning rate 0.002`.
        config: The settings; the seed, the output folder and the threads are set.
    """

    name: str
    configuration: str
    config: Config


@dataclass(frozen=True)
class Plan:
    """The runs in order, all seeds of a configuration in a row, and the values of the options that vary."""

    runs: Sequence[PlannedRun]
    parameters: Mapping[str, Sequence[Any]]

    @property
    def configurations(self) -> Sequence[PlannedRun]:
        """The first run of each configuration."""
        n_configurations = math.prod(len(values) for values in self.parameters.values())
        return self.runs[:: len(self.runs) // n_configurations]


@dataclass(frozen=True)
class Configuration:
    """A run without its seed: the name of its folders without it, its label, and its settings."""

    name: str
    label: str
    config: Config


class _Runs(Sequence[PlannedRun]):
    """Makes each run when it is asked for, so that a plan of any length is small."""

    def __init__(self, configurations: Sequence[Configuration], seeds: Sequence[int], output: str) -> None:
        self._configurations, self._seeds, self._output = configurations, seeds, output

    def __len__(self) -> int:
        return len(self._configurations) * len(self._seeds)

    def __iter__(self) -> Iterator[PlannedRun]:
        return (self[index] for index in range(len(self)))

    @overload
    def __getitem__(self, index: int) -> PlannedRun: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[PlannedRun]: ...
    def __getitem__(self, index: int | slice) -> PlannedRun | Sequence[PlannedRun]:
        if isinstance(index, slice):
            return [self[each] for each in range(len(self))[index]]
        position, seed_index = divmod(range(len(self))[index], len(self._seeds))
        configuration, seed = self._configurations[position], self._seeds[seed_index]
        name = f"{configuration.name}-seed{seed}"
        config = replace(configuration.config, seed=seed, output=f"{self._output}/runs/{name}")
        return PlannedRun(name, configuration.label, config)


def make_runs(name: str, configuration: Configuration, seeds: Sequence[int], output: str) -> Sequence[PlannedRun]:
    """The runs of a configuration, whose folders begin with `name`, in the folder of a sweep."""
    return _Runs([replace(configuration, name=name)], seeds, output)


def build_plan(request: SweepRequest) -> Plan:
    """Combine and check all parameters; the threads of a run are set only if the request sets them.

    Raises:
        UsageError: If a combination is refused, as for a single run, or there are too many.
    """
    n_runs = math.prod(len(values) for values in request.parameters.values()) * len(request.seeds)
    if n_runs > MAX_RUNS:
        raise UsageError(f"the plan has {n_runs:,} runs, but a sweep has at most {MAX_RUNS:,}; list fewer values")
    if n_runs > UNQUESTIONED and not request.config.yes:
        raise UsageError(f"the plan has {n_runs:,} runs; list fewer values, or add --yes if you want all of them")
    names = list(request.parameters)
    varying = {name: values for name, values in request.parameters.items() if len(values) > 1 or name == "recipe"}
    configurations = []
    for values in product(*request.parameters.values()):
        chosen = dict(zip(names, values, strict=True))
        configurations.append(configure(request, chosen, {name: chosen[name].value for name in varying}))
    _require_distinct([each.name for each in configurations])
    runs = _Runs(configurations, request.seeds, request.config.output)
    return Plan(runs, {name: [each.value for each in values] for name, values in varying.items()})


def find_varied(plan: Plan) -> list[str]:
    """The options of which the plan has several values."""
    return [name for name, values in plan.parameters.items() if len(values) > 1]


def describe_plan(plan: Plan) -> str:
    """The number of runs, configurations and seeds in words."""
    n_runs, n_configurations = len(plan.runs), len(plan.configurations)
    n_seeds = n_runs // n_configurations
    parts = f"{count_noun(n_configurations, 'configuration')} with {count_noun(n_seeds, 'seed')}"
    return f"{count_noun(n_runs, 'run')}: {parts}"


def configure(request: SweepRequest, chosen: Mapping[str, Setting], shown: Mapping[str, Any]) -> Configuration:
    """The configuration with the chosen values, of which those in `shown` vary.

    Raises:
        UsageError: If two values exclude each other.
    """
    fixed = {name: getattr(request.config, name) for name in ("data", "split_seed", "threads", "output")}
    own = {name: Setting(value, OPTIONS[name].flag) for name, value in fixed.items() if value is not None}
    last = max(request.seeds)
    config = settings.resolve(request.base, chosen, own, {"seed": Setting(last, "--seeds")})
    others = {name: shown[name] for name in OPTIONS if name in shown and name != "recipe"}  # as on the page
    label = write_label(config.recipe, others)
    words = [config.recipe, *(f"{OPTIONS[name].key}-{value}" for name, value in others.items())]
    return Configuration(_name_folder("-".join(words)), label, config)


def _name_folder(text: str) -> str:
    """A folder's name like `text`; of a long text, the end becomes a hash."""
    name = re.sub(r"[^A-Za-z0-9._+-]", "+", text)
    if len(name) <= MAX_NAME:
        return name
    return f"{name[: MAX_NAME - 9]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _require_distinct(names: Sequence[str]) -> None:
    if len(set(names)) < len(names):
        repeated = next(name for name in names if names.count(name) > 1)
        raise UsageError(f"two configurations would both be called {repeated}; leave out one of their values")

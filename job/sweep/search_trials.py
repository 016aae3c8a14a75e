"""Makes the runs of a trial from the values that a search chose."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

from job.config.run_config import OPTIONS
from job.config.search_space import Range, Search
from job.config.settings import Setting
from job.config.sweep_config import SweepRequest
from job.errors import UsageError
from job.sweep.plan import Configuration, PlannedRun, configure, make_runs
from job.sweep.study import Trial, round_value

N_PROBES = 64
"""Points of a search that are checked before the first trial."""

COMPARABLE = {"accuracy": ("validation_split",), "loss": ("validation_split", "label_smoothing")}
"""Options on which the objective itself depends."""


def name_trial(number: int) -> str:
    """The name of the folders of a trial, without the seed."""
    return f"trial-{number:04}"


def configure_values(request: SweepRequest, values: Mapping[str, Any]) -> Configuration:
    """The configuration with these values.

    Raises:
        UsageError: If they exclude each other, or nothing is held out for validation.
    """
    fixed = {name: settings[0] for name, settings in request.parameters.items()}
    chosen = {name: Setting(value, OPTIONS[name].key) for name, value in values.items()}
    configuration = configure(request, {**fixed, **chosen}, values)
    if configuration.config.validation_split == 0:
        raise UsageError("a search judges by validation images; hold out some: validation-split 0.1")
    return configuration


def build_runs(request: SweepRequest, trial: Trial) -> Sequence[PlannedRun]:
    """The runs of a trial, one for each seed."""
    configuration = configure_values(request, trial.values)
    return make_runs(name_trial(trial.number), configuration, request.seeds, request.config.output)


def probe_space(request: SweepRequest, search: Search) -> Sequence[Configuration]:
    """Some configurations from which the search may choose.

    Raises:
        UsageError: If all are refused, or their objectives cannot be compared.
    """
    choose = random.Random(0)  # noqa: S311 - no secret
    configurations, refusal = [], None
    for index in range(N_PROBES):
        values = {name: _choose(search, name, index, choose) for name in search.parameters}
        try:
            configurations.append(configure_values(request, values))
        except UsageError as error:
            refusal = refusal or error
    if refusal and not configurations:
        raise refusal
    for name in COMPARABLE[search.objective]:
        if len({getattr(each.config, name) for each in configurations}) > 1:
            problem = f"search compares the validation {search.objective}, which {OPTIONS[name].key} changes by itself"
            raise UsageError(f"{problem}; set one value for all trials")
    return configurations


def _choose(search: Search, name: str, index: int, choose: random.Random) -> Any:  # noqa: ANN401
    """A value of a parameter; the first probes have the ends of a range, and each of the values."""
    space, ends = search.parameters[name], search.values(name)
    if not isinstance(space, Range):
        return ends[index % len(ends)] if index < len(ends) else choose.choice(ends)
    if index < len(ends):
        return ends[index]
    value = choose.uniform(space.low, space.high)
    return round(value) if OPTIONS[name].kind is int else round_value(value, space)

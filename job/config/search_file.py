"""Reads the key `search` of a sweep's file."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

from job.config import settings_file
from job.config.combinations import MAX_SEED
from job.config.options import Option, describe_unknown
from job.config.run_config import OPTIONS
from job.config.search_space import Objective, Range, Search, Values
from job.config.settings import Setting, read_setting
from job.config.sweep_config import VARIABLE
from job.config.sweep_grid import MAX_RUNS, find_name, read_mapping, read_values
from job.errors import UsageError
from job.system.program import name_program

if TYPE_CHECKING:
    import yaml

_SEARCH: dict[str, Any] = {"role": "run", "help": ""}
KEYS = {
    "trials": Option(name="trials", kind=int, default=0, minimum=1, maximum=MAX_RUNS, **_SEARCH),
    "objective": Option(name="objective", kind=str, default="accuracy", choices=get_args(Objective), **_SEARCH),
    "pruning": Option(name="pruning", kind=bool, default=True, **_SEARCH),
    "seed": Option(name="seed", kind=int, default=0, minimum=0, maximum=MAX_SEED, **_SEARCH),
}
"""The keys of `search` besides `parameters`."""

LOG = Option(name="log", kind=bool, default=False, **_SEARCH)
FORM = "must be a list of values, or a range such as {low: 1e-4, high: 1e-2, log: true}"


def read_search(name: str, node: "yaml.Node") -> Search:
    """The search in the file `name`, from the value of its key `search`.

    Raises:
        UsageError: If a key is unknown, missing or set twice, or an option refuses a value.
    """
    given: dict[str, Any] = {}
    for key, value in read_mapping(name, node, "trials"):
        if key.value == "parameters":
            given[key.value] = _read_parameters(name, value)
        elif key.value in KEYS:
            raw = settings_file.read_raw(name, value)
            given[key.value] = read_setting(KEYS[key.value], raw, f"{name}: search {key.value}").value
        else:
            known = [*KEYS, "parameters"]
            problem = describe_unknown("key", key.value, known, program=f"{name_program()} sweep", prefix="")
            raise settings_file.error_at(name, key, problem)
    for missing, example in (("trials", "50"), ("parameters", "{learning-rate: {low: 1e-4, high: 1e-2, log: true}}")):
        if not given.get(missing):
            problem = f"search has no {missing}; add, for example, `{missing}: {example}`"
            raise settings_file.error_at(name, node, problem)
    return Search(**given)


def _read_parameters(name: str, node: "yaml.Node") -> dict[str, Range | Values]:
    import yaml

    parameters: dict[str, Range | Values] = {}
    for key, value in read_mapping(name, node, "learning-rate"):
        option = find_name(key.value, partial(settings_file.error_at, name, key))
        if option not in VARIABLE:
            raise settings_file.error_at(name, key, f"{key.value} must be the same in all runs; it cannot be searched")
        if isinstance(value, yaml.MappingNode):
            parameters[option] = _read_range(name, OPTIONS[option], value)
        elif isinstance(value, yaml.SequenceNode):
            texts = settings_file.read_raw(name, value)
            parameters[option] = [each.value for each in read_values(option, texts or [], f"{name}: search")]
        else:
            raise settings_file.error_at(name, value, f"{OPTIONS[option].key} {FORM}")
    return {option: parameters[option] for option in OPTIONS if option in parameters}  # in the order of the page


def _read_range(name: str, option: Option, node: "yaml.Node") -> Range:
    fail = partial(settings_file.error_at, name, node)
    if option.kind not in (int, float):
        raise fail(f"{option.key} has no range; list its values")
    given: dict[str, Any] = {}
    for key, value in read_mapping(name, node, "low"):
        if key.value not in ("low", "high", "log") or key.value in given:
            raise settings_file.error_at(name, key, f"{option.key} {FORM}")
        raw, label = settings_file.read_raw(name, value), f"{name}: search {option.key} {key.value}"
        number = read_setting(LOG if key.value == "log" else option, raw, label).value
        given[key.value] = number if key.value == "log" else option.kind(number)
    if not {"low", "high"} <= given.keys():
        raise fail(f"{option.key} {FORM}")
    if given["low"] >= given["high"]:
        raise fail(f"{option.key} has low {given['low']} and high {given['high']}; low must be the lower one")
    if given.get("log") and given["low"] <= 0:
        raise fail(f"{option.key} has low {given['low']}, but with log it must be above 0")
    return Range(**given)


def require_single_values(search: Search, parameters: Mapping[str, Sequence[Setting]]) -> None:
    """Check that what is the same in all trials has one value and is not searched.

    Raises:
        UsageError: If it is not so.
    """
    for name, settings in parameters.items():
        if name in search.parameters:
            raise UsageError(f"{settings[0].label} is set, but search chooses {OPTIONS[name].key}; remove one of them")
        if len(settings) > 1:
            raise UsageError(
                f"{settings[0].label} has {len(settings)} values; with search, list them in `search: parameters`"
            )

"""Reads the parameters and seeds of a sweep, from the command line or from a file."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from job.config import settings_file
from job.config.combinations import MAX_SEED
from job.config.options import describe_unknown
from job.config.run_config import OPTIONS
from job.config.search_space import Search
from job.config.settings import Setting, read_setting
from job.config.sweep_config import SET_BY_SWEEP, VARIABLE
from job.errors import UsageError
from job.system.program import name_program

if TYPE_CHECKING:
    import yaml

MAX_RUNS = 1_000_000
KEYS = ("parameters", "seeds", "search")
SEEDS = re.compile(r"([0-9]{1,10})(?:-([0-9]{1,10}))?")


@dataclass(frozen=True)
class Grid:
    """The values of each parameter, by field of `Config`, and the seeds and the search if something sets them."""

    parameters: Mapping[str, Sequence[Setting]] = field(default_factory=dict)
    seeds: Sequence[int] | None = None
    search: Search | None = None


def read_assignments(texts: Sequence[str], flag: str = "--set") -> dict[str, Sequence[Setting]]:
    """The parameters in texts such as `learning_rate=0.001,0.002`.

    A semicolon separates values that contain a comma themselves: `augment=none;flip,shift`.

    Raises:
        UsageError: If an option is unknown, set twice, cannot be a parameter, or refuses a value.
    """
    parameters: dict[str, Sequence[Setting]] = {}
    for text in texts:
        name, equals, values = text.partition("=")
        if not equals:
            raise UsageError(f"{flag} {text[:80]!r} has no value; write {flag} learning-rate=0.001,0.002")
        if not name.strip():
            raise UsageError(f"{flag} {text[:80]!r} names no option; write {flag} learning-rate=0.001,0.002")
        option = find_name(name.strip(), UsageError)
        if option in parameters:
            raise UsageError(f"{flag} {OPTIONS[option].key} is given twice; write all values in one {flag}")
        parameters[option] = read_values(option, values.split(";" if ";" in values else ","), flag)
    return parameters


def read_values(name: str, texts: Sequence[str | None], label: str) -> list[Setting]:
    """The values of one option, of which each is listed once."""
    option = OPTIONS[name]
    label = label if label == option.flag else f"{label} {option.key}"
    settings = [read_setting(option, text.strip() if text else text, label) for text in texts]
    values = [setting.value for setting in settings]
    if not values:
        raise UsageError(f"{label} has no value; list at least one")
    if repeated := [value for value in values if values.count(value) > 1]:
        raise UsageError(f"{label} lists {repeated[0]} twice; list each value once")
    if len(values) > 1 and name not in VARIABLE:
        raise UsageError(f"{label} has {len(values)} values, but must be the same in all runs; set one value")
    return settings


def read_seeds(text: str, label: str = "--seeds") -> tuple[int, ...]:
    """The seeds in a text such as `0-9,20`, each once.

    Raises:
        UsageError: If the text has another form, repeats a seed, or has too many.
    """
    rule = f"must be seeds from 0 to {MAX_SEED} and ranges of them, separated by commas, such as 0-9,20"
    ranges = []
    for part in text.split(","):
        match = SEEDS.fullmatch(part.strip())
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last <= MAX_SEED:
            raise UsageError(f"{label} is {text[:80]!r}, but {rule}")
        ranges.append(range(first, last + 1))
    if sum(map(len, ranges)) > MAX_RUNS:
        raise UsageError(
            f"{label} {text[:80]} are {sum(map(len, ranges)):,} seeds; a sweep has at most {MAX_RUNS:,} runs"
        )
    ordered = sorted(ranges, key=lambda each: each.start)
    if repeated := [after.start for before, after in pairwise(ordered) if after.start in before]:
        raise UsageError(f"{label} lists the seed {repeated[0]} twice; list each seed once")
    return tuple(seed for each in ranges for seed in each)


def read_file(name: str) -> Grid:
    """The grid in a YAML file, which has `parameters` (options with one value or a list), `seeds` and `search`.

    Raises:
        UsageError: If it cannot be read, or has something else in it.
    """
    parameters: dict[str, Sequence[Setting]] = {}
    seeds = search = None
    for key, value in read_mapping(name, settings_file.compose(name, settings_file.read_text(name)), KEYS[0]):
        if key.value == "seeds":
            texts = settings_file.read_raw(name, value)
            seeds = read_seeds(",".join(texts) if isinstance(texts, list) else texts or "", f"{name}: seeds")
        elif key.value == "parameters":
            parameters = _read_parameters(name, value)
        elif key.value == "search":
            from job.config import search_file  # which imports this module

            search = search_file.read_search(name, value)
        else:
            raise settings_file.error_at(
                name, key, describe_unknown("key", key.value, KEYS, program=f"{name_program()} sweep")
            )
    return Grid(parameters, seeds, search)


def _read_parameters(name: str, node: "yaml.Node") -> dict[str, Sequence[Setting]]:
    import yaml

    parameters: dict[str, Sequence[Setting]] = {}
    for key, value in read_mapping(name, node, "learning-rate"):
        option = find_name(key.value, partial(settings_file.error_at, name, key))
        texts = settings_file.read_raw(name, value)
        if not isinstance(value, yaml.SequenceNode) or OPTIONS[option].kind is tuple:
            parameters[option] = [read_setting(OPTIONS[option], texts, f"{name}: {OPTIONS[option].key}")]
        else:
            parameters[option] = read_values(option, texts or [], f"{name}:")
    return parameters


def read_mapping(name: str, node: "yaml.Node | None", example: str) -> "list[tuple[yaml.ScalarNode, yaml.Node]]":
    """The keys and values of a mapping in the file `name`; an error shows the key `example`."""
    import yaml

    if node is None or not isinstance(node, yaml.MappingNode):
        raise settings_file.error_at(name, node or 0, f"is not a mapping with keys such as `{example}:`")
    seen: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise settings_file.error_at(name, key, "a key must be a name")
        word = key.value.replace("_", "-")
        if word in seen:
            raise settings_file.error_at(name, key, f"{key.value} is set twice")
        seen.add(word)
    return list(node.value)


def find_name(word: str, error: Callable[[str], UsageError]) -> str:
    """The field of `Config` that a word names, if it may be a parameter."""
    name = word.replace("-", "_")
    if name in SET_BY_SWEEP:
        raise error(f"{word} cannot be a parameter of a sweep: {SET_BY_SWEEP[name]}")
    if name not in OPTIONS:
        keys = [option.key for option in OPTIONS.values() if option.name not in SET_BY_SWEEP]
        raise error(describe_unknown("parameter", word, keys))
    return name

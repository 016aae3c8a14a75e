"""Collects the settings of a run from command line, environment and settings file, and resolves them to a `Config`."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from job.config.combinations import check_combinations
from job.config.options import PREFIX, SHORTENED, Option, describe_unknown
from job.config.recipes import RECIPES
from job.config.run_config import OPTIONS, Config
from job.config.serve_config import SERVE_OPTIONS
from job.errors import UsageError
from job.text import is_displayable

PROVENANCE = ("IMAGE", "IMAGE_REVISION", "REVISION", "COMMAND")
"""What may follow the prefix to describe the program and what started it, see job/results/provenance.py."""

MAX_REVISION = 300
"""The most characters of a revision, so that the line of the run in a history can be read again."""

KUBERNETES = re.compile(r"(SERVICE_HOST|SERVICE_PORT.*|PORT_.*)=.*|PORT=[a-z]+://.*", re.DOTALL)
"""What follows the prefix in the variables that Kubernetes sets where a service is named fashion-job.

Its `PORT` is an address such as tcp://10.0.0.1:8000; the option --port is a number."""


@dataclass(frozen=True)
class Setting:
    """The value of an option, and the name of the option where it was set, such as `FASHION_JOB_EPOCHS`."""

    value: Any
    label: str


Settings = Mapping[str, Setting]
"""Settings by field of `Config`."""


def read_setting(option: Option, raw: str | list[str] | None, label: str) -> Setting:
    """The setting that a text or a list of texts represents; raises a `UsageError` if the option refuses it."""
    value = option.convert(raw)
    option.check(value, label)
    return Setting(value, label)


def from_environment(environment: Mapping[str, str], known: Mapping[str, Option] = OPTIONS) -> Settings:
    """The settings of the options `known` in environment variables; those of other commands are left out.

    Raises:
        UsageError: if a variable with the job's prefix is unknown, or its value is not valid.
    """
    options = {name.upper(): option for name, option in {**SERVE_OPTIONS, **OPTIONS, **known}.items()}
    settings = {}
    for variable, text in environment.items():
        word = variable.removeprefix(PREFIX)
        if word == variable or KUBERNETES.fullmatch(f"{word}={text}"):
            continue
        if word in options:
            if options[word].name in known:
                settings[options[word].name] = read_setting(options[word], text, variable)
        elif word not in PROVENANCE:
            raise UsageError(describe_unknown("environment variable", word, options, prefix=PREFIX))
        elif not is_displayable(text):  # metrics.json could be written, but not be read again
            shown = SHORTENED.repr(text)
            raise UsageError(f"{variable} is {shown}, but must be UTF-8 text without control characters")
        elif word.endswith("REVISION") and len(text) > MAX_REVISION:
            shown = SHORTENED.repr(text)
            raise UsageError(f"{variable} is {shown}, but must have at most {MAX_REVISION} characters")
    return settings


def resolve(*layers: Settings) -> Config:
    """The configuration that these settings give; each layer overrides those before it, the recipe and the defaults.

    Raises:
        UsageError: if two values exclude each other.
    """
    settings = {name: setting for layer in layers for name, setting in layer.items()}
    values = {name: setting.value for name, setting in settings.items()}
    defaults = {name: option.default for name, option in OPTIONS.items()}
    check_combinations({**defaults, **RECIPES[values.get("recipe", "baseline")], **values}, list_labels(layers))
    return Config(**values)


def list_labels(layers: Iterable[Settings]) -> dict[str, str]:
    """Where each option is set, by field name."""
    return {name: setting.label for layer in layers for name, setting in layer.items()}

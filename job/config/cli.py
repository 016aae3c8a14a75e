"""Reads the command line."""

import contextlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from job.config import settings, settings_file
from job.config.gate_options import check_gate_options
from job.config.options import Option
from job.config.parsers import RENDER_OPTIONS, print_to_stdout, render_parser, report_parser, serve_parser, train_parser
from job.config.prediction_files import PREDICTION_OPTIONS, SHARED, PredictionFiles
from job.config.run_config import OPTIONS, STREAM, Config
from job.config.serve_config import SERVE_OPTIONS, ServeConfig
from job.config.sweep_config import SweepRequest
from job.errors import UsageError


@dataclass(frozen=True)
class Command:
    """A command with its settings.

    `render` uses only `RENDER_OPTIONS`, and `report` those that it shares with a run, next to its own. `serve` and
    `sweep` have settings of their own.
    """

    name: Literal["train", "render", "report", "serve", "sweep"]
    config: Config
    log_level: int
    sources: tuple[str, ...] = ()  # files and variables that set an option
    serve: ServeConfig | None = None
    sweep: SweepRequest | None = None
    files: PredictionFiles | None = None


def parse(argv: Sequence[str]) -> Command:
    """The command that `argv`, the environment and the settings file give.

    Raises:
        UsageError: if something is unknown, out of range or contradictory.
        OutputError: if stdout cannot be written.
        SystemExit: after `--help`, `--help-metrics`, `--version` or `--print-config`.
    """
    if argv[:1] == ["serve"]:
        return _parse_serve(argv[1:])
    if argv[:1] == ["report"]:
        return _parse_report(argv[1:])
    if argv[:1] == ["sweep"]:
        from job.config import sweep_cli

        return sweep_cli.parse(argv[1:])
    is_render = argv[:1] == ["render"]
    given = render_parser().parse(argv[1:]) if is_render else train_parser().parse(argv)
    log_level, print_config = given.pop("log_level"), given.pop("print_config", False)
    file = given.pop("config", None)
    layers = [*read_surroundings(file), read_given(given, OPTIONS)]
    if is_render:
        layers = [{name: layer[name] for name in RENDER_OPTIONS if name in layer} for layer in layers]
    config = settings.resolve(*layers)
    sources = name_sources(layers[:2])
    if is_render and config.output == STREAM:
        raise UsageError(f"--output {STREAM} is only for training; render reads and writes a folder: name the folder")
    _check(config, layers, is_render=is_render)
    if print_config:
        print_to_stdout(settings_file.write(config))
        raise SystemExit(0)
    return Command("render" if is_render else "train", config, log_level, sources)


def _check(config: Config, layers: Iterable[settings.Settings], *, is_render: bool = False) -> None:
    """Check what the options of a run say about other runs; `layers` are the settings."""
    has_other = is_render or config.reference is not None or config.history is not None  # render looks at the run
    labels = settings.list_labels(layers)
    check_gate_options(config, labels, has_other=has_other, remedy="add --reference DIR or --history FILE")
    if config.reference is not None and _is_same(config.reference, config.output):
        raise UsageError(
            f"--reference {config.reference} is the folder of --output, whose files this run will replace; name "
            "another --output"
        )


def _parse_report(argv: Sequence[str]) -> Command:
    """The command `report`; the environment and a settings file set only what it shares with a run."""
    given = report_parser().parse(argv)
    log_level = given.pop("log_level")
    files = {name: given.pop(name) for name in PREDICTION_OPTIONS if name in given}
    layers = [*read_surroundings(given.pop("config", None)), read_given(given, OPTIONS)]
    layers = [{name: layer[name] for name in SHARED if name in layer} for layer in layers]
    config = settings.resolve(*layers)
    _check(config, layers)
    own = {name: setting.value for name, setting in read_given(files, PREDICTION_OPTIONS).items()}
    return Command("report", config, log_level, name_sources(layers[:2]), files=PredictionFiles(**own))


def _parse_serve(argv: Sequence[str]) -> Command:
    """The command `serve`; a settings file sets only what it shares with a run."""
    given = serve_parser().parse(argv)
    log_level = given.pop("log_level")
    file, environment = read_surroundings(None, SERVE_OPTIONS)
    layers = [file, environment, read_given(given, SERVE_OPTIONS)]
    config = ServeConfig(**{name: setting.value for layer in layers for name, setting in layer.items()})
    if config.output == STREAM:
        raise UsageError(f"--output {STREAM} is only for training; serve reads a folder: name the folder")
    return Command("serve", Config(), log_level, name_sources(layers[:2]), config)


def read_surroundings(file: str | None, options: Mapping[str, Option] = OPTIONS) -> list[settings.Settings]:
    """The settings in a file, by default that in the working directory, and those in the environment.

    The file /dev/null is none at all.
    """
    if file is None:
        file = settings_file.find_default()
    in_file = {} if file in {None, os.devnull} else settings_file.read(file)
    in_file = {name: setting for name, setting in in_file.items() if name in options}
    return [in_file, settings.from_environment(os.environ, options)]


def read_given(given: Mapping[str, Any], options: Mapping[str, Option]) -> settings.Settings:
    """The settings on the command line."""
    return {name: settings.read_setting(options[name], raw, options[name].flag) for name, raw in given.items()}


def name_sources(layers: Iterable[settings.Settings]) -> tuple[str, ...]:
    """The files and variables that set something."""
    return tuple(dict.fromkeys(each.label.split(": ")[0] for layer in layers for each in layer.values()))


def _is_same(folder: str, other: str) -> bool:
    """Whether two names refer to one folder, which need not exist."""
    with contextlib.suppress(OSError):
        return Path(folder).samefile(other)
    return os.path.realpath(folder) == os.path.realpath(other)  # Path.resolve fails on a link to itself

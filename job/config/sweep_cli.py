"""Reads the command line of `sweep`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from job.config.cli import Command, name_sources, read_given, read_surroundings
from job.config.gate_options import GATE_OPTIONS, check_gate_options
from job.config.parsers import Parser, add_options
from job.config.run_config import OPTIONS, Config
from job.config.search_file import require_single_values
from job.config.settings import Setting, Settings, list_labels
from job.config.sweep_config import SET_BY_SWEEP, SWEEP_OPTIONS, SweepConfig, SweepRequest
from job.config.sweep_grid import Grid, read_assignments, read_file, read_seeds, read_values
from job.errors import UsageError
from job.system.program import name_program

SHARED = ("data", "split_seed", "threads", "summary")
"""What the environment and `fashion-job.yaml` set for a sweep as a whole, apart from its gates."""

OF_COLLECT = ("summary", *GATE_OPTIONS)
"""What they set for `--collect`, which trains nothing."""

OF_RUNS = {
    each.flag: each.key for name, each in OPTIONS.items() if name not in {*SWEEP_OPTIONS, *SET_BY_SWEEP, "recipe"}
}
"""The options of a run that are no options of `sweep`."""

OF_NO_SWEEP = {OPTIONS[name].flag: reason for name, reason in SET_BY_SWEEP.items() if name not in SWEEP_OPTIONS}
"""The options of a run that a sweep sets itself, each with the reason."""


def parse(argv: Sequence[str]) -> Command:
    """The command that `argv` gives.

    Options of a run that the environment or `fashion-job.yaml` sets apply to all runs, unless they are parameters.

    Raises:
        UsageError: If something is unknown, out of range or contradictory.
    """
    for word in argv:
        if key := OF_RUNS.get(word.split("=")[0]):
            raise UsageError(f"unknown option --{key}; set it for all runs: --set {key}=VALUE")
        if reason := OF_NO_SWEEP.get(word.split("=")[0]):
            raise UsageError(f"unknown option {word.split('=')[0]}: {reason}; leave it out")
    given = sweep_parser().parse(argv)
    log_level, collect = given.pop("log_level"), given.pop("collect", ())
    grid = _read_grid(given)
    layers = read_surroundings(None)
    if collect:
        layers = [{name: each for name, each in layer.items() if name in OF_COLLECT} for layer in layers]
    _require_applicable(layers)
    shared = [{name: layer[name] for name in (*SHARED, *GATE_OPTIONS) if name in layer} for layer in layers]
    own = read_given(given, SWEEP_OPTIONS)
    config = SweepConfig(**{name: each.value for layer in (*shared, own) for name, each in layer.items()})
    if collect and (grid.parameters or grid.seeds or grid.search or set(own) - {"output", *OF_COLLECT}):
        raise UsageError("--collect trains nothing; combine it only with --output, --summary and gates")
    base = {name: setting for layer in layers for name, setting in layer.items()}
    searched = grid.search.parameters if grid.search else {}
    if grid.search:
        require_single_values(grid.search, grid.parameters)
        if config.only_index is not None:
            raise UsageError("--only-index does a run of a plan, but search plans while it runs; leave out one of them")
    request = SweepRequest(
        config=config,
        base={name: each for name, each in base.items() if name not in {*SET_BY_SWEEP, *grid.parameters, *searched}},
        parameters=grid.parameters if "recipe" in searched else _with_recipe(grid.parameters, base),
        seeds=grid.seeds or (0,),
        collect=tuple(collect),
        search=grid.search,
    )
    if config.cluster is not None and "reference" in {**request.base, **request.parameters}:
        raise UsageError("reference cannot be combined with --cluster: the nodes do not have that folder; leave it out")
    has_other = bool(collect) or "reference" in {**request.base, **request.parameters}
    labels = list_labels([*shared, own])
    check_gate_options(config, labels, has_other=has_other, remedy="add --set reference=DIR", is_sweep=True)
    return Command("sweep", Config(), log_level, name_sources(layers), sweep=request)


def _require_applicable(layers: Iterable[Settings]) -> None:
    """Refuse what the environment or `fashion-job.yaml` sets, but a sweep sets itself."""
    for name, setting in ((name, setting) for layer in layers for name, setting in layer.items()):
        if name in SET_BY_SWEEP and name not in SWEEP_OPTIONS:
            raise UsageError(f"{setting.label} cannot be set for a sweep: {SET_BY_SWEEP[name]}; remove it there")
        if name == "output":
            raise UsageError(f"{setting.label} cannot be set for a sweep, whose folder is --output; remove it there")


def _with_recipe(parameters: Mapping[str, Any], base: Mapping[str, Setting]) -> dict[str, Any]:
    """The parameters with the recipe first, which every configuration names."""
    recipe = parameters.get("recipe") or [base.get("recipe", Setting("baseline", "--recipe"))]
    return {"recipe": recipe, **{name: each for name, each in parameters.items() if name != "recipe"}}


def _read_grid(given: dict[str, Any]) -> Grid:
    """The grid of the file and the command line, which overrides the file; removes its options from `given`."""
    file = given.pop("config", None)
    in_file = Grid() if file is None else read_file(file)
    on_line = read_assignments(given.pop("set", ()))
    if recipes := given.pop("recipe", None):
        if "recipe" in on_line:
            raise UsageError("--recipe cannot be combined with --set recipe: name the recipes once")
        on_line["recipe"] = read_values("recipe", [part for text in recipes for part in text.split(",")], "--recipe")
    seeds = read_seeds(given.pop("seeds")) if "seeds" in given else in_file.seeds
    return Grid({**in_file.parameters, **on_line}, seeds, in_file.search)


def sweep_parser() -> Parser:
    """The parser of `sweep`."""
    parser = Parser(
        f"{name_program()} sweep",
        "Train many configurations with several seeds each, side by side or on a Ray cluster, and compare them in one "
        "page.\n\nStart the same command again to continue a sweep that was stopped.",
    )
    parser.add_help_metrics()
    group = parser.add_argument_group("what to train")
    recipe = OPTIONS["recipe"].placeholder
    group.add_argument("--recipe", action="append", metavar=recipe, help="Recipe; may be repeated (default: baseline).")
    group.add_argument("--seeds", metavar="LIST", help="Seeds of each configuration, such as 0-9 (default: 0).")
    text = "Values of an option of a run, such as learning-rate=0.001,0.002; may be repeated, and all are combined."
    group.add_argument("--set", action="append", metavar="NAME=VALUES", help=text)
    text = "File with the keys parameters, seeds and search (default: no file)."
    group.add_argument("--config", metavar="FILE", help=text)
    text = "Train nothing; make the page from the runs in this folder; may be repeated."
    group.add_argument("--collect", action="append", metavar="DIR", help=text)
    add_options(parser.add_argument_group("how and where"), SWEEP_OPTIONS.values())
    return parser

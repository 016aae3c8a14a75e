"""Declares the options of `sweep`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from job.config.combinations import MAX_SEED
from job.config.gate_options import GATE_OPTIONS, gate_option
from job.config.options import describe_options, option
from job.config.run_config import FOLDER, FRACTION, OPTIONS, SPLIT_SEED, SUMMARY, SummaryForm
from job.config.search_space import Search
from job.config.settings import Setting, Settings
from job.errors import UsageError

SET_BY_SWEEP = {
    "seed": "the seeds have an option of their own: --seeds 0-9",
    "runs": "each run of a sweep trains one network: --seeds 0-9",
    "output": "each run has its own folder in that of the sweep",
    "name": "the report of a run names its recipe and seed",
    "threads": "the threads of each run have an option of their own: --threads N",
    "data": "all runs use one data set, which has an option of its own: --data DIR",
    "summary": "that of a sweep has an option of its own: --summary json",
    "history": "a history follows one configuration over time, and a sweep compares many",
    **{name: f"the gates of a sweep have options of their own: {OPTIONS[name].flag}" for name in GATE_OPTIONS},
    "split_seed": "all runs use the same test images; the split has an option of its own: --split-seed N",
}
"""The options of a run that a sweep sets itself, each with the reason."""

CLUSTER = re.compile(r"auto|(ray://)?(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\]):(?P<port>[0-9]{1,5})")
"""An address of a Ray cluster."""

VARIABLE = tuple(name for name, each in OPTIONS.items() if each.role != "run" and name not in SET_BY_SWEEP)
"""The options that may have several values; all others are the same in all runs."""


@dataclass(frozen=True, kw_only=True)
class SweepConfig:
    """The settings of `sweep`, which only the command line sets.

    Raises:
        UsageError: If a value is out of range, or two values exclude each other.
    """

    data: str | None = option(
        None, "run", "Folder with the data set of all runs.", unset="find or download Fashion-MNIST", **FOLDER
    )
    split_seed: int | None = option(None, "run", SPLIT_SEED, unset="0", minimum=0, maximum=MAX_SEED)
    threads: int | None = option(
        None, "run", "Threads of each run.", unset="by model and processors", minimum=1, maximum=1024
    )
    parallel: int | None = option(
        None,
        "run",
        "Runs at the same time.",
        unset="as many as processors and memory allow",
        minimum=1,
        maximum=100_000,
    )
    cluster: str | None = option(
        None,
        "run",
        "Ray cluster to run on: auto, HOST:PORT or ray://HOST:PORT.",
        unset="this machine, without Ray",
        metavar="ADDRESS",
        accepts=lambda text: CLUSTER.fullmatch(text) is not None,
        rule="auto, HOST:PORT or ray://HOST:PORT",
    )
    cpus_per_run: int = option(1, "run", "Processors of the cluster for each run.", minimum=1, maximum=1024)
    gpus_per_run: int = option(0, "run", "GPUs of the cluster for each run.", minimum=0, maximum=64)
    fail_under: tuple[str, ...] = gate_option(
        "Exit with 1 if a metric of any run is lower, such as accuracy=0.88, or the mean of the best configuration, "
        "such as best:accuracy=0.9."
    )
    fail_over: tuple[str, ...] = gate_option("Exit with 1 if a metric is higher, such as ece=0.05.")
    warn_under: tuple[str, ...] = gate_option("Only warn if a metric is lower.")
    warn_over: tuple[str, ...] = gate_option("Only warn if a metric is higher.")
    fail_if_worse: bool = option(
        default=False,
        role="run",
        text="Exit with 1 if the accuracy of any run is significantly lower than that of its reference.",
    )
    warn_if_worse: bool = option(default=False, role="run", text="Only warn in that case.")
    tolerance: float | None = option(
        None, "run", "Loss in accuracy that the two options above allow.", unset="0", **FRACTION
    )
    summary: SummaryForm = option("text", "run", SUMMARY)
    only_index: int | None = option(
        None, "run", "Only the run with this number in the plan, from 0.", unset="all runs", minimum=0
    )
    list: bool = option(default=False, role="run", text="Print the plan, and exit.")
    fail_fast: bool = option(default=False, role="run", text="Stop all runs when one fails.")
    fresh: bool = option(default=False, role="run", text="Remove the earlier runs of the folder, and start over.")
    yes: bool = option(default=False, role="run", text="Accept a plan of more than 10,000 runs.")
    output: str = option("sweep", "run", "Folder of the sweep.", **FOLDER)

    def __post_init__(self) -> None:
        for name, description in SWEEP_OPTIONS.items():
            description.check(getattr(self, name), description.flag)
        if self.output == "-":
            raise UsageError("--output - is only for a single run; a sweep writes a folder: name the folder")
        for name in ("cpus_per_run", "gpus_per_run"):
            flag = SWEEP_OPTIONS[name].flag
            if self.cluster is None and getattr(self, name) != SWEEP_OPTIONS[name].default:
                raise UsageError(
                    f"{flag} is only for a cluster; add --cluster ADDRESS, or use --threads and --parallel"
                )
        if self.cluster is not None and self.only_index is not None:
            raise UsageError("--only-index runs one process here; leave out --cluster")
        if self.fresh and self.only_index is not None:
            raise UsageError(
                "--only-index runs one of the sweep's runs, so --fresh would remove the others; leave out --fresh, or "
                "name a new --output"
            )
        if self.list and self.only_index is not None:
            raise UsageError("--list prints the whole plan; leave out --only-index")


SWEEP_OPTIONS = describe_options(SweepConfig)
"""The options by field name, in the order of `--help`."""


@dataclass(frozen=True, kw_only=True)
class SweepRequest:
    """What the command line asks of `sweep`.

    Attributes:
        base: What is the same in all runs, and is not in `parameters`.
        parameters: The values of each option that the command line or the file of the sweep lists, by field of
            `Config`, `recipe` first.
        seeds: The seeds of each configuration.
        collect: Folders whose runs are to be collected, instead of training.
        search: What chooses further settings; each of `parameters` then has one value.
    """

    config: SweepConfig
    base: Settings = field(default_factory=dict)
    parameters: Mapping[str, Sequence[Setting]] = field(default_factory=dict)
    seeds: Sequence[int] = (0,)
    collect: Sequence[str] = ()
    search: Search | None = None

    def values(self) -> dict[str, list[Any]]:
        """The values of each parameter."""
        return {name: [each.value for each in settings] for name, settings in self.parameters.items()}

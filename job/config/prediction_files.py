"""Declares the options of `report`: the files with the predictions of any program."""

import shlex
from dataclasses import dataclass, replace

from job.config.gate_options import GATE_OPTIONS
from job.config.options import REQUIRED, describe_options, leave_out_defaults, option, to_words
from job.config.run_config import FILE, OPTIONS, Config
from job.errors import UsageError

SHARED = ("reference", *GATE_OPTIONS, "history", "summary", "log", "name", "layout", "output")
"""The options of a run that `report` has, too."""


@dataclass(frozen=True, kw_only=True)
class PredictionFiles:
    """The options that only `report` has, and only the command line sets.

    Raises:
        UsageError: If there is no file of predictions, or a name is not valid.
    """

    predictions: str = option(
        "", "run", "Predictions: CSV, Parquet, NPZ, NPY or IDX, one row for each image.", unset=REQUIRED, **FILE
    )
    labels: str | None = option(
        None,
        "run",
        "Labels, if the predictions have none: the same formats.",
        unset="a column of the predictions",
        **FILE,
    )
    images: str | None = option(
        None, "run", "Images: NPY, NPZ or IDX.", unset="files that a column names, or none", **FILE
    )
    classes: str | None = option(
        None, "run", "Class names in label order, one per line.", unset="those of the labels or columns", **FILE
    )
    logits: bool = option(default=False, role="run", text="The values are logits: apply softmax.")

    def __post_init__(self) -> None:
        if not self.predictions:
            raise UsageError("report needs the predictions; name their file: --predictions FILE")
        for name, description in PREDICTION_OPTIONS.items():
            description.check(getattr(self, name), description.flag)

    def command(self, config: Config) -> str:
        """The shell command that repeats the report; `config` has the shared options."""
        shared = {name: OPTIONS[name] for name in SHARED}
        words = [*to_words(self, PREDICTION_OPTIONS), *to_words(config, leave_out_defaults(config, shared))]
        return shlex.join(["python", "-m", "job", "report", *words])


PREDICTION_OPTIONS = describe_options(PredictionFiles)
"""The options by field name, in the order of `--help`."""

ONLY_IN_REPORT = {each.key for each in PREDICTION_OPTIONS.values()}
"""The keys of these options."""

SHARED_OPTIONS = {name: OPTIONS[name] for name in SHARED} | {"name": replace(OPTIONS["name"], unset="no name")}
"""The options of a run by field name, as the help of `report` describes them."""

"""What a run is asked to do."""

import math
import shlex
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from job.config.export_formats import FORMATS
from job.config.recipes import (
    AUGMENTATIONS,
    MODELS,
    NO_AUGMENTATION,
    OPTIMIZERS,
    RECIPES,
    SCHEDULES,
    TEST_TIMES,
    Recipe,
    RecipeName,
)
from job.config.report_layouts import LAYOUTS, Layout
from job.errors import UsageError

DeviceChoice = Literal["auto", "cpu", "gpu"]
DEVICE_CHOICES: tuple[DeviceChoice, ...] = get_args(DeviceChoice)
STREAM = "-"  # the output folder that is none, but a tar archive on stdout
MAX_COUNT = 2**31 - 1  # TensorFlow's largest
MAX_THREADS = 1024
MAX_REPLICAS = 64
MAX_RUNS = 100
MAX_SEED = 2**32 - 1  # NumPy's largest


@dataclass(frozen=True, kw_only=True)
class Config(Recipe):
    """The settings of one run: a recipe and what surrounds it; the defaults are the baseline.

    Attributes:
        recipe: whose values those are that were not given one by one.
        validation_split: the share of the training images, taken from their end, that only measures, in [0, 1).
        seed: of the initial weights, the batches, dropout, augmentation and the choice of samples, 0 to 2**32 - 1.
        runs: how many trainings, with the seeds from `seed` on, at least 1; the report is of the median one.
        device: `auto` takes a GPU if there is one.
        replicas: how many devices share each batch, at least 1; a divisor of the batch size.
        threads: of TensorFlow, at least 1, or None for as many as the process may have processors.
        data: a folder with the four files of a data set, or None to look for Fashion-MNIST.
        baseline: the output folder of an earlier run to compare this one with, or None.
        export: the formats, by their names in `formats.FORMATS`, that the trained model is exported in, each once.
        layout: of the report: one file that holds all, or with its style sheet and pictures beside it.
        output: the folder the results are written to; `-` sends them to stdout as a tar archive.

    Raises:
        UsageError: if a value is out of range, or two exclude each other.
    """

    recipe: RecipeName = "baseline"
    validation_split: float = 0.1
    seed: int = 0
    runs: int = 1
    device: DeviceChoice = "auto"
    replicas: int = 1
    threads: int | None = None
    data: str | None = None
    baseline: str | None = None
    export: tuple[str, ...] = ()
    layout: Layout = "single"
    output: str = "report"

    def __post_init__(self) -> None:
        self._check_recipe()
        self._check_combinations()
        _demand(0 <= self.validation_split < 1, "--validation-split", self.validation_split, "from 0 to below 1")
        _demand(0 <= self.seed <= MAX_SEED, "--seed", self.seed, f"from 0 to {MAX_SEED}")
        _demand(1 <= self.runs <= MAX_RUNS, "--runs", self.runs, f"from 1 to {MAX_RUNS}")
        _demand(self.seed + self.runs - 1 <= MAX_SEED, "--seed", self.seed, f"so low that --runs {self.runs} fit in")
        _demand(self.device in DEVICE_CHOICES, "--device", self.device, " or ".join(DEVICE_CHOICES))
        _demand(self.layout in LAYOUTS, "--layout", self.layout, " or ".join(LAYOUTS))
        _demand(1 <= self.replicas <= MAX_REPLICAS, "--replicas", self.replicas, f"from 1 to {MAX_REPLICAS}")
        _demand(
            self.batch_size % self.replicas == 0,
            "--batch-size",
            self.batch_size,
            f"a multiple of --replicas {self.replicas}, which take equal shares",
        )
        _demand(
            self.threads is None or 1 <= self.threads <= MAX_THREADS,
            "--threads",
            self.threads,
            f"from 1 to {MAX_THREADS}",
        )
        for name in self.export:
            _demand(name in FORMATS, "--export", name, " or ".join(FORMATS))
            _demand(self.export.count(name) == 1, "--export", name, "named once")
        for option, folder in (("--data", self.data), ("--baseline", self.baseline), ("--output", self.output)):
            printable = folder is None or (folder != "" and folder.isprintable())
            _demand(printable, option, repr(folder), "a folder's name of printable characters")

    def _check_recipe(self) -> None:
        for option, value, choices in (
            ("--recipe", self.recipe, RECIPES),
            ("--model", self.model, MODELS),
            ("--optimizer", self.optimizer, OPTIMIZERS),
            ("--schedule", self.schedule, SCHEDULES),
            ("--test-time", self.test_time, TEST_TIMES),
        ):
            _demand(value in choices, option, value, " or ".join(choices))
        _demand(1 <= self.epochs <= MAX_COUNT, "--epochs", self.epochs, f"from 1 to {MAX_COUNT}")
        _demand(1 <= self.batch_size <= MAX_COUNT, "--batch-size", self.batch_size, f"from 1 to {MAX_COUNT}")
        _demand(0 < self.learning_rate < math.inf, "--learning-rate", self.learning_rate, "a number above 0")
        _demand(0 <= self.weight_decay < math.inf, "--weight-decay", self.weight_decay, "a number from 0 on")
        for option, share in (
            ("--warm-up", self.warm_up),
            ("--dropout", self.dropout),
            ("--label-smoothing", self.label_smoothing),
            ("--average", self.average),
        ):
            _demand(0 <= share < 1, option, share, "from 0 to below 1")
        names = self.augmentations()
        _demand(
            set(names) <= set(AUGMENTATIONS) and len(set(names)) == len(names),
            "--augment",
            self.augment or "''",
            f"{NO_AUGMENTATION}, or some of {', '.join(AUGMENTATIONS)} with commas between them",
        )
        _demand(
            0 <= self.early_stopping < self.epochs,
            "--early-stopping",
            self.early_stopping,
            f"from 0 to below --epochs {self.epochs}",
        )

    def _check_combinations(self) -> None:
        """Refuse options that exclude each other."""
        decay, stop, plateau = self.weight_decay > 0, self.early_stopping > 0, self.schedule == "plateau"
        no_validation = self.validation_split == 0
        for excluded, option, other, remedy in (
            (
                decay and self.optimizer == "adam",
                "weight-decay",
                "optimizer",
                "take another optimizer, or --weight-decay 0",
            ),
            (
                stop and no_validation,
                "early-stopping",
                "validation-split",
                "hold some images out, or --early-stopping 0",
            ),
            (plateau and no_validation, "schedule", "validation-split", "hold some images out, or --schedule constant"),
            (plateau and self.warm_up > 0, "warm-up", "schedule", "take --warm-up 0, or --schedule cosine"),
            (stop and self.average > 0, "average", "early-stopping", "each chooses the last weights; set one to 0"),
        ):
            if excluded:
                values = self.by_option()
                of_recipe = vars(RECIPES[self.recipe]).get(option.replace("-", "_")) == values[option]
                whose = f" (of --recipe {self.recipe})" if of_recipe and self.recipe != "baseline" else ""
                raise UsageError(f"--{option} {values[option]}{whose} excludes --{other} {values[other]}: {remedy}")

    def command(self) -> str:
        """The shell command that repeats this run, without a data set or threads that were found, not asked for."""
        words = ["python", "-m", "job"]
        for name, value in self.by_option().items():
            for one in value if isinstance(value, tuple) else () if value is None else (value,):
                words += [f"--{name}={one}"] if str(one).startswith("-") else [f"--{name}", str(one)]
        return shlex.join(words)

    def by_option(self) -> dict[str, Any]:
        """The values by the names of their options, in the order of `--help`."""
        names = sorted((field.name for field in fields(self)), key=lambda name: name != "recipe")
        return {name.replace("_", "-"): getattr(self, name) for name in names}


def _demand(holds: bool, option: str, value: object, wanted: str) -> None:  # noqa: FBT001 - the condition is the point
    if not holds:
        raise UsageError(f"{option} is {value}, but must be {wanted}")

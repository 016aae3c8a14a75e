"""Declares the options of a run, each once: command line, checks, settings file and documentation follow from here."""

import shlex
from dataclasses import dataclass
from typing import Any, Literal

from job.config.combinations import MAX_SEED, check_combinations
from job.config.export_formats import FORMATS
from job.config.gate import MAX_POINTS, Gate
from job.config.gate_options import gate_option, list_gates
from job.config.options import describe_options, leave_out_defaults, option, to_words
from job.config.recipes import (
    AUGMENTATIONS,
    NO_AUGMENTATION,
    RECIPES,
    ModelName,
    OptimizerName,
    RecipeName,
    Schedule,
    TestTime,
)

DeviceChoice = Literal["auto", "cpu", "gpu"]
Layout = Literal["single", "folder"]
SummaryForm = Literal["text", "json"]
LogTarget = Literal["none", "mlflow"]
CalibrationMethod = Literal["none", "temperature"]
STREAM = "-"  # as the output folder: a tar archive on stdout


def _is_augmentation(text: str) -> bool:
    names = text.split(",")
    return text == NO_AUGMENTATION or (set(names) <= set(AUGMENTATIONS) and len(set(names)) == len(names))


COUNT = {"minimum": 1, "maximum": 2**31 - 1}  # TensorFlow's largest
MIN_TEMPERATURE, MAX_TEMPERATURE = 0.2, 20.0
"""Range of the fitted temperature. A lower one could turn probabilities to 0 in float32, which nothing could undo."""
FRACTION = {"metavar": "FRACTION", "minimum": 0, "below": 1}
MAX_PATH = 4095  # on Linux
FOLDER = {
    "metavar": "DIR",
    "rule": f"a folder's name of at most {MAX_PATH} printable characters",
    "accepts": lambda text: 0 < len(text) <= MAX_PATH,
}
FILE = {**FOLDER, "metavar": "FILE", "rule": f"a file's name of at most {MAX_PATH} printable characters"}
SUMMARY = "The result on stdout: text is one line for people, json one object for programs."
SPLIT_SEED = "Seed that splits train/ into training and test images if --data has no test/."
MAX_NAME = 60  # the report shows the name in one line


@dataclass(frozen=True, kw_only=True)
class Config:
    """The settings of one run; the defaults are the baseline.

    `learning_rate` is `--learning-rate` on the command line, `FASHION_JOB_LEARNING_RATE` in the environment and
    `learning-rate` in a settings file.

    Raises:
        UsageError: if a value is of the wrong type or out of range, or two values exclude each other.
    """

    recipe: RecipeName = option(
        "baseline", "training", "Preset of the options from --model to --test-time; those that you set override it."
    )
    model: ModelName = option("mlp", "recipe", "Network: multi-layer perceptron (mlp) or convolutional network (cnn).")
    epochs: int = option(5, "recipe", "Number of training epochs.", **COUNT)
    batch_size: int = option(32, "recipe", "Images per optimizer step, at most the number of training images.", **COUNT)
    optimizer: OptimizerName = option(
        "adam", "recipe", "adamw decouples weight decay, sgd has Nesterov momentum 0.9, muon orthogonalizes updates."
    )
    learning_rate: float = option(0.001, "recipe", "Peak learning rate.", metavar="RATE", above=0)
    weight_decay: float = option(
        0.0,
        "recipe",
        "Weight decay of the kernels, multiplied by the learning rate; adam does not support it.",
        metavar="RATE",
        minimum=0,
    )
    schedule: Schedule = option(
        "constant", "recipe", "cosine lowers the learning rate to 0; plateau halves it after 2 epochs without progress."
    )
    warm_up: float = option(0.0, "recipe", "Fraction of the steps in which the learning rate rises from 0.", **FRACTION)
    early_stopping: int = option(
        0, "recipe", "Stop after N epochs without a lower validation loss and keep the best epoch; 0: never.", minimum=0
    )
    dropout: float = option(0.0, "recipe", "Fraction of the units dropped before the last layer.", **FRACTION)
    label_smoothing: float = option(0.0, "recipe", "Fraction of each label to spread over all classes.", **FRACTION)
    augment: str = option(
        NO_AUGMENTATION,
        "recipe",
        "Random changes to the training images in each epoch: some of flip, shift and erase, separated by commas.",
        metavar="NAMES",
        accepts=_is_augmentation,
        rule=f"{NO_AUGMENTATION}, or some of {', '.join(AUGMENTATIONS)}, separated by commas",
    )
    average: float = option(
        0.0, "recipe", "Momentum of the moving average of the parameters, used as the model; 0: no average.", **FRACTION
    )
    test_time: TestTime = option(
        "none",
        "recipe",
        "flip averages predictions for an image and its mirror image, flip-shift also for shifted ones.",
    )
    validation_split: float = option(
        0.1, "training", "Fraction of the training images held out for validation (the last ones).", **FRACTION
    )
    calibrate: CalibrationMethod = option(
        "none",
        "training",
        "Calibrate the probabilities: temperature fits one divisor of the logits on the validation images.",
    )
    seed: int = option(
        0, "training", "Seed of parameters, batches, dropout, augmentation and samples.", minimum=0, maximum=MAX_SEED
    )
    runs: int = option(
        1,
        "training",
        "Trainings with consecutive seeds; the report describes the run with the lowest validation loss.",
        minimum=1,
        maximum=100,
    )
    device: DeviceChoice = option("auto", "training", "auto uses a GPU if there is one; gpu fails if there is none.")
    replicas: int = option(
        1, "training", "Devices that share each batch: GPUs, or virtual devices of the CPU.", minimum=1, maximum=64
    )
    threads: int | None = option(
        None, "run", "Threads that TensorFlow computes with.", unset="the available processors", minimum=1, maximum=1024
    )
    data: str | None = option(
        None,
        "run",
        "Folder with a data set: four files in the format of Fashion-MNIST, or images in train/CLASS/ and test/CLASS/.",
        unset="find or download Fashion-MNIST",
        **FOLDER,
    )
    split_seed: int | None = option(None, "run", SPLIT_SEED, unset="0", minimum=0, maximum=MAX_SEED)
    reference: str | None = option(
        None, "run", "Output folder of a run on the same test set to compare with.", unset="no comparison", **FOLDER
    )
    fail_under: tuple[str, ...] = gate_option(
        "Exit with 1 if a metric is lower, such as accuracy=0.88; VALUE:interval compares the end of its interval."
    )
    fail_over: tuple[str, ...] = gate_option("Exit with 1 if a metric is higher, such as ece=0.05.")
    warn_under: tuple[str, ...] = gate_option("Only warn if a metric is lower.")
    warn_over: tuple[str, ...] = gate_option("Only warn if a metric is higher.")
    fail_if_worse: bool = option(
        default=False,
        role="run",
        text="Exit with 1 if the accuracy is significantly lower than that of --reference, or of the best of the last "
        f"{MAX_POINTS - 1} runs in --history.",
    )
    warn_if_worse: bool = option(default=False, role="run", text="Only warn in that case.")
    tolerance: float | None = option(
        None,
        "run",
        "Loss in accuracy that the two options above allow, such as 0.005.",
        unset="0",
        **FRACTION,
    )
    history: str | None = option(
        None,
        "run",
        "File to append the results to, one line a run; the report shows the trend.",
        unset="no history",
        **FILE,
    )
    summary: SummaryForm = option("text", "run", SUMMARY)
    log: LogTarget = option("none", "run", "Also log parameters, metrics and all files of the run to MLflow.")
    export: tuple[str, ...] = option(
        (), "run", "Also export the model in this format; may be repeated.", unset="no export", choices=tuple(FORMATS)
    )
    name: str | None = option(
        None,
        "run",
        "Name of the run in the report.",
        unset="recipe and seed",
        metavar="TEXT",
        rule=f"1 to {MAX_NAME} printable characters, not only spaces",
        accepts=lambda text: len(text) <= MAX_NAME and bool(text.strip()),
    )
    layout: Layout = option(
        "single", "run", "single writes one file; folder keeps style sheet and images apart, without inline styles."
    )
    no_try_it: bool = option(
        default=False, role="run", text="Leave the model out of the report, and the section to try it."
    )
    output: str = option(
        "report", "run", f"Output folder; {STREAM} streams the report to stdout as a tar archive.", **FOLDER
    )

    def __post_init__(self) -> None:
        for name, description in OPTIONS.items():
            if description.role == "recipe" and getattr(self, name) is None:
                object.__setattr__(self, name, RECIPES[self.recipe].get(name, description.default))
            description.check(getattr(self, name), description.flag)
        check_combinations({name: getattr(self, name) for name in OPTIONS})  # msgspec leaves defaults to the class

    def augmentations(self) -> tuple[str, ...]:
        """The names in `augment`."""
        return () if self.augment == NO_AUGMENTATION else tuple(self.augment.split(","))

    def settings(self) -> dict[str, Any]:
        """The values that decide what is trained, by field name."""
        return {name: getattr(self, name) for name, each in OPTIONS.items() if each.role != "run"}

    def changes(self) -> list[str]:
        """The fields whose values are not those of the recipe."""
        values = RECIPES[self.recipe]
        recipe = {name: values.get(name, each.default) for name, each in OPTIONS.items() if each.role == "recipe"}
        return [name for name, value in recipe.items() if getattr(self, name) != value]

    def gates(self) -> list[Gate]:
        """The gates; a run is worse than the reference, or without one than the best run in the history."""
        return list_gates(self, "history" if self.history and not self.reference else "reference")

    def command(self) -> str:
        """The shell command that repeats this run, without a data set or threads that the job chose itself.

        Settings of the training are in it also if they are the defaults, which another version may change.
        """
        return shlex.join(["python", "-m", "job", *to_words(self, leave_out_defaults(self, OPTIONS))])


OPTIONS = describe_options(Config)
"""The options by field name, in the order of `--help`."""

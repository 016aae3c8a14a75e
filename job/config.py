"""What a run is asked to do."""

import math
import shlex
from dataclasses import dataclass, fields
from typing import Literal, get_args

from job.errors import UsageError
from job.formats import FORMATS
from job.layout import LAYOUTS, Layout

DeviceChoice = Literal["auto", "cpu", "gpu"]
DEVICE_CHOICES: tuple[DeviceChoice, ...] = get_args(DeviceChoice)
STREAM = "-"  # the output folder that is none, but a tar archive on stdout
MAX_COUNT = 2**31 - 1  # TensorFlow's largest
MAX_THREADS = 1024
MAX_REPLICAS = 64
MAX_SEED = 2**32 - 1  # NumPy's largest


@dataclass(frozen=True, kw_only=True)
class Config:
    """The settings of one run; the defaults are the baseline.

    Attributes:
        epochs: how often training sees each image, at least 1.
        batch_size: images per step of the optimiser, at least 1.
        learning_rate: Adam's, above 0.
        validation_split: the share of the training images, taken from their end, that only measures, in [0, 1).
        seed: of the initial weights, the order of the batches and the choice of samples, 0 to 2**32 - 1.
        device: `auto` takes a GPU if there is one.
        replicas: how many devices share each batch, at least 1; a divisor of the batch size.
        threads: of TensorFlow, at least 1, or None for as many as the process may have processors.
        data: a folder with the four files of a data set, or None to look for Fashion-MNIST.
        export: the formats, by their names in `formats.FORMATS`, that the trained model is exported in, each once.
        layout: of the report: one file that holds all, or with its style sheet and pictures beside it.
        output: the folder the results are written to; `-` sends them to stdout as a tar archive.

    Raises:
        UsageError: if a value is out of range.
    """

    epochs: int = 5
    batch_size: int = 32
    learning_rate: float = 0.001
    validation_split: float = 0.1
    seed: int = 0
    device: DeviceChoice = "auto"
    replicas: int = 1
    threads: int | None = None
    data: str | None = None
    export: tuple[str, ...] = ()
    layout: Layout = "single"
    output: str = "report"

    def __post_init__(self) -> None:
        _demand(1 <= self.epochs <= MAX_COUNT, "--epochs", self.epochs, f"from 1 to {MAX_COUNT}")
        _demand(1 <= self.batch_size <= MAX_COUNT, "--batch-size", self.batch_size, f"from 1 to {MAX_COUNT}")
        _demand(0 < self.learning_rate < math.inf, "--learning-rate", self.learning_rate, "a number above 0")
        _demand(0 <= self.validation_split < 1, "--validation-split", self.validation_split, "from 0 to below 1")
        _demand(0 <= self.seed <= MAX_SEED, "--seed", self.seed, f"from 0 to {MAX_SEED}")
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
        for option, folder in (("--data", self.data), ("--output", self.output)):
            printable = folder is None or (folder != "" and folder.isprintable())
            _demand(printable, option, repr(folder), "a folder's name of printable characters")

    def command(self) -> str:
        """The shell command that repeats this run, without a data set or threads that were found, not asked for."""
        words = ["python", "-m", "job"]
        for field in fields(self):
            option, value = "--" + field.name.replace("_", "-"), getattr(self, field.name)
            for one in value if isinstance(value, tuple) else () if value is None else (value,):
                words += [f"{option}={one}"] if str(one).startswith("-") else [option, str(one)]
        return shlex.join(words)


def _demand(holds: bool, option: str, value: object, wanted: str) -> None:  # noqa: FBT001 - the condition is the point
    if not holds:
        raise UsageError(f"{option} is {value}, but must be {wanted}")

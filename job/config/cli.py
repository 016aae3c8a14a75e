"""Reads the command line."""

import argparse
import contextlib
import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn

from job.config.export_formats import FORMATS
from job.config.recipes import MODELS, OPTIMIZERS, RECIPES, SCHEDULES, TEST_TIMES
from job.config.report_layouts import LAYOUTS
from job.config.run_config import DEVICE_CHOICES, STREAM, Config
from job.errors import EXIT_STATUSES, UsageError

PROGRAM = "python -m job"
LOG_LEVELS = {"quiet": logging.WARNING, "normal": logging.INFO, "verbose": logging.DEBUG}


@dataclass(frozen=True)
class Command:
    """What the command line asks for: to `train` or to `render`, with the settings, of which `render` uses `output`."""

    name: Literal["train", "render"]
    config: Config
    log_level: int


class _Parser(argparse.ArgumentParser):
    """Reports errors as `UsageError`, and takes options by their full names alone."""

    def __init__(self, program: str, description: str, epilog: str | None = None) -> None:
        super().__init__(
            prog=program,
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; `{self.prog} --help` lists the options")


def parse(argv: Sequence[str]) -> Command:
    """The command that `argv` asks for.

    Raises:
        UsageError: if it asks for something that does not exist or makes no sense.
    """
    name: Literal["train", "render"] = "train"
    if argv and argv[0] == "render":
        name, argv = "render", argv[1:]
    options = vars((render_parser() if name == "render" else train_parser()).parse_args(argv))
    log_level = LOG_LEVELS[options.pop("loudness")]
    if name == "render" and options["output"] == STREAM:
        raise UsageError("--output - is for training; render reads a folder and writes into it: name the folder")
    if name == "train":
        given = {option: value for option, value in options.items() if value is not None}
        options = vars(RECIPES[given.get("recipe", "baseline")]) | given
        options["export"] = tuple(dict.fromkeys(given.get("export", ())))
    config = Config(**options)
    if config.baseline is not None and _is_same(config.baseline, config.output):
        raise UsageError(
            f"--baseline {config.baseline} is the folder of --output, whose files this run will replace; name another "
            "--output"
        )
    return Command(name, config, log_level)


def _is_same(folder: str, other: str) -> bool:
    """Whether two names are of one folder, which need not exist."""
    with contextlib.suppress(OSError):
        return Path(folder).samefile(other)
    return os.path.realpath(folder) == os.path.realpath(other)  # Path.resolve fails on a link to itself


def train_parser() -> argparse.ArgumentParser:
    """The parser of the job itself."""
    default = Config()
    statuses = "\n".join(f"  {status:<5}{meaning}" for status, meaning in EXIT_STATUSES.items())
    parser = _Parser(
        PROGRAM,
        "Train a classifier on Fashion-MNIST, judge it on the test images and write a report.\n\n"
        f"`{PROGRAM} render` makes the report again from the results, without training.",
        f"exit status:\n{statuses}",
    )

    def option(name: str, kind: type, meta: str, text: str) -> None:
        value = getattr(default, name.replace("-", "_"))
        parser.add_argument(f"--{name}", type=kind, metavar=meta, help=f"{text} (default {value})")

    def choice(name: str, choices: Iterable[str], text: str) -> None:
        value = getattr(default, name.replace("-", "_"))
        parser.add_argument(f"--{name}", choices=tuple(choices), help=f"{text} (default {value})")

    choice("recipe", RECIPES, "the values of the options from --model to --test-time, each of which overrides its own")
    choice("model", MODELS, "a multi-layer perceptron or a convolutional network")
    option("epochs", int, "N", "how often training sees each image")
    option("batch-size", int, "N", "images per step")
    choice("optimizer", OPTIMIZERS, "adamw decouples weight decay, sgd has Nesterov momentum, muon orthogonal updates")
    option("learning-rate", float, "RATE", "the highest")
    option("weight-decay", float, "RATE", "of all but adam, times the learning rate")
    choice("schedule", SCHEDULES, "cosine falls to 0, plateau halves the rate where the validation loss rests")
    option("warm-up", float, "SHARE", "of all steps, in which the learning rate first rises from 0")
    option("early-stopping", int, "N", "epochs without a lower validation loss that end the training; 0 for never")
    option("dropout", float, "SHARE", "of the units before the last layer, left out of each step")
    option("label-smoothing", float, "SHARE", "of each label, spread over all classes")
    option("augment", str, "NAMES", "none, or some of flip,shift,erase: how training images are changed in each epoch")
    option("average", float, "MOMENTUM", "of the average of the weights that is taken at the end; 0 for none")
    choice(
        "test-time", TEST_TIMES, "flip judges each image with its mirror image, flip-shift also both moved by a pixel"
    )
    option("validation-split", float, "SHARE", "of the training images, from their end, only to validate")
    option("seed", int, "N", "of weights, batches, dropout, augmentation and samples shown")
    option("runs", int, "N", "trainings, with the seeds from --seed on; the report is of the median one")
    choice("device", DEVICE_CHOICES, "auto takes a GPU if there is one; gpu fails if there is none")
    option("replicas", int, "N", "devices that share each batch, GPUs or virtual ones of the CPU")
    parser.add_argument(
        "--threads", type=int, metavar="N", help="of TensorFlow (default: the processors that the process may use)"
    )
    parser.add_argument(
        "--data",
        metavar="DIR",
        help="the four files of Fashion-MNIST or a set like it, and perhaps classes.txt (default: find or download)",
    )
    parser.add_argument(
        "--baseline", metavar="DIR", help="the output folder of an earlier run, to compare this one with in the report"
    )
    parser.add_argument(
        "--export",
        action="append",
        choices=FORMATS,
        metavar="FORMAT",
        help=f"also write the trained model as {' or '.join(FORMATS)}, with a model card; may be repeated",
    )
    _add_common(
        parser,
        default,
        f"the folder of the report; {STREAM} sends it to stdout as a tar archive (default {default.output})",
    )
    return parser


def render_parser() -> argparse.ArgumentParser:
    """The parser of `render`."""
    parser = _Parser(f"{PROGRAM} render", "Make the report again from the results in the output folder.")
    default = Config()
    _add_common(parser, default, f"the folder of the results (default {default.output})")
    return parser


def _add_common(parser: argparse.ArgumentParser, default: Config, help_of_output: str) -> None:
    parser.add_argument(
        "--layout",
        choices=LAYOUTS,
        default=default.layout,
        help="single: the report is one file; folder: its style sheet and pictures lie beside it, as servers want it "
        f"that forbid inline styles (default {default.layout})",
    )
    parser.add_argument("--output", default=default.output, metavar="DIR", help=help_of_output)
    loudness = parser.add_mutually_exclusive_group()
    parser.set_defaults(loudness="normal")
    for flag, text in (
        ("quiet", "say only the result, warnings and errors"),
        ("verbose", "say also what TensorFlow says"),
    ):
        loudness.add_argument(f"-{flag[0]}", f"--{flag}", dest="loudness", action="store_const", const=flag, help=text)

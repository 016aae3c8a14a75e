"""Reads the command line."""

import argparse
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NoReturn

from job.config import DEVICE_CHOICES, STREAM, Config
from job.errors import EXIT_STATUSES, UsageError
from job.formats import FORMATS
from job.layout import LAYOUTS

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
    options["export"] = tuple(dict.fromkeys(options.get("export") or ()))
    if name == "render" and options["output"] == STREAM:
        raise UsageError("--output - is for training; render reads a folder and writes into it: name the folder")
    return Command(name, Config(**options), log_level)


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
        parser.add_argument(f"--{name}", type=kind, default=value, metavar=meta, help=f"{text} (default {value})")

    option("epochs", int, "N", "how often training sees each image")
    option("batch-size", int, "N", "images per step")
    option("learning-rate", float, "RATE", "Adam's")
    option("validation-split", float, "SHARE", "of the training images, from their end, only to validate")
    option("seed", int, "N", "of the weights, the batches and the samples shown")
    parser.add_argument(
        "--device",
        choices=DEVICE_CHOICES,
        default=default.device,
        help="auto takes a GPU if there is one; gpu fails if there is none (default auto)",
    )
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

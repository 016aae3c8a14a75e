"""Describes the command line of each command for argparse."""

import argparse
import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from job import __version__
from job.config import settings_file
from job.config.gate_metrics import describe_metrics
from job.config.gate_options import GATE_OPTIONS
from job.config.options import REQUIRED, Option, describe_unknown
from job.config.prediction_files import PREDICTION_OPTIONS, SHARED_OPTIONS
from job.config.run_config import OPTIONS
from job.config.serve_config import SERVE_OPTIONS
from job.errors import EXIT_STATUSES, OutputError, UsageError
from job.system.program import name_program

OTHER_COMMANDS = ("render", "report", "serve", "sweep")
RENDER_OPTIONS = ("layout", "no_try_it", "output", "summary", "log", *GATE_OPTIONS)


class Parser(argparse.ArgumentParser):
    """Reports errors as `UsageError`, and accepts options by their full names only."""

    def __init__(
        self, program: str, description: str, epilog: str = "", verbose: str = "Also print what TensorFlow logs."
    ) -> None:
        super().__init__(
            prog=program,
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            argument_default=argparse.SUPPRESS,
            allow_abbrev=False,
        )
        self.set_defaults(log_level=logging.INFO)
        group = self.add_mutually_exclusive_group()
        for name, level, text in (
            ("quiet", logging.WARNING, "Print only the result, warnings and errors."),
            ("verbose", logging.DEBUG, verbose),
        ):
            flags = f"-{name[0]}", f"--{name}"
            group.add_argument(*flags, dest="log_level", action="store_const", const=level, help=text)

    def error(self, message: str) -> NoReturn:
        """Raise a UsageError, instead of argparse's exit."""
        raise UsageError(f"{message}; `{self.prog} --help` lists the options")

    def _print_message(self, message: str, file: object = None) -> None:  # noqa: ARG002 - argparse's signature
        print_to_stdout(message)  # the help or the version; argparse itself ignores errors

    def add_config(self) -> None:
        """Add `--config`."""
        default = f"{settings_file.DEFAULT_NAME} in the working directory, if it exists"
        text = f"Settings file (default: {default}; {os.devnull}: none)."
        self.add_argument("--config", metavar="FILE", help=text)

    def add_help_metrics(self, *, with_training: bool = True) -> None:
        """Add `--help-metrics`, which lists the metrics of a training only if `with_training`."""
        text = "Print the metrics that gates can name, and exit."
        self.add_argument("--help-metrics", action=_PrintMetrics, nargs=0, const=with_training, help=text)

    def parse(self, argv: Sequence[str]) -> dict[str, Any]:
        """What `argv` gives, by attribute name."""
        given, unknown = self.parse_known_args(argv)
        if unknown:
            word = unknown[0].split("=")[0]
            kind = "option" if word.startswith("-") else "argument"
            known = [*self._option_string_actions] if kind == "option" else OTHER_COMMANDS
            if word in OTHER_COMMANDS:
                raise UsageError(f"{word} must come first: `{name_program()} {word} --output DIR`")
            raise UsageError(describe_unknown(kind, word, known, program=self.prog))
        return vars(given)


class _PrintMetrics(argparse.Action):
    """Prints the metrics that gates can name, and exits."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        print_to_stdout(f"{describe_metrics(with_training=self.const)}\n")
        parser.exit()


def train_parser() -> Parser:
    """The parser of the job itself."""
    statuses = "\n".join(f"  {status:<5}{meaning}" for status, meaning in EXIT_STATUSES.items())
    program = name_program()
    parser = Parser(
        program,
        "Train a classifier on Fashion-MNIST, evaluate it on the test images and write a report.\n\n"
        f"`{program} render` writes the report again from the results of a run, without training.\n"
        f"`{program} report` writes the report of the predictions of any program.\n"
        f"`{program} serve` serves the report and the trained model over HTTP.\n"
        f"`{program} sweep` trains many configurations and seeds, and compares them.",
        "Each option can also be set by an environment variable (FASHION_JOB_EPOCHS=10) or in a settings file\n"
        f"(epochs: 10). Command line overrides environment, file, recipe and default, in this order.\n\n"
        f"exit status:\n{statuses}",
    )
    parser.add_argument("--version", action="version", version=f"fashion-job {__version__}", help="Print the version.")
    parser.add_config()
    parser.add_argument("--print-config", action="store_true", help="Print the settings as a settings file, and exit.")
    parser.add_help_metrics()
    options = OPTIONS.values()
    add_options(parser.add_argument_group("training"), [option for option in options if option.role != "run"])
    add_options(
        parser.add_argument_group("data, machine and output"), [option for option in options if option.role == "run"]
    )
    return parser


def render_parser() -> Parser:
    """The parser of `render`."""
    parser = Parser(f"{name_program()} render", "Write the report again from the results in the output folder.")
    parser.add_help_metrics()
    options = {**OPTIONS, "output": replace(OPTIONS["output"], help="Output folder of the run.")}
    add_options(parser, [options[name] for name in RENDER_OPTIONS])
    return parser


def report_parser() -> Parser:
    """The parser of `report`."""
    parser = Parser(
        f"{name_program()} report",
        "Write the report of the predictions of any program, without training and without TensorFlow.",
        "A table has a row for each image: the label (true), and the probability of each class (p_0, p_1, … or the\n"
        "names of the classes) or the predicted class (predicted). All formats are described in the repository of\n"
        "fashion-job, in docs/predictions.md.",
        verbose="Has no effect here; accepted as in the other commands.",
    )
    parser.add_config()
    parser.add_help_metrics(with_training=False)
    add_options(parser.add_argument_group("predictions"), PREDICTION_OPTIONS.values())
    add_options(parser.add_argument_group("report"), SHARED_OPTIONS.values())
    return parser


def serve_parser() -> Parser:
    """The parser of `serve`."""
    text = "Serve the trained model and the report in the output folder over HTTP, until a signal stops it."
    epilog = (
        "Paths: / (the report), /predict, /v2 (Open Inference Protocol), /v1 (TensorFlow Serving), /metrics, /docs.\n"
        "SIGTERM and Ctrl-C stop the server: it answers the requests under way and exits with 0. Environment\n"
        "variables set the same options (FASHION_JOB_PORT=9000)."
    )
    parser = Parser(f"{name_program()} serve", text, epilog, verbose="Also log each request.")
    add_options(parser, SERVE_OPTIONS.values())
    return parser


def add_options(parser: argparse._ActionsContainer, options: Iterable[Option]) -> None:
    """Add options, whose values stay text until `settings` converts them."""
    for option in options:
        if option.kind is bool:
            parser.add_argument(option.flag, action="store_const", const="true", help=option.help)
            continue
        text = f"{option.help.removesuffix('.')} (default: {option.unset or option.default})."
        if option.unset == REQUIRED:
            text = f"{option.help} Required."
        action = "append" if option.kind is tuple else "store"
        parser.add_argument(option.flag, action=action, metavar=option.placeholder, help=text)


def print_to_stdout(text: str) -> None:
    """Print a text as it is, at once.

    Raises:
        OutputError: If stdout is closed or full.
    """
    try:
        print(text, end="", flush=True)
    except OSError as error:
        raise OutputError(f"stdout cannot be written ({error.strerror})") from error

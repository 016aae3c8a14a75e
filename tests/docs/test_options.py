"""docs/options.md is generated from the options."""

import re

from options_page import generate_page
from support import REPOSITORY

from job.config import parsers, sweep_cli
from job.config.gate_options import GATE_OPTIONS
from job.config.prediction_files import PREDICTION_OPTIONS
from job.config.run_config import OPTIONS
from job.config.serve_config import SERVE_OPTIONS

PAGE = (REPOSITORY / "docs" / "options.md").read_text(encoding="utf-8")


def test_the_page_is_the_generated_one() -> None:
    """If it is not: `python -m tests.docs.options_page > docs/options.md`."""
    assert generate_page() == PAGE


def list_flags(parser: parsers.Parser) -> set[str]:
    return {flag for action in parser._actions for flag in action.option_strings if flag.startswith("--")}


def test_every_option_has_one_row() -> None:
    """Those of the parser, whatever the generator does; `serve` has a section of its own."""
    run, rest = PAGE.split("## Report\n")
    report, rest = rest.split("## Serve\n")
    serve, sweep = rest.split("## Sweep\n")
    flags = list_flags(parsers.train_parser())
    assert sorted(re.findall(r"^\| `(--[a-z-]+)", run, re.MULTILINE)) == sorted(flags)
    assert all(f"| `{option.variable}` |" in run for option in OPTIONS.values())
    assert re.findall(r"^\| `(--[a-z-]+)", serve, re.MULTILINE) == [each.flag for each in SERVE_OPTIONS.values()]
    assert re.findall(r"^\| `(--[a-z-]+)", report, re.MULTILINE) == [each.flag for each in PREDICTION_OPTIONS.values()]
    flags = list_flags(parsers.report_parser())
    between = {OPTIONS[name].flag for name in GATE_OPTIONS[1:]}  # the page says "from --fail-under to --history"
    assert {*re.findall(r"`(--[a-z-]+)", report)} == flags - between - {"--help"}
    flags = list_flags(sweep_cli.sweep_parser())
    common = {"--help", "--help-metrics", "--quiet", "--verbose"}
    assert sorted(re.findall(r"^\| `(--[a-z-]+)", sweep, re.MULTILINE)) == sorted(flags - common)


def test_the_defaults_of_report() -> None:
    """Not those of a training, if they differ."""
    text = " ".join(parsers.report_parser().format_help().split())
    assert "Name of the run in the report (default: no name)." in text
    assert "the same formats (default: a column of the predictions)." in text

"""README is held to the code."""

import re

import pytest
from conftest import REPOSITORY

from job import __version__
from job.config import cli
from job.errors import EXIT_STATUSES

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, without its head."""
    section = README.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_exit_statuses_are_those_of_help() -> None:
    """The same numbers with the same words."""
    assert {int(row[0]): row[1] for row in rows("Exit status")} == EXIT_STATUSES
    text = cli.train_parser().format_help()
    assert all(f"  {status:<5}{meaning}" in text for status, meaning in EXIT_STATUSES.items())


def test_every_make_target_named_exists() -> None:
    """In README and CONTRIBUTING."""
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE))
    text = README + (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert targets
    assert set(re.findall(r"(?:`|^ *)make ([a-z-]+)", text, re.MULTILINE)) <= targets


def test_every_module_has_its_line_in_the_tree() -> None:
    """And every line its module."""
    tree = README.split("```text\n", 1)[1].split("```", 1)[0]
    documented = set(re.findall(r"([a-z_]+\.py)", tree))
    assert documented == {path.name for path in (REPOSITORY / "job").glob("*.py")} - {"__init__.py"}


@pytest.mark.parametrize("name", ["pyproject.toml", "CHANGELOG.md"])
def test_the_version_is_one(name: str) -> None:
    """The package, pyproject.toml and CHANGELOG agree."""
    assert __version__ in (REPOSITORY / name).read_text(encoding="utf-8")

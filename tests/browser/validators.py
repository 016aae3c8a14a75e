"""Checks pages with axe-core (accessibility) and with the validator of the W3C (HTML and CSS)."""

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path

from playwright.sync_api import Page
from support import REPOSITORY

MODULES = REPOSITORY / "tests" / "node_modules"
AXE = MODULES / "axe-core" / "axe.min.js"
VALIDATOR = MODULES / "vnu-jar" / "build" / "dist" / "vnu.jar"
KNOWN = ("image “data:", "Inline script violates")
"""The validator takes data: addresses and blocks of data for blocked ones; other tests look at the console."""


def find_violations(page: Page) -> list[tuple[str, list[str]]]:
    """The rules that the page violates: contrast, names, roles, the order of headings and more."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    results = page.evaluate("axe.run()")
    assert len(results["passes"]) > 20
    return [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in results["violations"]]


def find_markup_errors(files: Iterable[Path]) -> list[tuple[str, str]]:
    """Errors and warnings about HTML and CSS files."""
    command = ["java", "-jar", str(VALIDATOR), "--also-check-css", "--format", "json", *map(str, files)]
    output = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    messages = [(message["type"], message["message"]) for message in json.loads(output)["messages"]]
    return [message for message in messages if not any(text in message[1] for text in KNOWN)]

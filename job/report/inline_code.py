"""Puts style sheets and scripts into a page: shorter, and allowed by its Content-Security-Policy."""

import base64
import hashlib

from markupsafe import Markup


def hash_for_policy(text: str) -> str:
    """The hash with which a Content-Security-Policy allows an inline style sheet or script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def remove_indents(script: str) -> Markup:
    """A script without indents, empty lines and lines of comment."""
    lines = (line.strip() for line in script.splitlines())
    return Markup("\n".join(line for line in lines if line and not line.startswith("//")))  # noqa: S704 - our own script

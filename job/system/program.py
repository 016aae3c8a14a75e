"""Names the program as the user started it."""

import sys
from pathlib import Path

SCRIPT = "fashion-job"
"""The command that an installation adds."""
MODULE = "python -m job"


def name_program() -> str:
    """The words that start the program again: those of its command, or of its module."""
    return SCRIPT if Path(sys.argv[0]).stem == SCRIPT else MODULE

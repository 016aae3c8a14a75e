"""Runs `python -m job` with `stub_job.py` in place of each training of a sweep."""

import os
import sys
from pathlib import Path

from job import __main__ as entry
from job.sweep import preparation
from job.system import signals

STUB = Path(__file__).with_name("stub_job.py")
build_words = preparation.build_words
preparation.can_share_import = lambda n_runs: False  # type: ignore[attr-defined]  # noqa: ARG005
preparation.build_words = lambda run: [sys.executable, "-S", str(STUB), *build_words(run)[3:]]

if __name__ == "__main__":
    signals.install()
    os._exit(entry.main())

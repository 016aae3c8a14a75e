import logging
import os
import subprocess
import sys

import pytest
from support import REPOSITORY

from job.log import configure_log
from job.training.import_tensorflow import OPTIONAL_FOR_KERAS, captured_native_stderr


def test_native_stderr_is_captured(capfd: pytest.CaptureFixture[str]) -> None:
    """File descriptor 2 is silent inside the block and works again after it."""
    with captured_native_stderr():
        os.write(2, b"banner\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_native_stderr_is_shown_if_an_import_fails(capfd: pytest.CaptureFixture[str]) -> None:
    """The text names the missing library."""
    configure_log(logging.INFO)
    with pytest.raises(ImportError), captured_native_stderr():
        os.write(2, b"libfoo.so is missing\n")
        raise ImportError
    assert "libfoo.so is missing" in capfd.readouterr().err


def test_imports_keras_without_optional_packages() -> None:
    """The import is silent, leaves the optional packages importable, and enables the garbage collector again."""
    code = f"""
import gc, sys
from job.training.import_tensorflow import import_tensorflow
import_tensorflow()
assert "keras" in sys.modules
assert not sys.modules.keys() & {set(OPTIONAL_FOR_KERAS)}
assert gc.isenabled() and gc.get_freeze_count() > 0
import pandas
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

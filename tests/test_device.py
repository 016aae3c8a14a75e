import logging
import os

import pytest

from job import device
from job.progress import configure_log


def test_names_the_device() -> None:
    """Without a GPU, asked for or not, it is the CPU with its name and processors."""
    used = device.start("cpu")
    assert used.kind == "CPU"
    assert used.name
    assert used.n_processors == len(os.sched_getaffinity(0)) >= 1
    assert str(used) == f"on CPU: {used.name}, {used.n_processors} processors"


def test_what_c_plus_plus_says_is_held_back(capfd: pytest.CaptureFixture[str]) -> None:
    """File descriptor 2 is quiet inside the block, and itself again afterwards."""
    with device._native_stderr_held():
        os.write(2, b"banner\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_it_is_shown_where_tensorflow_cannot_be_loaded(capfd: pytest.CaptureFixture[str]) -> None:
    """A missing library explains itself there."""
    configure_log(logging.INFO)
    with pytest.raises(ImportError), device._native_stderr_held():
        os.write(2, b"libfoo.so is missing\n")
        raise ImportError
    assert "libfoo.so is missing" in capfd.readouterr().err

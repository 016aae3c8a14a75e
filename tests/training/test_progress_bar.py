import contextlib
import logging
import os
import pty
import sys

import pytest

from job.log import configure_log, log_stage
from job.training.progress_bar import show_progress


def test_no_bar_outside_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is written."""
    configure_log(logging.INFO)
    with show_progress(10) as show:
        show(5)
    assert capsys.readouterr() == ("", "")


def read_all(descriptor: int) -> str:
    """Reads everything written so far."""
    os.set_blocking(descriptor, False)
    chunks = []
    with contextlib.suppress(BlockingIOError):
        while chunk := os.read(descriptor, 4096):
            chunks.append(chunk)
    return b"".join(chunks).decode()


def test_a_bar_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar appears below the lines of the epochs, and at the end the cursor is visible again."""
    leader, follower = pty.openpty()
    with os.fdopen(follower, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        monkeypatch.setenv("TERM", "xterm")
        configure_log(logging.INFO)
        with show_progress(10) as show:
            show(5)
            log_stage("training", "epoch 1 of 1: loss 0.5000")
        terminal.flush()
        output = read_all(leader)
    os.close(leader)
    assert "50%" in output
    assert "epoch 1 of 1: loss 0.5000" in output
    assert output.rindex("\x1b[?25h") > output.rindex("\x1b[?25l")

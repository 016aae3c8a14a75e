import contextlib
import logging
import os
import pty
import sys

import pytest

from job.log import configure_log
from job.training.progress_bar import ProgressBar


def test_plain_lines_outside_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """The log has a line for each epoch, without control characters."""
    configure_log(logging.INFO)
    with ProgressBar(2, 10) as bar:
        for epoch in range(2):
            for step in range(10):
                bar.show_step(epoch, step + 1)
            bar.log_epoch(epoch, {"loss": 0.5}, 1.25)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"training    epoch {n} of 2: loss 0.5000 (1.2 s)" for n in (1, 2)]


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
        with ProgressBar(1, 10) as bar:
            bar.show_step(0, 5)
            bar.log_epoch(0, {"loss": 0.5}, 1.0)
        terminal.flush()
        output = read_all(leader)
    os.close(leader)
    assert "50%" in output
    assert "epoch 1 of 1: loss 0.5000" in output
    assert output.rindex("\x1b[?25h") > output.rindex("\x1b[?25l")

import contextlib
import logging
import os
import pty
import sys

import pytest

from job import log
from job.log import Bar, Stopwatch


def test_stages_are_timed_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A line with the summary at the end of each; the total covers them."""
    log.configure_log(logging.INFO)
    stopwatch = Stopwatch()
    for name in ("data", "training"):
        with stopwatch.stage(name) as stage:
            stage.summary = f"the {name}"
    lines = capsys.readouterr().err.splitlines()
    assert [line[:20].split() for line in lines] == [["data", "the", "data"], ["training", "the", "trai"]]
    timings = stopwatch.timings_s()
    assert list(timings) == ["data", "training", "total"]
    assert timings["total"] >= timings["data"] + timings["training"]


def test_a_failed_stage_is_not_told_as_done(capsys: pytest.CaptureFixture[str]) -> None:
    """Its error speaks instead."""
    log.configure_log(logging.INFO)
    with pytest.raises(ZeroDivisionError), Stopwatch().stage("data"):
        raise ZeroDivisionError
    assert capsys.readouterr().err == ""


def test_plain_lines_outside_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """One per epoch and no control character."""
    log.configure_log(logging.INFO)
    with Bar(2, 10) as bar:
        for epoch in range(2):
            for step in range(10):
                bar.step(epoch, step + 1)
            bar.epoch(epoch, {"loss": 0.5}, 1.25)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"training    epoch {n} of 2: loss 0.5000 (1.2 s)" for n in (1, 2)]


def read_all(descriptor: int) -> str:
    """What has been written so far, in as many reads as it takes."""
    os.set_blocking(descriptor, False)
    chunks = []
    with contextlib.suppress(BlockingIOError):
        while chunk := os.read(descriptor, 4096):
            chunks.append(chunk)
    return b"".join(chunks).decode()


def test_a_bar_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is drawn, the epochs' lines stand above it, and the terminal has its cursor back at the end."""
    leader, follower = pty.openpty()
    with os.fdopen(follower, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        monkeypatch.setenv("TERM", "xterm")
        log.configure_log(logging.INFO)
        with Bar(1, 10) as bar:
            bar.step(0, 5)
            bar.epoch(0, {"loss": 0.5}, 1.0)
        terminal.flush()
        shown = read_all(leader)
    os.close(leader)
    assert "50%" in shown
    assert "epoch 1 of 1: loss 0.5000" in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")

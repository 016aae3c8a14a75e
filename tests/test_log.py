import logging

import pytest

from job import log
from job.log import Stopwatch


def test_stages_are_timed_and_logged(capsys: pytest.CaptureFixture[str]) -> None:
    """The log has a line with the summary of each stage, and the total covers all stages."""
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


def test_a_failed_stage_is_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    """Only its error appears."""
    log.configure_log(logging.INFO)
    with pytest.raises(ZeroDivisionError), Stopwatch().stage("data"):
        raise ZeroDivisionError
    assert capsys.readouterr().err == ""

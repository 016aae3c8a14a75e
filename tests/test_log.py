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


def test_the_times_of_a_repeated_stage_are_added(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when several seeds train one after another; the total covers all of them."""
    moments = iter((0.0, 1.0, 3.0, 10.0, 14.0, 20.0))
    monkeypatch.setattr("job.log.time.monotonic", lambda: next(moments))
    stopwatch = Stopwatch()
    for _ in range(2):
        with stopwatch.stage("training"):
            pass
    assert stopwatch.timings_s() == {"training": 6.0, "total": 20.0}

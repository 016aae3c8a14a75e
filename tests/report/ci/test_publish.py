from pathlib import Path

import pytest
from gated_runs import make_gated_run

from job.config.run_config import Config
from job.errors import OutputError, UsageError
from job.report.ci import publish
from job.report.ci.finished import Scores
from job.results.history import prepare_history


def write(_: Path) -> Scores:
    """The scores of a run that has a history."""
    run = make_gated_run()
    return Scores(
        accuracy=run.evaluation.accuracy,
        accuracy_interval=run.evaluation.accuracy_interval,
        loss=None,
        n_test=run.evaluation.n_test,
        gates=run.gates,
        entry=run.describe_entry(),
    )


def test_the_run_is_in_the_history_before_others_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that fails cannot keep it out."""

    def fail(*_: object) -> OutputError:
        assert len(prepare_history(tmp_path / "history.jsonl")) == 1
        return OutputError("MLflow does not answer")

    monkeypatch.setattr(publish, "publish_run", fail)
    config = Config(output=str(tmp_path), history=str(tmp_path / "history.jsonl"))  # this place is allowed
    with pytest.raises(OutputError, match="MLflow does not answer"):
        publish.write_and_publish(config, write)


def test_others_are_told_although_the_history_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is that of the history."""
    told = []
    monkeypatch.setattr(publish, "publish_run", lambda *_: told.append(True))
    (tmp_path / "folder").mkdir()
    config = Config(output=str(tmp_path), history=str(tmp_path / "folder"))
    with pytest.raises(OutputError, match=r"folder: is a folder; .*, but the report is in place: accuracy"):
        publish.write_and_publish(config, write)
    assert told == [True]


@pytest.mark.parametrize("name", ["metrics.json", "index.html", "SHA256SUMS", "ci/summary.md", "exports", "."])
def test_a_history_is_no_file_of_the_report(tmp_path: Path, name: str) -> None:
    """Whatever path leads there; nothing is written."""
    (tmp_path / "link").symlink_to(tmp_path / "output")
    config = Config(output=str(tmp_path / "output"), history=str(tmp_path / "link" / name))
    with pytest.raises(UsageError, match="is a file or folder that the job writes; name another file"):
        publish.write_and_publish(config, lambda _: pytest.fail("written"))

"""The steps of action.yml work as on a runner of GitHub Actions: they compare, gate, publish and comment."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from action_runner import ACTION, STEPS, Runner
from support import REPOSITORY

PULL_REQUEST = {"github.event_name": "pull_request", "github.event.pull_request.number": "7"}
RUNS = [
    {"databaseId": 43, "branch": "other", "event": "push"},
    {"databaseId": 42, "branch": "main", "event": "pull_request_target"},
    {"databaseId": 41, "branch": "main", "event": "push"},
    {"databaseId": 40, "branch": "main", "event": "push"},
]
"""Run 42 is of a pull request from the branch `main` of a fork."""

MARKER = "<!-- fashion-job: fashion-job-report -->"
COMMENTS = [
    {"id": 97, "user": {"type": "Bot"}, "body": f"The size of the image. {MARKER}"},
    {"id": 98, "user": {"type": "User"}, "body": f"{MARKER}\nAccuracy 100%."},
    {"id": 99, "user": {"type": "Bot"}, "body": f"{MARKER}\n## blocks"},
]
"""Comment 98 is of somebody who could edit the report later."""


def copy_run(run: Path, runner: Runner) -> None:
    """Put the output folder of a run where the action writes its report, so that `render` finds it."""
    shutil.copytree(run, runner.home / "workspace" / "fashion-job-report")


def report_of(run: Path, **inputs: str) -> dict[str, str]:
    """The inputs of the action that report the predictions of a run."""
    return {"command": "report", "options": f"--predictions '{run / 'predictions.csv'}'", **inputs}


@pytest.mark.parametrize("step", [step for step in STEPS if "run" in step], ids=lambda step: step["name"])
def test_the_scripts_are_safe(step: dict[str, str], tmp_path: Path) -> None:
    """shellcheck finds nothing, and no expression is pasted into a script."""
    (tmp_path / "script.sh").write_text(step["run"])
    command = (Path(sys.executable).parent / "shellcheck", "--shell=bash", tmp_path / "script.sh")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    assert step["shell"] == "bash"
    assert "${{" not in step["run"]


def test_actions_are_pinned() -> None:
    """Each action is pinned to the commit that the workflows use."""
    workflow = (Path(__file__).parents[2] / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    uses = [step["uses"] for step in STEPS if "uses" in step]
    assert len(uses) == 2
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", each) and f"uses: {each} # v" in workflow for each in uses)


def test_compares_with_the_main_branch_and_fails_for_a_missed_gate(finished_run: Path, tmp_path: Path) -> None:
    """From end to end: fetch, train, compare, gate, summary, annotation, upload, comment, exit status."""
    runner = Runner(tmp_path, {"runs": RUNS, "artifact": str(finished_run)}, PULL_REQUEST)
    for package in ("job", "numpy"):  # of the user's own project
        (tmp_path / "workspace" / package).mkdir(parents=True)
        (tmp_path / "workspace" / package / "__init__.py").write_text("raise SystemExit('the wrong package')")
    status = runner.run(
        options=f"--data '{finished_run.parent / 'blocks'}' --epochs 1 --name \"the 'first' try\"",
        gates="fail-under accuracy=0.999\nfail-if-worse\nwarn-under: recall.class 1=0.999\n",
        reference_artifact="fashion-job-report",
        comment="true",
    )
    assert status == 1, runner.stderr
    listed, downloaded, searched, posted = runner.calls()
    assert listed[listed.index("--workflow") + 1] == "report.yml"
    assert downloaded[:5] == ["run", "download", "41", "--repo", "owner/models"]
    folder = tmp_path / "workspace" / "fashion-job-report"
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["comparison"]["counts"]["n"] == 100
    assert metrics["training"]["config"]["name"] == "the 'first' try"
    assert metrics["provenance"]["environment"]["revision"] == "0123456789abcdef0123456789abcdef01234567"
    found = [(gate["gate"]["metric"], gate["gate"]["severity"]) for gate in metrics["gates"]]
    assert sorted(found) == [("accuracy", "error"), ("accuracy", "error"), ("recall.class 1", "warning")]
    assert metrics["gates"][0]["passed"] is False
    assert runner.outputs["steps.run.outputs.exit-status"] == "1"
    assert float(runner.outputs["steps.run.outputs.accuracy"]) == metrics["evaluation"]["accuracy"]
    summary = (folder / "ci" / "summary.md").read_text(encoding="utf-8")
    assert (tmp_path / "summary.md").read_text(encoding="utf-8") == summary
    assert "### Change against the reference" in summary
    assert re.search(r"^::error title=accuracy ≥ 0.999::missed: ", runner.stdout, re.MULTILINE)
    assert runner.uploaded == {"name": "fashion-job-report", "path": "fashion-job-report", "overwrite": "True"}
    assert searched[:2] == ["api", "repos/owner/models/issues/7/comments"]
    assert posted[:4] == ["api", "--method", "POST", "repos/owner/models/issues/7/comments"]
    comment = (tmp_path / "temp" / "posted").read_text(encoding="utf-8")
    assert comment.startswith("<!-- fashion-job: fashion-job-report -->\n## blocks · ")
    assert summary in comment
    assert comment.endswith("\n[The report and all its files](https://example.org/artifact)\n")
    pip = (tmp_path / "temp" / "pip").read_text()
    assert "--require-hashes" in pip
    assert pip.split()[-1] == str(REPOSITORY / "requirements.txt")


def test_a_report_installs_no_tensorflow(finished_run: Path, tmp_path: Path) -> None:
    """Only that is left out of the locked packages, each of which keeps its hashes."""
    runner = Runner(tmp_path)
    assert runner.run(**report_of(finished_run)) == 0, runner.stderr
    pip = (tmp_path / "temp" / "pip").read_text()
    assert "--require-hashes" in pip
    kept, locked = (
        {
            entry.split("==")[0]: entry.count("--hash=")
            for entry in re.split(r"^(?=[a-z])", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
        }
        for path in (Path(pip.split()[-1]), REPOSITORY / "requirements.txt")
    )
    assert locked.keys() - kept.keys() == {"keras", "tensorflow", "tensorflow-cpu"}
    assert all(count == locked[name] > 0 for name, count in kept.items())


@pytest.mark.parametrize(
    ("github", "branch"),
    [({"runs": RUNS[:2]}, "feat/x@y"), ({"runs": RUNS}, "a@refs/b")],
    ids=["no run", "no artifact"],
)
def test_without_a_reference_the_other_gates_hold(
    finished_run: Path, tmp_path: Path, github: dict[str, Any], branch: str
) -> None:
    """The first run of a branch, whatever its name, cannot be compared; a notice says so."""
    runner = Runner(tmp_path, github, ref=f"refs/heads/{branch}")
    gates = "fail-under accuracy=0.01\nfail-if-worse\ntolerance 0.01\nfail-over comparison.counts.n_broken=3"
    inputs = report_of(finished_run, reference_artifact="fashion-job-report")
    assert runner.run(gates=gates, **inputs) == 0, runner.stderr
    assert "::notice title=No reference::" in runner.stdout
    for gate in ("fail-if-worse", "tolerance 0.01", "fail-over comparison.counts.n_broken=3"):
        assert f"::notice title=Gate skipped::{gate} needs a reference\n" in runner.stdout
    assert runner.outputs["steps.run.outputs.exit-status"] == "0"
    assert runner.uploaded
    listed = runner.calls()[0]
    assert listed[listed.index("--workflow") + 1] == "report.yml"
    assert not any("api" in call for call in runner.calls())


def test_a_history_serves_without_a_reference(finished_run: Path, tmp_path: Path) -> None:
    """Gates that compare with another run then compare with the best of the history."""
    runner = Runner(tmp_path)
    inputs = report_of(finished_run, reference_artifact="fashion-job-report", gates="fail-if-worse\ntolerance 0.01")
    inputs["options"] += f" --history '{tmp_path / 'runs.jsonl'}'"
    assert runner.run(**inputs) == 0, runner.stderr
    assert "Gate skipped" not in runner.stdout
    assert "gate passed: the history has no earlier run" in runner.stderr


def test_render_fetches_no_reference(compared_run: Path, tmp_path: Path) -> None:
    """It keeps the comparison of the run, and the gates on it."""
    runner = Runner(tmp_path, {"runs": RUNS, "artifact": str(compared_run)})
    copy_run(compared_run, runner)
    gates = "warn-if-worse\ntolerance 0.01"
    assert runner.run(command="render", gates=gates, reference_artifact="fashion-job-report") == 0, runner.stderr
    assert runner.calls() == []
    assert "Gate skipped" not in runner.stdout
    assert "accuracy minus that of the reference is " in runner.stderr


def test_replaces_its_earlier_comment(finished_run: Path, tmp_path: Path) -> None:
    """Instead of adding one for each push; a comment of a user is left alone, whatever it begins with."""
    for number, (comments, expected) in enumerate(
        (
            (COMMENTS, ["PATCH", "repos/owner/models/issues/comments/99"]),
            (COMMENTS[:2], ["POST", "repos/owner/models/issues/7/comments"]),
        )
    ):
        runner = Runner(tmp_path / str(number), {"comments": comments}, PULL_REQUEST)
        copy_run(finished_run, runner)
        assert runner.run(command="render", comment="true") == 0, runner.stderr
        assert runner.calls()[-1][:4] == ["api", "--method", *expected]


def test_a_forbidden_comment_is_a_warning(finished_run: Path, tmp_path: Path) -> None:
    """The token of a pull request from a fork may only read."""
    runner = Runner(tmp_path, {"forbidden": True}, PULL_REQUEST)
    copy_run(finished_run, runner)
    assert runner.run(command="render", comment="true") == 0, runner.stderr
    assert "::warning title=No comment::" in runner.stdout


def test_a_failed_run_uploads_nothing(tmp_path: Path) -> None:
    """And passes on its status."""
    runner = Runner(tmp_path, context=PULL_REQUEST)
    assert runner.run(command="render", output="nothing", comment="true") == 65
    assert runner.uploaded is None
    assert runner.outputs["steps.run.outputs.accuracy"] == ""
    assert "fashion-job: error: " in runner.stderr


@pytest.mark.parametrize(
    ("inputs", "status", "message"),
    [
        ({"gates": "fail-under accuracy=0.5\nfail-above ece=1"}, 64, "::error title=Unknown gate::fail-above;"),
        ({"gates": "fail-under accurcy=0.5"}, 64, "did you mean accuracy?"),
        ({"options": "--nmae x"}, 64, "did you mean --name?"),
        ({"options": '--name "x'}, 64, "::error title=Bad options::a quote is not closed"),
        ({"options": "--data ''"}, 64, "--data is '', but must be"),
        ({"gates": "fail-if-worse"}, 64, "--fail-if-worse needs another run to compare with"),
        ({"command": "sweep"}, 64, "::error title=Unknown command::sweep; write train, render or report"),
        ({"options": "; touch injected $(touch injected) `touch injected`"}, 64, "unknown argument ;"),
        ({"gates": "fail-under $(touch injected)=1"}, 64, "unknown metric"),
    ],
    ids=[
        "gate",
        "metric",
        "option",
        "quote",
        "empty word",
        "no reference",
        "command",
        "injected options",
        "injected gate",
    ],
)
def test_bad_inputs_are_one_line(tmp_path: Path, inputs: dict[str, str], status: int, message: str) -> None:
    """And no input is run as a command."""
    runner = Runner(tmp_path)
    assert runner.run(**inputs) == status
    assert message in runner.stdout + runner.stderr
    assert not list(tmp_path.rglob("injected"))


def test_inputs_and_outputs_are_described() -> None:
    """Each has a description, and each input is used."""
    text = json.dumps(ACTION["runs"])
    assert all(each["description"] for kind in ("inputs", "outputs") for each in ACTION[kind].values())
    assert [name for name in ACTION["inputs"] if f"inputs.{name}" not in text] == []

"""SIGKILL before each file operation of a writer, and of the next job that finishes what the first one left."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import kill_points
import pytest
from support import REPOSITORY

from job.results.file_names import CHECKSUMS
from job.results.output_folder.atomic_write import stage_files

OLD = ("metrics.json", "predictions.csv", "index.html", "report.css", *kill_points.EXPORTS, *kill_points.IMAGES)


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """The output folder of an earlier run, with a file of the user."""
    folder = tmp_path / "earlier"
    folder.mkdir()
    kill_points.write(folder, "old", *OLD)
    (folder / "notes.txt").write_text("mine")
    return folder


def kill_everywhere(scenario: str, earlier: Path, *options: str) -> list[Any]:
    """The entries that kill_points.py prints."""
    script = Path(kill_points.__file__)
    command = (sys.executable, str(script), scenario, str(earlier), str(earlier.parent / "out"), *options)
    environment = {**os.environ, "PYTHONPATH": f"{REPOSITORY}:{script.parent}"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    moments: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return moments


def require_old_then_new(moments: list[Any]) -> None:
    """One operation decides, and nothing else ever happens, also if the next job is killed."""
    states = [state for _, state, _ in moments]
    decision = states.index("new")
    assert states == ["old"] * decision + ["new"] * (len(states) - decision)
    assert moments[decision - 1][0].startswith("os.rename ")
    assert moments[decision - 1][0].endswith(f"/new/{CHECKSUMS}")
    for operation, state, again in moments:
        assert set(again.values()) <= {state}, (operation, again)


def test_a_job_killed_at_any_moment(earlier: Path) -> None:
    """The next job finds all earlier files or all new ones, and nothing else."""
    moments = kill_everywhere("exports", earlier)
    assert len(moments) > 40
    require_old_then_new(moments)


@pytest.mark.hostile
@pytest.mark.parametrize("scenario", ["exports", "other exports, no links", "no exports"])
def test_a_job_and_the_next_one_killed_at_any_moment(earlier: Path, scenario: str) -> None:
    """The third job finds the same as the second one would have left."""
    moments = kill_everywhere(scenario, earlier, "--again")
    assert sum(len(again) for _, _, again in moments) > 300
    require_old_then_new(moments)


@pytest.mark.hostile
def test_the_first_job_killed_at_any_moment(tmp_path: Path) -> None:
    """Nothing is left of it, or everything."""
    (tmp_path / "empty").mkdir()
    require_old_then_new(kill_everywhere("exports", tmp_path / "empty", "--again"))


@pytest.mark.hostile
def test_files_of_a_release_without_a_manifest(tmp_path: Path) -> None:
    """They are replaced or stay, like others."""
    (tmp_path / "release").mkdir()
    for name in OLD[:4]:
        (tmp_path / "release" / name).write_text("old")
    require_old_then_new(kill_everywhere("no exports", tmp_path / "release", "--again"))


@pytest.mark.hostile
def test_a_render_killed_at_any_moment(written_run: Path) -> None:
    """The earlier page stays, or the new one is there."""
    with stage_files(written_run) as staging:
        (staging / "index.html").write_text("old")
    require_old_then_new(kill_everywhere("render", written_run))

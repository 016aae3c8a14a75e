"""`render` through main([...]): it evaluates predictions again and writes the report, without TensorFlow."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from served import make_network
from support import REPOSITORY, ErrorOf, make_run

from job.__main__ import main
from job.results.output_folder import preparation
from job.results.run import Run
from job.results.schema import SCHEMA_VERSION


def test_render_writes_the_report(written_run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It adds the page and `ci/` to the results, logs one stage, and prints the accuracy and the path."""
    before = {path: path.read_bytes() for path in written_run.iterdir()}
    assert main(["render", "--output", str(written_run)]) == 0
    captured = capfd.readouterr()
    accuracy = json.loads((written_run / "metrics.json").read_text())["evaluation"]["accuracy"]
    assert captured.out == f"accuracy {accuracy:.4f} on 100 test images: {written_run / 'index.html'}\n"
    (line,) = captured.err.splitlines()
    assert line.startswith("report      index.html, ")
    new = {written_run / name: (written_run / name).read_bytes() for name in ("index.html", "SHA256SUMS")}
    assert {path: path.read_bytes() for path in written_run.iterdir() if path.is_file()} == {**before, **new}
    Run.read(written_run)


@pytest.mark.parametrize("options", [["--layout", "folder", "--no-try-it"], ["--layout", "single"]])
def test_render_removes_the_page_of_another_model(written_run: Path, options: list[str]) -> None:
    """The page to try the model is replaced with the rest of the report, or goes."""
    run = Run.read(written_run)
    replace(run, network=make_network()).write(written_run)
    page = written_run / "try-it.html"
    assert main(["render", "--layout", "folder", "--output", str(written_run), "-q"]) == 0
    assert page.exists()
    assert main(["render", *options, "--output", str(written_run), "-q"]) == 0
    assert not page.exists()
    assert page.name not in (written_run / "SHA256SUMS").read_text(encoding="utf-8")


def test_render_does_not_load_tensorflow(written_run: Path) -> None:
    """The second process of a training and a machine without TensorFlow can render."""
    code = "import sys; from job.__main__ import main; main(sys.argv[1:]); print('tensorflow' in sys.modules)"
    command = (sys.executable, "-c", code, "render", "--output", str(written_run))
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
    assert (written_run / "index.html").exists()


def test_render_of_something_else(error_of: ErrorOf, tmp_path: Path) -> None:
    """The status is 65 without results, and with results of another schema version."""
    assert "metrics.json: not found; name the output folder" in error_of(65, "render", "--output", tmp_path)
    (tmp_path / "metrics.json").write_text('{"schema_version": 4}')
    line = error_of(65, "render", "--output", tmp_path)
    remedy = "render it with the release that wrote it, or train again"
    assert f"has schema version 4, this job reads {SCHEMA_VERSION}; {remedy}" in line
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.json"]
    (tmp_path / "report-images").mkdir()
    assert "has schema version 4" in error_of(65, "render", "--layout", "folder", "--output", tmp_path)
    assert "metrics.json: not found" in error_of(65, "render", "--output", tmp_path / "none")
    assert "metrics.json: cannot be read (Not a dir" in error_of(65, "render", "--output", tmp_path / "metrics.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["metrics.json", "report-images"]


@pytest.mark.parametrize("name", ["metrics.json", "predictions.csv", "samples.npz"])
def test_a_file_that_was_edited(error_of: ErrorOf, written_run: Path, name: str) -> None:
    """The status is 65 even if the file is well-formed, the line names it, and no report is written."""
    path = written_run / name
    with path.open("a") as file:
        file.write("\n")
    line = error_of(65, "render", "--output", written_run)
    assert f"{path}: its SHA-256 is not the one in SHA256SUMS: it was edited by hand" in line
    assert not (written_run / "index.html").exists()


def test_render_of_another_run_meanwhile(written_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that replaces the run just before its report is rendered has its own run rendered."""
    prepare = preparation.prepare_output_folder

    def replace_run(*words: Any, **options: Any) -> None:  # noqa: ANN401
        prepare(*words, **options)
        make_run(seed=1).write(written_run)

    monkeypatch.setattr(preparation, "prepare_output_folder", replace_run)
    assert main(["render", "-q", "--output", str(written_run)]) == 0
    monkeypatch.undo()
    page = (written_run / "index.html").read_bytes()
    make_run(seed=1).write(tmp_path / "other")
    assert main(["render", "-q", "--output", str(tmp_path / "other")]) == 0
    assert (tmp_path / "other" / "index.html").read_bytes() == page

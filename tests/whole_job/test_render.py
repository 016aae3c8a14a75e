"""`render` through main([...]): it evaluates predictions again and writes the report, without TensorFlow."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support import REPOSITORY, ErrorOf, edited

from job.__main__ import main


def test_render_writes_the_report(written_run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It adds the page to the results, logs one stage, and prints the accuracy and the path."""
    before = {path: path.read_bytes() for path in written_run.iterdir()}
    assert main(["render", "--output", str(written_run)]) == 0
    captured = capfd.readouterr()
    accuracy = json.loads((written_run / "metrics.json").read_text())["evaluation"]["accuracy"]
    assert captured.out == f"accuracy {accuracy:.4f} on 100 test images: {written_run / 'index.html'}\n"
    (line,) = captured.err.splitlines()
    assert line.startswith("report      index.html, ")
    page = written_run / "index.html"
    assert {path: path.read_bytes() for path in written_run.iterdir()} == {**before, page: page.read_bytes()}


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
    assert "has schema version 4, this job reads 5; render it with the release that wrote it, or train again" in line
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.json"]


@pytest.mark.parametrize(
    ("place", "keys"),
    [
        ("evaluation.accuracy", ("accuracy",)),
        ("evaluation.macro.f1", ("macro", "f1")),
        ("evaluation.confusion_matrix[2][5]", ("confusion_matrix", 2, 5)),
    ],
)
def test_a_metric_that_does_not_follow_from_the_predictions(
    error_of: ErrorOf, written_run: Path, place: str, keys: tuple[str | int, ...]
) -> None:
    """The status is 65, the line names the place, and no report is written."""

    def edit(content: dict[str, object]) -> None:
        values = content["evaluation"]
        *path, last = keys
        for key in path:
            values = values[key]  # type: ignore[index]
        values[last] = 0.999 if isinstance(values[last], float) else 99  # type: ignore[index]

    path = written_run / "metrics.json"
    path.write_text(edited(edit)(path.read_text()))
    line = error_of(65, "render", "--output", written_run)
    assert f"{path}: {place} does not follow from predictions.csv" in line
    assert not (written_run / "index.html").exists()


def test_edited_predictions(error_of: ErrorOf, written_run: Path) -> None:
    """The hash in metrics.json reveals the edit even if the file is well-formed."""
    path = written_run / "predictions.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines) + "\n\n")
    line = error_of(65, "render", "--output", written_run)
    assert f"{path}: its SHA-256 is not the one in metrics.json" in line

"""What the job writes to stdout and stderr, and what it does if they are closed or full."""

import io
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from support import REPOSITORY

CI = ("ci", *(f"ci/{name}" for name in ("badge.json", "badge.svg", "junit.xml", "metrics.txt", "summary.md")))
RESULTS = (
    *("SHA256SUMS", *CI, "index.html", "metrics.json", "model.keras", "network.npz", "predictions.csv", "samples.npz"),
)


@pytest.mark.parametrize(("redirection", "status"), [("2>&-", 0), (">&-", 73), ("<&- >&- 2>&-", 73)])
def test_closed_streams(finished_run: Path, tmp_path: Path, redirection: str, status: int) -> None:
    """The job writes the report even if the caller closed some of its streams; only stdout must not be closed."""
    data = finished_run.parent / "blocks"
    command = f"{sys.executable} -m job --epochs 1 --data {data} --output {tmp_path} {redirection}"
    done = subprocess.run(command, shell=True, cwd=REPOSITORY, capture_output=True, text=True, check=False)  # noqa: S602
    assert done.returncode == status, done.stderr
    assert (tmp_path / "index.html").exists()
    assert "epoch" not in done.stdout


def test_a_full_stdout(written_run: Path) -> None:
    """The status is 73, and the line says that the report is in place."""
    command = (sys.executable, "-m", "job", "render", "-q", "--output", str(written_run))
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, cwd=REPOSITORY, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 73
    expected = r"fashion-job: error: stdout cannot be written \(.*\), but the report is in place: accuracy .*\n"
    assert re.fullmatch(expected, done.stderr)
    assert (written_run / "index.html").exists()


@pytest.mark.training
def test_the_report_as_a_stream(dataset_folder: Path) -> None:
    """`--output -` writes a tar archive to stdout and the result to stderr, which may be full."""
    command = (sys.executable, "-m", "job", "--data", str(dataset_folder), "--epochs", "1", "--output", "-")
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        assert archive.getnames() == [f"report/{name}" for name in RESULTS]
    assert done.stderr.endswith(b"on 100 test images: report/index.html in the archive\n")
    with Path("/dev/full").open("w") as full:
        unheard = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=full, check=False)
    assert unheard.returncode == 0
    with tarfile.open(fileobj=io.BytesIO(unheard.stdout)) as archive:
        assert archive.getnames() == [f"report/{name}" for name in RESULTS]

"""The built image, run with a real Docker engine (`make image-test`)."""

import json
import os
import subprocess
import uuid
from pathlib import Path

import pytest
from conftest import write_dataset

pytestmark = pytest.mark.image

IMAGE = os.environ.get("IMAGE", "fashion-job")


def docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(("docker", *arguments), capture_output=True, text=True, check=False)


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """A folder to mount that belongs to the user who runs the tests."""
    folder = tmp_path / "report"
    folder.mkdir()
    return folder


def run(*options: str, arguments: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return docker("run", "--rm", "--network", "none", *options, IMAGE, *arguments)


def me() -> tuple[str, str]:
    return ("--user", f"{os.getuid()}:{os.getgid()}")


def test_the_documented_run_writes_the_report(report: Path) -> None:
    """The whole baseline without a network: five files, as published accurate, on the baked-in data."""
    done = run(*me(), "-v", f"{report}:/app/report")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in report.iterdir()} == {
        "index.html",
        "metrics.json",
        "predictions.csv",
        "samples.npz",
        "model.keras",
    }
    metrics = json.loads((report / "metrics.json").read_text())
    assert metrics["data"]["folder"] == "/usr/share/datasets/fashion-mnist"
    assert metrics["data"]["n_test"] == 10000
    assert 0.855 < metrics["accuracy"] < 0.895
    assert done.stdout == f"accuracy {metrics['accuracy']:.4f} on 10,000 test images: report/index.html\n"
    assert (report / "index.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert len((report / "predictions.csv").read_text().splitlines()) == 10001


def test_it_is_not_root_and_runs_without_a_mount(tmp_path: Path) -> None:
    """The image's own user writes into the image's own report folder, on mounted data."""
    assert docker("run", "--rm", "--entrypoint", "id", IMAGE, "-u").stdout == "1000\n"
    data = write_dataset(tmp_path / "blocks")
    tmp_path.chmod(0o755)
    done = run("-v", f"{data}:/data:ro", arguments=("--data", "/data", "--epochs", "1"))
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[0].startswith(
        "data        data, 300 training and 100 test images of 10 classes, from /data"
    )


def test_a_mount_of_someone_else_is_found_before_training(report: Path) -> None:
    """73, and the option that helps."""
    report.chmod(0o755)
    done = run("--user", "54321:54321", "-v", f"{report}:/app/report")
    assert done.returncode == 73
    (line,) = done.stderr.splitlines()
    assert "user 54321 may not write there" in line
    assert 'docker run --user "$(id -u):$(id -g)"' in line
    assert list(report.iterdir()) == []


def test_too_small_a_disk(report: Path) -> None:
    """A tmpfs of 1 MB: 73 before training; nothing is left."""
    done = run("--tmpfs", "/tiny:size=1m,mode=777", arguments=("--output", "/tiny"))
    assert done.returncode == 73
    assert "MB are free; make room or name another folder" in done.stderr
    assert len(done.stderr.splitlines()) <= 2
    assert list(report.iterdir()) == []


def test_a_read_only_mount(report: Path) -> None:
    """73: the file system is read-only."""
    done = run(*me(), "-v", f"{report}:/app/report:ro")
    assert done.returncode == 73
    assert "the file system is read-only" in done.stderr


def test_no_gpu_in_the_container() -> None:
    """69, one line."""
    done = run(arguments=("--device", "gpu"))
    assert done.returncode == 69
    assert "TensorFlow sees no GPU" in done.stderr.splitlines()[-1]


def test_docker_stop_ends_it(report: Path) -> None:
    """143 during training, and an earlier report stays as it was."""
    (report / "index.html").write_text("earlier")
    name = f"fashion-job-{uuid.uuid4().hex[:8]}"
    docker("run", "--detach", "--network", "none", "--name", name, *me(), "-v", f"{report}:/app/report", IMAGE)
    try:
        with subprocess.Popen(("docker", "logs", "--follow", name), stderr=subprocess.PIPE, text=True) as logs:
            assert logs.stderr
            assert any(line.startswith("tensorflow") for line in logs.stderr)
            docker("stop", name)
            logs.kill()
        assert docker("inspect", "--format", "{{.State.ExitCode}}", name).stdout == "143\n"
    finally:
        docker("rm", "--force", name)
    assert {path.name: path.read_text() for path in report.iterdir()} == {"index.html": "earlier"}

"""Runs the built image with a Docker engine under every common restriction (`make image-test`)."""

import gzip
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import support
from support import REPOSITORY

from job import __version__
from job.data.fashion_mnist import FILES
from job.data.sources import DEBIAN

pytestmark = pytest.mark.image

IMAGE = os.environ.get("IMAGE", "fashion-job")
SERVE_IMAGE = os.environ.get("SERVE_IMAGE", "fashion-job-serve")
MAX_SIZE_MB = 1400
REPORT = {
    "ci",
    "index.html",
    "metrics.json",
    "predictions.csv",
    "samples.npz",
    "model.keras",
    "network.npz",
    "SHA256SUMS",
}
QUICK = ("--epochs", "1", "--batch-size", "256")
"""Options of a run that takes a few seconds on the whole data set."""

RESTRICTIONS = {
    "no network": ("--network", "none"),
    "read-only": ("--read-only", "--tmpfs", "/tmp"),
    "no capabilities": ("--cap-drop", "ALL"),
    "no new privileges": ("--security-opt", "no-new-privileges"),
    "processes": ("--pids-limit", "256"),
    "unknown user": ("--user", "12345:12345"),
    "unknown user of group 0": ("--user", "12345:0"),
    "memory": ("--memory", "1g", "--memory-swap", "1g"),
    "one processor": ("--cpus", "1"),
}
ALL = tuple(option for name, options in RESTRICTIONS.items() for option in options if name != "unknown user of group 0")


@dataclass(frozen=True)
class Done:
    """A container that has exited."""

    status: int
    out: bytes
    err: str

    @property
    def lines(self) -> list[str]:
        """The lines of the log, without the warnings of the Docker client."""
        return [line for line in self.err.splitlines() if not line.startswith("WARNING: ")]

    @property
    def system(self) -> str:
        """The line of the log that describes what the container may use."""
        return next(line for line in self.lines if line.startswith("system "))

    @property
    def warnings(self) -> list[str]:
        """The warnings of the job."""
        return [line for line in self.lines if line.startswith("fashion-job: warning: ")]


def docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(("docker", *arguments), capture_output=True, text=True, check=False)


def run(*options: str, arguments: tuple[str, ...] = QUICK) -> Done:
    """Runs a container with these options, and adds it to the table."""
    begun = time.monotonic()
    command = ("docker", "run", "--rm", *options, IMAGE, *arguments)
    done = subprocess.run(command, capture_output=True, check=False)
    note(done.returncode, time.monotonic() - begun, shlex.join([*options, IMAGE, *arguments]))
    return Done(done.returncode, done.stdout, done.stderr.decode())


def note(status: int, wall_time_s: float, description: str) -> None:
    description = re.sub(r"\S*/pytest-of-\S*/(\w+:)", r"\1", description)
    support.CONTAINERS.append(f"{status:>6} {wall_time_s:>7.1f} s  {description}")


def current_user() -> tuple[str, str]:
    return ("--user", f"{os.getuid()}:{os.getgid()}")


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """A folder to mount that everybody may write to."""
    folder = tmp_path / "report"
    folder.mkdir()
    folder.chmod(0o777)
    return folder


@pytest.fixture
def volume() -> Iterator[str]:
    """The name of a volume that does not exist yet; it is removed after the test."""
    name = f"fashion-job-{uuid.uuid4().hex[:8]}"
    yield name
    docker("volume", "rm", "--force", name)


@pytest.fixture
def container() -> Iterator[str]:
    """The name of a container, which is removed after the test."""
    name = f"fashion-job-{uuid.uuid4().hex[:8]}"
    yield name
    docker("rm", "--force", name)


def in_volume(name: str, *command: str) -> str:
    return docker("run", "--rm", "--volume", f"{name}:/volume", "--entrypoint", command[0], IMAGE, *command[1:]).stdout


def test_the_size() -> None:
    """The image has at most 1.40 GB of files; the size that an engine reports depends on its storage."""
    done = docker("run", "--rm", "--network", "none", "--user", "0", "--entrypoint", "du", IMAGE, "-sxb", "/")
    size_mb = int(done.stdout.split()[0]) / 1e6
    support.CONTAINERS.insert(0, f"{IMAGE}: {size_mb:,.0f} MB")
    assert size_mb <= MAX_SIZE_MB


def test_the_labels() -> None:
    """The labels name the project, its version and its revision."""
    described = json.loads(docker("inspect", IMAGE).stdout)[0]
    labels = {name.rsplit(".", 1)[1]: text for name, text in described["Config"]["Labels"].items()}
    head = subprocess.run(("git", "rev-parse", "HEAD"), cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert labels["title"] == "fashion-job"
    assert labels["version"] == __version__
    assert labels["licenses"] == "MIT"
    assert labels["revision"].removesuffix("-dirty") == head.stdout.strip()
    assert labels["source"] == os.environ.get("SOURCE", "")
    assert described["Config"]["User"] == "1000"


@pytest.mark.parametrize("image", [IMAGE, SERVE_IMAGE])
def test_all_of_its_code_is_compiled(image: str) -> None:
    """The job, its packages and Python itself have bytecode, so that no start compiles them."""
    script = (
        "import importlib.util, pathlib, sysconfig\n"
        "for root in ('/opt/venv/lib', sysconfig.get_path('stdlib')):\n"
        "    files = list(pathlib.Path(root).rglob('*.py'))\n"
        "    assert len(files) > 20, root\n"
        "    for file in files: assert pathlib.Path(importlib.util.cache_from_source(file)).exists(), file\n"
    )
    done = docker("run", "--rm", "--network", "none", "--entrypoint", "python", image, "-c", script)
    assert done.returncode == 0, done.stderr


def test_the_documented_run_as_fast_as_outside(report: Path, tmp_path: Path) -> None:
    """The baseline on the data of the image is as accurate as documented; the table also times it outside the image."""
    done = run(*current_user(), "--network", "none", "-v", f"{report}:/app/report", arguments=())
    assert done.status == 0, done.err
    assert names(report) == REPORT
    metrics = json.loads((report / "metrics.json").read_text())
    assert metrics["provenance"]["data"]["folder"] == str(DEBIAN)
    assert metrics["evaluation"]["n_test"] == 10000
    accuracy = metrics["evaluation"]["accuracy"]
    assert 0.855 < accuracy < 0.895
    assert done.out.decode() == f"accuracy {accuracy:.4f} on 10,000 test images: report/index.html\n"
    assert (report / "index.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert len((report / "predictions.csv").read_text().splitlines()) == 10001

    begun = time.monotonic()
    command = (sys.executable, "-m", "job", "--output", str(tmp_path / "outside"))
    outside = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=False)
    note(outside.returncode, time.monotonic() - begun, "(the same command outside, in .venv)")
    assert outside.returncode == 0, outside.stderr


@pytest.mark.parametrize("name", RESTRICTIONS)
def test_runs_under_each_restriction(report: Path, name: str) -> None:
    """The run writes its five files, and the log describes what the container may use."""
    options = RESTRICTIONS[name]
    done = run(*options, "-v", f"{report}:/app/report")
    assert done.status == 0, done.err
    assert names(report) == REPORT
    assert done.lines[0] == "output      /app/report"
    assert done.system.startswith(f"system      user {options[1] if '--user' in options else '1000:1000'}, ")
    assert ("memory limit 1,024 MiB, " in done.system) == (name == "memory")
    assert name != "one processor" or ", 1 thread on 1 processor (" in done.system
    assert done.system.endswith(f", data from {DEBIAN}")


def test_runs_under_all_restrictions(report: Path) -> None:
    """The baseline runs under all restrictions at once."""
    done = run(*ALL, "-v", f"{report}:/app/report", arguments=())
    assert done.status == 0, done.err
    assert names(report) == REPORT
    assert done.system.startswith("system      user 12345:12345, 1 thread on 1 processor (")
    assert "memory limit 1,024 MiB, no GPU, " in done.system


def test_a_named_volume(volume: str) -> None:
    """A user unknown to the image can write to a new volume under all restrictions."""
    done = run(*ALL, "-v", f"{volume}:/app/report")
    assert done.status == 0, done.err
    assert set(in_volume(volume, "ls", "/volume").split()) == REPORT


def test_no_mount(container: str, tmp_path: Path) -> None:
    """Without a mount the report stays in the container, and `docker cp` copies it."""
    assert docker("run", "--name", container, "--network", "none", IMAGE, *QUICK).returncode == 0
    assert docker("cp", f"{container}:/app/report", str(tmp_path)).returncode == 0
    assert names(tmp_path / "report") == REPORT


def test_no_mount_and_read_only() -> None:
    """The status is 73 before training, and the line names both remedies."""
    done = run("--read-only", "--tmpfs", "/tmp")
    assert done.status == 73
    (line,) = done.lines
    assert line.endswith("mount a folder there or name another (training also takes --output -)")


def test_read_only_without_a_temporary_folder(report: Path) -> None:
    """The status is 73 before training, and the line names the option that helps."""
    done = run("--read-only", "-v", f"{report}:/app/report")
    assert done.status == 73
    (line,) = done.lines
    assert "no temporary folder is writable" in line
    assert "docker run --tmpfs /tmp" in line


def test_render_read_only_without_a_temporary_folder(report: Path, written_run: Path) -> None:
    """The status is 73 for `render`, too."""
    for path in written_run.iterdir():
        shutil.copy(path, report)
    done = run("--read-only", "-v", f"{report}:/app/report", arguments=("render",))
    assert done.status == 73
    (line,) = done.lines
    assert "no temporary folder is writable" in line


def test_the_report_as_a_stream(tmp_path: Path) -> None:
    """Under all restrictions and without a mount, the report goes to stdout as a tar archive and the log to stderr."""
    done = run(*ALL, arguments=(*QUICK, "--output", "-"))
    assert done.status == 0, done.err
    (tmp_path / "archive").write_bytes(done.out)
    with tarfile.open(tmp_path / "archive") as archive:
        archive.extractall(tmp_path, filter="data")
    assert names(tmp_path / "report") == REPORT
    accuracy = json.loads((tmp_path / "report" / "metrics.json").read_text())["evaluation"]["accuracy"]
    assert done.lines[-1] == f"accuracy {accuracy:.4f} on 10,000 test images: report/index.html in the archive"


def test_exports(report: Path) -> None:
    """The image exports the formats that need no other package; for ONNX, the line says how to build the image."""
    options = (*ALL, "-v", f"{report}:/app/report")
    done = run(*options, arguments=(*QUICK, "--export", "tf_saved_model", "--export", "litert"))
    assert done.status == 0, done.err
    assert names(report / "exports") >= {"saved_model", "model.tflite", "model-card.md"}
    done = run(*options, arguments=(*QUICK, "--export", "onnx"))
    assert done.status == 69
    assert "docker build --build-arg EXPORT=yes" in done.err


def test_a_stream_into_a_terminal(container: str) -> None:
    """The status is 64, because `docker run -t` would change the bytes of the archive."""
    assert docker("run", "--tty", "--name", container, IMAGE, "--output", "-").returncode == 64


def test_a_mount_of_another_user_is_refused(report: Path) -> None:
    """The status is 73 before training, and the line names the option that helps."""
    report.chmod(0o755)
    os.chown(report, os.geteuid() or 4711, -1)
    done = run("--user", "54321:54321", "-v", f"{report}:/app/report")
    assert done.status == 73
    (line,) = done.lines
    owner = os.geteuid() or 4711
    assert f"user 54321 cannot read and write there; /app/report belongs to user {owner}: docker run " in line
    assert 'docker run --user "$(id -u):$(id -g)"' in line
    assert names(report) == set()


def test_a_mount_that_docker_created(tmp_path: Path) -> None:
    """The status is 73, because the folder belongs to root, and the line names the remedy."""
    done = run("-v", f"{tmp_path / 'new'}:/app/report")
    assert done.status == 73
    (line,) = done.lines
    assert "/app/report belongs to user 0 (Docker creates a missing folder as root): run chown" in line


def test_a_report_of_another_user_is_replaced(volume: str) -> None:
    """Unreadable files of another user are replaced in a folder that everybody may write to."""
    earlier = "for name in index.html metrics.json; do echo earlier > $name; chmod 600 $name; done"
    mount = ("--volume", f"{volume}:/app/report")
    docker("run", "--rm", "--user", "0", *mount, "--workdir", "/app/report", "--entrypoint", "sh", IMAGE, "-c", earlier)
    done = run("--user", "12345:12345", "--cap-drop", "ALL", *mount)
    assert done.status == 0, done.err
    files = {f"/volume/{name}" for name in REPORT}
    owners = in_volume(volume, "stat", "--format", "%n %u", *files).splitlines()
    assert set(owners) == {f"{file} 12345" for file in files}
    assert set(in_volume(volume, "ls", "--almost-all", "/volume").split()) == REPORT


def test_a_disk_that_is_too_small() -> None:
    """The status is 73 before training."""
    done = run("--tmpfs", "/tiny:size=1m,mode=777", arguments=(*QUICK, "--output", "/tiny"))
    assert done.status == 73
    assert "MB are free; free some space or name another folder" in done.lines[-1]
    assert not any(line.startswith("training") for line in done.lines)


def test_a_disk_that_fills_up_during_writing(volume: str) -> None:
    """If the file system has enough bytes but too few inodes, the status is 73, and the earlier report stays."""
    tmpfs = ("--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", "o=size=64m,nr_inodes=7,mode=777")
    assert docker("volume", "create", *tmpfs, volume).returncode == 0
    hold = (
        "--volume",
        f"{volume}:/volume",
        "--entrypoint",
        "sleep",
        IMAGE,
        "600",
    )  # unmounting clears a tmpfs
    keep = docker("run", "--detach", *hold).stdout.strip()
    try:
        docker("exec", keep, "sh", "-c", "echo earlier > /volume/index.html")
        done = run("-v", f"{volume}:/app/report")
        assert done.status == 73
        assert done.lines[-1].endswith("--output report: no space is left; free some space or name another folder")
        assert docker("exec", keep, "sh", "-c", "ls -A /volume; cat /volume/*").stdout == "index.html\nearlier\n"
    finally:
        docker("rm", "--force", keep)


def test_a_read_only_mount(report: Path) -> None:
    """The status is 73."""
    done = run(*current_user(), "-v", f"{report}:/app/report:ro")
    assert done.status == 73
    assert "the file system is read-only" in done.lines[-1]


def test_killed_for_lack_of_memory(report: Path) -> None:
    """The status is 137 after a warning, and the earlier report stays."""
    (report / "index.html").write_text("earlier")
    done = run("--memory", "300m", "--memory-swap", "300m", "-v", f"{report}:/app/report")
    assert done.status == 137
    assert "the memory limit is 300 MiB, but a run needs about" in done.warnings[0]
    assert {path.name: path.read_text() for path in report.iterdir()} == {"index.html": "earlier"}


def test_less_memory_than_any_run_needs() -> None:
    """The status is 69 before training, and the line names the limit, not the data."""
    done = run("--memory", "64m", "--memory-swap", "64m")
    assert done.status == 69
    assert "the memory limit is 64 MiB, but a run needs about 700 MiB" in done.lines[-1]


def test_fewer_processes_than_any_run_needs() -> None:
    """The status is 69 before training, and the line names the option that helps."""
    done = run("--pids-limit", "16")
    assert done.status == 69
    assert "the limit on processes and threads is too low" in done.lines[-1]
    assert "docker run --pids-limit" in done.lines[-1]


def test_the_memory_of_the_convolutional_network() -> None:
    """The documented 2 GiB are enough, and the log warns about less than the network needs."""
    cnn = ("--recipe", "cnn", "--epochs", "1")
    done = run("--memory", "2g", "--memory-swap", "2g", arguments=cnn)
    assert done.status == 0
    assert done.warnings == []
    done = run("--memory", "300m", "--memory-swap", "300m", arguments=cnn)
    assert done.status == 137
    assert "the memory limit is 300 MiB, but a run needs about 1,200 MiB" in done.warnings[0]


def test_damaged_data_mounted_over_the_data_of_the_image(tmp_path: Path) -> None:
    """The status is 65, and the line names the file."""
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o755)
    copy = docker("create", IMAGE).stdout.strip()
    docker("cp", f"{copy}:{DEBIAN}/.", str(folder))
    docker("rm", copy)
    labels = folder / FILES["test_labels"]
    payload = bytearray(gzip.decompress(labels.read_bytes()))
    payload[-1] ^= 1
    labels.unlink()
    labels.write_bytes(gzip.compress(bytes(payload)))
    done = run("-v", f"{folder}:{DEBIAN}:ro")
    assert done.status == 65
    assert f"{DEBIAN / labels.name}" in done.lines[-1]


def test_an_unknown_option() -> None:
    """The status is 64, and the only line suggests the nearest option."""
    done = run(arguments=("--epoch", "5"))
    assert done.status == 64
    (line,) = done.lines
    assert line == "fashion-job: error: unknown option --epoch; did you mean --epochs?"


def test_a_gpu_requested_from_the_cpu_image() -> None:
    """The status is 69, and the line names the image to use."""
    done = run(arguments=("--device", "gpu"))
    assert done.status == 69
    assert "this TensorFlow is built for the CPU; use the GPU image (make image DEVICE=gpu" in done.lines[-1]


def test_a_gpu_given_to_the_cpu_image() -> None:
    """The job warns that it cannot use the GPU, and trains on the CPU."""
    done = run("-v", "/dev/null:/dev/nvidia0")
    assert done.status == 0, done.err
    assert ", 1 GPU, data from" in done.system
    (warning,) = done.warnings
    assert "found 1 GPU, but this TensorFlow is built for the CPU" in warning


def test_cgroups_of_version_2(tmp_path: Path) -> None:
    """Files mounted over those of the engine show that half a processor gives one thread."""
    for name, limit in (("cpu.max", "50000 100000\n"), ("memory.max", "2147483648\n")):
        (tmp_path / name).write_text(limit)
    tmp_path.chmod(0o755)
    done = run("-v", f"{tmp_path}:/sys/fs/cgroup:ro")
    assert done.status == 0, done.err
    assert ", 1 thread on 1 processor (" in done.system
    assert "memory limit 2,048 MiB" in done.system


def test_what_a_change_rebuilds(tmp_path: Path) -> None:
    """A change of the code installs nothing, and a change of the lock file downloads nothing again."""
    for name in ("job", "templates"):
        shutil.copytree(REPOSITORY / name, tmp_path / name)
    locks = sorted(path.name for path in REPOSITORY.glob("requirements*.txt"))
    for name in ("Dockerfile", ".dockerignore", "Makefile", "pyproject.toml", *locks):
        shutil.copy(REPOSITORY / name, tmp_path)
    image = f"fashion-job-changed-{uuid.uuid4().hex[:8]}"
    flags = os.environ.get("DOCKER_BUILD_FLAGS", "") + " --progress=plain"
    command = ("make", "image", f"IMAGE={image}", "DEVICE=cpu", f"DOCKER_BUILD_FLAGS={flags}")
    try:
        for name, installs in (("job/__init__.py", False), ("requirements.txt", True)):
            with (tmp_path / name).open("a") as file:
                file.write(f"\n# changed {image}\n")  # unique, because the builder caches earlier builds
            begun = time.monotonic()
            build = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
            log = build.stdout + build.stderr
            note(build.returncode, time.monotonic() - begun, f"(docker build after a change in {name})")
            assert build.returncode == 0, log
            assert ("Successfully installed" in log) == installs
            assert "Downloading" not in log
            assert ("already downloaded" in log) == installs
    finally:
        docker("rmi", "--force", image)


@pytest.fixture(scope="module")
def duration_s() -> float:
    """The duration of a quick run on this machine."""
    begun = time.monotonic()
    assert run().status == 0
    return time.monotonic() - begun


SHARES = (np.arange(12) + np.random.default_rng(3).uniform(size=12)) / 12
"""Random moments as fractions of a run, one in each twelfth."""


@pytest.mark.parametrize("share", SHARES, ids="{:.2f}".format)
def test_docker_stop_at_any_moment(report: Path, container: str, duration_s: float, share: float) -> None:
    """Docker stops the job within 2 seconds; either the earlier report or the complete new one is in place."""
    (report / "index.html").write_text("earlier")
    docker("run", "--detach", "--name", container, "-v", f"{report}:/app/report", IMAGE, *QUICK)
    time.sleep(share * duration_s)
    begun = time.monotonic()
    docker("stop", container)
    wall_time_s = time.monotonic() - begun
    status = int(docker("inspect", "--format", "{{.State.ExitCode}}", container).stdout)
    note(status, wall_time_s, f"(docker stop, {share * duration_s:.1f} s after the start)")
    assert wall_time_s < 2
    if (report / "index.html").read_text() == "earlier":
        assert status == 143
        assert names(report) == {"index.html"}
    else:
        assert status in {0, 143}
        assert names(report) == REPORT

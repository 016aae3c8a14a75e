"""A sweep on a Ray cluster of a head and two nodes on this machine."""

import csv
import json
import os
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from support import REPOSITORY, run_job, wait_until, write_dataset

from job.errors import DeviceError

pytestmark = pytest.mark.cluster

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(REPOSITORY), "RAY_USAGE_STATS_ENABLED": "0"}
SEEDS = range(12)
OPTIONS = ("--seeds", "0-11", "--set", "epochs=1", "--threads", "1")


@pytest.fixture(scope="module")
def client_port() -> int:
    """A port for clients of the cluster."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture(scope="module")
def cluster(client_port: int) -> Iterator["subprocess.Popen[str]"]:
    """The process that controls the cluster."""
    pipe = subprocess.PIPE
    script = Path(__file__).with_name("ray_nodes.py")
    process = subprocess.Popen(
        (sys.executable, str(script), str(client_port)), env=ENVIRONMENT, stdin=pipe, stdout=pipe, text=True
    )
    yield process
    process.communicate()
    assert process.returncode == 0


@pytest.fixture(scope="module")
def address(cluster: "subprocess.Popen[str]") -> str:
    assert cluster.stdout
    return next(line for line in cluster.stdout if ":" in line and " " not in line.strip()).strip()


def start_sweep(folder: Path, *options: str) -> "subprocess.Popen[str]":
    words = (
        sys.executable,
        "-m",
        "job",
        "sweep",
        "--data",
        str(folder / "blocks"),
        "--output",
        str(folder / "sweep"),
        *options,
    )
    pipe = subprocess.PIPE
    return subprocess.Popen(words, cwd=folder, env=ENVIRONMENT, stdout=pipe, stderr=pipe, text=True)


def list_finished(folder: Path) -> list[str]:
    """The finished runs; a folder whose name begins with a dot is being unpacked."""
    return sorted(path.parent.name for path in folder.glob("sweep/runs/[!.]*/SHA256SUMS"))


def test_nothing_is_lost_with_a_node_and_the_driver(
    cluster: "subprocess.Popen[str]", address: str, tmp_path: Path
) -> None:
    """Both are killed in the middle; every run is there once, with the predictions of its own single command."""
    data = write_dataset(tmp_path / "blocks")
    process = start_sweep(tmp_path, *OPTIONS, "--cluster", address)
    wait_until(lambda: len(list_finished(tmp_path)) >= 2 or process.poll() is not None, timeout_s=300)
    assert cluster.stdin
    assert cluster.stdout
    cluster.stdin.write("kill\n")
    cluster.stdin.flush()
    assert cluster.stdout.readline() == "killed\n"
    wait_until(lambda: len(list_finished(tmp_path)) >= 5 or process.poll() is not None, timeout_s=300)
    assert process.poll() is None
    process.kill()
    process.communicate()
    before = {
        name: (tmp_path / "sweep/runs" / name / "SHA256SUMS").stat().st_mtime_ns for name in list_finished(tmp_path)
    }
    process = start_sweep(tmp_path, *OPTIONS, "--cluster", address)
    _, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert list_finished(tmp_path) == sorted(f"baseline-seed{seed}" for seed in SEEDS)
    for name, moment in before.items():
        assert (tmp_path / "sweep/runs" / name / "SHA256SUMS").stat().st_mtime_ns == moment

    def run_single(seed: int) -> bytes:
        own = tmp_path / f"single{seed}"
        run_job("--data", data, "--epochs", 1, "--threads", 1, "--seed", seed, "--output", own, "--quiet")
        return (own / "predictions.csv").read_bytes()

    with ThreadPoolExecutor(2) as pool:
        for seed, expected in zip(SEEDS, pool.map(run_single, SEEDS), strict=True):
            swept = tmp_path / "sweep" / "runs" / f"baseline-seed{seed}" / "predictions.csv"
            assert swept.read_bytes() == expected


def test_a_run_that_no_node_can_take(address: str, tmp_path: Path) -> None:
    """The line says what each run needs."""
    write_dataset(tmp_path / "blocks")
    process = start_sweep(tmp_path, "--cluster", address, "--cpus-per-run", "64")
    _, stderr = process.communicate()
    assert process.returncode == 69
    assert "no node has 64 CPUs; lower --cpus-per-run" in stderr


def test_a_cluster_that_does_not_answer(tmp_path: Path) -> None:
    """Nothing listens at the port."""
    write_dataset(tmp_path / "blocks")
    process = start_sweep(tmp_path, "--cluster", "127.0.0.1:1")
    _, stderr = process.communicate()
    assert process.returncode == 69
    assert "--cluster 127.0.0.1:1: cannot connect (" in stderr


def test_a_signal_stops_the_runs_of_the_cluster(address: str, tmp_path: Path) -> None:
    """Within five seconds, and no process of a run is left soon after."""
    write_dataset(tmp_path / "blocks")
    process = start_sweep(tmp_path, "--seeds", "0-3", "--set", "epochs=1000000", "--cluster", address)
    wait_until(lambda: bool(find_trainings()) or process.poll() is not None, timeout_s=120)
    began = time.monotonic()
    process.terminate()
    _, stderr = process.communicate()
    assert time.monotonic() - began < 5
    assert process.returncode == 143
    assert "0 of 4 runs are finished; the same command does the others" in stderr
    wait_until(lambda: not find_trainings(), timeout_s=20)


def find_trainings() -> list[str]:
    """The command lines of the trainings that this file starts on the cluster."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return [line for line in lines if "--epochs 1000000" in line]


def test_a_client_outside_the_cluster(address: str, client_port: int, tmp_path: Path) -> None:
    """A `ray://` address works, too. The record of the run has its command in the plan, not that on the node.

    The process that Ray 2.60 starts for a client sometimes dies at once. Then the job exits with 69.
    """
    write_dataset(tmp_path / "blocks")
    host = address.partition(":")[0]
    for _ in range(4):
        process = start_sweep(tmp_path, "--set", "epochs=1", "--cluster", f"ray://{host}:{client_port}")
        _, stderr = process.communicate()
        if process.returncode != DeviceError.exit_status:
            break
        assert "cannot connect (it did not answer within" in stderr
    assert process.returncode == 0, stderr
    assert list_finished(tmp_path) == ["baseline-seed0"]
    run = tmp_path / "sweep" / "runs" / "baseline-seed0"
    words = shlex.split(json.loads((run / "metrics.json").read_text())["provenance"]["command"])
    assert words[words.index("--output") + 1] == str(run)
    assert words[words.index("--data") + 1] == str(tmp_path / "blocks")


def test_a_search_on_a_cluster(tmp_path: Path, address: str) -> None:
    """A seed that diverges stops the other seed of its trial, and the search continues."""
    write_dataset(tmp_path / "blocks")
    (tmp_path / "sweep.yaml").write_text("search: {trials: 4, parameters: {learning-rate: [0.001, 1e30]}}\n")
    options = ("--config", str(tmp_path / "sweep.yaml"), "--seeds", "0-1", "--set", "epochs=1", "--threads", "1")
    process = start_sweep(tmp_path, *options, "--cluster", address)
    stdout, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert stdout.startswith("best of 4 trials (")
    with (tmp_path / "sweep" / "trials.csv").open() as file:
        trials = list(csv.DictReader(file))
    states = {"0.001": "complete", "1e+30": "diverged"}
    assert [trial["state"] for trial in trials] == [states[trial["learning-rate"]] for trial in trials]
    assert {trial["state"] for trial in trials} == {*states.values()}

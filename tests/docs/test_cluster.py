"""The files in docs/cluster/ agree with the code, as far as that can be tested without the services."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import REPOSITORY

from job.config import cli
from job.errors import EXIT_STATUSES
from job.execution.executor import RETRIED
from job.sweep.plan import build_plan

FOLDER = REPOSITORY / "docs" / "cluster"
LOCK = (REPOSITORY / "requirements-cluster.txt").read_text(encoding="utf-8")


def read_documents(name: str) -> dict[str, Any]:
    """The documents of a YAML file, by the name of the object."""
    documents = yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8"))
    return {f"{each['kind']} {each['metadata']['name']}": each for each in documents}


def read_command(script: str) -> list[str]:
    """The arguments of the job in a script."""
    text = (FOLDER / script).read_text(encoding="utf-8").replace("\\\n", " ")
    return shlex.split(text.rsplit("-m job ", 1)[1])


def count_runs(words: list[str]) -> int:
    """How many runs the plan of a command has; its index and threads are those of the first task."""
    numbers = ["0" if "INDEX" in word or "TASK_ID" in word else "1" if "CPUS" in word else word for word in words]
    request = cli.parse(numbers).sweep
    assert request
    return len(build_plan(request).runs)


def test_the_indexed_job_has_an_index_for_each_run() -> None:
    """It retries no failure that would occur again, and the second Job collects from the folder of the first."""
    documents = read_documents("indexed-job.yaml")
    spec = documents["Job fashion-job-sweep"]["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    assert spec["completions"] == spec["maxFailedIndexes"] == count_runs(container["args"])
    ignore, fail = spec["podFailurePolicy"]["rules"]
    assert ignore["action"] == "Ignore"
    assert fail["action"] == "FailIndex"
    assert fail["onExitCodes"]["containerName"] == container["name"]
    expected = sorted(status for status in EXIT_STATUSES if 1 < status < 128)
    assert fail["onExitCodes"]["values"] == expected
    assert not {*RETRIED} & {*expected}
    (collecting,) = documents["Job fashion-job-collect"]["spec"]["template"]["spec"]["containers"]
    request = cli.parse(collecting["args"]).sweep
    assert request
    assert request.collect == (container["args"][container["args"].index("--output") + 1],)
    assert request.config.output == request.collect[0]


def test_the_array_has_a_task_for_each_run() -> None:
    """The second script collects from the folder of the first."""
    text = (FOLDER / "slurm-array.sh").read_text(encoding="utf-8")
    match = re.search(r"--array=0-(\d+)%", text)
    assert match
    words = read_command("slurm-array.sh")
    assert int(match[1]) + 1 == count_runs(words)
    request = cli.parse(read_command("slurm-collect.sh")).sweep
    assert request
    assert request.collect == (request.config.output,) == (words[words.index("--output") + 1],)


def test_a_task_of_the_array_trains_its_run(tmp_path: Path) -> None:
    """The script asks for the run with its number: the last one exists, the next one does not."""
    home = tmp_path / "fashion-job"
    (home / ".venv" / "bin").mkdir(parents=True)
    python = home / ".venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o755)
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(REPOSITORY)}
    task = {"SLURM_CPUS_PER_TASK": "1", "SLURM_ARRAY_TASK_ID": "20"}
    command = ("bash", str(FOLDER / "slurm-array.sh"))
    done = subprocess.run(command, env={**environment, **task}, capture_output=True, text=True, check=False)
    assert done.returncode == 64
    assert "--only-index is 20, but the plan has the runs 0 to 19" in done.stderr


@pytest.mark.parametrize("path", ["headGroupSpec", "workerGroupSpecs"])
def test_the_pods_of_the_ray_cluster_are_valid(path: str, tmp_path: Path) -> None:
    """A RayJob has no schema here, but its pods have one."""
    group = read_documents("ray-job.yaml")["RayJob fashion-job-sweep"]["spec"]["rayClusterSpec"][path]
    template = group[0]["template"] if isinstance(group, list) else group["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, **template}
    (tmp_path / "pod.yaml").write_text(yaml.safe_dump(pod))
    command = (Path(sys.executable).parent / "kubernetes-validate", "--quiet", "--strict", tmp_path / "pod.yaml")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_ray_job_runs_a_sweep_with_the_locked_ray() -> None:
    """Its command is one of the job, and its version of Ray that of the image."""
    spec = read_documents("ray-job.yaml")["RayJob fashion-job-sweep"]["spec"]
    words = shlex.split(spec["entrypoint"])
    assert words[:3] == ["python", "-m", "job"]
    request = cli.parse(words[3:]).sweep
    assert request
    assert request.config.cluster == "auto"
    assert f"\nray=={spec['rayClusterSpec']['rayVersion']} " in LOCK

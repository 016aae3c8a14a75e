"""The executor of a Ray cluster, with an object in place of Ray."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import numpy as np
import pytest
from PIL import Image
from support import write_dataset

from job.config.run_config import Config
from job.config.search_space import Search
from job.config.sweep_config import SweepConfig
from job.data.dataset import load_dataset
from job.data.download import find_or_download
from job.errors import DeviceError
from job.sweep import ray_executor
from job.sweep.archive import unpack_files
from job.sweep.attempts import Attempts
from job.sweep.driver import Driver
from job.sweep.node import NodeResult
from job.sweep.plan import PlannedRun
from job.sweep.preparation import create_executor
from job.sweep.ray_executor import RayExecutor
from job.sweep.search_driver import SearchDriver

RUN = PlannedRun(
    "baseline-seed0", "baseline", Config(seed=0, output="sweep/runs/baseline-seed0", data="here", threads=1)
)


Result = TypeVar("Result")


class RayError(Exception):
    """In place of Ray's."""


class FakeRay:
    """A cluster with these nodes, whose tasks end at once with `answer`."""

    def __init__(self, n_nodes: int = 1) -> None:
        self.n_nodes, self.answer = n_nodes, NodeResult(0)
        self.error: Exception | None = None
        self.tasks: list[Any] = []
        self.exceptions = SimpleNamespace(RayError=RayError)

    def _act(self, result: Result) -> Result:
        if self.error:
            raise self.error
        return result

    def nodes(self) -> list[dict[str, Any]]:
        return self._act([{"Alive": True, "Resources": {"CPU": 1.0}}] * self.n_nodes)

    def put(self, content: bytes) -> bytes:
        return content

    def remote(self, _: object) -> SimpleNamespace:
        return SimpleNamespace(options=lambda **_: SimpleNamespace(remote=self._start))

    def _start(self, task: object, _: object) -> int:
        self.tasks.append(task)
        return self._act(len(self.tasks))

    def wait(self, references: list[int], **_: object) -> tuple[list[int], list[int]]:
        return self._act((references[:1], references[1:]))

    def get(self, _: int) -> NodeResult:
        return self._act(self.answer)

    def cancel(self, *_: object, **__: object) -> None:
        pass


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    ray = FakeRay()
    monkeypatch.setattr(ray_executor, "connect", lambda _: ray)
    monkeypatch.setattr(ray_executor, "POLL_S", 0.001)
    monkeypatch.setattr(ray_executor, "REFRESH_S", -1.0)
    return ray


@pytest.fixture
def executor(ray: FakeRay, tmp_path: Path) -> RayExecutor:
    assert ray.n_nodes
    (tmp_path / "logs").mkdir()
    return RayExecutor(SweepConfig(cluster="auto"), tmp_path, write_dataset(tmp_path / "blocks"))


def drive_search(executor: RayExecutor, folder: Path) -> None:
    study: Any = SimpleNamespace(ended=list, ask=lambda: None)
    search = Search(trials=1, parameters={"epochs": [1]})
    SearchDriver(folder, search, study, executor, lambda _: [RUN], attempts=Attempts(folder)).run()


def drive_plan(executor: RayExecutor, folder: Path) -> None:
    Driver([RUN], executor, lambda _: 1.0, Attempts(folder)).run([0])


@pytest.mark.parametrize("drive", [drive_plan, drive_search])
def test_a_cluster_without_nodes_is_given_up(
    ray: FakeRay, executor: RayExecutor, monkeypatch: pytest.MonkeyPatch, drive: Callable[[RayExecutor, Path], None]
) -> None:
    """After a while, in which nodes may come."""
    monkeypatch.setattr(ray_executor, "ABSENCE_S", 0.05)
    ray.n_nodes = 0
    with pytest.raises(
        DeviceError, match=r"no node can take a run, for 0 minutes now; add nodes, and the same command"
    ):
        drive(executor, Path())


def test_nothing_to_wait_for(executor: RayExecutor) -> None:
    """The executor returns, so that the driver can look for nodes again."""
    assert executor.wait() == []


@pytest.mark.parametrize("error", [RayError("gone"), ConnectionError("gone"), RuntimeError("gone")])
@pytest.mark.parametrize("call", ["n_slots", "start", "wait"])
def test_a_lost_connection_is_one_line(ray: FakeRay, executor: RayExecutor, call: str, error: Exception) -> None:
    """Whatever the executor asks Ray."""
    executor.start(RUN)
    ray.error = error
    with pytest.raises(DeviceError, match=r"--cluster auto: the connection is lost \(gone\); the same command does"):
        if call == "n_slots":
            _ = executor.n_slots
        elif call == "start":
            executor.start(RUN)
        else:
            executor.wait()


def test_a_damaged_archive_is_a_lost_run(ray: FakeRay, executor: RayExecutor) -> None:
    """The driver repeats it."""
    ray.answer = NodeResult(0, archive=b"no archive")
    executor.start(RUN)
    (outcome,) = executor.wait()
    assert outcome.is_retried
    assert outcome.error.startswith("its archive was damaged on the way (")


def test_a_node_gets_the_command_of_the_plan(ray: FakeRay, executor: RayExecutor) -> None:
    """For the record of the run, which else would have the folders of the node."""
    executor.start(RUN)
    assert ray.tasks[0].command == RUN.config.command()
    assert "--output sweep/runs/baseline-seed0" in ray.tasks[0].command
    assert "--data" not in ray.tasks[0].words


@pytest.mark.usefixtures("ray")
def test_image_files_are_prepared_once_for_all_nodes(tmp_path: Path) -> None:
    """The nodes get the same images, classes and name as IDX files, and no split is left to make."""
    for number in range(20):
        path = tmp_path / "pets" / "train" / f"class{number % 2}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((28, 28), number, np.uint8)).save(path)
    config = SweepConfig(cluster="auto", data=str(tmp_path / "pets"), split_seed=3)
    executor = create_executor(config, ["mlp"], 1, tmp_path, None)
    assert isinstance(executor, RayExecutor)
    unpack_files(executor._archive, tmp_path / "node")
    expected = load_dataset(find_or_download(config.data), split_seed=3)
    received = load_dataset(find_or_download(str(tmp_path / "node")))
    assert (received.sha256, received.class_names) == (expected.sha256, expected.class_names)
    assert executor._dataset == "pets"
    executor.start(replace(RUN, config=Config(data=config.data, split_seed=3)))
    (task,) = executor._ray.tasks
    assert "--split-seed" not in task.words
    assert "--split-seed 3" in task.command

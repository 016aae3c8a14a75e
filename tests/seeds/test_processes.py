from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from support import list_processes

from job import trained_run
from job.config.run_config import Config
from job.data.dataset import Dataset, load_dataset
from job.data.sources import Source
from job.errors import DataError, DivergenceError, JobError, ResourceError, UsageError
from job.execution.launcher import Launcher
from job.seeds import processes
from job.seeds.processes import Child, count_slots
from job.training.resources import Resources

RunScripts = Callable[..., list[str]]
GIB = 2**30


@pytest.fixture
def run_scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunScripts:
    """Runs shell scripts instead of trainings; returns their names in the order in which they end."""
    monkeypatch.setattr(processes, "_build_words", lambda child: ("sh", "-c", *child.arguments))

    def run(*scripts: str, n_slots: int = 2) -> list[str]:
        children = [Child(str(seed), (script,)) for seed, script in enumerate(scripts)]
        with Launcher() as launcher:
            return [child.name for child in processes._run_children(children, n_slots, tmp_path, launcher)]

    return run


@pytest.fixture
def dataset(dataset_folder: Path) -> Dataset:
    """A small data set."""
    return load_dataset(Source(dataset_folder, "--data"))


def test_a_process_is_yielded_when_it_ends(run_scripts: RunScripts, tmp_path: Path) -> None:
    """The next one starts when there is a free place, in the order of the seeds."""
    wait = f"until test -e {tmp_path}/second; do sleep 0.01; done"
    assert run_scripts(wait, "true", f"touch {tmp_path}/second; sleep 0.3") == ["1", "0", "2"]


@pytest.mark.parametrize(
    ("script", "error", "message"),
    [
        ("echo 'fashion-job: error: lower it' >&2; exit 79", DivergenceError, "lower it"),
        ("echo 'fashion-job: error: damaged' >&2; exit 65", DataError, "damaged"),
        ("echo 'fashion-job: error: refused' >&2; exit 64", UsageError, "refused"),
        ("echo 'fashion-job: error: too low' >&2; exit 69", ResourceError, "too low"),
        ("kill -KILL $$", ResourceError, "the training with seed 0 was killed by the kernel, usually because memory"),
        ("kill -ABRT $$", ResourceError, "the training with seed 0 failed: aborted by TensorFlow"),
        ("echo Traceback >&2; echo KeyError >&2; exit 1", RuntimeError, "seed 0 failed:\nTraceback\nKeyError"),
    ],
)
def test_the_error_is_that_of_the_process(
    run_scripts: RunScripts, script: str, error: type[Exception], message: str
) -> None:
    """Class, exit status and text are those of a training in this process; a traceback is a bug."""
    with pytest.raises(error) as caught:
        run_scripts(script)
    assert message in str(caught.value)
    assert isinstance(caught.value, JobError) == (error is not RuntimeError)


def test_an_error_ends_the_other_processes(run_scripts: RunScripts, tmp_path: Path) -> None:
    """When the error is raised, no process is left."""
    wait = f"touch {tmp_path}/began; while true; do sleep 0.1; done"
    fail = f"until test -e {tmp_path}/began; do sleep 0.01; done; echo 'fashion-job: error: bad' >&2; exit 65"
    with pytest.raises(DataError, match="bad"):
        run_scripts(wait, fail, f"touch {tmp_path}/third")
    assert not list_processes(str(tmp_path))
    assert not (tmp_path / "third").exists()


def test_warnings_are_repeated_once(run_scripts: RunScripts, caplog: pytest.LogCaptureFixture) -> None:
    """All seeds may give the same warning."""
    first, second = "echo 'fashion-job: warning: one' >&2", "echo 'fashion-job: warning: two' >&2"
    run_scripts(first, f"{first}; {second}", second)
    assert sorted(caplog.messages) == ["one", "two"]


@pytest.mark.parametrize(
    ("settings", "n_gpus", "expected"),
    [
        ({"runs": 2}, 0, True),
        ({"runs": 1}, 0, False),
        ({"runs": 2}, 1, False),
        ({"runs": 2, "device": "cpu"}, 1, True),
        ({"runs": 2, "device": "gpu"}, 0, False),
        ({"runs": 2, "replicas": 2}, 0, False),
    ],
)
def test_seeds_on_a_cpu_have_processes(settings: Mapping[str, Any], n_gpus: int, *, expected: bool) -> None:
    """Those on a GPU or on replicas train one after another in this process."""
    assert trained_run._is_in_processes(Config(**settings), Resources("EPYC", 4, None, n_gpus)) == expected


@pytest.mark.parametrize(("threads", "memory_bytes", "expected"), [(1, 8 * GIB, 4), (8, 8 * GIB, 1), (1, 2 * GIB, 2)])
def test_processors_and_memory_limit_the_number_of_processes(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, threads: int, memory_bytes: int, expected: int
) -> None:
    """There is at least one."""
    monkeypatch.setattr("job.execution.local_executor.available_memory_bytes", lambda: memory_bytes)
    monkeypatch.setattr("job.execution.local_executor.count_processors", lambda: 4)
    assert count_slots(Config(runs=9, threads=threads), dataset) == expected


@pytest.mark.parametrize(("memory_bytes", "expected"), [(10**9, 4), (2 * 4 * 400 * 28 * 28, 2), (1000, 1)])
def test_the_data_set_limits_the_number_of_processes(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, memory_bytes: int, expected: int
) -> None:
    """A training needs four times the memory of its 400 images."""
    monkeypatch.setattr(processes, "choose_parallel", lambda *_: 4)
    monkeypatch.setattr(processes, "available_memory_bytes", lambda: memory_bytes)
    assert count_slots(Config(runs=9), dataset) == expected

"""What a node of a cluster does, without a cluster."""

import socket
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from support import write_dataset

import job
from job.data.fashion_mnist import FILES
from job.sweep import node
from job.sweep.archive import UNPACKING, pack_files, unpack_files
from job.sweep.node import (
    NodeResult,
    NodeTask,
    find_dataset,
    hash_files,
    make_folder,
    open_cache,
    run_task,
)

TASK = NodeTask(version=job.__version__, revision="", command="", words=(), dataset="blocks", sha256={})


@pytest.fixture
def blocks(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "blocks")


def refuse() -> bytes:
    raise AssertionError("the node has the data set")


@pytest.mark.usefixtures("empty_machine")
def test_a_node_fetches_the_data_set_once(blocks: Path, tmp_path: Path) -> None:
    """It keeps it under the name of its folder, and fetches it again if a file changes."""
    sha256 = hash_files(blocks, FILES.values())
    folder = find_dataset("blocks", sha256, lambda: pack_files(blocks.iterdir()), tmp_path)
    assert folder.name == "blocks"
    assert folder != blocks
    assert hash_files(folder, sha256) == sha256
    assert find_dataset("blocks", sha256, refuse, tmp_path) == folder
    (folder / FILES["test_labels"]).write_bytes(b"damaged")
    assert find_dataset("blocks", sha256, lambda: pack_files(blocks.iterdir()), tmp_path) == folder
    assert hash_files(folder, sha256) == sha256


def test_an_installed_data_set_is_used(blocks: Path, empty_machine: Path) -> None:
    """If its files are the same; another data set is fetched."""
    blocks.rename(empty_machine / "data")
    sha256 = hash_files(empty_machine / "data", FILES.values())
    assert find_dataset("blocks", sha256, refuse, empty_machine) == empty_machine / "data"
    other = write_dataset(empty_machine / "other", n_test=50)
    folder = find_dataset(
        "other", hash_files(other, FILES.values()), lambda: pack_files(other.iterdir()), empty_machine
    )
    assert folder.name == "other"


def test_another_version_is_refused() -> None:
    """The error names the node and both versions."""
    result = run_task(replace(TASK, version="0.0.1"), refuse)
    assert result.status == 69
    assert result.error == (
        f"node {socket.gethostname()} has fashion-job {job.__version__}, but 0.0.1 drives the sweep; install that there"
    )


def test_another_revision_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """If both are known."""
    monkeypatch.setattr(node, "_run", lambda *_: NodeResult(0))
    monkeypatch.setenv("FASHION_JOB_REVISION", "f" * 40)
    result = run_task(replace(TASK, revision="0" * 40), refuse)
    assert result.status == 69
    assert f"has revision {'f' * 40} of fashion-job, but {'0' * 40} drives the sweep" in result.error
    assert run_task(replace(TASK, revision="f" * 40), refuse).status == 0
    assert run_task(replace(TASK, revision=""), refuse).status == 0
    monkeypatch.setattr(node, "find_revision", str)
    assert run_task(replace(TASK, revision="0" * 40), refuse).status == 0


@pytest.mark.parametrize("kind", ["link", "writable", "file"])
def test_a_cache_of_somebody_else_is_refused(tmp_path: Path, kind: str) -> None:
    """Its name can be guessed, so another user could have made it first."""
    cache = open_cache(tmp_path)
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    cache.rename(tmp_path / "moved")
    if kind == "link":
        cache.symlink_to(tmp_path / "moved")
    elif kind == "file":
        cache.touch()
    else:
        cache.mkdir()
        cache.chmod(0o777)
    with pytest.raises(OSError, match=str(cache)):
        open_cache(tmp_path)


def test_folders_of_killed_runs_disappear(tmp_path: Path) -> None:
    """Those of runs that take place stay."""
    (tmp_path / "runs" / "killed" / "run").mkdir(parents=True)
    with make_folder(tmp_path) as one, make_folder(tmp_path) as other:
        assert {path.name for path in (tmp_path / "runs").iterdir()} == {one.name, other.name}
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_run_knows_the_command_of_the_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And writes into a folder of the node, which comes back as an archive."""
    monkeypatch.setattr(node, "open_cache", lambda: tmp_path)
    monkeypatch.setattr(node, "find_dataset", lambda *_: tmp_path)
    code = "import os, sys; os.mkdir('run'); open('run/said', 'w').write(os.environ['FASHION_JOB_COMMAND'])"
    result = run_task(replace(TASK, command="python -m job --output there", words=("-c", code)), refuse)
    assert result.status == 0, result
    unpack_files(result.archive, tmp_path / "there")
    assert (tmp_path / "there" / "said").read_text() == "python -m job --output there"


def test_a_full_node_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its status is that of an output folder that cannot be written, so nothing repeats the run."""

    def fail(*_: object) -> Path:
        raise OSError(28, "No space left on device", "/tmp/cache")

    monkeypatch.setattr(node, "find_dataset", fail)
    monkeypatch.setattr(node, "open_cache", Path)
    result = run_task(TASK, refuse)
    assert result.status == 73
    assert "No space left on device: '/tmp/cache'; free some space there, or set TMPDIR" in result.error


def test_an_archive_replaces_what_is_there(tmp_path: Path) -> None:
    """Earlier files of the run, and what an interrupted driver left, disappear."""
    source, target = tmp_path / "source", tmp_path / "runs" / "run"
    (source / "folder").mkdir(parents=True)
    (source / "folder" / "file").write_text("new")
    for left in (target, target.with_name(f"{UNPACKING}run")):
        left.mkdir(parents=True)
        (left / "old").touch()
    unpack_files(pack_files(source.iterdir()), target)
    assert [str(path.relative_to(tmp_path / "runs")) for path in sorted((tmp_path / "runs").rglob("*"))] == [
        "run",
        "run/folder",
        "run/folder/file",
    ]


def test_a_damaged_archive_leaves_no_folder(tmp_path: Path) -> None:
    """A run whose archive is cut off does not count."""
    (tmp_path / "file").write_bytes(bytes(5000))
    content = pack_files([tmp_path / "file"])
    with pytest.raises(Exception, match=r"unexpected end of data|truncated"):
        unpack_files(content[:3000], tmp_path / "runs" / "run")
    assert list((tmp_path / "runs").iterdir()) == []

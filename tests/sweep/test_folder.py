"""The folder of a sweep: its plan, its lock, and the runs that --collect finds in it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from support import make_run

from job.errors import DataError, OutputError, UsageError
from job.results.file_names import CHECKSUMS, METRICS, RESULT_FILES
from job.results.output_folder.manifest import write_manifest
from job.sweep import plan_file
from job.sweep.archive import UNPACKING
from job.sweep.folder import LOCK, lock_sweep
from job.sweep.plan_file import PLAN, read_plan, write_plan
from job.sweep.run_folders import find_runs, require_own_page

N_WRITERS = 16


def write_run(folder: Path) -> Path:
    """A finished run."""
    folder.mkdir(parents=True)
    make_run(epochs=5).write(folder)
    write_manifest(folder, [name for name in RESULT_FILES if (folder / name).exists()], {})
    return folder


def test_one_of_many_plans_is_written(tmp_path: Path) -> None:
    """At the same moment; every other writer is refused, unless its plan is the same."""
    begin = threading.Barrier(N_WRITERS)
    accepted, refused = [], []

    def write(number: int) -> None:
        begin.wait()
        try:
            write_plan(tmp_path, {"seeds": str(number % 2), "text": "x" * 100_000})
        except UsageError:
            refused.append(number % 2)
        else:
            accepted.append(number % 2)

    with ThreadPoolExecutor(N_WRITERS) as threads:
        list(threads.map(write, range(N_WRITERS)))
    plan = read_plan(tmp_path)
    assert plan
    assert accepted == [int(plan["seeds"])] * (N_WRITERS // 2)
    assert len(refused) == N_WRITERS // 2
    assert [path.name for path in tmp_path.iterdir()] == [PLAN]


@pytest.mark.parametrize("is_cleaned", [False, True])
def test_the_first_plan_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_cleaned: bool) -> None:
    """One that another process writes after this one has looked; that process may also remove the part of this one."""
    publish = plan_file._publish

    def publish_late(part: Path, path: Path) -> None:
        path.write_text('{"seeds": "0"}')
        if is_cleaned:
            part.unlink()
        publish(part, path)

    monkeypatch.setattr(plan_file, "_publish", publish_late)
    with pytest.raises(UsageError, match="seeds is 0 there and 1 now"):
        write_plan(tmp_path, {"seeds": "1"})
    assert read_plan(tmp_path) == {"seeds": "0"}


def test_what_a_killed_process_left_disappears(tmp_path: Path) -> None:
    """It is no plan."""
    (tmp_path / f".{PLAN}-1").touch()
    write_plan(tmp_path, {"seeds": "1"})
    assert [path.name for path in tmp_path.iterdir()] == [PLAN]


def test_a_cut_plan_need_not_cost_the_runs(tmp_path: Path) -> None:
    """The line says how to keep them."""
    (tmp_path / PLAN).touch()
    with pytest.raises(DataError, match=r"remove this file and repeat the command .* keeps its finished runs"):
        write_plan(tmp_path, {"seeds": "1"})


def test_the_lock_is_on_a_file(tmp_path: Path) -> None:
    """NFS keeps that on the server. Several processes may share it."""
    with lock_sweep(tmp_path, shared=True), lock_sweep(tmp_path, shared=True):
        assert (tmp_path / LOCK).is_file()
        with pytest.raises(OutputError, match="another sweep runs in this folder"), lock_sweep(tmp_path):
            pass
    with lock_sweep(tmp_path), suppress(OutputError), lock_sweep(tmp_path, shared=True):
        pytest.fail("the lock is not exclusive")


def test_half_written_folders_are_skipped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A hidden one is being unpacked; any other one is named."""
    runs = [write_run(tmp_path / "runs" / name) for name in ("a", "b", "c", f"{UNPACKING}d")]
    (runs[1] / CHECKSUMS).unlink()
    (runs[2] / METRICS).unlink()
    (tmp_path / "runs" / "e").mkdir()
    assert find_runs([str(tmp_path)]).folders == [runs[0]]
    missing = {"b": "SHA256SUMS is", "c": "metrics.json is", "e": "metrics.json and SHA256SUMS are"}
    assert [record.message for record in caplog.records] == [
        f"{tmp_path / 'runs' / name} has no result: {text} missing; it is skipped" for name, text in missing.items()
    ]


def test_a_run_counts_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However its folder is spelled."""
    run = write_run(tmp_path / "runs" / "a")
    (tmp_path / "link").symlink_to(run)
    monkeypatch.chdir(tmp_path)
    assert find_runs(["runs/a", str(run), "./runs", "link"]).folders == [Path("runs/a")]


def test_a_plan_of_another_version_is_ignored(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """All finished runs count, and a line says what the page lacks."""
    run = write_run(tmp_path / "runs" / "a")
    (tmp_path / PLAN).write_text('{"parameters": {"colour": ["red"]}, "settings": {}, "seeds": "0", "threads": 1}')
    assert find_runs([str(tmp_path)]).folders == [run]
    assert "the page cannot list the runs that are missing" in caplog.text


def test_the_page_of_another_sweep_is_not_replaced(tmp_path: Path) -> None:
    """Only one that has a run of the page."""
    run = write_run(tmp_path / "sweep" / "runs" / "a")
    require_own_page(tmp_path / "sweep", [tmp_path / "other"])
    (tmp_path / "sweep" / PLAN).touch()
    require_own_page(tmp_path / "sweep", [tmp_path / "other", run])
    with pytest.raises(OutputError, match="has another sweep, whose page this one would replace"):
        require_own_page(tmp_path / "sweep", [tmp_path / "other"])

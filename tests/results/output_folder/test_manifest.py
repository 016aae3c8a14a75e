import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from job.errors import DataError
from job.results.file_names import CHECKSUMS
from job.results.output_folder.manifest import HEADER, is_owned, read_manifest, read_unchanged, write_manifest

EXPORTS = (
    "exports/model-card.md",
    "exports/model.onnx",
    "exports/saved_model/saved_model.pb",
    "exports/saved_model/variables/variables.index",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A page and exports, with a manifest."""
    (tmp_path / "exports/saved_model/variables").mkdir(parents=True)
    (tmp_path / "exports/saved_model/assets").mkdir()
    for name in (*EXPORTS, "index.html"):
        (tmp_path / name).write_text(name)
    write_manifest(tmp_path, ["exports", "index.html"], {})
    return tmp_path


def owns_exports(folder: Path) -> bool:
    return is_owned(folder, "exports", read_manifest(folder))


def test_sha256sum_checks_all_files(folder: Path) -> None:
    """A line for each file, those in folders included; a changed file is found."""
    lines = [f"{hashlib.sha256(name.encode()).hexdigest()}  {name}" for name in (*EXPORTS, "index.html")]
    assert (folder / CHECKSUMS).read_text() == HEADER + "\n".join(lines) + "\n"
    command = ("sha256sum", "--check", "--strict", "--quiet", CHECKSUMS)
    assert subprocess.run(command, cwd=folder, check=False).returncode == 0
    (folder / EXPORTS[1]).write_text("changed")
    assert subprocess.run(command, cwd=folder, check=False, capture_output=True).returncode == 1


def test_entries_of_other_files_stay(folder: Path) -> None:
    """A new entry replaces an earlier one."""
    earlier = read_manifest(folder)
    (folder / "index.html").write_text("new")
    write_manifest(folder, ["index.html"], earlier)
    assert read_manifest(folder) == {**earlier, "index.html": hashlib.sha256(b"new").hexdigest()}


def test_files_are_held_against_the_manifest(folder: Path) -> None:
    """An edited file, an unlisted one and a missing one are refused."""
    read_unchanged(folder, ["index.html", EXPORTS[0]], list)
    (folder / EXPORTS[0]).write_text("mine")
    (folder / "new").write_text("new")
    for name in (EXPORTS[0], "new"):
        with pytest.raises(DataError, match=rf"/{name}: its SHA-256 is not the one in SHA256SUMS: it was edited by h"):
            read_unchanged(folder, ["index.html", name], list)
    (folder / "index.html").unlink()
    with pytest.raises(DataError, match=r"/index.html: not found; .* --reference DIR"):
        read_unchanged(folder, ["index.html"], list, "--reference")
    (folder / CHECKSUMS).unlink()
    with pytest.raises(DataError, match=r"/SHA256SUMS: not found; .* --output DIR"):
        read_unchanged(folder, ["index.html"], list)


def test_files_that_are_replaced_while_they_are_read(folder: Path) -> None:
    """A reader cannot get one file of a run and another file of the next run."""

    def read() -> None:
        (folder / "index.html").write_text("next")
        write_manifest(folder, ["index.html"], read_manifest(folder))

    with pytest.raises(DataError, match=r"/index.html: its SHA-256 is not the one in SHA256SUMS"):
        read_unchanged(folder, ["index.html"], read)


def test_a_folder_as_the_job_wrote_it(folder: Path) -> None:
    """Its own folders and files, and no other."""
    assert owns_exports(folder)
    assert is_owned(folder, "index.html", read_manifest(folder))
    assert not is_owned(folder, "none", read_manifest(folder))


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "mine").write_text("mine")


def replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def replace_by_link(path: Path) -> None:
    path.replace(path.parent.parent / "moved")
    path.symlink_to("../moved")


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_text("mine"),
        lambda path: path.unlink(),
        lambda path: path.with_name("thesis.txt").write_text("mine"),
        lambda path: path.with_name("holiday").symlink_to("/"),
        lambda path: path.parent.joinpath("saved_model", "thesis.txt").write_text("mine"),
        lambda path: path.parent.parent.joinpath(CHECKSUMS).unlink(),
        lambda path: path.parent.parent.joinpath(CHECKSUMS).write_bytes(b"\xff"),
        lambda path: replace_by_link(path.parent / "saved_model"),
        lambda path: replace_by_link(path.parent),
        replace_by_folder,
        replace_by_pipe,
        replace_by_link,
    ],
)
def test_a_folder_with_something_of_the_user(folder: Path, change: Callable[[Path], object]) -> None:
    """A file that was edited, removed, added or replaced, or a link in its place."""
    change(folder / EXPORTS[1])
    assert not owns_exports(folder)


def test_an_empty_folder_of_the_user(tmp_path: Path) -> None:
    """The manifest does not name it."""
    (tmp_path / "exports").mkdir()
    assert not owns_exports(tmp_path)


def test_a_manifest_of_another_program(folder: Path) -> None:
    """A complete SHA256SUMS without the job's first line says nothing."""
    (folder / CHECKSUMS).write_text((folder / CHECKSUMS).read_text().removeprefix(HEADER))
    assert read_manifest(folder) == {}
    assert not owns_exports(folder)

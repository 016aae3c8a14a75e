import hashlib
import os
from pathlib import Path

import pytest

from job.errors import OutputError
from job.results.file_names import CHECKSUMS
from job.results.output_folder.manifest import write_manifest
from job.results.output_folder.preparation import prepare_output_folder, require_free_space


def test_requires_free_space(tmp_path: Path) -> None:
    """No file system has an exabyte."""
    require_free_space(tmp_path, 1000)
    with pytest.raises(OutputError, match=r"need about 1000000000000.0 MB, but only .* MB are free"):
        require_free_space(tmp_path, 10**18)


def test_a_folder_that_was_deleted(tmp_path: Path) -> None:
    """Its free space is unknown."""
    with pytest.raises(
        OutputError, match="the folder cannot be created there, or was deleted during the run; name another"
    ):
        require_free_space(tmp_path / "none", 1000)


def test_creates_the_folder_and_leaves_it_empty(tmp_path: Path) -> None:
    """The folders above it are created, too."""
    prepare_output_folder(tmp_path / "a" / "b", ["x"])
    assert list((tmp_path / "a" / "b").iterdir()) == []


@pytest.mark.parametrize(
    "content", ["{}", "[1]", "", '{"version": "0.8.0", "schema_version": 1}', '{"sweep": [0.1, 0.2]}']
)
def test_a_file_that_no_sweep_wrote(tmp_path: Path, content: str) -> None:
    """Another program may have a sweep.json; it does not keep a run from the folder."""
    (tmp_path / "sweep.json").write_text(content)
    prepare_output_folder(tmp_path, ["metrics.json"])
    (tmp_path / "sweep.json").write_text('{\n "schema_version": 1,\n "version": "0.8.0"\n}')
    with pytest.raises(OutputError, match="is the folder of a sweep"):
        prepare_output_folder(tmp_path, ["metrics.json"])


def test_a_file_in_the_way(tmp_path: Path) -> None:
    """A file has the name of the folder, or of the folder above it."""
    (tmp_path / "report").write_text("mine")
    for folder in (tmp_path / "report", tmp_path / "report" / "below"):
        with pytest.raises(OutputError, match="this path, or one above it, is a file"):
            prepare_output_folder(folder, ["x"])
    assert (tmp_path / "report").read_text() == "mine"


def test_a_folder_with_the_name_of_a_file(tmp_path: Path) -> None:
    """It may hold files of the user, so it is refused."""
    (tmp_path / "a").mkdir()
    with pytest.raises(OutputError, match="a is a folder there"):
        prepare_output_folder(tmp_path, ["a"])


@pytest.mark.parametrize("kind", ["folder", "file", "link", "broken link", "empty folder"])
def test_a_folder_that_the_job_did_not_write(tmp_path: Path, kind: str) -> None:
    """It is refused, as is a file or a link of that name; each stays as it is."""
    path = tmp_path / "exports"
    (tmp_path / "other").mkdir()
    if kind == "file":
        path.write_text("mine")
    elif "link" in kind:
        path.symlink_to("nowhere" if kind == "broken link" else "other")
    else:
        path.mkdir()
        if kind == "folder":
            (path / "model.onnx").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    words = r"exports exists, but no run wrote it, or it was changed since; move exports or name another"
    with pytest.raises(OutputError, match=words):
        prepare_output_folder(tmp_path, [], ["exports"])
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_that_the_job_wrote(tmp_path: Path) -> None:
    """The manifest has its files; it is refused once a file was changed or added, or one is missing."""
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "model-card.md").write_text("card")
    (folder / "model.onnx").write_text("model")
    write_manifest(tmp_path, ["exports"], {})
    prepare_output_folder(tmp_path, [], ["exports"])
    for change in (
        lambda: (folder / "thesis.txt").write_text("mine"),
        lambda: (folder / "model-card.md").write_text("mine"),
        (folder / "model.onnx").unlink,
    ):
        change()
        with pytest.raises(OutputError, match="exports exists, but no run wrote it"):
            prepare_output_folder(tmp_path, [], ["exports"])
        (folder / "thesis.txt").unlink(missing_ok=True)
        (folder / "model-card.md").write_text("card")


def test_checksums_of_another_program(tmp_path: Path) -> None:
    """They are not replaced by the manifest."""
    (tmp_path / CHECKSUMS).write_text(f"{hashlib.sha256(b'mine').hexdigest()}  thesis.txt\n")
    with pytest.raises(OutputError, match="SHA256SUMS exists, but no run wrote it, or it was changed since; move SHA2"):
        prepare_output_folder(tmp_path, ["index.html"])


def test_a_closed_folder_is_not_the_jobs_own(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The user may not look into it."""
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "model.onnx").write_text("")
    write_manifest(tmp_path, ["exports"], {})
    (tmp_path / "exports").chmod(0)
    tmp_path.chmod(0o777)
    request.getfixturevalue("unprivileged")
    with pytest.raises(OutputError, match="exports exists, but no run wrote it"):
        prepare_output_folder(tmp_path, [], ["exports"])


@pytest.mark.usefixtures("unprivileged")
def test_a_folder_of_another_user() -> None:
    """The message names the user and the remedy."""
    with pytest.raises(OutputError, match=r"user \d+ cannot read and write there; "):
        prepare_output_folder(Path("/usr"), ["x"])


def test_a_folder_that_can_be_written_but_not_read(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """It is refused, since it cannot be locked."""
    folder = tmp_path / "blind"
    folder.mkdir()
    folder.chmod(0o333)
    request.getfixturevalue("unprivileged")
    with pytest.raises(OutputError, match="cannot read and write there"):
        prepare_output_folder(folder, [])


@pytest.mark.skipif(os.getuid() != 0, reason="only root can create a file of another user")
def test_an_immutable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused before training; a file whose mode forbids writing is not, because a new one replaces it."""
    (tmp_path / "a").write_text("")
    (tmp_path / "a").chmod(0o444)
    prepare_output_folder(tmp_path, ["a"])
    (tmp_path / "a").chmod(0o644)
    prepare_output_folder(tmp_path, ["a"])
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    with pytest.raises(OutputError, match="a is immutable there, or mounted read-only; run `chattr -i` on it"):
        prepare_output_folder(tmp_path, ["a"])


def test_a_file_of_another_user_in_a_sticky_folder(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """It is refused, since only its owner can replace it there."""
    tmp_path.chmod(0o1777)
    (tmp_path / "a").write_text("theirs")
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "model.onnx").write_text("")
    write_manifest(tmp_path, ["exports"], {})
    os.chown(tmp_path / CHECKSUMS, 65534, -1)
    request.getfixturevalue("unprivileged")
    words = "{} belongs to another user, and only its owner can replace it there"
    with pytest.raises(OutputError, match=words.format("a")):
        prepare_output_folder(tmp_path, ["a"])
    prepare_output_folder(tmp_path, ["b"])
    with pytest.raises(OutputError, match=words.format("exports")):
        prepare_output_folder(tmp_path, [], ["exports"])
    with pytest.raises(OutputError, match=words.format("exports")):
        prepare_output_folder(tmp_path, [], outdated=["exports"])


def test_a_folder_below_a_closed_one(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The message names the closed folder, although nothing in it is visible."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    request.getfixturevalue("unprivileged")
    with pytest.raises(OutputError, match=r"user \d+ cannot read and write there; "):
        prepare_output_folder(closed / "a" / "b", [])

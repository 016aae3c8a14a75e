import errno
import os
from pathlib import Path

import pytest

from job.errors import OutputError
from job.results.output_folder import os_errors


def test_a_folder_of_someone_else_in_a_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line says whose it is, and the option to run as that user."""
    monkeypatch.setattr(os_errors, "CONTAINER_MARKS", ("/",))
    owner = os.geteuid() or 4711
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    os.chown(tmp_path, owner, -1)
    option = 'docker run --user "$(id -u):$(id -g)" …'
    group = tmp_path.stat().st_gid
    assert os_errors._who_may(tmp_path) == (
        f"{tmp_path} belongs to user {owner}: {option} if that is you, --user {owner}:{group} if not"
    )
    assert os_errors._who_may(Path("/usr")) == (
        f"/usr belongs to user 0, like any mounted folder that Docker had to make: chown it to you, then {option}"
    )
    assert os_errors._who_may(Path("/usr/new")) == "/usr belongs to user 0: name another folder, or change its owner"
    monkeypatch.setattr(os, "geteuid", lambda: owner)
    assert os_errors._who_may(tmp_path) == (
        f"{tmp_path} is yours: its mode forbids it (chmod u+rwx), or SELinux does (docker run -v …:z)"
    )


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EROFS, "the file system is read-only; mount a folder there, or name another"),
        (errno.ENOSPC, "no space is left; make room or name another folder"),
        (errno.ENOTDIR, "a file stands there or above it; remove it or name another folder"),
        (errno.EIO, "cannot be written (Input/output error); name another folder"),
    ],
)
def test_each_refusal_says_what_to_do(tmp_path: Path, number: int, words: str) -> None:
    """In a line that begins with the folder."""
    with pytest.raises(OutputError) as caught, os_errors.explained(tmp_path):
        raise OSError(number, os.strerror(number))
    assert str(caught.value).startswith(f"--output {tmp_path}: {words}")

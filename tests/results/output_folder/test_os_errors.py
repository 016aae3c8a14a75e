import errno
import os
from pathlib import Path

import pytest

from job.errors import OutputError
from job.results.output_folder import os_errors


def test_a_folder_of_another_user_in_a_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names its owner, and the option to run as that user."""
    monkeypatch.setattr(os_errors, "CONTAINER_MARKS", ("/",))
    owner = os.geteuid() or 4711
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    os.chown(tmp_path, owner, -1)
    option = 'docker run --user "$(id -u):$(id -g)" …'
    group = tmp_path.stat().st_gid
    assert os_errors._permission_remedy(tmp_path) == (
        f"{tmp_path} belongs to user {owner}: {option} if that is you, --user {owner}:{group} … otherwise"
    )
    assert os_errors._permission_remedy(Path("/usr")) == (
        f"/usr belongs to user 0 (Docker creates a missing folder as root): run chown to make it yours, then {option}"
    )
    assert os_errors._permission_remedy(Path("/usr/new")) == (
        "/usr belongs to user 0: name another folder, or change the owner of this one"
    )
    monkeypatch.setattr(os, "geteuid", lambda: owner)
    assert os_errors._permission_remedy(tmp_path) == (
        f"{tmp_path} is yours, but its mode forbids writing (chmod u+rwx) or SELinux does (docker run -v …:z)"
    )


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (
            errno.EROFS,
            "the file system is read-only; mount a folder there or name another (training also takes --output -)",
        ),
        (errno.ENOSPC, "no space is left; free some space or name another folder"),
        (errno.ENOTDIR, "this path, or one above it, is a file; remove it or name another folder"),
        (errno.EIO, "cannot be written (Input/output error); name another folder"),
    ],
)
def test_each_error_has_a_remedy(tmp_path: Path, number: int, words: str) -> None:
    """The message begins with the folder."""
    with pytest.raises(OutputError) as caught, os_errors.as_output_error(tmp_path):
        raise OSError(number, os.strerror(number))
    assert str(caught.value).startswith(f"--output {tmp_path}: {words}")

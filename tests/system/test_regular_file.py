import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import REPOSITORY

from job.system.regular_file import open_regular, read_regular


@pytest.mark.parametrize("n_bytes", [0, 1, 99, 100])
def test_a_regular_file_is_read(tmp_path: Path, n_bytes: int) -> None:
    """A file may be empty, and as large as allowed."""
    path = tmp_path / "file"
    path.write_bytes(b"x" * n_bytes)
    assert read_regular(path, 100) == b"x" * n_bytes
    with open_regular(path, 100) as file:
        assert file.read(7) == b"x" * min(n_bytes, 7)


def test_a_small_file_needs_little_address_space(tmp_path: Path) -> None:
    """However large it might be."""
    path = tmp_path / "file"
    path.write_bytes(b"x")
    code = f"""
import resource, sys
from pathlib import Path
from job.system.regular_file import read_regular
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
sys.exit(read_regular(Path({str(path)!r}), 2**32) != b"x")
"""
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=REPOSITORY).returncode == 0


def test_a_link_to_a_file_is_followed(tmp_path: Path) -> None:
    """Kubernetes mounts its volumes as links."""
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("file")
    assert read_regular(tmp_path / "link", 1) == b"x"


def test_a_larger_file_is_refused(tmp_path: Path) -> None:
    """One byte more is too many, and a sparse file of a terabyte is not read."""
    path = tmp_path / "file"
    path.touch()
    for n_bytes in (101, 2**40):
        os.truncate(path, n_bytes)
        for function in (open_regular, read_regular):
            with pytest.raises(OSError, match="Larger than 100 bytes"):
                function(path, 100)


def test_a_file_without_a_size_is_bounded() -> None:
    """The files in /proc have no size before they are read."""
    path = Path("/proc/self/environ")
    assert path.stat().st_size == 0
    with pytest.raises(OSError, match="Larger than 3 bytes"):
        read_regular(path, 3)


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (make_fifo, "Not a regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "Not a regular file"),
        (lambda path: path.symlink_to("/dev/tty"), "Not a regular file|No such device"),
        (make_socket, "No such device"),
        (Path.mkdir, "Is a directory"),
        (lambda path: path.symlink_to(path.name), "Too many levels of symbolic links"),
        (lambda path: path.symlink_to("nothing"), "No such file"),
    ],
)
def test_anything_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], object], reason: str
) -> None:
    """Neither a writer that never comes nor an endless device is waited for; no descriptor stays open."""
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    make(tmp_path / "odd")
    before = [*Path("/proc/self/fd").iterdir()]
    for function in (open_regular, read_regular):
        with pytest.raises(OSError, match=reason) as caught:
            function(tmp_path / "odd", 100)
        assert caught.value.strerror
    assert [*Path("/proc/self/fd").iterdir()] == before

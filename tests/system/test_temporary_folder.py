import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import namedtuple
from pathlib import Path

import pytest
from support import REPOSITORY

from job.errors import OutputError
from job.results.output_folder.os_errors import as_output_error
from job.system.temporary_folder import private_temporary_folder


@pytest.fixture
def parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary folder that the user names."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def test_holds_the_files_of_libraries_and_children(parent: Path) -> None:
    """The folder is closed to other users; it disappears with everything in it, and the earlier one counts again."""
    child = (sys.executable, "-c", "import tempfile; tempfile.mkdtemp(); print(tempfile.mkstemp()[1])")
    with private_temporary_folder():
        (folder,) = parent.iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700
        assert Path(tempfile.mkdtemp()).parent == folder
        done = subprocess.run(child, capture_output=True, text=True, check=True)
        assert Path(done.stdout).parent == folder
    assert list(parent.iterdir()) == []
    assert tempfile.gettempdir() == os.environ["TMPDIR"] == str(parent)


def test_a_signal_removes_it(parent: Path) -> None:
    """Even a signal that arrives while the folder is created or removed."""
    code = (
        "import os, shutil, signal, tempfile; from pathlib import Path\n"
        "from job.system import signals; from job.system.temporary_folder import private_temporary_folder\n"
        "signals.install()\n"
        "mkdir, rmtree = Path.mkdir, shutil.rmtree\n"
        "def struck(*words, **options): mkdir(*words, **options); {0}\n"
        "Path.mkdir = struck\n"
        "with private_temporary_folder():\n"
        "    tempfile.mkdtemp()\n"
        "    os.rmdir = {1}\n"
    )
    kill = "os.kill(os.getpid(), signal.SIGTERM)"
    once = "lambda *words, rmdir=os.rmdir, **options: (setattr(os, 'rmdir', rmdir), rmdir(*words, **options), {})"
    for words in ((kill, "os.rmdir"), ("pass", once.format(kill))):
        command = (sys.executable, "-c", code.format(*words))
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
        assert done.returncode == 128 + signal.SIGTERM, done.stderr
        assert list(parent.iterdir()) == []


def test_none_is_writable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the option that gives a container one."""
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", list)
    with (
        pytest.raises(OutputError, match=r"no temporary folder is writable; .*docker run --tmpfs /tmp"),
        private_temporary_folder(),
    ):
        pass


def fail(path: Path | str, number: int = errno.ENOSPC) -> None:
    raise OSError(number, os.strerror(number), str(path) or None)


def test_a_full_temporary_folder_is_not_a_full_output_folder(
    parent: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the error names no file, the fuller of both file systems is to blame."""
    output = tmp_path_factory.mktemp("output")
    usage = namedtuple("usage", "free")  # noqa: PYI024 - as that of shutil
    free = {"output": 10, "temporary": 10}
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: usage(free["output" if Path(path) == output else "temporary"])
    )

    def blamed(name: str, path: str = "", **sizes: int) -> None:
        free.update(sizes)
        with pytest.raises(OutputError) as caught, private_temporary_folder(), as_output_error(output):
            fail(path and Path(path.format(tempfile.gettempdir())))
        words = {
            "temporary": f"the temporary folder {parent} is full; free some space there, or name another one in TMPDIR",
            "output": f"--output {output}: no space is left; free some space or name another folder",
        }
        assert str(caught.value) == words[name]

    blamed("temporary", temporary=1)
    blamed("output", output=0)
    blamed("output", f"{output}/a", output=1_000)
    blamed("temporary", "{}/a", output=0)
    with pytest.raises(OutputError, match=f"temporary folder {parent} is full"), private_temporary_folder():
        fail(Path(tempfile.gettempdir(), "a"))


def test_another_error_stays(parent: Path) -> None:
    """Only a full folder is something that the user can mend there."""
    with pytest.raises(FileNotFoundError), private_temporary_folder():
        fail(Path("a"), errno.ENOENT)
    assert list(parent.iterdir()) == []

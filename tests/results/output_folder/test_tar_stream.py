import io
import os
import pty
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest
from support import REPOSITORY

from job.errors import OutputError
from job.results.output_folder import tar_stream
from job.system.temporary_folder import private_temporary_folder

STREAM = """
import os, sys, time
from job.results.output_folder import tar_stream; from job.system import signals
from job.errors import JobError
from job.system.standard_streams import open_streams
from job.system.temporary_folder import private_temporary_folder
signals.install()
open_streams()
try:
    with private_temporary_folder(), tar_stream.stream_folder() as folder:
        print("said on stdout")
        (folder / "b").write_text("second")
        (folder / "a").write_bytes(bytes(int(sys.argv[1])))
        os.write(1, b"and by C\\n")
        if "wait" in sys.argv:
            os.write(1, b"waiting\\n")
            time.sleep(60)
except JobError as error:
    print(error, file=sys.stderr)
    raise SystemExit(error.exit_status)
print("after" if "after" in sys.argv else "", end="")
"""


def command(n_bytes: int = 10, *words: str) -> tuple[str, ...]:
    return (sys.executable, "-c", STREAM, str(n_bytes), *words)


def environment(temporary: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return {**kept, "TMPDIR": str(temporary), "PYTHONPATH": str(REPOSITORY)}


def test_sends_the_files_as_a_folder(tmp_path: Path) -> None:
    """The files are sorted and have no owner; other output goes to stderr, and no temporary file is left."""
    done = subprocess.run(command(), capture_output=True, check=True, env=environment(tmp_path))
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        members = archive.getmembers()
        second = archive.extractfile("report/b")
        assert second
        assert second.read() == b"second"
    assert [(one.name, one.size, one.uid, one.uname) for one in members] == [
        ("report/a", 10, 0, ""),
        ("report/b", 6, 0, ""),
    ]
    assert sorted(done.stderr.splitlines()) == [b"and by C", b"said on stdout"]
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_stops_reading(tmp_path: Path) -> None:
    """73 and one line, whether or not the archive is larger than the pipe."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        command(1_000_000), stdout=writing, stderr=subprocess.PIPE, text=True, check=False, env=environment(tmp_path)
    )
    os.close(writing)
    assert done.returncode == 73
    assert done.stderr.splitlines()[2:] == ["--output -: stdout broke before the end of the archive (Broken pipe)"]
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_behind_stdout(tmp_path: Path) -> None:
    """73, even if only the last bytes fail, which are written when the stream is closed."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command(), stdout=full, stderr=subprocess.PIPE, text=True, check=False, env=environment(tmp_path)
        )
    assert done.returncode == 73
    assert "No space left on device" in done.stderr


def test_a_terminal_is_refused() -> None:
    """64: a terminal cannot show a tar archive."""
    controller, terminal = pty.openpty()
    done = subprocess.run(command(), stdout=terminal, stderr=subprocess.PIPE, text=True, check=False, cwd=REPOSITORY)
    os.close(terminal)
    os.close(controller)
    assert done.returncode == 64
    assert done.stderr == (
        "--output - writes a tar archive to stdout, but that is a terminal; "
        "pipe it (… | tar x), and use docker run without -t\n"
    )


def test_a_closed_stdout_is_refused_at_once() -> None:
    """73: the archive would be lost."""
    done = subprocess.run(
        ("sh", "-c", 'exec "$@" >&-', "sh", *command()), stderr=subprocess.PIPE, text=True, check=False, cwd=REPOSITORY
    )
    assert done.returncode == 73
    assert done.stderr == "--output -: stdout is closed; pipe it: … | tar x\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_sends_nothing(tmp_path: Path, number: signal.Signals) -> None:
    """The job exits with 128 + the signal's number, writes no byte of the archive and leaves no folder."""
    with subprocess.Popen(
        command(10, "wait"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(tmp_path)
    ) as process:
        assert process.stderr
        assert process.stdout
        assert [process.stderr.readline() for _ in range(2)] == ["said on stdout\n", "and by C\n"]
        assert process.stderr.readline() == "waiting\n"
        process.send_signal(number)
        assert process.wait(10) == 128 + number
        assert process.stdout.read() == ""
        assert process.stderr.read() == f"fashion-job: stopped by {number.name}; no file was changed\n"
    assert list(tmp_path.iterdir()) == []


def test_restores_stdout(tmp_path: Path) -> None:
    """Output after the block goes to stdout again."""
    done = subprocess.run(command(10, "after"), capture_output=True, check=True, env=environment(tmp_path))
    assert done.stdout.endswith(b"after")


def test_a_signal_while_the_archive_is_sent(tmp_path: Path) -> None:
    """The reader reads nothing and the pipe is full: the message says that the archive is cut off."""
    with subprocess.Popen(
        command(1_000_000), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(tmp_path)
    ) as process:
        assert process.stderr
        assert {process.stderr.readline() for _ in range(2)} == {"and by C\n", "said on stdout\n"}
        time.sleep(0.3)  # until it waits for the reader
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 128 + signal.SIGTERM
        assert process.stderr.read() == "fashion-job: stopped by SIGTERM; the archive is cut off\n"
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_made_the_pipe_non_blocking(tmp_path: Path) -> None:
    """The job waits for it."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with subprocess.Popen(
        command(1_000_000), stdout=writing, stderr=subprocess.DEVNULL, env=environment(tmp_path)
    ) as process:
        os.close(writing)
        chunks = []
        while chunk := os.read(reading, 4096):
            chunks.append(chunk)
            time.sleep(0.0005)
        os.close(reading)
        assert process.wait(10) == 0
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        assert archive.getnames() == ["report/a", "report/b"]


def test_no_room_for_the_temporary_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """73, and the message calls the folder temporary."""
    monkeypatch.setattr(os, "isatty", lambda _: False)
    with (
        pytest.raises(OutputError, match=r"--output -: temporary folder .*: full; name another one in TMPDIR"),
        private_temporary_folder(),
        tar_stream.stream_folder() as folder,
    ):
        raise OutputError(f"--output {folder}: full; name another folder")

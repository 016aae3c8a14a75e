import io
import os
import subprocess
import sys
import threading
import time

import pytest
from support import REPOSITORY

from job.system.standard_streams import ForgivingFile, WaitingFile, as_text


def fill(writing: int) -> int:
    """Fills a non-blocking pipe; returns how many bytes it took."""
    os.set_blocking(writing, False)
    n_bytes = 0
    try:
        while True:
            n_bytes += os.write(writing, bytes(4096))
    except BlockingIOError:
        return n_bytes


@pytest.mark.parametrize("kind", [WaitingFile, ForgivingFile])
def test_waits_for_a_slow_reader(kind: type[io.FileIO]) -> None:
    """Another program made the pipe non-blocking, and it is full; nothing is lost."""
    reading, writing = os.pipe()
    n_bytes = fill(writing)
    received = []

    def read() -> None:
        time.sleep(0.2)
        while chunk := os.read(reading, 4096):
            received.append(chunk)

    reader = threading.Thread(target=read)
    reader.start()
    with as_text(kind(writing, "w")) as stream:
        stream.write("line\n" * 50_000)
    reader.join()
    os.close(reading)
    assert b"".join(received)[n_bytes:] == b"line\n" * 50_000


def test_nobody_reads() -> None:
    """An ordinary stream raises an error; the forgiving one discards the text."""
    reading, writing = os.pipe()
    os.close(reading)
    with WaitingFile(writing, "w", closefd=False) as file, pytest.raises(BrokenPipeError):
        file.write(b"line")
    with as_text(ForgivingFile(writing, "w")) as stream:
        print("line", file=stream, flush=True)
        stream.write("no line")


OPEN = """
import os, sys
from job.system.standard_streams import open_streams
open_streams()
print("for stderr", file=sys.stderr)
print("é", "\\udcff", file=sys.stderr)
try:
    print("for stdout", flush=True)
except OSError as error:
    print(error.strerror, file=sys.stderr)
print(os.open(os.devnull, os.O_RDONLY), sys.stderr is sys.__stderr__, file=sys.stderr)
os._exit(0)
"""


@pytest.mark.parametrize(
    ("redirection", "stdout", "stderr"),
    [
        ("", ["for stdout"], ["for stderr", "é \\udcff", "3 True"]),
        (">&-", [], ["for stderr", "é \\udcff", "Bad file descriptor", "3 True"]),
        ("<&- >&-", [], ["for stderr", "é \\udcff", "Bad file descriptor", "3 True"]),
        (">/dev/full", [], ["for stderr", "é \\udcff", "No space left on device", "3 True"]),
        ("2>&-", ["for stdout"], []),
        ("2>/dev/full", ["for stdout"], []),
    ],
)
def test_closed_and_full_streams(redirection: str, stdout: list[str], stderr: list[str]) -> None:
    """Only stdout raises an error, no file gets the descriptor of a closed stream, and the encoding is UTF-8."""
    command = f'exec "$0" -c "$1" {redirection}'
    done = subprocess.run(
        ("sh", "-c", command, sys.executable, OPEN),
        cwd=REPOSITORY,
        env={"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.stderr.splitlines() == stderr
    assert done.stdout.splitlines() == stdout

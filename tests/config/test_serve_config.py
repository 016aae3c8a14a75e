from pathlib import Path

import pytest

from job.config import cli
from job.config.run_config import OPTIONS
from job.config.serve_config import SERVE_OPTIONS, ServeConfig
from job.errors import UsageError

ANY = "0.0.0.0"  # noqa: S104 - as in the image


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory is empty, and no variable of the environment is the job's."""
    monkeypatch.chdir(tmp_path)
    for option in (*OPTIONS.values(), *SERVE_OPTIONS.values()):
        monkeypatch.delenv(option.variable, raising=False)


def test_defaults() -> None:
    """The server listens on this machine only."""
    command = cli.parse(["serve"])
    assert (command.name, command.sources) == ("serve", ())
    assert command.serve == ServeConfig(host="127.0.0.1", port=8000, threads=None, allow_origin=None, output="report")


def test_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    """Command line, environment and file set the options, in this order; other settings of a run do not matter."""
    Path("fashion-job.yaml").write_text("output: in-file\nthreads: 7\nepochs: 3\n")
    monkeypatch.setenv("FASHION_JOB_HOST", ANY)
    monkeypatch.setenv("FASHION_JOB_THREADS", "5")
    monkeypatch.setenv("FASHION_JOB_EPOCHS", "2")
    monkeypatch.setenv("FASHION_JOB_PORT", "tcp://10.0.0.1:8000")  # from Kubernetes
    words = ["serve", "--port", "0", "--allow-origin", "https://example.org:8443"]
    command = cli.parse(words)
    assert command.serve == ServeConfig(
        host=ANY,
        port=0,
        threads=5,
        allow_origin="https://example.org:8443",
        output="in-file",
    )
    assert command.sources == ("fashion-job.yaml", "FASHION_JOB_HOST", "FASHION_JOB_THREADS")
    changed = cli.parse([*words, "--threads", "9"]).serve
    assert changed
    assert changed.threads == 9


def test_the_port_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number is the port; what Kubernetes sets for a service named fashion-job is an address."""
    monkeypatch.setenv("FASHION_JOB_PORT", "9001")
    command = cli.parse(["serve"])
    assert command.serve
    assert command.serve.port == 9001
    monkeypatch.setenv("FASHION_JOB_PORT", "9x")
    with pytest.raises(UsageError, match="FASHION_JOB_PORT is '9x', but must be a whole number from 0 to 65535"):
        cli.parse(["serve"])


def test_a_training_ignores_the_variables_of_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    """The image sets one."""
    monkeypatch.setenv("FASHION_JOB_HOST", ANY)
    monkeypatch.setenv("FASHION_JOB_ALLOW_ORIGIN", "*")
    assert cli.parse([]).sources == ()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--port", "65536"], "--port is 65536, but must be a whole number from 0 to 65535"),
        (["--port", "http"], "--port is 'http'"),
        (["--host", "http://x"], "--host is 'http://x', but must be an IP address or the name of this machine"),
        (["--host", ""], "--host is ''"),
        (["--allow-origin", "example.org"], "must be an origin such as https://example.org, or *"),
        (["--allow-origin", "https://example.org/path"], "must be an origin"),
        (["--allow-origin", "https://a\r\nX: y"], "must be an origin"),
        (["--threads", "0"], "--threads is 0"),
        (["--output", "-"], "--output - is only for training; serve reads a folder: name the folder"),
        (["--epochs", "3"], "unknown option --epochs"),
        (["serve"], "serve must come first"),
    ],
)
def test_errors(words: list[str], expected: str) -> None:
    """One line says what is wrong."""
    with pytest.raises(UsageError) as caught:
        cli.parse(["serve", *words])
    assert expected in str(caught.value)


def test_the_order_of_the_words() -> None:
    """A command that does not come first is an error that says so."""
    with pytest.raises(UsageError, match="serve must come first: `python -m job serve --output DIR`"):
        cli.parse(["--output", "x", "serve"])


@pytest.mark.parametrize("host", ["::1", "192.0.2.1", "localhost", "a-b.example"])
def test_hosts(host: str) -> None:
    """Addresses of both kinds, and names."""
    assert ServeConfig(host=host).host == host

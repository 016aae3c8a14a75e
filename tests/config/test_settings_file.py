import os
import time
from pathlib import Path

import pytest

from job.config import cli, settings_file
from job.errors import UsageError


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def values_of(text: str) -> dict[str, object]:
    Path("a.yaml").write_text(text, encoding="utf-8")
    return {name: each.value for name, each in settings_file.read("a.yaml").items()}


def refusal(name: str) -> str:
    with pytest.raises(UsageError) as error:
        settings_file.read(name)
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 300
    return str(error.value)


@pytest.mark.parametrize("text", ["", "\n# a comment\n", "---\n", "null\n", "{}\n", "\N{BYTE ORDER MARK}"])
def test_a_file_without_settings(text: str) -> None:
    """An empty file sets nothing."""
    assert values_of(text) == {}


def test_values_are_read_as_on_the_command_line() -> None:
    """YAML's own numbers, dates and booleans do not matter."""
    text = "learning-rate: 1e-3\nseed: 010\nbatch_size: '64'\noutput: 2024-01-01\ndata: no\nthreads: ~\n"
    assert values_of(text) == {
        "learning_rate": 0.001,
        "seed": 10,
        "batch_size": 64,
        "output": "2024-01-01",
        "data": "no",
        "threads": None,
    }
    assert values_of("export: [onnx, litert]") == values_of("export: onnx,litert") == {"export": ("onnx", "litert")}
    assert values_of("export:\n") == {"export": ()}
    assert values_of("data: 'null'\n") == {"data": "null"}
    assert values_of("epochs: &a 3\nseed: *a\n") == {"epochs": 3, "seed": 3}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("seed: 1\nepoch: 3\n", "a.yaml, line 2: unknown option epoch; did you mean epochs?"),
        ("learning_rat: 3\n", "a.yaml, line 1: unknown option learning_rat; did you mean learning-rate?"),
        ("predictions: a\n", "a.yaml, line 1: predictions is only an option of the command line of report"),
        ("zzz: 3\n", "a.yaml, line 1: unknown option zzz; `python -m job --help` lists the options"),
        ('"a\\nb": 3\n', r"a.yaml, line 1: unknown option 'a\nb'; "),
        (f"{'x' * 1000}: 3\n", "a.yaml, line 1: unknown option 'xxx"),
        ("epochs: many\n", "a.yaml: epochs is 'many', but must be a whole number from 1 to 2147483647"),
        ("epochs: true\n", "a.yaml: epochs is 'true', but must be a whole number"),
        ("epochs: 1_000\n", "a.yaml: epochs is '1_000', but must be a whole number"),
        ("epochs: 2.0\n", "a.yaml: epochs is '2.0', but must be a whole number"),
        ("epochs: [3]\n", "a.yaml: epochs is ['3'], but must be a whole number"),
        ("epochs:\n", "a.yaml: epochs is empty, but must be a whole number"),
        ("learning-rate: .inf\n", "a.yaml: learning-rate is '.inf', but must be a number above 0"),
        ("data: ''\n", "a.yaml: data is '', but must be a folder's name"),
        ('data: "a\\nb"\n', r"a.yaml: data is 'a\nb', but must be a folder's name"),
        (f"data: ['{'x' * 9999}']\n", "a.yaml: data is ['xxx"),
        ("epochs: 3\n\nepochs: 3\n", "a.yaml, line 3: epochs is set twice"),
        ("batch-size: 3\nbatch_size: 3\n", "a.yaml, line 2: batch-size is set twice"),
        ("epochs: {a: b}\n", "a.yaml, line 1: a value must be a text, a number or a list of texts"),
        ("export: [[onnx]]\n", "a.yaml, line 1: a value must be a text, a number or a list of texts"),
        ("? [a]\n: b\n", "a.yaml, line 1: a key must be the name of an option"),
        ("- epochs\n", "a.yaml, line 1: is not a mapping of options to values, such as `epochs: 10`"),
        ("epochs\n", "a.yaml, line 1: is not a mapping"),
        (
            "epochs: 3\n---\nepochs: 4\n",
            "a.yaml, line 2: invalid YAML: expected a single document in the stream, but found another document",
        ),
        ("seed: 1\nepochs: [3\n", "a.yaml, line 3: invalid YAML: while parsing a flow sequence, expected ',' or ']'"),
        ("\tepochs: 3\n", r"a.yaml, line 1: invalid YAML: while scanning for the next token, found character '\t'"),
        ("epochs: 3\ndata: a\x00b\n", "a.yaml, line 2: invalid YAML: it contains a control character"),
        ('data: "\\UFFFFFFFF"\n', "a.yaml: invalid YAML: "),
        ("epochs: *a\n", "a.yaml, line 1: invalid YAML: found undefined alias 'a'"),
        ("export: &a [*a]\n", "a.yaml, line 1: a value must be a text"),
        ("data: !!python/name:os.system\n", "a.yaml, line 1: a value must be a text"),
        ("data: !ENV HOME\n", "a.yaml, line 1: a value must be a text, a number or a list of texts"),
        ("!foo {epochs: 3}\n", "a.yaml, line 1: is not a mapping"),
        ("!!map epochs\n", "a.yaml, line 1: is not a mapping"),
        ("export: !!seq onnx,\n", "a.yaml, line 1: a value must be a text"),
        ("<<: 3\n", "a.yaml, line 1: unknown option <<; "),
    ],
)
def test_bad_contents(text: str, words: str) -> None:
    """One line names the file, and the line or the key."""
    Path("a.yaml").write_text(text, encoding="utf-8")
    assert words in refusal("a.yaml")


@pytest.mark.parametrize("text", ["[" * 65_000, "data: " + "[" * 65_000, "a" * 65_000 + ": 1", "{" * 65_000])
def test_hostile_nesting_is_refused_at_once(text: str) -> None:
    """Within seconds of computing, without a recursion error."""
    Path("a.yaml").write_text(text)
    began = time.process_time()
    refusal("a.yaml")
    assert time.process_time() - began < 5


def test_files_that_are_none() -> None:
    """A folder, a FIFO, a device, a missing file, a broken link and impossible names."""
    os.mkfifo("fifo")
    Path("folder").mkdir()
    Path("link").symlink_to("nowhere")
    reasons = {
        "folder": "Is a directory",
        "fifo": "Not a regular file",
        "/dev/zero": "Not a regular file",
        "nothing.yaml": "No such file or directory",
        "link": "No such file or directory",
    }
    for name, reason in reasons.items():
        assert refusal(name) == f"{name}: cannot be read: {reason}; name a YAML file with options"
    assert "--config is '', but must be a file's name" in refusal("")
    assert r"--config is 'a\x00', but must be a file's name" in refusal("a\0")


@pytest.mark.parametrize("command", [[], ["render"], ["report", "--predictions", "a.csv"], ["serve"], ["sweep"]])
def test_a_file_with_the_other_ending_is_refused(command: list[str]) -> None:
    """Its gates would silently not exist."""
    Path("fashion-job.yml").write_text("fail-under: accuracy=0.9\n")
    with pytest.raises(UsageError, match=r"^fashion-job\.yml is not read; rename it to fashion-job\.yaml$"):
        cli.parse(command)
    Path("fashion-job.yaml").write_text("fail-under: accuracy=0.8\n")
    with pytest.raises(UsageError, match=r"^fashion-job\.yml is not read; move its options to fashion-job\.yaml$"):
        cli.parse(command)


def test_a_large_file_is_not_read() -> None:
    """100 MB are refused at once; 64 KiB are allowed."""
    with Path("a.yaml").open("wb") as file:
        file.truncate(100_000_000)
    assert refusal("a.yaml") == "a.yaml: cannot be read: Larger than 65,536 bytes; name a YAML file with options"
    Path("a.yaml").write_text("#" * (64 * 1024))
    assert settings_file.read("a.yaml") == {}


def test_a_file_that_is_not_utf_8() -> None:
    """The error names the line."""
    Path("a.yaml").write_bytes(b"epochs: 3\ndata: \xff\n")
    assert refusal("a.yaml") == "a.yaml, line 2: is not UTF-8 text; save the file as UTF-8"


def test_a_file_without_read_permission(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The error gives the system's reason."""
    path = tmp_path / "a.yaml"
    path.write_text("epochs: 3\n")
    path.chmod(0)
    request.getfixturevalue("unprivileged")
    assert refusal(str(path)) == f"{path}: cannot be read: Permission denied; name a YAML file with options"

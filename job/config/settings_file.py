"""Reads and writes settings files: YAML with one option per key."""

import math
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import job
from job.config.options import Option, show_name, suggest
from job.config.run_config import OPTIONS, Config
from job.config.settings import Setting, Settings, setting
from job.errors import UsageError

if TYPE_CHECKING:
    import yaml

DEFAULT_NAME = "fashion-job.yaml"
"""The file that is read from the working directory if it exists."""

MAX_BYTES = 64 * 1024
NULL = re.compile("|~|null|Null|NULL")


def read(name: str) -> Settings:
    """The settings in a file.

    Values are taken as text, as on the command line, so that YAML's own ideas of numbers, dates and booleans (`1_000`,
    `010`, `no`) do not matter. Anchors and tags are refused, nothing is constructed.

    Args:
        name: path of the file.

    Raises:
        UsageError: if it cannot be read, is not a flat mapping, has an unknown or repeated key, or an invalid value.
    """
    import yaml

    text = _read_text(name)
    settings: dict[str, Setting] = {}
    try:
        for word, line, raw in _pairs(_contents(yaml.parse(text, Loader=yaml.SafeLoader))):
            option = _option(word, line, settings)
            settings[option.name] = setting(option, raw, f"{name}: {option.key}")
    except _LineError as error:
        raise UsageError(f"{name}, line {error.line}: {error.problem}") from error
    except yaml.YAMLError as error:
        raise UsageError(f"{name}{_explain(error, text)}") from error
    except (ValueError, OverflowError) as error:  # PyYAML's answer to `"\UFFFFFFFF"` and the like
        raise UsageError(f"{name}: invalid YAML: {error}") from error
    return settings


def _option(word: str, line: int, known: Settings) -> Option:
    """The option that a key names, spelled with hyphens or underscores."""
    options = {option.key: option for option in OPTIONS.values()}
    key = word.replace("_", "-")
    if key not in options:
        raise _LineError(line, f"unknown option {show_name(word)}{suggest(key, options)}")
    if options[key].name in known:
        raise _LineError(line, f"{key} is set twice")
    return options[key]


class _LineError(Exception):
    """What is wrong with a line of a file, line 0 being the first."""

    def __init__(self, line: int, problem: str) -> None:
        self.line = line + 1
        self.problem = problem


def _read_text(name: str) -> str:
    if name == "" or not name.isprintable():
        raise UsageError(f"--config is {name[:80]!r}, but must be a file's name of printable characters")
    path = Path(name)
    try:
        status = path.stat()  # before it is opened: opening a FIFO would wait for a writer
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            raise UsageError(f"{name}: is {kind}; name a YAML file with options")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{name}: cannot be read: {error.strerror}; name a readable file") from error
    if len(content) > MAX_BYTES:
        raise UsageError(f"{name}: is larger than {MAX_BYTES // 1024} KiB; it cannot be a settings file")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{name}, line {line}: is not UTF-8 text; save the file as UTF-8") from error


def _explain(error: "yaml.YAMLError", text: str) -> str:
    """Line and problem of an error of PyYAML, to follow the name of the file."""
    import yaml

    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    if mark:
        return f", line {mark.line + 1}: invalid YAML: {getattr(error, 'problem', '')}"
    line = text.count("\n", 0, getattr(error, "position", 0)) + 1
    return f", line {line}: invalid YAML: it contains a control character"


def _pairs(events: Iterator[Any]) -> Iterator[tuple[str, int, str | list[str] | None]]:
    """Key, line and value of each entry of a document that is a flat mapping of texts or lists of texts."""
    import yaml

    root = next(events, None)
    if isinstance(root, yaml.MappingStartEvent):
        while not isinstance(key := next(events), yaml.MappingEndEvent):
            if not isinstance(key, yaml.ScalarEvent):
                raise _LineError(_line(key), "a key must be the name of an option")
            yield key.value, _line(key), _value(events)
    elif root is not None and not _is_null(root):
        raise _LineError(_line(root), "is not a mapping of options to values, such as `epochs: 10`")
    for event in events:
        raise _LineError(_line(event), "a second document begins here; a settings file has one")


def _contents(events: Iterator[Any]) -> Iterator[Any]:
    """The events of the content, none of which has a tag or an anchor."""
    import yaml

    framing = (yaml.StreamStartEvent, yaml.StreamEndEvent, yaml.DocumentStartEvent, yaml.DocumentEndEvent)
    for event in events:
        if getattr(event, "anchor", None) or getattr(event, "tag", None):
            raise _LineError(
                event.start_mark.line, "anchors, aliases and tags are not supported; write the value itself"
            )
        if not isinstance(event, framing):
            yield event


def _value(events: Iterator[Any]) -> str | list[str] | None:
    """The text that follows, or None if it is null, or a list of texts."""
    import yaml

    event = next(events)
    if isinstance(event, yaml.ScalarEvent):
        return None if _is_null(event) else str(event.value)
    texts = []
    if isinstance(event, yaml.SequenceStartEvent):
        while isinstance(event := next(events), yaml.ScalarEvent):
            texts.append(event.value)
    if not isinstance(event, yaml.SequenceEndEvent):
        raise _LineError(_line(event), "a value must be a text, a number or a list of texts")
    return texts


def _line(event: Any) -> int:  # noqa: ANN401 - as below
    return int(event.start_mark.line)


def _is_null(event: Any) -> bool:  # noqa: ANN401 - a class of PyYAML, which is imported late
    return type(event).__name__ == "ScalarEvent" and event.implicit[0] and NULL.fullmatch(event.value) is not None


def write(config: Config) -> str:
    """A settings file with the value of every option, each under its help text."""
    import yaml

    lines = [f"# fashion-job {job.__version__}\n"]
    for name, option in OPTIONS.items():
        value = getattr(config, name)
        entry = {option.key: list(value) if isinstance(value, tuple) else value}
        lines += [f"# {option.help}\n", yaml.safe_dump(entry, allow_unicode=True, width=math.inf)]
    return "".join(lines)

"""Reads and writes settings files: YAML with one option per key."""

import math
import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import job
from job.config.options import describe_unknown
from job.config.prediction_files import ONLY_IN_REPORT
from job.config.run_config import OPTIONS, Config
from job.config.settings import Setting, Settings, read_setting
from job.errors import UsageError
from job.system.regular_file import read_regular

if TYPE_CHECKING:
    import yaml

DEFAULT_NAME = "fashion-job.yaml"
"""The file that is read from the working directory if it exists."""

OTHER_NAME = "fashion-job.yml"
"""A name that is easily mistaken for it; a gate in such a file would not exist."""

MAX_BYTES = 64 * 1024
ENDS = {"estimate": "", "interval": ":interval"}
"""What a gate compares, by the key in a table, and as it is written on the command line."""

YAML_TAG = "tag:yaml.org,2002:"
SCALAR_TAGS = {f"{YAML_TAG}{kind}" for kind in ("str", "int", "float", "bool", "null", "timestamp")}
"""What a plain value may look like. Others come from a tag that the user wrote."""


def find_default() -> str | None:
    """The name of the file in the working directory; None if there is none.

    Raises:
        UsageError: If a file has a name that is easily mistaken for it.
    """
    exists = os.path.lexists(DEFAULT_NAME)
    if os.path.lexists(OTHER_NAME):
        remedy = f"move its options to {DEFAULT_NAME}" if exists else f"rename it to {DEFAULT_NAME}"
        raise UsageError(f"{OTHER_NAME} is not read; {remedy}")
    return DEFAULT_NAME if exists else None


def read(name: str) -> Settings:
    """The settings in the file at the path `name`.

    Values are taken as text, as on the command line, so that YAML's own ideas of numbers, dates and booleans (`1_000`,
    `010`, `no`) do not matter. Nothing is constructed, so that no tag can do harm.

    Raises:
        UsageError: if it cannot be read, is not a flat mapping, has an unknown or repeated key, or an invalid value.
    """
    import yaml

    root = compose(name, read_text(name))
    if root is None or root.tag == f"{YAML_TAG}null":
        return {}
    if root.tag != f"{YAML_TAG}map" or not isinstance(root, yaml.MappingNode):
        raise error_at(name, root, "is not a mapping of options to values, such as `epochs: 10`")
    options = {option.key: option for option in OPTIONS.values()}
    settings: dict[str, Setting] = {}
    for key, value in root.value:
        if not isinstance(key, yaml.ScalarNode):
            raise error_at(name, key, "a key must be the name of an option")
        option = options.get(key.value.replace("_", "-"))
        if option is None and key.value in ONLY_IN_REPORT:
            raise error_at(name, key, f"{key.value} is only an option of the command line of report")
        if option is None:
            raise error_at(name, key, describe_unknown("option", key.value, options))
        if option.name in settings:
            raise error_at(name, key, f"{option.key} is set twice")
        raw = (
            read_table(name, value) if option.find_problem and value.tag == f"{YAML_TAG}map" else read_raw(name, value)
        )
        settings[option.name] = read_setting(option, raw, f"{name}: {option.key}")
    return settings


def read_text(name: str) -> str:
    """The text of a settings file."""
    if name == "" or not name.isprintable():
        raise UsageError(f"--config is {name[:80]!r}, but must be a file's name of printable characters")
    try:
        content = read_regular(Path(name), MAX_BYTES)
    except OSError as error:
        raise UsageError(f"{name}: cannot be read: {error.strerror}; name a YAML file with options") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start)
        raise error_at(name, line, "is not UTF-8 text; save the file as UTF-8") from error


def compose(name: str, text: str) -> "yaml.Node | None":
    """The root of the document, in which aliases are resolved."""
    import yaml

    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.reader.ReaderError as error:
        problem = "invalid YAML: it contains a control character"
        raise error_at(name, text.count("\n", 0, error.position), problem) from error
    except yaml.MarkedYAMLError as error:
        problem = ", ".join(filter(None, (error.context, error.problem)))
        line = error.problem_mark.line if error.problem_mark else 0
        raise error_at(name, line, f"invalid YAML: {problem}") from error
    except (ValueError, OverflowError) as error:  # PyYAML's answer to `"\UFFFFFFFF"` and the like
        raise UsageError(f"{name}: invalid YAML: {error}") from error
    except RecursionError as error:
        raise UsageError(f"{name}: is nested too deeply; a settings file has one option per line") from error


def read_raw(name: str, node: "yaml.Node") -> str | list[str] | None:
    """The text of a value, its texts if it is a list, or None if it is null."""
    import yaml

    nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
    if not all(isinstance(item, yaml.ScalarNode) and item.tag in SCALAR_TAGS for item in nodes):
        raise error_at(name, node, "a value must be a text, a number or a list of texts")
    if isinstance(node, yaml.SequenceNode):
        return [item.value for item in nodes]
    return None if node.tag == f"{YAML_TAG}null" else str(node.value)


def read_table(name: str, node: "yaml.Node") -> list[str]:
    """The texts that a table of gates stands for.

    `accuracy: 0.88` stands for `accuracy=0.88`, and `accuracy: {interval: 0.87}` for `accuracy=0.87:interval`.
    """
    import yaml

    texts: list[str] = []
    seen: set[str] = set()
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.value in seen:
            problem = f"{key.value} is set twice" if isinstance(key, yaml.ScalarNode) else "a key must be a name"
            raise error_at(name, key, problem)
        seen.add(key.value)
        parts = value.value if isinstance(value, yaml.MappingNode) else [(None, value)]
        ends = [end.value if isinstance(end, yaml.ScalarNode) else end for end, _ in parts]
        if twice := next((end for end in ENDS if ends.count(end) > 1), None):
            raise error_at(name, value, f"{twice} of {key.value} is set twice")
        for end, threshold in parts or [(value, value)]:
            is_end = end is None or (isinstance(end, yaml.ScalarNode) and end.value in ENDS)
            if not isinstance(threshold, yaml.ScalarNode) or not is_end:
                raise error_at(name, value, f"{key.value} must be a number, or a table with {' or '.join(ENDS)}")
            texts.append(f"{key.value}={threshold.value}{ENDS[end.value] if end else ''}")
    return texts


def error_at(name: str, place: "yaml.Node | int", problem: str) -> UsageError:
    """The error for a node or a line of a file, line 0 being the first."""
    line = place if isinstance(place, int) else place.start_mark.line
    return UsageError(f"{name}, line {line + 1}: {problem}")


def write(config: Config) -> str:
    """A settings file with the value of every option, each under its help text."""
    import yaml

    lines = [f"# fashion-job {job.__version__}\n"]
    for name, option in OPTIONS.items():
        value = getattr(config, name)
        content = write_table(value) if option.find_problem and value else value
        entry = {option.key: list(content) if isinstance(content, tuple) else content}
        lines += [f"# {option.help}\n", yaml.safe_dump(entry, allow_unicode=True, width=math.inf)]
    return "".join(lines)


def write_table(texts: Collection[str]) -> dict[str, Any] | list[str]:
    """The table of gates that `read_table` reads; the texts themselves if a table would lose one of them."""
    table: dict[str, dict[str, float]] = {}
    for text in texts:
        metric, _, threshold = text.rpartition("=")
        number, colon, _ = threshold.partition(":")
        table.setdefault(metric, {})["interval" if colon else "estimate"] = float(number)
    if sum(map(len, table.values())) < len(texts):
        return list(texts)
    return {metric: ends["estimate"] if list(ends) == ["estimate"] else ends for metric, ends in table.items()}

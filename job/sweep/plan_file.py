"""Reads, writes and compares plan.json: what a sweep runs."""

import errno
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import uuid4

from job import __version__
from job.config.run_config import OPTIONS
from job.config.settings import Setting
from job.config.sweep_config import SweepConfig, SweepRequest
from job.config.sweep_grid import read_seeds
from job.errors import DataError, UsageError
from job.results.file_names import SWEEP_PLAN
from job.results.output_folder.os_errors import as_output_error
from job.results.output_folder.unfinished import flush
from job.sweep.plan import Plan
from job.system.regular_file import read_regular

PLAN = SWEEP_PLAN
SCHEMA_VERSION = 1
MAX_BYTES = 2**24

NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)
"""Errors of a file system that has no hard links."""

UNPLANNED = ("log",)
"""Options of a run that change nothing in its folder, so that a sweep may be continued with others."""

Content = Mapping[str, Any]
"""The content of plan.json: what is to run, and nothing about this machine but the threads."""


def describe_content(request: SweepRequest, plan: Plan, sha256: Mapping[str, str]) -> Content:
    """The content of plan.json; `sha256` is by file of the data set."""
    same = {name: each.value for name, each in request.base.items() if name not in UNPLANNED}
    same |= {name: values[0] for name, values in request.values().items() if name not in {*plan.parameters, *UNPLANNED}}
    parameters = {OPTIONS[name].key: list(values) for name, values in plan.parameters.items()}
    return {
        "schema_version": SCHEMA_VERSION,
        "version": __version__,
        "parameters": parameters,
        "settings": {OPTIONS[name].key: value for name, value in sorted(same.items())},
        "seeds": write_seeds(request.seeds),
        "runs": len(plan.runs),
        "threads": request.config.threads,
        "data": dict(sha256),
    }


def restore_request(content: Content, output: str) -> SweepRequest:
    """The request whose plan has this content; the reverse of `describe_content`.

    Raises:
        UsageError: If this version refuses a value.
        KeyError: If something is missing.
    """

    def restore(key: str, value: Any) -> Setting:  # noqa: ANN401 - the type is that of the option
        is_tuple = OPTIONS[key.replace("-", "_")].kind is tuple
        return Setting(tuple(value) if is_tuple else value, key)

    return SweepRequest(
        config=SweepConfig(output=output, threads=content["threads"], yes=True),
        base={key.replace("-", "_"): restore(key, value) for key, value in content["settings"].items()},
        parameters={
            key.replace("-", "_"): [restore(key, value) for value in values]
            for key, values in content["parameters"].items()
        },
        seeds=read_seeds(content["seeds"]),
    )


def write_seeds(seeds: Sequence[int]) -> str:
    """Seeds as text, such as `0-9,20`."""
    groups = [[seed for _, seed in group] for _, group in groupby(enumerate(seeds), lambda pair: pair[1] - pair[0])]
    return ",".join(str(group[0]) if len(group) == 1 else f"{group[0]}-{group[-1]}" for group in groups)


def read_plan(folder: Path) -> Content | None:
    """The content of plan.json; None if there is none.

    Raises:
        DataError: If it is damaged.
    """
    try:
        content = json.loads(read_regular(folder / PLAN, MAX_BYTES))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise DataError(
            f"{folder / PLAN}: cannot be read ({error}); remove this file and repeat the command that began the sweep, "
            "which keeps its finished runs, or start over with --fresh"
        ) from error
    return content if isinstance(content, dict) else {}


def require_same_plan(folder: Path, content: Content) -> bool:
    """Check that the plan in the folder is the same; returns whether there is one.

    Raises:
        UsageError: If it is another one.
    """
    earlier = read_plan(folder)
    if earlier is not None and (difference := find_difference(earlier, content)):
        remedy = _suggest_new_seeds(earlier, content) if difference.startswith("seeds is ") else ""
        raise UsageError(
            f"--output {folder}: {PLAN} is of another sweep: {difference}; repeat the command that began it, "
            f"{remedy or 'name another folder,'} or start over with --fresh"
        )
    return earlier is not None


def _suggest_new_seeds(earlier: Content, content: Content) -> str:
    """How to add seeds to a sweep that has others; empty if there are none to add."""
    if "search" in content or not isinstance(earlier.get("seeds"), str):
        return ""
    new = sorted({*read_seeds(content["seeds"])} - {*read_seeds(earlier["seeds"])})
    advice = "in another folder (--output), and make the page of both with --collect,"
    return f"train the new seeds (--seeds {write_seeds(new)}) {advice}" if new else ""


def write_plan(folder: Path, content: Content) -> None:
    """Write plan.json, or check that the one in the folder is the same.

    Several processes may do so at the same time; the plan of one of them is written, and the others compare theirs.

    Raises:
        UsageError: If the folder has another plan.
    """
    if require_same_plan(folder, content):
        return
    with as_output_error(folder):
        part = folder / f".{PLAN}-{uuid4().hex}"
        try:
            with part.open("x", encoding="utf-8") as file:
                file.write(json.dumps(content, indent=1) + "\n")
                file.flush()
                os.fsync(file.fileno())
            _publish(part, folder / PLAN)
            flush(folder)
        finally:
            for leftover in folder.glob(f".{PLAN}-*"):  # also that of a process that is slower, or was killed
                leftover.unlink(missing_ok=True)
    require_same_plan(folder, content)


def _publish(part: Path, path: Path) -> None:
    """Give a complete file its name, unless another process was faster."""
    try:
        with suppress(FileExistsError, FileNotFoundError):
            os.link(part, path)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        part.replace(path)


def find_difference(earlier: Content, content: Content) -> str:
    """The first difference between two plans in words; empty if they are the same."""
    content = json.loads(json.dumps(content))  # tuples become lists
    for key in (*content, *(earlier.keys() - content.keys())):
        before, now = earlier.get(key), content.get(key)
        if before == now:
            continue
        if key == "data":
            return "it has another data set"
        if isinstance(before, dict) and isinstance(now, dict):
            name = next(name for name in (*now, *before) if before.get(name) != now.get(name))
            label = name if key in {"parameters", "settings"} else f"{key} {name}"
            return f"{label} is {_show(before.get(name))} there and {_show(now.get(name))} now"
        return f"{key.replace('_', ' ')} is {_show(before)} there and {_show(now)} now"
    return ""


def _show(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return "not set" if value is None else text[:80]

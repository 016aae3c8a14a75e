"""Finds the runs in the folders that --collect names, and the planned runs that are missing there."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from job.errors import DataError, JobError, OutputError, UsageError
from job.execution.executor import find_error
from job.log import log
from job.results.file_names import CHECKSUMS, METRICS
from job.sweep.folder import LOGS, RUNS, describe_damage, find_damage, read_finished
from job.sweep.plan import Plan, PlannedRun, build_plan, find_varied
from job.sweep.plan_file import PLAN, read_plan, restore_request


@dataclass(frozen=True)
class FoundRuns:
    """Folders of finished runs.

    Attributes:
        failures: What is wrong with planned runs that are not among them, by their names.
        varied: The settings of which a plan has several values.
    """

    folders: Sequence[Path]
    failures: Mapping[str, str] = field(default_factory=dict)
    varied: Collection[str] = ()


def find_runs(names: Sequence[str]) -> FoundRuns:
    """The runs in these folders: output folders of runs, folders of sweeps, or folders that contain some of either.

    Raises:
        UsageError: If a name is empty.
        DataError: If a folder contains no finished run.
    """
    found: dict[Path, Path] = {}  # the folders as they were named, by their real paths
    failures: dict[str, str] = {}
    varied: set[str] = set()
    for name in names:
        if not name:
            raise UsageError("--collect is empty, but must be a folder's name")
        parts = _list_sweeps(Path(name))
        n_finished = 0
        for folder in parts:
            plan = _read_plan(folder)
            folders, missing = _find_planned(folder, plan) if plan else (_list_runs(folder), {})
            n_finished += len(folders)
            found |= {each.resolve(): each for each in folders if each.resolve() not in found}
            is_alone = len(names) == len(parts) == 1
            failures |= missing if is_alone else {str(folder / RUNS / run): text for run, text in missing.items()}
            varied |= {*(find_varied(plan) if plan else ())}
        if not n_finished:
            raise DataError(
                f"--collect {name}: contains no finished run; name folders of runs or sweeps, or one that contains some"
            )
    return FoundRuns(list(found.values()), failures, varied)


def _list_sweeps(folder: Path) -> list[Path]:
    """The folder itself, if it is that of a sweep or has runs, and the folders of sweeps in it."""
    if (folder / PLAN).exists() or (folder / CHECKSUMS).is_file() or (folder / METRICS).is_file():
        return [folder]
    others = [path for path in sorted(folder.glob("*")) if path.is_dir() and path.name != RUNS and path.name[0] != "."]
    below = [path for path in others if (path / PLAN).exists() or _has_runs(path)]
    return [*([folder] if _has_runs(folder) or not below else []), *below]


def _has_runs(folder: Path) -> bool:
    """Whether the folder has finished runs in it or in its folder `runs`."""
    return any((path / CHECKSUMS).is_file() for path in (*folder.glob("*"), *folder.glob(f"{RUNS}/*")))


def require_own_page(output: Path, folders: Sequence[Path]) -> None:
    """Check that the page in `output` is not that of a sweep of which no run is collected.

    Raises:
        OutputError: If it is.
    """
    if (output / PLAN).exists() and not any(output.resolve() in folder.resolve().parents for folder in folders):
        raise OutputError(
            f"--output {output}: has another sweep, whose page this one would replace; name another --output, or "
            f"also --collect {output}"
        )


def _read_plan(folder: Path) -> Plan | None:
    """The plan of the sweep in a folder; None if there is none, or a search or another version made it."""
    try:
        content = read_plan(folder)
        if not content or "search" in content:
            return None
        return build_plan(restore_request(content, str(folder)))
    except (JobError, KeyError, TypeError, AttributeError) as error:
        log.warning("%s: is ignored (%s), so the page cannot list the runs that are missing", folder / PLAN, error)
        return None


def _find_planned(folder: Path, plan: Plan) -> tuple[list[Path], dict[str, str]]:
    """The finished runs of a plan, and why each of the others has no result."""
    folders, missing = [], {}
    for index, run in enumerate(plan.runs):
        if read_finished(folder, run):
            folders.append(folder / RUNS / run.name)
        else:
            missing[run.name] = describe_damage(folder, run) or _find_reason(folder, run, index)
    return folders, missing


def _find_reason(folder: Path, run: PlannedRun, index: int) -> str:
    """Why a run has written no result, as far as the folder shows."""
    log_file = folder / LOGS / f"{run.name}.txt"
    if error := find_error(log_file):
        return error
    if any((folder / LOGS).glob("*.txt")):  # which a service does not write
        return "has no result; the command that began the sweep trains it"
    return f"has no result; see the log of index {index} in the service that ran it"


def _list_runs(folder: Path) -> list[Path]:
    """The finished runs: the folder itself, or those in it, or in its folder `runs`."""
    if (folder / METRICS).is_file() or (folder / CHECKSUMS).is_file():
        return [folder]  # an unfinished or old one is refused when it is read
    for place in (folder, folder / RUNS):
        paths = sorted(path for path in place.glob("*") if path.is_dir() and not path.name.startswith("."))
        written = [path for path in paths if any((path / name).is_file() for name in (METRICS, CHECKSUMS))]
        problems = {path: _find_problem(path) for path in (paths if place.name == RUNS else written)}
        if complete := [path for path, problem in problems.items() if not problem]:
            for path, problem in problems.items():
                if problem:
                    log.warning("%s %s; it is skipped", path, problem)
            return complete
    return []


def _find_problem(path: Path) -> str:
    """Why the folder of a run has no result; empty if it has one."""
    names = [name for name in (METRICS, CHECKSUMS) if not (path / name).is_file()]
    return (
        f"has no result: {' and '.join(names)} {'is' if len(names) == 1 else 'are'} missing"
        if names
        else find_damage(path)
    )

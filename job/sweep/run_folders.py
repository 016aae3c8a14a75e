"""Finds the runs in the folders that --collect names, and the planned runs that are missing there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from job.errors import DataError, JobError, OutputError, UsageError
from job.execution.executor import find_error
from job.log import log
from job.results.file_names import CHECKSUMS, METRICS
from job.sweep.folder import LOGS, RUNS, read_finished
from job.sweep.plan import Plan, build_plan
from job.sweep.plan_file import PLAN, read_plan, restore_request


@dataclass(frozen=True)
class FoundRuns:
    """Folders of finished runs, and what is wrong with planned runs that are not among them, by their names."""

    folders: Sequence[Path]
    failures: Mapping[str, str] = field(default_factory=dict)


def find_runs(names: Sequence[str]) -> FoundRuns:
    """The runs in these folders: output folders of runs, folders that contain some, or folders of sweeps.

    Raises:
        UsageError: If a name is empty.
        DataError: If a folder contains no finished run.
    """
    found: dict[Path, Path] = {}  # the folders as they were named, by their real paths
    failures: dict[str, str] = {}
    for name in names:
        if not name:
            raise UsageError("--collect is empty, but must be a folder's name")
        folder = Path(name)
        plan = _read_plan(folder)
        folders, missing = _find_planned(folder, plan) if plan else (_list_runs(folder), {})
        if not folders:
            raise DataError(f"--collect {name}: contains no finished run; name output folders, or a folder of them")
        found |= {each.resolve(): each for each in folders if each.resolve() not in found}
        failures |= missing if len(names) == 1 else {str(folder / RUNS / run): text for run, text in missing.items()}
    return FoundRuns(list(found.values()), failures)


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
    """The finished runs of a plan, and what is wrong with each of the others."""
    folders, missing = [], {}
    for index, run in enumerate(plan.runs):
        path = folder / RUNS / run.name
        if read_finished(folder, run):
            folders.append(path)
        elif (path / CHECKSUMS).exists():
            missing[run.name] = f"{path} is damaged, or has another run"
        else:
            missing[run.name] = (
                find_error(folder / LOGS / f"{run.name}.txt") or f"is not finished (--only-index {index})"
            )
    if folders and missing:
        log.warning("%s: %d of %d planned runs are not finished", folder, len(missing), len(plan.runs))
    return folders, missing


def _list_runs(folder: Path) -> list[Path]:
    """The finished runs: the folder itself, or those in it, or in its folder `runs`."""
    if (folder / METRICS).is_file() or (folder / CHECKSUMS).is_file():
        return [folder]  # an unfinished or old one is refused when it is read
    for place in (folder, folder / RUNS):
        paths = sorted(path for path in place.glob("*") if path.is_dir() and not path.name.startswith("."))
        complete = [path for path in paths if (path / METRICS).is_file() and (path / CHECKSUMS).is_file()]
        for path in paths if complete else []:
            if path not in complete and (
                place.name == RUNS or (path / METRICS).exists() or (path / CHECKSUMS).exists()
            ):
                log.warning("%s is skipped: it has no %s and %s, so its run is not finished", path, METRICS, CHECKSUMS)
        if complete:
            return complete
    return []

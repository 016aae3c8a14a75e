"""Stand-in until the page of a sweep exists."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from job.errors import DataError


@dataclass(frozen=True)
class SweepResults:
    """The runs of a sweep."""

    folders: Sequence[Path]
    failures: Mapping[str, str]


def collect_runs(folders: Sequence[Path], failures: Mapping[str, str]) -> SweepResults:
    """Check the folders of the runs."""
    for folder in folders:
        if not (folder / "metrics.json").is_file():
            raise DataError(f"{folder}: is no finished run")
    return SweepResults(folders, failures)


def write_sweep_report(results: SweepResults, folder: Path) -> None:
    """Write the page."""
    (folder / "index.html").write_text("".join(f"<p>{run.name}</p>\n" for run in results.folders), encoding="utf-8")


def describe_best(results: SweepResults) -> str:
    """The best configuration and its accuracy."""
    return f"{len(results.folders)} runs"

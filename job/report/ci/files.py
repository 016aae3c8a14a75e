"""Writes the files that CI services read into a folder: the same run gives the same bytes."""

from pathlib import Path

from job.report.ci.badge import render_badge, render_badge_endpoint
from job.report.ci.junit import render_junit
from job.report.ci.open_metrics import render_open_metrics
from job.report.ci.summary import render_summary
from job.results.file_names import BADGE, BADGE_ENDPOINT, CI, JUNIT, OPEN_METRICS, SUMMARY
from job.results.run import Run

RENDERERS = {
    SUMMARY: render_summary,
    JUNIT: render_junit,
    OPEN_METRICS: render_open_metrics,
    BADGE: render_badge,
    BADGE_ENDPOINT: render_badge_endpoint,
}
"""What renders each file, by its name."""


def write_ci_files(run: Run, folder: Path) -> None:
    """Write the files of a run into `ci/` in the output folder `folder`."""
    (folder / CI).mkdir(exist_ok=True)
    for name, render in RENDERERS.items():
        (folder / CI / name).write_text(render(run), encoding="utf-8")

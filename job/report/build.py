"""Writes the report of a run into a folder."""

from pathlib import Path

from job.config.run_config import Layout
from job.report.page import render_page
from job.results.run import Run


def build_report(run: Run, folder: Path, layout: Layout) -> None:
    """Write the files of the report.

    Args:
        run: The run to report.
        folder: Folder to write into.
        layout: One file, or a page with a separate style sheet and images.
    """
    for name, content in render_page(run, layout).items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)

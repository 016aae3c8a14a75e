"""Lists the sections of the page: the links at its top and the headings show the same words."""

from dataclasses import dataclass

from job.report.published import is_comparable
from job.results.run import Run


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes:
        anchor: Its id on the page, and the name of its template.
        title: Its heading, and the words of the link to it.
    """

    anchor: str
    title: str

    @property
    def template(self) -> str:
        """Name of its template."""
        return f"sections/_{self.anchor}.html"


TRY_IT = Section("try-it", "Try the model")
"""The section that computes; a page of its own if the report is a folder."""


def list_sections(run: Run, *, has_model: bool = False) -> list[Section]:
    """The sections that the run has data for, in the order of the page; `has_model`: the report carries the model."""
    training = run.training
    sections = {
        Section("gates", "Gates"): bool(run.gates),
        Section("metrics", "Metrics"): True,
        Section("seeds", "Seeds"): training is not None and training.seed_variation is not None,
        Section("comparison", "Comparison"): run.comparison is not None,
        Section("trend", "Trend"): run.trend is not None and len(run.trend.points) > 1,
        Section("confusion", "Confusion matrix"): True,
        Section("classes", "Classes"): True,
        Section("calibration", "Calibration"): run.evaluation.calibration is not None,
        Section("samples", "Samples"): bool(run.images),
        TRY_IT: has_model,
        Section("learning", "Learning curves"): training is not None,
        Section("published", "Published results"): is_comparable(run),
        Section("run", "Run"): True,
    }
    return [section for section, is_shown in sections.items() if is_shown]

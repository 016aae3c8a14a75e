"""Renders the summary of a run as Markdown, for the page of a CI job and for comments."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from job.evaluation.evaluate import ClassMetrics
from job.evaluation.gates import GateResult
from job.report.ci.markdown import escape_markdown, shorten
from job.report.comparison_view import view_comparison
from job.report.first_screen.identity import identify_run
from job.report.first_screen.statements import ClassName
from job.report.first_screen.tiles import list_tiles
from job.report.formatting import FILTERS
from job.report.templates import TEMPLATES, create_environment
from job.results.file_names import SUMMARY
from job.results.run import Run

FOLDER = TEMPLATES / "ci"
MOST_CLASSES = 20
"""With more classes, the summary lists those of lowest recall, because GitHub limits a summary, and readers do, too."""

MOST_GATES = 20
MOST_CHANGED = 5
MAX_NAME = 30  # characters
MAX_METRIC = 40  # characters of the name of a metric, which contains that of a class

RESULTS = {"error": "❌ missed", "warning": "⚠️ missed, warning only"}


@dataclass(frozen=True)
class GateRow:
    """A line of the table of gates, as texts; empty if the run has no such number."""

    label: str
    value: str
    interval: str
    margin: str
    result: str


def render_summary(run: Run) -> str:
    """Render the summary: below 20 kB, whatever the number of classes and gates and the length of their names."""
    environment = create_environment(FOLDER, FILTERS, autoescape=False, finalize=_escape, keep_trailing_newline=True)
    environment.filters |= {"short": lambda text: shorten(text, MAX_NAME)}
    evaluation, comparison, training = run.evaluation, run.comparison, run.training
    gates = sorted(run.gates, key=lambda result: (result.passed, result.gate.severity))
    return environment.get_template(SUMMARY).render(
        evaluation=evaluation,
        identity=identify_run(run),
        tiles=[(tile.label, _join(tile.value), [" ".join(tile.detail), tile.note]) for tile in list_tiles(run)],
        gates=[_view_gate(result) for result in gates[:MOST_GATES]],
        n_gates=len(gates),
        n_missed=sum(not result.passed for result in gates),
        comparison=comparison,
        seen=view_comparison(comparison, evaluation.class_names, training.config.runs if training else 0)
        if comparison
        else None,
        most_changed=MOST_CHANGED,
        classes=_select_classes(evaluation.per_class),
    )


def _escape(value: object) -> str:
    return value if isinstance(value, Markup) else escape_markdown(str(value))


def _join(parts: Sequence[str]) -> str:
    """A text whose class names are cut."""
    return "".join(shorten(part, MAX_NAME) if isinstance(part, ClassName) else part for part in parts)


def _select_classes(rows: Sequence[ClassMetrics]) -> list[ClassMetrics]:
    """All classes in label order, or those of lowest recall first."""
    if len(rows) <= MOST_CLASSES:
        return list(rows)
    return sorted(rows, key=lambda row: row.recall)[:MOST_CLASSES]


def _view_gate(result: GateResult) -> GateRow:
    interval, metric = result.interval, result.gate.metric
    return GateRow(
        label=result.label.replace(metric, shorten(metric, MAX_METRIC)),
        value=_format(result.value),
        interval=f"{_format(interval.lower)} to {_format(interval.upper)}" if interval else "",
        margin="" if result.margin is None else f"{result.margin:+.3g}".replace("-", "\N{MINUS SIGN}"),
        result="✅ passed" if result.passed else RESULTS[result.gate.severity],
    )


def _format(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}".replace("-", "\N{MINUS SIGN}")

"""Renders the summary of a run as Markdown, for the page of a CI job and for comments."""

from collections.abc import Sequence
from dataclasses import replace

from markupsafe import Markup

from job.evaluation.evaluate import ClassMetrics
from job.report.ci.markdown import escape_markdown, shorten
from job.report.comparison_view import view_comparison
from job.report.first_screen.identity import identify_run
from job.report.first_screen.statements import ClassName
from job.report.first_screen.tiles import list_tiles
from job.report.formatting import FILTERS
from job.report.gate_view import GateRow, GatesView, view_gates
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

ORDER = {"missed": 0, "warning": 1, "passed": 2}
MARKS = {"missed": "❌ missed", "warning": "⚠️ warning", "passed": "✅ passed"}


def render_summary(run: Run) -> str:
    """Render the summary: below 20 kB, whatever the number of classes and gates and the length of their names."""
    environment = create_environment(FOLDER, FILTERS, autoescape=False, finalize=_escape, keep_trailing_newline=True)
    environment.filters |= {"short": lambda text: shorten(text, MAX_NAME)}
    evaluation, comparison, training = run.evaluation, run.comparison, run.training
    gates = view_gates(run)
    return environment.get_template(SUMMARY).render(
        evaluation=evaluation,
        identity=identify_run(run),
        tiles=[(tile.label, _join(tile.value), [" ".join(tile.detail), tile.note]) for tile in list_tiles(run)],
        gates=gates,
        gate_rows=_select_gates(run, gates) if gates else [],
        marks=MARKS,
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


def _select_gates(run: Run, gates: GatesView) -> list[GateRow]:
    """The first gates, those that are missed first, with names of metrics cut."""
    metrics = [result.gate.metric for result in run.gates]
    rows = [
        replace(row, label=row.label.replace(metric, shorten(metric, MAX_METRIC)))
        for row, metric in zip(gates.rows, metrics, strict=True)
    ]
    return sorted(rows, key=lambda row: ORDER[row.outcome])[:MOST_GATES]

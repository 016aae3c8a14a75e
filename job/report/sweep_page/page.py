"""Renders the page of a sweep."""

from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

import job
from job.evaluation.sweep_summary import SweepSummary
from job.report.charts.sweep_costs import Point, draw_costs, uses_ranks
from job.report.charts.sweep_effects import draw_effect
from job.report.first_screen.statements import Alert
from job.report.formatting import FILTERS
from job.report.inline_code import hash_for_policy
from job.report.sections import Section
from job.report.sweep_page.findings import list_sweep_findings
from job.report.sweep_page.gate_rows import list_gate_rows
from job.report.sweep_page.rows import (
    list_difference_rows,
    list_frontiers,
    list_other_pairs,
    list_rows,
    vary_in_size,
    view_strips,
)
from job.report.sweep_page.search_view import view_search
from job.report.sweep_page.statements import (
    count_failures,
    describe_shared,
    format_duration,
    identify_sweep,
    list_sweep_tiles,
    split_differences,
    write_headline,
)
from job.report.templates import TEMPLATES, create_environment

FOLDER, REPORT_TEMPLATES = TEMPLATES / "sweep", TEMPLATES / "report"
MAX_EFFECTS = 12


def render_sweep_page(summary: SweepSummary, folder: Path) -> bytes:
    """Render the page of a sweep, whose links lead from `folder` to the reports of the runs."""
    environment = create_environment(FOLDER, FILTERS, autoescape=True)
    environment.loader = jinja2.FileSystemLoader([FOLDER, REPORT_TEMPLATES])
    environment.filters |= {"csp_hash": hash_for_policy, "duration": format_duration}
    environment.tests["class_name"] = lambda _: False  # the labels of configurations need no isolation
    environment.tests["alert"] = lambda part: isinstance(part, Alert)
    try:
        template = environment.get_template("sweep.html")
        page = template.render(
            summary=summary,
            results=summary.results,
            layout="single",
            view=_view(summary, folder),
            version=job.__version__,
        )
    except jinja2.TemplateNotFound as error:  # an OSError, but not of the output folder
        raise RuntimeError(f"the template {error} is not in {FOLDER} or {REPORT_TEMPLATES}") from error
    return page.encode()


def _view(summary: SweepSummary, folder: Path) -> dict[str, Any]:
    """Values for the templates that are derived from a sweep."""
    limits, strips = view_strips(summary)
    sections = list_sweep_sections(summary)
    differences = list_difference_rows(summary)
    unclear, better = split_differences(summary.differences)
    frontiers = list_frontiers(summary)
    return {
        "model": None,  # the base of the report asks for it, and for its place
        "place": None,
        "style": "sweep.css",
        "identity": identify_sweep(summary.results),
        "headline": write_headline(summary),
        "tiles": list_sweep_tiles(summary),
        "findings": list_sweep_findings(summary),
        "gates": list_gate_rows(summary, folder),
        "failures": count_failures(summary.results.failures),
        "sections": sections,
        "titles": {section.anchor: section.title for section in sections},
        "strips": strips,
        "rows": list_rows(summary, limits, folder),
        "has_seeds": any(each.has_seeds for each in summary.results.configurations),
        "all_seeds": all(each.has_seeds for each in summary.results.configurations),
        "are_networks": any(row.pair.seeds for row in differences),
        "n_unclear": len(unclear),
        "n_better": len(better),
        "differences": differences,
        "other_pairs": list_other_pairs(summary),
        "frontiers": frontiers,
        "by_rank": uses_ranks([row.configuration.label for each in frontiers for row in each.rows]),
        "costs": _draw_costs(summary, limits) if summary.pairs else {},
        "effects": _draw_effects(summary, limits),
        "shared": describe_shared(summary.results),
        "search": view_search(summary.results.search) if summary.results.search else None,
        "unbalanced": [each.parameter.replace("_", " ") for each in summary.effects if not each.is_balanced],
    }


def list_sweep_sections(summary: SweepSummary) -> list[Section]:
    """The sections that the sweep has data for, in the order of the page."""
    sections = {
        Section("gates", "Gates"): bool(summary.gates),
        Section("configurations", "Configurations"): True,
        Section("search", "Search"): summary.results.search is not None,
        Section("cost", "Accuracy and cost"): summary.pairs is not None,
        Section("settings", "Settings"): bool(summary.effects) and not summary.results.search,
        Section("differences", "Differences"): summary.pairs is not None,
        Section("failures", "Without a result"): bool(summary.results.failures),
        Section("runs", "Runs"): True,
    }
    return [section for section, is_shown in sections.items() if is_shown]


def _draw_costs(summary: SweepSummary, limits: tuple[float, float]) -> dict[str, Markup]:
    """The charts of accuracy against training time and, if they are known and differ, parameters."""
    points: dict[str, list[Point]] = {"training time, s": [], "parameters": []}
    for rank, index in summary.ranking.ranked:
        each, mean = summary.results.configurations[index], summary.means[index]
        timed = list(zip(summary.times[index], each.accuracies, strict=True))
        own = (each.label, rank)
        on_frontier = index in summary.time_frontier
        points["training time, s"].append(Point(*own, mean.training_s, mean.accuracy, timed, on_frontier))
        if each.n_parameters is not None:
            sized = [(float(each.n_parameters), value) for value in each.accuracies]
            on_frontier = index in summary.size_frontier
            points["parameters"].append(Point(*own, each.n_parameters, mean.accuracy, sized, on_frontier))
    if not vary_in_size(summary):
        del points["parameters"]
    return {title: Markup(draw_costs(each, title, limits)) for title, each in points.items()}  # noqa: S704 - our own


def _draw_effects(summary: SweepSummary, limits: tuple[float, float]) -> list[tuple[str, Markup, float]]:
    """Name, chart and span of each setting in a balanced grid."""
    drawn = []
    for effect in [each for each in summary.effects if each.is_balanced][:MAX_EFFECTS]:
        name = effect.parameter.replace("_", " ")
        svg = draw_effect(name, effect.values, effect.means, effect.accuracies, limits)
        drawn.append((name, Markup(svg), effect.span))  # noqa: S704 - our own, escaped by an XML library
    return drawn

"""Writes the report of a run: one file, or a page with a separate style sheet and images."""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from job.config.run_config import Config, Layout
from job.evaluation.evaluate import ClassMetrics, Evaluation
from job.report import findings
from job.report.charts.confusion_matrix import MAX_ANNOTATED
from job.report.formatting import TEMPLATES, create_environment
from job.report.gallery import list_images, view_gallery
from job.report.images import Pictures
from job.report.packed_network import pack_network
from job.report.page_charts import draw_charts
from job.report.published import PUBLISHED
from job.results.file_names import AUGMENTED, PAGE, STYLE, TRY_IT
from job.results.run import Run

FOLDER = TEMPLATES / "report"
COVERAGE = 0.8  # in the sentence on the most confident predictions
MAX_LISTED = 400  # cells in the table of the confusion matrix: all cells of 20 classes


def write_report(run: Run, folder: Path, layout: Layout, *, try_it: bool = True) -> None:
    """Write the files of the report into `folder`; with `try_it`, they contain the model if the run has one."""
    for name, content in render_page(run, layout, try_it=try_it).items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)


def render_page(run: Run, layout: Layout, *, try_it: bool = True) -> dict[str, bytes]:
    """Render the files of the report: content by name, relative to its folder. The same run gives the same bytes.

    With `try_it`, a single file contains the model, and a folder has a page of its own for it: it needs a script, and
    servers such as Jenkins report a script that they block.
    """
    environment = create_environment(FOLDER, autoescape=True)
    environment.filters |= {"csp_hash": _csp_hash, "compact": _remove_indents}
    pictures = Pictures(run.images, embedded=layout == "single")
    model = _view_model(run) if try_it else {"model": None}
    view = _view_run(run, pictures) | model
    try:
        page = environment.get_template("report.html").render(run=run, layout=layout, view=view)
        style = environment.get_template("style.css").render()
    except jinja2.TemplateNotFound as error:  # an OSError, but not of the output folder
        raise RuntimeError(f"the template {error} is not in {FOLDER}") from error
    files = {PAGE: page.encode()}
    if layout == "single":
        return files
    if model["model"]:
        view = {**model, "images": list_images(run)}
        files[TRY_IT] = environment.get_template("try-it.html").render(run=run, layout="single", view=view).encode()
    return files | {STYLE: style.encode()} | pictures.files


def _csp_hash(text: str) -> str:
    """The hash with which a Content-Security-Policy allows an inline style sheet or script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _remove_indents(script: str) -> Markup:
    """A script without indents, empty lines and lines of comment, which take a tenth of its size."""
    lines = (line.strip() for line in script.splitlines())
    return Markup("\n".join(line for line in lines if line and not line.startswith("//")))  # noqa: S704 - our own script


def _view_model(run: Run) -> dict[str, Any]:
    """What the section to try the model needs: `model`, None without a model, and `data`."""
    if not run.network:
        return {"model": None}
    description, data = pack_network(run.network, np.stack([*run.images.values()]))
    return {
        "model": {"classes": list(run.evaluation.class_names), **description},
        "data": Markup(data),  # noqa: S704 - it has no "<"
    }


def _view_run(run: Run, pictures: Pictures) -> dict[str, Any]:
    """Values for the templates that are derived from a run."""
    evaluation, calibration, training = run.evaluation, run.evaluation.calibration, run.training
    versus_published = findings.compare_with_published(run)
    cells = _list_cells(evaluation)
    predicted, unpredicted = findings.split_by_prediction(evaluation)
    return {
        "n_wrong": evaluation.n_test - evaluation.n_correct,
        "predicted": predicted,
        "unpredicted": unpredicted,
        "weakest": _find_weakest(evaluation.per_class),
        "versus_published": versus_published,
        "published": PUBLISHED,
        "verdict": findings.assess_difference(run.comparison) if run.comparison else None,
        "gallery": view_gallery(run, pictures),
        "charts": draw_charts(run, with_published=versus_published is not None),
        "cells": cells[:MAX_LISTED],
        "lists_all": len(cells) <= MAX_LISTED,
        "links_all": len(cells) == len(evaluation.samples.cells),  # whether each cell links to its images
        "shows_counts": len(evaluation.per_class) <= MAX_ANNOTATED,  # whether the heatmap has room for numbers
        "mean_confidence": sum(each.n * each.confidence for each in calibration.bins) / evaluation.n_test,
        "abstention": findings.accuracy_at_coverage(calibration, COVERAGE),
        "fit": findings.assess_fit(training.history) if training else None,
        "settings": _list_settings(training.config) if training else None,
        "augmented": pictures.add_sheet(run.augmented, AUGMENTED) if len(run.augmented) else None,
    }


def _find_weakest(classes: Sequence[ClassMetrics]) -> ClassMetrics | None:
    """The class of lowest recall, or None if all are equal."""
    weakest, strongest = (choose(classes, key=lambda row: row.recall) for choose in (min, max))
    return weakest if weakest.recall < strongest.recall else None


def _list_cells(evaluation: Evaluation) -> list[tuple[str, str, int, float]]:
    """True class, predicted class, n and share of the true class of every cell with images, largest first."""
    names = evaluation.class_names
    cells = [
        (names[true], names[predicted], n, n / row.support)
        for true, row in enumerate(evaluation.per_class)
        for predicted, n in enumerate(evaluation.confusion_matrix[true])
        if n
    ]
    return sorted(cells, key=lambda cell: -cell[2])


def _list_settings(config: Config) -> dict[str, str]:
    """Settings by name, as texts."""
    settings = {
        name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in config.settings().items()
    }
    if changes := config.changes():
        settings["recipe"] += f"; changed: {', '.join(changes).replace('_', ' ')}"
    return {name.replace("_", " "): value for name, value in settings.items()}

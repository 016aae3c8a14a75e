"""Makes the report of predictions in Python, for scripts and notebooks."""

import html
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from job.config.run_config import OPTIONS
from job.errors import JobError, OutputError, PredictionsError
from job.log import Stopwatch
from job.predictions.arrays import check_indexes, to_array, to_table
from job.predictions.assemble import assemble_predictions
from job.predictions.class_names import check_class_names
from job.predictions.images import ImageArray
from job.predictions_report.build import SEED, Source, build_run
from job.results.file_names import PAGE
from job.results.provenance import DataSource
from job.results.reference_run import ReferenceRun
from job.results.run import Run
from job.results.schema import RunRecord
from job.text import IMAGE_SUFFIXES, find_bad_image_name

CALL = "job.predictions_report.report(…)"
HEIGHT = 720
"""Height of the report in a notebook, in CSS pixels."""
OTHER_FORMATS = {
    *(".csv", ".docx", ".gz", ".ipynb", ".json", ".md", ".mht", ".npz", ".parquet", ".pdf", ".pptx", ".svg", ".tar"),
    *(".txt", ".xlsx", ".xml", ".yaml", ".zip", *IMAGE_SUFFIXES),
}
"""The ends of names that a folder hardly has."""
ARGUMENTS = {
    "--classes FILE": "class_names=…",
    "--labels FILE": "y_true",
    "--logits": "logits=True",
    "--reference ": "reference=",
    "a column id with the names of the images": "their names: names=…",
    "leave out --labels, or ": "",
    "name the columns and the labels by their classes": (
        "pass a data frame whose columns, and labels, are the names of the classes"
    ),
}
"""What an error message calls an option of the command line."""


class Report:
    """The report of predictions.

    Attributes:
        run: The evaluated predictions.
        metrics: What `evaluation` in metrics.json contains.
    """

    def __init__(self, run: Run) -> None:
        self.run = run

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """Every metric with its 95 % confidence interval, as dictionaries, lists and numbers."""
        metrics: dict[str, Any] = msgspec.to_builtins(self.run.evaluation)
        return metrics

    def html(self, *, is_framed: bool = False) -> str:
        """The page: one file that needs no other. `is_framed`: it is the `srcdoc` of a frame."""
        from job.report.page import render_page

        return render_page(self.run, "single", is_alone=True, is_framed=is_framed)[PAGE].decode()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page if the name ends with .html, else a folder with the page, metrics.json and the predictions.

        Such a folder can be the reference of another report.

        Returns:
            The path of the page.

        Raises:
            ValueError: If the folder cannot be written, or the name ends like that of a file in another format.
            OSError: If the page cannot be written.
        """
        from job.predictions_report.command import write_run

        path = Path(path)
        if path.suffix.lower() in OTHER_FORMATS:
            raise PredictionsError(
                f"{path}: {path.suffix} is not a format of the report; end the name with .html, or name a folder"
            )
        if path.suffix.lower() in {".html", ".htm"}:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.html(), encoding="utf-8")
            return path
        try:
            write_run(self.run, path, "single")
        except OutputError as error:
            raise PredictionsError(str(error).removeprefix("--output ")) from error
        return path / PAGE

    def _repr_html_(self) -> str:
        """The page in a frame of its own, so that its style and that of a notebook do not mix."""
        frame = 'sandbox="allow-scripts" title="Report" style="width: 100%; border: 0"'
        return f'<iframe srcdoc="{html.escape(self.html(is_framed=True))}" height="{HEIGHT}" {frame}></iframe>'

    def __repr__(self) -> str:
        evaluation = self.run.evaluation
        return f"<Report: accuracy {evaluation.accuracy:.4f} on {evaluation.n_test:,} test images>"


def report(  # noqa: PLR0913 - all but two have defaults
    y_true: Any,  # noqa: ANN401 - whatever NumPy can convert
    probabilities: Any,  # noqa: ANN401 - likewise
    *,
    class_names: Sequence[str] | None = None,
    images: Any = None,  # noqa: ANN401 - likewise
    name: str | None = None,
    reference: "Report | str | os.PathLike[str] | None" = None,
    logits: bool = False,
    names: Iterable[object] | None = None,
) -> Report:
    """Evaluate predictions of any classifier and make their report.

    Arrays can be of NumPy, pandas, PyTorch, TensorFlow or JAX, or lists.

    Args:
        y_true: Labels: class numbers from 0 or class names, shape (n,), or one-hot, shape (n, n_classes).
        probabilities: Probability of each class, shape (n, n_classes), whose rows sum to 1; or, if they are unknown,
            the predicted classes, shape (n,).
        class_names: Names of the classes, in the order of the probabilities; their numbers by default.
        images: Images as (n, height, width) or (n, height, width, 3), of at most 256 x 256 pixels; numbers from 0 to
            255, or from 0 to 1.
        name: Name of the run in the report.
        reference: Another report, or the output folder of a report or a training, on the same images, to compare with.
        logits: Whether the probabilities are logits, to which the softmax is applied.
        names: A unique name of each image, such as its path: texts, paths or numbers. The report shows them, and
            compares two runs that have names by them, in whatever order the images are.

    Raises:
        ValueError: If the predictions are not usable, in one line that names the row, the column and the remedy.
    """
    try:
        stopwatch = Stopwatch()
        OPTIONS["name"].check(name, "name")
        classes = None if class_names is None else _read_class_names(class_names)
        with stopwatch.stage("predictions"):
            check_indexes(y_true, probabilities)
            source = None if images is None else ImageArray(to_array(images, "images"), "images")
            assembled = assemble_predictions(
                to_table(probabilities, "probabilities"),
                to_table(y_true, "y_true"),
                classes,
                logits=logits,
                n_images=None if source is None else source.n,
                image_names=None if names is None else _read_image_names(names),
            )
        return Report(
            build_run(
                Source(
                    assembled=assembled,
                    images=source,
                    data=DataSource(name="predictions", is_fashion_mnist=False, source="arrays", folder="", sha256={}),
                    command=CALL,
                    name=name or "",
                    reference=None if reference is None else _read_reference(reference),
                    has_names=classes is not None,
                ),
                stopwatch,
            )
        )
    except JobError as error:
        text = str(error)
        for option, argument in ARGUMENTS.items():
            text = text.replace(option, argument)
        raise PredictionsError(text) from error


def _read_class_names(class_names: Sequence[str]) -> list[str]:
    return check_class_names(_list_texts(class_names, "class_names", "label order"), "class_names")


def _read_image_names(names: Iterable[object]) -> list[str]:
    texts = _list_texts(names, "names", "the order of the images")
    if bad := find_bad_image_name(texts):
        raise PredictionsError(f"names, row {bad[0]}: {bad[1]}; give each image its own name")
    return texts


def _list_texts(values: Iterable[object], argument: str, order: str) -> list[str]:
    if isinstance(values, str | bytes | Mapping | AbstractSet) or not isinstance(values, Iterable):
        kind = type(values).__name__
        raise PredictionsError(f"{argument}: has the type {kind}; give the names as a list in {order}")
    listed = values.tolist() if hasattr(values, "tolist") else values
    return [_to_text(each) for each in listed]


def _to_text(value: object) -> str:
    """A value as text; None and NaN, which stand for a missing value, are empty."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _read_reference(reference: object) -> str | ReferenceRun:
    """The name of a folder, or a report as a reference."""
    if isinstance(reference, str | os.PathLike):
        return os.fspath(reference)
    if not isinstance(reference, Report):
        kind = type(reference).__name__
        raise PredictionsError(f"reference: has the type {kind}; give a report, or the name of its folder")
    run = reference.run
    record = RunRecord(
        class_names=run.evaluation.class_names, seed=SEED, reference=None, training=None, provenance=run.provenance
    )
    return ReferenceRun(run.provenance.name or "report", record, run.predictions)

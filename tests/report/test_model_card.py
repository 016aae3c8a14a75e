"""Reads the card with parsers of Markdown, YAML and Python that the job does not use."""

import dataclasses
import itertools
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token
from support import calibration_of, make_run

from job.config.export_formats import FORMATS
from job.config.recipes import TestTime
from job.evaluation.seed_variation import Rule
from job.report.model_card import render_model_card
from job.results.file_names import CARD, EXPORTS

IMAGES = "t10k-images-idx3-ubyte.gz"
TOLERANCE = 1e-5
"""Tolerance of a probability; on 10,000 test images no format differed by more than 1.7e-6."""


def split(text: str) -> tuple[object, list[Token]]:
    """The metadata above the first heading, and the tokens of the rest."""
    _, front, body = re.split(r"^---$", text, maxsplit=2, flags=re.MULTILINE)
    return yaml.safe_load(front), MarkdownIt("commonmark").enable("table").parse(body)


def shown(token: Token) -> str:
    """The text of a line; fails if it has anything but plain text, code and links."""
    children = token.children or []
    assert {child.type for child in children} <= {
        "text",
        "text_special",
        "code_inline",
        "softbreak",
        "link_open",
        "link_close",
    }
    return "".join(child.content for child in children)


def table(tokens: list[Token], first: str) -> list[list[str]]:
    """The rows of the table whose first column has this name."""
    rows: list[list[str]] = []
    for token, following in itertools.pairwise(tokens):
        if token.type == "tr_open":
            rows.append([])
        if token.type in ("th_open", "td_open"):
            rows[-1].append(shown(following))
    start = next(number for number, row in enumerate(rows) if row[0] == first)
    width = len(rows[start])
    rest = rows[start + 1 :]
    stop = next((number for number, row in enumerate(rest) if row[0] in ("file", "setting", "metric", "class")), None)
    assert all(len(row) == width for row in rest[:stop])
    return rest[:stop]


def codes(text: str, language: str) -> list[str]:
    return [token.content for token in split(text)[1] if token.type == "fence" and token.info == language]


def test_has_the_headings_of_model_cards(exported_run: Path) -> None:
    """All nine of Mitchell et al. 2019, in their order, and one on how to use the model."""
    _, tokens = split((exported_run / EXPORTS / CARD).read_text())
    pairs = itertools.pairwise(tokens)
    headings = [following.content for token, following in pairs if token.type == "heading_open" and token.tag == "h2"]
    headings.remove("How to use it")
    assert headings == [
        *("Model details", "Intended use", "Factors", "Metrics", "Evaluation data", "Training data"),
        *("Quantitative analyses", "Ethical considerations", "Caveats and recommendations"),
    ]


@pytest.mark.parametrize("package", ["keras", "tensorflow", "onnxruntime", "ai_edge_litert"])
def test_its_code_gives_the_predictions_of_the_run(exported_run: Path, tmp_path: Path, package: str) -> None:
    """The code of the card runs each exported model in a new process, in `exports/`, for any number of images."""
    reading, *running = codes((exported_run / EXPORTS / CARD).read_text(), "python")
    (lines,) = [lines for lines in running if re.match(rf"(import|from) {package}\b", lines)]
    shutil.copytree(exported_run, tmp_path / "copy")
    folder = tmp_path / "copy" / EXPORTS
    shutil.copy(exported_run.parent / "blocks" / IMAGES, folder)
    save = "np.save(f'{len(images)}.npy', probabilities)"
    code = f"{reading}\n{lines}\n{save}\nimages = images[:1]\n{lines}\n{save}"
    subprocess.run((sys.executable, "-c", code), cwd=folder, check=True, capture_output=True)
    probabilities = np.load(folder / "100.npy")
    written = np.loadtxt(folder.parent / "predictions.csv", delimiter=",", skiprows=1)
    assert probabilities.dtype == np.float32
    assert probabilities.argmax(axis=1).tolist() == written[:, 2].tolist()
    np.testing.assert_allclose(probabilities, written[:, 3:], rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(np.load(folder / "1.npy"), written[:1, 3:], rtol=0, atol=TOLERANCE)


def test_has_code_for_each_exported_format() -> None:
    """One block of code for each, in addition to the images and the Keras model."""
    for names in ((), ("onnx",), tuple(FORMATS)):
        text = render_model_card(make_run(export=names))
        assert len(codes(text, "python")) == 2 + len(names)
        assert all((f"`{path}" in text) == (name in names) for name, path in FORMATS.items())


def test_shows_the_metrics_of_the_run() -> None:
    """All metrics have their n and interval, for all images and by class."""
    run = make_run()
    evaluation = run.evaluation
    front, tokens = split(render_model_card(run))
    rows = {row[0]: row[1:] for row in table(tokens, "metric")}
    interval = evaluation.accuracy_interval
    n_correct = sum(row[label] for label, row in enumerate(evaluation.confusion_matrix))
    assert rows[f"accuracy ({n_correct} of 100 correct)"] == [
        f"{evaluation.accuracy:.1%}",
        f"{100 * interval.lower:.1f}–{interval.upper:.1%}",  # noqa: RUF001 - a range
    ]
    fractions = {"calibration error": calibration_of(evaluation).ece} | {
        f"macro {name}": getattr(evaluation.macro, name.lower()) for name in ("precision", "recall", "F1")
    }
    others = {"loss": f"{evaluation.loss:.3f}", "Brier score": f"{evaluation.brier:.3f}"}
    assert {name: row[0] for name, row in list(rows.items())[1:]} == {
        name: f"{value:.1%}" for name, value in fractions.items()
    } | others
    classes = table(tokens, "class")
    assert [row[0] for row in classes] == [str(label) for label in range(10)]
    assert [int(row[2]) for row in classes] == [metrics.support for metrics in evaluation.per_class]
    assert [int(row[3]) for row in classes] == np.sum(evaluation.confusion_matrix, axis=0).tolist()
    for row, metrics in zip(classes, evaluation.per_class, strict=True):
        for cell, name in zip(row[4:], ("recall", "precision", "f1"), strict=True):
            bounds = getattr(metrics, f"{name}_interval")
            assert cell == f"{getattr(metrics, name):.1%} ({100 * bounds.lower:.1f}–{bounds.upper:.1%})"  # noqa: RUF001
    assert isinstance(front, dict)
    (entry,) = front["model-index"][0]["results"]
    assert [metric["value"] for metric in entry["metrics"]] == [evaluation.accuracy, evaluation.macro.f1]
    assert [row[1] for row in table(tokens, "file")] == list(run.provenance.data.sha256.values())
    assert codes(render_model_card(run), "sh") == [run.provenance.command + "\n"]


def test_lists_the_settings_of_the_training() -> None:
    """Settings that change only where and how the run takes place are left out."""
    run = make_run(epochs=2, output="elsewhere")
    assert run.training
    rows = dict(table(split(render_model_card(run))[1], "setting"))
    assert rows["epochs"] == "2"
    assert "output" not in rows
    assert {name.replace(" ", "_"): value for name, value in rows.items()} == {
        name: str(value) for name, value in run.training.config.settings().items()
    }


ODD = (
    *("a|b", "*bold*", "_x_", "`code`", "[a](http://b.c)", "<b>&amp;", "![i](j)"),
    *(r"\| back\slash", "$x$ ~~y~~", "# :bag:"),
)


def test_escapes_names() -> None:
    """Class names and the names of data set and folders appear as they are, whatever markup they contain."""
    name = "```|<x> \"quoted\" 'y': \N{SNOWMAN}\U0001f600 *z*"
    command = "python -m job --data '``` <x>'"
    run = make_run(class_names=ODD, is_fashion_mnist=False)
    data = dataclasses.replace(run.provenance.data, name=name)
    run = dataclasses.replace(run, provenance=dataclasses.replace(run.provenance, data=data, command=command))
    front, tokens = split(render_model_card(run))
    assert [row[1] for row in table(tokens, "class")] == list(ODD)
    title = next(following for token, following in itertools.pairwise(tokens) if token.type == "heading_open")
    assert shown(title).startswith(f"Model card: {name}, ")
    assert isinstance(front, dict)
    assert front["model-index"][0]["results"][0]["dataset"]["name"] == name
    assert codes(render_model_card(run), "sh") == [command + "\n"]
    assert all(shown(token) for token in tokens if token.type == "inline")
    assert not any(token.type == "html_block" for token in tokens)


@pytest.mark.parametrize(
    ("test_time", "words"),
    [
        ("flip", "in 2 views (as it is and mirrored)"),
        ("flip-shift", "in 10 views (as it is, shifted by one pixel in each of four directions, and"),
    ],
)
def test_names_the_views_of_each_image(test_time: TestTime, words: str) -> None:
    """Both in the model details and in the evaluation data; with one view, the card does not mention any."""
    _, tokens = split(render_model_card(make_run(test_time=test_time)))
    lines = [shown(token) for token in tokens if token.type == "inline"]
    assert sum(words in line for line in lines) == 1
    assert any("from the averaged probabilities of all views" in line for line in lines)
    assert "views" not in render_model_card(make_run())


@pytest.mark.parametrize(
    ("chosen_by", "words"),
    [
        ("lowest validation loss", "it was chosen without the test images, by its validation loss"),
        ("first seed", "it was chosen without the test images, as the first one"),
        ("median accuracy", "an earlier version of the job chose it as the run of median test accuracy"),
    ],
)
def test_says_how_the_network_was_chosen(chosen_by: Rule, words: str) -> None:
    """Version 0.5.0 looked at the test images."""
    run = make_run(runs=2)
    assert run.training is not None
    assert run.training.seed_variation is not None
    variation = dataclasses.replace(run.training.seed_variation, chosen_by=chosen_by)
    training = dataclasses.replace(run.training, seed_variation=variation)
    card = render_model_card(dataclasses.replace(run, training=training))
    assert words in card
    assert ("without the test images" in card) == (chosen_by != "median accuracy")


def test_names_the_licence_of_the_data_set() -> None:
    """The licence of Fashion-MNIST is known, that of another data set is not."""
    other = render_model_card(make_run(is_fashion_mnist=False))
    assert "The licence of the data set is unknown" in other
    assert "Zalando" not in other
    known = render_model_card(make_run())
    assert "© Zalando SE, under the MIT licence" in known
    assert "unknown" not in known.partition("## Training data")[2]
    assert "datasets: [zalando-datasets/fashion_mnist]" in known


def test_describes_a_training() -> None:
    """A run that this job did not train has no card."""
    with pytest.raises(ValueError, match="a model card describes a training"):
        render_model_card(make_run(trained=False))


def test_says_that_the_probabilities_are_calibrated() -> None:
    """With the temperature, and the loss before; without calibration, the card does not mention any."""
    run = make_run(calibrate="temperature")
    assert run.temperature_scaling
    _, tokens = split(render_model_card(run))
    lines = " ".join(shown(token) for token in tokens if token.type == "inline")
    assert "the probabilities are calibrated with the temperature 1.250, which gives the lowest loss" in lines
    loss, ece = run.temperature_scaling.loss.reference, run.temperature_scaling.before.ece
    assert "Without the temperature, the loss is" in lines
    assert f"{loss:.3f} and the calibration error {ece:.3f} on the same 100 test images" in lines
    assert "temperature" not in render_model_card(make_run()).replace("calibrate", "")

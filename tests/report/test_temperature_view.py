from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import html5lib
import pytest
from support import calibration_of, make_run

from job.evaluation.intervals import Interval
from job.report.page import render_page
from job.report.temperature_view import view_temperature
from job.results.run import Run

MINUS = "\N{MINUS SIGN}"


def render_calibration(run: Run) -> ET.Element:
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    page: ET.Element = parser.parse(render_page(run, "single")["index.html"].decode())
    section = page.find(".//section[@id='calibration']")
    assert section is not None
    return section


def text(element: ET.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def test_the_page_compares_the_probabilities_before_and_after() -> None:
    """Five metrics, three of them with a paired interval, and the temperature in a sentence."""
    run = make_run(n=1000, calibrate="temperature", test_time="flip")
    scaling = run.temperature_scaling
    assert scaling is not None
    section = render_calibration(run)
    table = next(each for each in section.iter("table") if "After" in text(each))
    rows = {next(iter(row[0].itertext())).strip(): [text(cell) for cell in row[1:]] for row in table.iter("tr")}
    assert list(rows) == [
        "Metric",
        "Calibration error",
        "Calibration error, debiased",
        "Overconfidence",
        "Loss",
        "Brier score",
    ]
    before, after = scaling.before.ece, scaling.after.ece
    digits = 1 if abs(after - before) >= 0.01 else 2
    change = f"{100 * (after - before):+.{digits}f} points".replace("-", MINUS)
    assert rows["Calibration error"] == [f"{before:.1%}", f"{after:.1%}", change]
    assert rows["Overconfidence"][2] == ""  # a rise may be good or bad
    assert rows["Loss"][:2] == [f"{scaling.loss.reference:.3f}", f"{scaling.loss.current:.3f}"]
    assert scaling.loss.interval
    lower, upper = (f"{bound:+.3f}".replace("-", MINUS) for bound in vars(scaling.loss.interval).values())
    assert rows["Loss"][2].endswith(f" {lower} to {upper}")
    assert rows["Brier score"][:2] == [f"{scaling.brier.reference:.3f}", f"{scaling.brier.current:.3f}"]
    words = text(section)
    assert "divides the logarithms of its averaged probabilities by a temperature of 1.250 before" in words
    assert "makes it less confident and changes no predicted class" in words
    assert "lowest loss on the 30 validation images; the test images played no part in it." in words


@pytest.mark.parametrize(("temperature", "direction"), [(0.2, "more"), (20.0, "less")])
def test_a_temperature_at_the_limit(temperature: float, direction: str) -> None:
    """The page says that the job allows no better one."""
    run = make_run(calibrate="temperature")
    assert run.training
    words = text(render_calibration(replace(run, training=replace(run.training, temperature=temperature))))
    assert f"divides its logits by a temperature of {temperature:.3f} before the last softmax" in words
    assert f"makes it {direction} confident" in words
    assert "lowest loss on the 30 validation images, among those that the job allows; the test" in words


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        (
            Interval(0.01, 0.03),
            "the model is overconfident by 2.0 points on the test images (95% confidence interval 1.0\N{EN DASH}3.0).",
        ),
        (
            Interval(-0.01, 0.05),
            "on the test images (95% confidence interval of the overconfidence \N{MINUS SIGN}1.0 to +5.0).",
        ),
    ],
)
def test_what_is_left_after_the_calibration(interval: Interval, words: str) -> None:
    """The page says whether the calibrated model is still overconfident."""
    run = make_run(calibrate="temperature")
    calibration = replace(calibration_of(run.evaluation), overconfidence=0.02, overconfidence_interval=interval)
    shown = replace(run, evaluation=replace(run.evaluation, calibration=calibration))
    assert words in text(render_calibration(shown))


@pytest.mark.parametrize(("after", "shown"), [(0.0149, "-0.14 points"), (0.006, "-1.0 points")])
def test_small_differences_have_two_digits(after: float, shown: str) -> None:
    """1.6 % and 1.5 % would suggest 0.1 points."""
    run = make_run(calibrate="temperature")
    scaling = run.temperature_scaling
    assert scaling
    before, changed = (replace(each, ece=ece) for each, ece in ((scaling.before, 0.0163), (scaling.after, after)))
    view = view_temperature(replace(run, temperature_scaling=replace(scaling, before=before, after=changed)))
    assert view
    assert view.rows[0].difference.replace(MINUS, "-") == shown


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"label_smoothing": 0.1}, "label smoothing of 10%, which lowers the confidence on purpose"),
        ({"label_smoothing": 0.1}, "--calibrate temperature fits the confidence"),
        ({"label_smoothing": 0.1, "calibrate": "temperature"}, "Temperature scaling then fits the confidence"),
    ],
)
def test_label_smoothing_explains_underconfidence(settings: dict[str, Any], words: str) -> None:
    """With its source; without label smoothing, the section does not mention it."""
    shown = text(render_calibration(make_run(**settings)))
    assert words in shown
    assert "arXiv 1906.02629" in shown
    assert "smoothing" not in text(render_calibration(make_run()))


def test_a_calibration_without_a_best_temperature() -> None:
    """The page says why, and has no table."""
    run = make_run(calibrate="temperature")
    assert run.training
    run = replace(run, training=replace(run.training, temperature=None), temperature_scaling=None)
    words = text(render_calibration(run))
    assert "not calibrated: the model is correct on all 30 validation images, so no temperature" in words
    assert "After" not in words


@pytest.mark.parametrize("trained", [True, False])
def test_a_run_without_calibration(trained: bool) -> None:  # noqa: FBT001 - a parameter
    """The page does not mention a temperature."""
    run = make_run(trained=trained)
    assert view_temperature(run) is None
    assert "emperature" not in text(render_calibration(run))

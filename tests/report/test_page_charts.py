import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from support import make_run

from job.evaluation.predictions import Predictions
from job.report import page_charts
from job.report.charts import canvas
from job.report.page_charts import draw_charts
from job.report.published import N_TEST


@pytest.fixture(scope="module")
def charts() -> dict[str, str]:
    run = make_run(n=1000, with_reference=True, epochs=200)
    return dict(draw_charts(run))


def test_charts_follow_the_page(charts: dict[str, str]) -> None:
    """No style, colour, id or clipping of their own, and a text alternative."""
    for name, chart in charts.items():
        root = ET.fromstring(chart)
        assert root.get("role") == ("group" if name == "confusion_matrix" else "img")
        assert len(root.attrib["aria-label"]) > 40
        assert not re.search(r"style=|class=\"[^\"]*\.|id=|url\(|<defs|clip|xlink|#0[0-9]", chart)
        colours = {element.attrib.get(key, "none") for element in root.iter() for key in ("fill", "stroke")}
        assert {"var(--ink)"} < colours <= {*canvas.COLOURS.values(), "none"}


def test_charts_are_small(charts: dict[str, str]) -> None:
    """At most 8 kB each, except for the confusion matrix."""
    assert max(len(chart) for name, chart in charts.items() if name != "confusion_matrix") < 8000


def test_a_run_lacks_the_charts_that_it_has_no_data_for(charts: dict[str, str]) -> None:
    """Neither a training nor a reference; published accuracies only on the same images."""
    drawn = draw_charts(make_run(trained=False, is_fashion_mnist=False))
    assert charts.keys() - drawn.keys() == {"recall_changes", "loss", "accuracy"}
    assert draw_charts(make_run(n=N_TEST, trained=False)).keys() - drawn.keys() == {"published_accuracies"}


def test_equal_confidences_have_no_chart_of_coverage() -> None:
    """There is only one point, that of all images."""
    probabilities = np.full((20, 2), [0.75, 0.25], np.float32)
    predictions = Predictions(np.zeros(20, np.int16), probabilities)
    assert "coverage" not in draw_charts(make_run(predictions=predictions, trained=False))


def test_warming_up_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither on stdout nor on stderr."""
    page_charts.warm_up()
    assert capsys.readouterr() == ("", "")

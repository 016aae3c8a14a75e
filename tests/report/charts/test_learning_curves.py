from typing import Literal

import numpy as np
import pytest
from svg_reading import elements, label, paths, texts

from job.report.charts import canvas
from job.report.charts.learning_curves import draw_learning_curve

CURVES = {"loss": ([0.5, 0.4, 0.3], [0.6, 0.4, 0.5]), "accuracy": ([0.8, 0.9, 0.95], [0.7, 0.8, 0.9])}


def test_curves_without_validation() -> None:
    """One curve, one name, no mark."""
    picture = draw_learning_curve([0.5, 0.25], [], "loss", 2)
    assert [text for text in texts(picture) if text[0].isalpha()] == ["epoch", "loss", "training 0.250"]
    assert label(picture) == "Line chart of loss over 2 epochs: training from 0.500 to 0.250."


@pytest.mark.parametrize(
    ("quantity", "tested", "value"),
    [("loss", 2, "loss 0.400"), ("accuracy", 2, "accuracy 80.0%"), ("loss", 3, "loss 0.500")],
)
def test_the_tested_epoch_is_marked(quantity: Literal["loss", "accuracy"], tested: int, value: str) -> None:
    """The same one in both charts, with its value, even if another epoch has a better one."""
    picture = draw_learning_curve(*CURVES[quantity], quantity, tested)
    assert f"tested epoch {tested}" in texts(picture)
    assert label(picture).endswith(f"validation {value} in the tested epoch {tested}.")


@pytest.mark.parametrize("n_epochs", [1, 5, 20, 21, 200])
def test_curves_of_any_length(n_epochs: int) -> None:
    """Names at least a line apart, the higher curve's above, even if both end alike; dots only for few epochs."""
    curve = np.linspace(0.5, 0.9, n_epochs).tolist()
    picture = draw_learning_curve(curve, [*curve[:-1], curve[-1] + 0.001], "accuracy", n_epochs)
    names = [text for text in elements(picture, "text") if (text.text or "").startswith(("training", "validation"))]
    ends = [float(name.attrib["y"]) for name in names]
    assert len(ends) == 2
    assert max(ends) - min(ends) >= canvas.LINE - 0.1
    assert ends.index(min(ends)) == ["validation" in (name.text or "") for name in names].index(True)
    assert (f"tested epoch {n_epochs}" in texts(picture)) == (n_epochs > 1)
    assert bool(paths(picture, stroke_width="5")) == (n_epochs <= 20)

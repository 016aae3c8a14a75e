import matplotlib as mpl
import pytest

from job.report.charts import canvas
from job.report.charts.learning_curves import draw_learning_curve


@pytest.mark.parametrize("name", ["x" * 40, "袋" * 20, "W" * 20, "i" * 60])
def test_a_shortened_name_is_no_wider_than_its_limit(name: str) -> None:
    """Nor much narrower, whatever its letters are."""
    shortened = canvas.shorten(name, 10)
    assert shortened.endswith("…")
    assert 8.5 < canvas.text_width(shortened, 1) <= 10


def test_charts_ignore_the_settings_of_the_caller() -> None:
    """A notebook may have chosen a style of its own."""

    def draw() -> str:
        return draw_learning_curve([1.0, 0.5], [1.0, 0.6], "loss", 2)

    expected = draw()
    with mpl.rc_context({"text.usetex": True, "lines.linewidth": 9, "axes.facecolor": "black"}):
        assert draw() == expected

import pytest

from job.report.charts import canvas


@pytest.mark.parametrize("name", ["x" * 40, "袋" * 20, "W" * 20, "i" * 60])
def test_a_shortened_name_is_no_wider_than_its_limit(name: str) -> None:
    """Nor much narrower, whatever its letters are."""
    shortened = canvas.shorten(name, 10)
    assert shortened.endswith("…")
    assert 8.5 < canvas.text_width(shortened, 1) <= 10

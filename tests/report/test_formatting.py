from job.evaluation.intervals import Interval
from job.report import formatting


def test_signed_intervals_and_p_values() -> None:
    """Percentage points with their sign, and a p-value after its relation."""
    text = formatting.FILTERS["signeds"](Interval(-0.0123, 0.02))
    assert text == "\N{MINUS SIGN}1.2 to +2.0"
    assert [formatting.FILTERS["p"](value) for value in (1.0, 0.0316, 0.001, 0.00099, 0.0)] == [
        "= 1",
        "= 0.032",
        "= 0.001",
        "< 0.001",
        "< 0.001",
    ]

from job.evaluation.intervals import Interval
from job.report import formatting


def test_how_figures_are_written() -> None:
    """An interval of signed points, and a p value after its sign."""
    written = formatting.FILTERS["signeds"](Interval(-0.0123, 0.02))
    assert written == "\N{MINUS SIGN}1.2 to +2.0"
    assert [formatting.FILTERS["p"](one) for one in (1.0, 0.0316, 0.001, 0.00099, 0.0)] == [
        "= 1",
        "= 0.032",
        "= 0.001",
        "< 0.001",
        "< 0.001",
    ]

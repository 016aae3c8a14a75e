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


def test_sizes_have_no_sign() -> None:
    """The smaller one comes first, also of two negative bounds."""
    for interval in (Interval(0.0123, 0.02), Interval(-0.02, -0.0123)):
        assert formatting.FILTERS["sizes"](interval) == "1.2\N{EN DASH}2.0"


def test_decimal_intervals_have_true_minus_signs() -> None:
    """A dash between the bounds would be read as another minus."""
    minus, dash = "\N{MINUS SIGN}", "\N{EN DASH}"
    assert formatting.format_decimals(Interval(-0.012, 0.031)) == f"{minus}0.012 to 0.031"
    assert formatting.format_decimals(Interval(-0.05, -0.01)) == f"{minus}0.050 to {minus}0.010"
    assert formatting.format_decimals(Interval(0.36, 0.38)) == f"0.360{dash}0.380"
    assert formatting.format_decimals(None) == formatting.format_percents(None) == "none"

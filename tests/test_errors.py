from job.errors import DataError


def test_an_error_is_one_line() -> None:
    """The name of a file can neither forge a second line nor control the terminal; words of any script stay."""
    error = DataError("a\nfashion-job: error: b\r\x1b[2J\u202e\udcff\u2028: köper 靴 \\n")
    assert str(error) == r"a\nfashion-job: error: b\r\x1b[2J\u202e\udcff\u2028: köper 靴 \n"

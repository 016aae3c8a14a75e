import pytest

from job.report.first_screen.statements import ClassName, Tile, count_errors, list_names


@pytest.mark.parametrize(
    ("n", "expected"),
    [(1, "a"), (2, "a and b"), (3, "a, b and c"), (4, "a, b and 2 more"), (26, "a, b and 24 more")],
)
def test_names_are_listed_as_in_a_sentence(n: int, expected: str) -> None:
    """At most three items; names are marked as such, the rest is not."""
    names = [chr(ord("a") + index) for index in range(n)]
    parts = list_names(names, 3)
    assert "".join(parts) == expected
    assert [part for part in parts if isinstance(part, ClassName)] == names[: 3 if n <= 3 else 2]


def test_one_error_is_singular() -> None:
    """As a person would write it."""
    assert (count_errors(1), count_errors(1302)) == ("the only error", "the 1,302 errors")


def test_long_values_need_smaller_letters() -> None:
    """A percentage and a difference do not."""
    assert [Tile("a", "b", (value,), (), "").is_long for value in ("87.0%", "+2.1 points", "Ankle boots!!")] == [
        *(False, False, True)
    ]

import pytest

from job.text import (
    MAX_IMAGE_NAME,
    count_noun,
    find_bad_image_name,
    format_change,
    is_displayable,
    natural_key,
    shorten_path,
    split_names,
)


def test_counts_a_noun() -> None:
    """Zero, singular and plural."""
    assert [count_noun(n, "GPU") for n in (0, 1, 2, 1000)] == ["no GPU", "1 GPU", "2 GPUs", "1,000 GPUs"]


def test_rejects_characters_that_no_page_shows() -> None:
    """Control characters, surrogates and unassigned code points are rejected; letters of any script are not."""
    assert is_displayable("袋 <b> $x^2 é")
    assert not any(is_displayable(f"a{character}b") for character in ("\x01", "\n", "\ud800", "\u0378"))


def test_natural_order() -> None:
    """Numbers by value, letters without regard to case; what is then equal in the order of its characters."""
    names = ["10", "9", "a10", "A9", "b", "a", "A", "a9x", ""]
    assert sorted(names, key=natural_key) == ["", "9", "10", "A", "a", "A9", "a9x", "a10", "b"]


def test_names_one_per_line() -> None:
    """Line ends of any system; empty lines count, except at the end."""
    assert split_names("cat \r\n\thot dog\ra\n\nb\n \n") == ["cat", "hot dog", "a", "", "b"]


def test_changes_have_a_sign() -> None:
    """A true minus, and no sign for zero."""
    changes = [format_change(fraction) for fraction in (0.0123, -0.0123, 0.0, -0.0001)]
    assert changes == ["+1.2", "\N{MINUS SIGN}1.2", "0.0", "0.0"]
    assert format_change(-0.00249, ".2f") == "\N{MINUS SIGN}0.25"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("apple/0717.png", "apple/0717.png"),
        ("/home/me/data/fruits/apple/0717.png", "…/apple/0717.png"),
        ("C:\\data\\fruit\\freshly\\apple\\0717.png", "…\\apple\\0717.png"),
        ("data/of-a-very-long-folder/x.png", "…ery-long-folder/x.png"),
        ("0123456789" * 4, "…901234567890123456789"),
    ],
)
def test_a_long_path_keeps_its_end(path: str, expected: str) -> None:
    """From a folder on, unless too little would be left."""
    assert shorten_path(path, 22) == expected
    assert len(expected) <= 22


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "is empty"),
        (" ", "is empty"),
        ("a", "'a' is listed twice"),
        ("b\n", "'b\\n' has a control character"),
        ("b" * 4097, "'bbbbbbbbbbbbbbbbbbbb'… has 4,097 characters, more than 4,096"),
        ("b" * MAX_IMAGE_NAME, None),
        ("9" * MAX_IMAGE_NAME, None),
        ('<b>, "', None),
    ],
)
def test_bad_names_of_images(name: str, problem: str | None) -> None:
    """The first one is found; a good name can be sorted."""
    assert find_bad_image_name(["a", name, "\0"]) == (
        (1, problem) if problem else (2, "'\\x00' has a control character")
    )
    assert problem or sorted([name, "a"], key=natural_key)

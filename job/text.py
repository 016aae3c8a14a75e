"""Text functions that several parts of the job use."""

import re
import unicodedata
from collections.abc import Sequence

MIN_CLASSES, MAX_CLASSES = 2, 256
MAX_NAME = 200
"""The most characters in the name of a class."""

MAX_IMAGE_NAME = 4096
"""The most characters in the name of an image: those in a path on Linux."""

IMAGE_KINDS = "PNG, JPEG, WebP, BMP, GIF or TIFF"
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
"""The ends of the names of image files that the job reads, in lower case."""

UNDISPLAYABLE = ("Cc", "Cs", "Cn")
"""Unicode categories that no page can show: control characters, surrogates, and unassigned code points."""


def count_noun(n: int, noun: str) -> str:
    """Write a count with its noun: `no GPU`, `1 GPU`, `2 GPUs`, `1,000 runs`."""
    return f"{f'{n:,}' if n else 'no'} {noun}{'s' * (n > 1)}"


def format_change(fraction: float, form: str = ".1f") -> str:
    """A change in percentage points with its sign, such as `+1.5`; zero has no sign."""
    text = f"{100 * fraction:+{form}}"
    return text.replace("-", "\N{MINUS SIGN}") if float(text) else text[1:]


def is_displayable(text: str) -> bool:
    """Check that a text has no control character, surrogate or unassigned code point."""
    return not any(unicodedata.category(character) in UNDISPLAYABLE for character in text)


def natural_key(name: str) -> tuple[list[str | int], str]:
    """The key that sorts names in natural order: numbers by value, and letters without regard to case."""
    words = re.split("([0-9]+)", name)
    return [int(word) if index % 2 else word.casefold() for index, word in enumerate(words)], name


def split_names(text: str) -> list[str]:
    """The names in a text, one per line, without the spaces around them; empty lines at the end do not count."""
    return [line.strip() for line in re.split(r"\r\n|\r|\n", text.rstrip())]


def find_bad_name(class_names: Sequence[str], *, are_lines: bool = False) -> str:
    """What is wrong with a list of class names, or with the lines of a file, and what to do; empty if nothing is."""
    if not MIN_CLASSES <= len(class_names) <= MAX_CLASSES:
        remedy = f"write {MIN_CLASSES} to {MAX_CLASSES}{', one per line' if are_lines else ''}"
        return f"contains {count_noun(len(class_names), 'class name')}; {remedy}"
    seen: set[str] = set()
    for name in class_names:
        if not name:
            return "has an empty class name; name each class"
        if len(name) > MAX_NAME:
            return f"{name[:20]!r}… has {len(name):,} characters; shorten it to at most {MAX_NAME}"
        if not is_displayable(name):
            return f"{name!r} has a control character; remove it"
        if name in seen:
            return f"{name!r} is listed twice; give each class its own name"
        seen.add(name)
    return ""


def find_bad_image_name(names: Sequence[str]) -> tuple[int, str] | None:
    """The first name of an image that is empty, too long or listed twice, or that no page can show.

    Returns:
        Its index, and what is wrong with it; None if nothing is.
    """
    are_displayable = is_displayable("".join(set().union(*names)))
    seen: dict[str, int] = {}
    for index, name in enumerate(names):
        if not name.strip():
            return index, "is empty"
        if len(name) > MAX_IMAGE_NAME:
            return index, f"{name[:20]!r}… has {len(name):,} characters, more than {MAX_IMAGE_NAME:,}"
        if not are_displayable and not is_displayable(name):
            return index, f"{shorten_path(name)!r} has a control character"
        if seen.setdefault(name, index) < index:
            return index, f"{shorten_path(name)!r} is listed twice"
    return None


def shorten_path(path: str, n_most: int = 80) -> str:
    """The end of a path, or of another name, after an ellipsis; from a folder on, if that keeps half of the length."""
    if len(path) <= n_most:
        return path
    end = path[1 - n_most :]
    starts = [match.start() for match in re.finditer(r"[/\\]", end)]
    return "…" + end[next((start for start in starts if start <= n_most // 2), 0) :]

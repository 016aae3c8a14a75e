"""Represents what the first screen says: texts in which class names are marked, and links to the sections."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

MAX_LARGE = 12  # characters of a tile's value in large letters


class ClassName(str):
    """The name of a class or run within a text; the page isolates it, because it may be in any script and direction."""

    __slots__ = ()


class Alert(str):
    """Words within a text that the page shows in the colour of errors, such as the number of missed gates."""

    __slots__ = ()


Text = tuple[str, ...]
"""A text in parts; those that are a `ClassName` are names, and those that are an `Alert` have a colour."""


@dataclass(frozen=True)
class Tile:
    """A tile: a large value and what it is; a link to the section `anchor`.

    Attributes:
        detail: A line in parts that do not break, such as an interval.
        note: Another line, less prominent.
    """

    anchor: str
    label: str
    value: Text
    detail: Sequence[str]
    note: str

    @property
    def is_long(self) -> bool:
        """Whether the value needs smaller letters to fit into one or two lines."""
        return sum(map(len, self.value)) > MAX_LARGE


class Level(IntEnum):
    """How urgent a finding is."""

    INSIGHT = 1
    """It tells where the errors are."""
    PROBLEM = 2
    """Something got worse, or the training can be improved."""
    FAULT = 3
    """The model ignores some classes, or swaps them."""
    USELESS = 4
    """The model is of no use, so it does not matter where its errors are."""


@dataclass(frozen=True)
class Finding:
    """A sentence about the run; a link to the section `anchor`.

    Attributes:
        share: Ranks the findings of a level: the fraction of the images that the finding is about, or how far a number
            is from what it should be.
    """

    level: Level
    share: float
    anchor: str
    text: Text


def list_names(names: Sequence[str], most: int) -> Text:
    """At most `most` class names as a list in a sentence: `a`, `a and b`, `a, b and c`, `a, b and 3 more`."""
    items: list[str] = [ClassName(name) for name in names[: most if len(names) <= most else most - 1]]
    if len(items) < len(names):
        items.append(f"{len(names) - len(items):,} more")
    separators = [*[", "] * (len(items) - 2), " and ", ""][-len(items) :]
    return tuple(part for item, separator in zip(items, separators, strict=True) for part in (item, separator) if part)


def count_errors(n_wrong: int) -> str:
    """All errors, in words: `the only error`, `the 1,302 errors`."""
    return "the only error" if n_wrong == 1 else f"the {n_wrong:,} errors"


def sample_size(n: int) -> str:
    """The number of images behind a number: `n = 1,000`, in one line."""
    return f"n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{n:,}"

"""Text functions that several parts of the job use."""

import unicodedata

UNDISPLAYABLE = ("Cc", "Cs", "Cn")
"""Unicode categories that no page can show: control characters, surrogates, and unassigned code points."""


def count_noun(n: int, noun: str) -> str:
    """Write a count with its noun: `no GPU`, `1 GPU`, `2 GPUs`."""
    return f"{n or 'no'} {noun}{'s' * (n > 1)}"


def is_displayable(text: str) -> bool:
    """Check that a text has no control character, surrogate or unassigned code point."""
    return not any(unicodedata.category(character) in UNDISPLAYABLE for character in text)

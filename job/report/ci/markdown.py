"""Escapes text for Markdown in GitHub's flavour."""

import re
import unicodedata

LINKS = re.compile(r"([@#:])(?=\S)|(www)(?=\.)|(GH-)(?=\d)", re.IGNORECASE)
"""What begins a mention, a reference to an issue, an emoji or an address: GitHub finds them in the finished text."""

MARKUP = re.compile(r"[\\`*\[\]<>|~&$!#]|(?<![^\W_])_|_(?![^\W_])")
"""Characters that can begin markup, or end a heading. As numbered entities they are text in every place.

A low line between two letters or digits, as in `file_name`, begins nothing."""

ZERO_WIDTH_SPACE = "\N{ZERO WIDTH SPACE}"


def escape_markdown(text: str) -> str:
    """Escape a text, so that GitHub shows it as it is and notifies nobody; spaces and line breaks become one space."""
    text = LINKS.sub(lambda match: f"{match[0]}{ZERO_WIDTH_SPACE}", " ".join(text.split()))
    return MARKUP.sub(lambda match: f"&#{ord(match[0])};", text)


def shorten(text: str, n_most: int) -> str:
    """Cut a text to at most `n_most` characters, of which the last one is then an ellipsis."""
    if len(text) <= n_most:
        return text
    n_kept = n_most - 1
    while n_kept and unicodedata.combining(text[n_kept]):  # not between a letter and its accent
        n_kept -= 1
    return f"{text[:n_kept].rstrip()}\N{HORIZONTAL ELLIPSIS}"

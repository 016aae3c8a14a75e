"""Creates the Jinja environment of every template."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jinja2

PACKAGE = Path(__file__).resolve().parents[1]
PLACES = (PACKAGE / "templates", PACKAGE.parent / "templates")
"""The folder of the templates in an installed package, and in the repository."""
TEMPLATES = next((folder for folder in PLACES if folder.is_dir()), PLACES[0])


def create_environment(
    folder: Path,
    filters: Mapping[str, Callable[..., Any]],
    **options: Any,  # noqa: ANN401 - of jinja2.Environment
) -> jinja2.Environment:
    """Jinja environment for the templates in `folder`, in which a missing value is an error."""
    environment = jinja2.Environment(  # noqa: S701 - the caller decides whether to escape
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        **options,
    )
    environment.filters |= filters
    return environment

"""The layouts of a report: one file, or a page with its style sheet and images in files of their own."""

from typing import Literal, get_args

Layout = Literal["single", "folder"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)

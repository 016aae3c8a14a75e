"""The two layouts of a report: one file that holds all, or a page with its style sheet and pictures beside it."""

from pathlib import Path

from job.config.run_config import Layout

PAGE = "index.html"
STYLE = "report.css"
PICTURES = "report-images"
"""The folder of the pictures: a name that no other folder is likely to have, for it is replaced as a whole."""

AUGMENTED = "augmented"
"""The picture in it that is of no test image; all others are named by the number of theirs."""

FILES: dict[Layout, tuple[str, ...]] = {"single": (PAGE,), "folder": (PAGE, STYLE)}
FOLDERS: dict[Layout, tuple[str, ...]] = {"single": (), "folder": (PICTURES,)}


def weigh(folder: Path) -> str:
    """What the report that was just written into a new folder weighs, in words."""
    beside = [path for path in (folder / STYLE, *(folder / PICTURES).glob("*")) if path.exists()]
    n_bytes = sum(path.stat().st_size for path in (folder / PAGE, *beside))
    return f"{PAGE}{f' and {len(beside)} files beside it' if beside else ''}, {n_bytes / 1000:.0f} kB"

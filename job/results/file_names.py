"""Names all files of a run in its output folder."""

from pathlib import Path

from job.config.run_config import Layout

METRICS = "metrics.json"
PREDICTIONS = "predictions.csv"
SAMPLES = "samples.npz"
MODEL = "model.keras"
NETWORK = "network.npz"
RESULT_FILES = (METRICS, PREDICTIONS, SAMPLES, MODEL, NETWORK)
"""Files that every training writes in addition to the report."""

PAGE = "index.html"
STYLE = "report.css"
TRY_IT_PAGE = "try-it.html"
"""The page of its own that tries the model, if the report is a folder."""

PICTURES = "report-images"
AUGMENTED = "augmented"
"""The picture that shows no test image. The name of every other picture is the index of its test image."""

REPORT_FILES: dict[Layout, tuple[str, ...]] = {"single": (PAGE,), "folder": (PAGE, STYLE, TRY_IT_PAGE)}

CI = "ci"
"""The folder of what CI services and monitoring systems read."""

SUMMARY = "summary.md"
JUNIT = "junit.xml"
OPEN_METRICS = "metrics.txt"
BADGE = "badge.svg"
BADGE_ENDPOINT = "badge.json"

REPORT_FOLDERS: dict[Layout, tuple[str, ...]] = {"single": (CI,), "folder": (PICTURES, CI)}

EXPORTS = "exports"
CARD = "model-card.md"

OUTDATED = (EXPORTS, TRY_IT_PAGE)
"""What a training removes if it writes no new one, because it belongs to another model."""

CHECKSUMS = "SHA256SUMS"
"""The manifest: the checksums of all files of the run."""

ALL_NAMES = (*RESULT_FILES, *REPORT_FILES["folder"], *REPORT_FOLDERS["folder"], EXPORTS, CHECKSUMS)
"""Everything that a command may write into an output folder."""

SWEEP_PLAN, SWEEP_NUMBERS, SWEEP_RUNS = "plan.json", "sweep.json", "runs"
"""What the folder of a sweep contains beside its page."""


def describe_report(folder: Path) -> str:
    """Describe the report in a newly written folder: the number of its files and their size."""
    pictures = (path for kind in ("png", "webp") for path in (folder / PICTURES).glob(f"*.{kind}"))
    possible = (folder / STYLE, folder / TRY_IT_PAGE, *pictures)
    others = [path for path in possible if path.exists()]
    n_bytes = sum(path.stat().st_size for path in (folder / PAGE, *others))
    return f"{PAGE}{f' and {len(others)} more files' if others else ''}, {n_bytes / 1000:.0f} kB"

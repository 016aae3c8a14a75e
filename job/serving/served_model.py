"""Reads what the server serves from the output folder of a run, and checks it against the checksums of the run."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from job.errors import DataError
from job.results import file_names
from job.results.metrics_json import as_data_error, read_record
from job.results.network_npz import PlainNetwork, read_network
from job.results.output_folder.manifest import Digests, read_manifest, read_unchanged
from job.system.program import name_program
from job.system.regular_file import read_regular

MAX_PAGE_BYTES = 2**25
CONTENT_TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript", ".png": "image/png"}
N_DIGITS = 12
"""Digits of the SHA-256 of the network that are the version of the model."""


@dataclass(frozen=True)
class ServedModel:
    """A trained model, and the report about it.

    Attributes:
        version: The first digits of the SHA-256 of network.npz.
        pages: The files of the report, by path on the server.
    """

    network: PlainNetwork
    class_names: list[str]
    version: str
    pages: dict[str, tuple[bytes, str]]


def read_model(folder: Path) -> ServedModel:
    """Read the network and the report in the output folder of a run.

    They stay in memory, so that the answers of a server all come from the same model, whatever happens to the files.

    Raises:
        DataError: If a file is missing, damaged or edited, or the run has no network.
    """
    read_record(folder)  # an older schema version may have no manifest
    digests = read_manifest(folder)
    if digests and file_names.NETWORK not in digests:
        raise DataError(
            f"{folder / file_names.NETWORK}: not part of this run, because an older release trained it; train again"
        )
    return read_unchanged(folder, (file_names.METRICS, file_names.NETWORK), lambda: _read(folder, digests))


def _read(folder: Path, digests: Digests) -> ServedModel:
    record = read_record(folder)
    network = read_network(folder, len(record.class_names))
    sha256 = digests[file_names.NETWORK]
    pages = {f"/{name}": _read_page(folder, name, digests[name]) for name in digests if _is_report(name)}
    if page := pages.get(f"/{file_names.PAGE}"):
        pages["/"] = page
    return ServedModel(network, list(record.class_names), sha256[:N_DIGITS], pages)


def _read_page(folder: Path, name: str, sha256: str) -> tuple[bytes, str]:
    """The content and the type of a file of the report."""
    with as_data_error(folder / name):
        content = read_regular(folder / name, MAX_PAGE_BYTES)
    if hashlib.sha256(content).hexdigest() != sha256:
        problem = "its SHA-256 is not the one in SHA256SUMS: it was edited by hand, or belongs to another run"
        raise DataError(f"{folder / name}: {problem}; `{name_program()} render --output {folder}` writes it again")
    return content, CONTENT_TYPES[Path(name).suffix]


def _is_report(name: str) -> bool:
    in_folder = name.startswith(f"{file_names.PICTURES}/")
    names = {*file_names.REPORT_FILES["single"], *file_names.REPORT_FILES["folder"]}
    return (in_folder or name in names) and Path(name).suffix in CONTENT_TYPES

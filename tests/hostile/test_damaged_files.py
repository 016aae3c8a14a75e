"""Damaged copies of every file that the job reads: each is refused in one line, or is harmless."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import damage
import pytest
from damage import Damage
from support import make_run, write_dataset

from job.data.dataset import load_dataset
from job.data.fashion_mnist import FILES
from job.data.sources import Source
from job.errors import DataError
from job.report.page import render_page
from job.results.file_names import METRICS, PREDICTIONS, SAMPLES
from job.results.output_folder.manifest import write_manifest
from job.results.run import Run

SEED = 15
N_RENDERED = 3  # of the copies of a file that are not refused; drawing takes long


def read_error(read: Callable[[], object]) -> str:
    """The message with which a file is refused; empty if it is not."""
    try:
        read()
    except DataError as error:
        return str(error)
    return ""


def count_refused(read: Callable[[], object], path: Path, damages: list[Damage], n: int) -> int:
    """Damage a file `n` times, read it, and count the copies that are refused."""
    random, content, n_refused = Random(SEED), path.read_bytes(), 0  # noqa: S311 - no secret
    for index in range(n):
        path.write_bytes(damages[index % len(damages)](content, random))
        message = read_error(read)
        assert len(message) < 700
        assert len(message.splitlines()) <= 1
        n_refused += bool(message)
    path.write_bytes(content)
    return n_refused


@pytest.mark.parametrize(
    ("name", "damages", "n"),
    [
        (METRICS, [damage.damage_json, damage.damage_json, damage.damage_bytes], 120),
        (PREDICTIONS, [damage.damage_csv, damage.damage_bytes], 60),
        (SAMPLES, [damage.damage_npz, damage.damage_bytes], 60),
    ],
)
def test_damaged_results(tmp_path: Path, name: str, damages: list[Damage], n: int) -> None:
    """The manifest follows each damage, so that the readers are tested."""
    make_run(n=40, n_classes=4, with_reference=True, runs=3, augment="flip", epochs=3).write(tmp_path)
    rendered = list[dict[str, bytes]]()

    def read() -> None:
        write_manifest(tmp_path, (METRICS, PREDICTIONS, SAMPLES), {})
        run = Run.read(tmp_path)
        if len(rendered) < N_RENDERED:
            rendered.append(render_page(run, "single"))

    n_refused = count_refused(read, tmp_path / name, damages, n)
    assert n / 3 < n_refused <= n  # the others change a value to another possible one


@pytest.mark.parametrize(
    ("name", "damages", "n"),
    [
        (FILES["train_images"], [damage.damage_idx, damage.damage_bytes], 100),
        (FILES["test_labels"], [damage.damage_idx, damage.damage_bytes], 100),
        ("classes.txt", [damage.damage_text, damage.damage_bytes], 100),
    ],
)
def test_damaged_data(tmp_path: Path, name: str, damages: list[Damage], n: int) -> None:
    """Gzip files that decompress to far more than their header says are among them."""
    folder = write_dataset(tmp_path / "blocks", n_train=60, n_test=20, n_classes=5)
    (folder / "classes.txt").write_text("a\nb\nc\nd\ne\n")
    n_refused = count_refused(
        lambda: load_dataset(Source(folder, "--data"), max_bytes=2**24), folder / name, damages, n
    )
    assert n / 2 < n_refused <= n

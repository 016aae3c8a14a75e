"""A sweep with real trainings."""

import json
from pathlib import Path

import pytest
from support import run_job, write_dataset

from job.results.file_names import METRICS, PREDICTIONS

pytestmark = pytest.mark.training

FIXED = {"started", "command", "timings_s"}


def read_metrics(folder: Path) -> tuple[dict[str, object], dict[str, object]]:
    """What follows from the settings alone, and the provenance."""
    content = json.loads((folder / METRICS).read_text())
    provenance = {name: value for name, value in content.pop("provenance").items() if name not in FIXED}
    content["training"]["config"].pop("output")
    return content, provenance


def test_every_run_is_that_of_its_own_command(tmp_path: Path) -> None:
    """Predictions are the same, byte for byte, and so is everything but times and the folder's name."""
    data = write_dataset(tmp_path / "blocks")
    common = ("--data", data, "--threads", "1")
    done = run_job("sweep", *common, "--set", "epochs=1,2", "--seeds", "3", "--output", tmp_path / "sweep")
    assert done.stdout.strip().endswith(str(tmp_path / "sweep" / "index.html"))
    for epochs in (1, 2):
        own, swept = tmp_path / f"own{epochs}", tmp_path / "sweep" / "runs" / f"baseline-epochs-{epochs}-seed3"
        run_job(*common, "--epochs", epochs, "--seed", "3", "--output", own)
        assert (swept / PREDICTIONS).read_bytes() == (own / PREDICTIONS).read_bytes()
        assert sorted(path.name for path in swept.iterdir()) == sorted(path.name for path in own.iterdir())
        assert read_metrics(swept) == read_metrics(own)

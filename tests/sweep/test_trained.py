"""Sweeps with real trainings."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from support import run_job, write_dataset, write_idx

import job
from job.data.fashion_mnist import FILES
from job.results.file_names import METRICS, PAGE, PREDICTIONS
from job.sweep import node
from job.sweep.archive import unpack_files
from job.sweep.node import NodeTask
from job.sweep.objective import read_epochs

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


def test_the_record_of_a_run_on_a_node_has_the_command_of_the_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And so does its report. The command of the node names folders that are gone."""
    data = write_dataset(tmp_path / "blocks")
    monkeypatch.setattr(node, "open_cache", lambda: tmp_path)
    monkeypatch.setattr(node, "find_dataset", lambda *_: data)
    command = "python -m job --epochs 1 --output sweep/runs/mine"
    task = NodeTask(
        version=job.__version__,
        revision="",
        command=command,
        words=("-m", "job", "--epochs", "1", "--threads", "1"),
        dataset="blocks",
        sha256={},
    )
    result = node.run_task(task, bytes)
    assert result.status == 0, result.log
    unpack_files(result.archive, tmp_path / "mine")
    assert json.loads((tmp_path / "mine" / METRICS).read_text())["provenance"]["command"] == command
    assert "--output sweep/runs/mine" in (tmp_path / "mine" / PAGE).read_text()


def test_a_search_judges_trainings_by_validation_images_alone(tmp_path: Path) -> None:
    """What a run logs after each epoch is its history; with other test labels all trials are the same."""
    text = "search: {trials: 2, parameters: {learning-rate: {low: 1e-4, high: 1e-2, log: true}}}\n"
    (tmp_path / "sweep.yaml").write_text(text)
    tables, accuracies = [], []
    for name in ("one", "other"):
        folder, data = tmp_path / name, write_dataset(tmp_path / "blocks")
        if name == "other":
            write_idx(data / FILES["test_labels"], (np.arange(100) + 3).astype(np.uint8) % 10)
        options = ("--config", tmp_path / "sweep.yaml", "--set", "epochs=2", "--data", data, "--threads", "1")
        run_job("sweep", *options, "--output", folder)
        with (folder / "trials.csv").open() as file:
            tables.append(list(csv.DictReader(file)))
        for trial in tables[-1]:
            run = f"{trial['trial']}-seed0"
            content = json.loads((folder / "runs" / run / METRICS).read_text())
            history = content["training"]["history"]["val_accuracy"]
            logged = read_epochs(folder / "logs" / f"{run}.txt", "accuracy")
            assert logged == [(epoch, round(value, 4)) for epoch, value in enumerate(history, 1)]
            assert (float(trial["validation accuracy"]), trial["reported epochs"]) == (history[-1], "2")
            accuracies.append(content["evaluation"]["accuracy"])
    assert tables[0] == tables[1]
    assert accuracies[:2] != accuracies[2:]

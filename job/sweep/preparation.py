"""Prepares what the command `sweep` and its search share: the data set, the threads and the executor."""

import os
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from job.config.options import to_words
from job.config.recipes import ModelName
from job.config.run_config import OPTIONS
from job.config.sweep_config import SweepConfig
from job.data.dataset import MEMORY_SHARE, Dataset, load_dataset, write_idx_files
from job.data.download import find_or_download
from job.data.sources import IMAGE_FILES, Source
from job.execution.executor import Executor
from job.execution.launcher import Launcher
from job.execution.local_executor import LocalExecutor, can_share_import, choose_parallel, choose_threads
from job.sweep.folder import LOGS
from job.sweep.plan import Configuration, PlannedRun
from job.sweep.plan_file import read_plan
from job.system.packages import TRAINING_PACKAGES, require_packages
from job.training.resources import available_memory_bytes


@dataclass(frozen=True)
class SweepData:
    """What a sweep knows of its data set: the SHA-256 of each file, and the size of a prediction table in numbers.

    Attributes:
        sha256: By the keys of `fashion_mnist.FILES`.
        n_probabilities: Number of test images times number of classes.
        class_names: Class names in label order.
    """

    sha256: Mapping[str, str]
    n_probabilities: int
    class_names: Sequence[str]


def read_data(config: SweepConfig) -> SweepData:
    """Find or download the data set, and check it once, before all runs."""
    dataset = _load(config, find_or_download(config.data))
    return SweepData(dataset.sha256, len(dataset.test_labels) * dataset.n_classes, dataset.class_names)


def build_words(run: PlannedRun) -> list[str]:
    """The command of a run, with all settings; it reads no settings file, whose gates are those of the sweep."""
    return [sys.executable, "-m", "job", "--config", os.devnull, *to_words(run.config, OPTIONS)]


def list_models(runs: Iterable[PlannedRun | Configuration]) -> list[ModelName]:
    """The networks of these runs, each once."""
    return list(dict.fromkeys(run.config.model for run in runs))


def choose_run_threads(config: SweepConfig, folder: Path, models: Sequence[ModelName], n_runs: int) -> int:
    """The threads of each run: those of the option, of the plan in the folder, of the cluster, or of this machine."""
    earlier = None if config.fresh else (read_plan(folder) or {}).get("threads")
    if config.threads is not None:
        return config.threads
    if isinstance(earlier, int) and earlier > 0:
        return earlier
    if config.cluster is not None:
        return config.cpus_per_run
    return min(choose_threads(model, n_runs) for model in models)


def count_slots(config: SweepConfig, models: Sequence[ModelName], n_runs: int) -> int:
    """How many runs of these models take place at the same time on this machine."""
    return min(config.parallel or choose_parallel(models, config.threads or 1), n_runs)


def start_launcher(config: SweepConfig, n_missing: int) -> AbstractContextManager[Launcher | None]:
    """Start the process that starts so many runs on this machine; it imports TensorFlow meanwhile."""
    if config.cluster is not None or n_missing == 0:
        return nullcontext()
    require_packages(TRAINING_PACKAGES)
    return Launcher(preload=can_share_import(n_missing))


def create_executor(
    config: SweepConfig, models: Sequence[ModelName], n_runs: int, folder: Path, launcher: Launcher | None
) -> Executor[PlannedRun]:
    """The executor of at most `n_runs` runs of these models, on the machine of the launcher or on a cluster."""
    if launcher:
        return LocalExecutor(count_slots(config, models, n_runs), folder / LOGS, build_words, launcher)
    from job.sweep.ray_executor import RayExecutor

    source = find_or_download(config.data)
    if source.kind != IMAGE_FILES:
        return RayExecutor(config, folder, source.folder)
    with tempfile.TemporaryDirectory(prefix="fashion-job-data-") as root:
        data = Path(root, source.folder.resolve().name)
        data.mkdir()
        write_idx_files(_load(config, source), data)  # smaller than the image files, and prepared once
        return RayExecutor(config, folder, data)


def _load(config: SweepConfig, source: Source) -> Dataset:
    return load_dataset(source, available_memory_bytes() // MEMORY_SHARE, config.split_seed or 0)

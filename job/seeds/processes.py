"""Trains each seed in a process of its own, as many at the same time as processors and memory allow.

The memory of these processes does not grow with the number of seeds: what a process used is free when it ends, and the
process that collects the results keeps the best network and a few bytes per image of the others.
"""

import shutil
import sys
import tempfile
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from job.config.run_config import Config
from job.data.dataset import MEMORY_SHARE, Dataset, write_idx_files
from job.data.sources import IMAGE_FILES
from job.errors import BUG, DataError, DivergenceError, OutputError, ResourceError, UsageError
from job.execution.executor import KILLED, Outcome
from job.execution.launcher import Launcher
from job.execution.local_executor import LocalExecutor, choose_parallel
from job.log import log, log_stage
from job.results.file_names import EXPORTS, MODEL
from job.seeds.seed_files import read_seed
from job.seeds.trained_seed import TrainedSeed
from job.system import signals
from job.system.packages import TRAINING_PACKAGES, require_packages
from job.text import count_noun
from job.training.progress_bar import show_progress
from job.training.resources import available_memory_bytes

WARNING = "fashion-job: warning: "
ERRORS = {each.exit_status: each for each in (UsageError, DataError, ResourceError, OutputError, DivergenceError)}


@dataclass(frozen=True)
class Child:
    """A process: its name, and the arguments of `job.seeds.child`."""

    name: str
    arguments: Sequence[str]


@dataclass(frozen=True)
class SavedModel:
    """The content of a file in Keras's format."""

    content: bytes

    def save(self, path: Path) -> None:
        """Save it in Keras's format."""
        path.write_bytes(self.content)

    def export(self, folder: Path, formats: Sequence[str]) -> None:
        """Export it into a folder, which must exist, from another process: this one need not import TensorFlow."""
        with tempfile.TemporaryDirectory(prefix="fashion-job-export-") as root:
            model, exported = Path(root, MODEL), Path(root, EXPORTS)
            self.save(model)
            exported.mkdir()
            child = Child("export", ("export", str(model), str(exported), *formats))
            with Launcher() as launcher:
                for _ in _run_children([child], 1, Path(root), launcher):
                    for path in exported.iterdir():
                        shutil.move(path, folder / path.name)


def train_in_processes(config: Config, dataset: Dataset, launcher: Launcher) -> Generator[TrainedSeed]:
    """Train `config.runs` networks with `config.threads` threads each, with the seeds from `config.seed` on.

    Each network has the parameters and the names of layers of a single run with its seed. They come in the order in
    which their trainings end. The processes end when the iterator is closed, fails or is finished.

    Raises:
        JobError: If a training fails; its class and message are those of a single run.
    """
    require_packages(TRAINING_PACKAGES)
    n_slots = min(config.runs, count_slots(config, dataset))
    log_stage("training", f"{n_slots} at the same time, {count_noun(config.threads or 1, 'thread')} each")
    with tempfile.TemporaryDirectory(prefix="fashion-job-seeds-") as root, show_progress(config.runs) as show:
        config, children = _share_images(config, dataset, Path(root)), []
        for seed in range(config.seed, config.seed + config.runs):
            folder = Path(root, str(seed))
            folder.mkdir()
            text = msgspec.json.encode(replace(config, seed=seed, runs=1)).decode()
            children.append(Child(str(seed), ("train", str(folder), text)))
        for n_done, child in enumerate(_run_children(children, n_slots, Path(root), launcher), start=1):
            folder = Path(root, child.name)
            model = SavedModel((folder / MODEL).read_bytes())
            trained = read_seed(folder, dataset.test_labels, dataset.n_classes, model)
            shutil.rmtree(folder)
            show(n_done)
            yield trained


def _share_images(config: Config, dataset: Dataset, folder: Path) -> Config:
    """Settings with which each process reads the prepared images from `folder`, instead of all image files."""
    if dataset.source.kind != IMAGE_FILES:
        return config
    data = folder / "data"
    data.mkdir()
    write_idx_files(dataset, data)
    return replace(config, data=str(data))


def count_slots(config: Config, dataset: Dataset) -> int:
    """How many trainings the processors and the memory take at the same time."""
    n_bytes = MEMORY_SHARE * (dataset.train_images.nbytes + dataset.test_images.nbytes)
    by_dataset = available_memory_bytes() // max(n_bytes, 1)
    return max(1, min(choose_parallel([config.model], config.threads or 1), by_dataset))


def _run_children(children: Sequence[Child], n_slots: int, logs: Path, launcher: Launcher) -> Iterator[Child]:
    """Run processes, `n_slots` at the same time; yields each when it has succeeded. Stops the launcher at the end."""
    executor: LocalExecutor[Child] = LocalExecutor(n_slots, logs, _build_words, launcher)
    waiting, n_running, warnings = list(children[::-1]), 0, set[str]()
    with signals.on_exit(executor.stop):
        while waiting or n_running:
            while waiting and n_running < n_slots:
                executor.start(waiting.pop())
                n_running += 1
            for outcome in executor.wait():
                n_running -= 1
                log_file = logs / f"{outcome.run.name}.txt"
                printed = log_file.read_text(encoding="utf-8", errors="replace") if log_file.exists() else ""
                _repeat_warnings(printed, warnings)
                if outcome.status:
                    raise _explain(outcome, printed)
                yield outcome.run


def _build_words(child: Child) -> list[str]:
    return [sys.executable, "-m", "job.seeds.child", *child.arguments]


def _repeat_warnings(printed: str, known: set[str]) -> None:
    """Log the warnings of a process that no other one has logged."""
    for line in printed.splitlines():
        if line.startswith(WARNING) and line not in known:
            known.add(line)
            log.warning("%s", line.removeprefix(WARNING))


def _explain(outcome: Outcome[Child], printed: str) -> Exception:
    """The error of a process that failed."""
    what = f"the training with seed {outcome.run.name}" if outcome.run.name.isdigit() else "the export"
    if outcome.status in ERRORS:
        return ERRORS[outcome.status](outcome.error)
    if outcome.status == KILLED:
        return ResourceError(f"{what} was {outcome.error}; give it more memory, or more --threads, so that fewer run")
    if (outcome.status or BUG) > 128:  # noqa: PLR2004 - a signal
        return ResourceError(f"{what} failed: {outcome.error}")
    return RuntimeError(f"{what} failed:\n{printed}")

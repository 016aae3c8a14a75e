"""The two programs that `job.seeds.processes` starts; both end with the exit status and the error line of the job.

`python -m job.seeds.child train FOLDER CONFIG` trains one seed and writes its files into FOLDER; CONFIG is JSON.
`python -m job.seeds.child export MODEL FOLDER FORMAT…` exports a saved model into FOLDER.
"""

from job.system import isolation

if __name__ == "__main__":
    isolation.isolate()

import logging
import os
import sys
from pathlib import Path

import msgspec

from job.config.run_config import Config
from job.data.dataset import MEMORY_SHARE, load_dataset
from job.data.download import find_or_download
from job.errors import JobError
from job.execution.executor import ERROR
from job.log import Stopwatch, configure_log
from job.seeds.seed_files import write_seed
from job.seeds.trained_seed import train_seed
from job.system import limits
from job.system.temporary_folder import private_temporary_folder
from job.training.device import configure_device
from job.training.resources import available_memory_bytes, detect_resources


def main(command: str, *words: str) -> int:
    """Run one of the two programs; returns its exit status."""
    configure_log(logging.WARNING)
    try:
        with limits.explained(), private_temporary_folder():
            (_train if command == "train" else _export)(*words)
    except JobError as error:
        print(f"{ERROR}{error}", file=sys.stderr, flush=True)
        return error.exit_status
    return 0


def _train(folder: str, text: str) -> None:
    config = msgspec.json.decode(text, type=Config)
    resources = detect_resources()
    n_threads = config.threads or resources.n_processors
    resources.require(n_threads)
    dataset = load_dataset(find_or_download(config.data), available_memory_bytes() // MEMORY_SHARE)
    device = configure_device(config.device, n_threads, resources)
    write_seed(Path(folder), train_seed(config, dataset, device, Stopwatch()))


def _export(model: str, folder: str, *formats: str) -> None:
    from job.training.export import export_saved_network

    export_saved_network(Path(model), Path(folder), formats)


if __name__ == "__main__":
    status = main(*sys.argv[1:])
    os._exit(status)  # skips TensorFlow's teardown, which is slow

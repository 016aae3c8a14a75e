"""Runs trainings on a Ray cluster, each as a task that starts a process of its own on its node."""

import shlex
import tarfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import job
from job.config.sweep_config import SweepConfig
from job.data.dataset import CLASS_NAMES
from job.data.fashion_mnist import FILES
from job.data.sources import find_idx_file
from job.errors import DeviceError, PackageError
from job.execution.executor import Outcome
from job.results.output_folder.os_errors import as_output_error
from job.results.provenance import find_revision
from job.sweep.archive import pack_files, unpack_files
from job.sweep.folder import LOGS, RUNS
from job.sweep.node import NodeResult, NodeTask, hash_files, run_task
from job.sweep.plan import PlannedRun
from job.sweep.ray_cluster import connect
from job.text import count_noun

POLL_S = 1.0
STOP_S = 3.0
REFRESH_S = 10.0
"""How often the executor asks for the nodes, which may come and go."""

ABSENCE_S = 600.0
"""How long the executor waits for a node when no node can take a run."""

LOST = (
    "WorkerCrashedError",
    "NodeDiedError",
    "ObjectLostError",
    "OwnerDiedError",
    "OutOfMemoryError",
    "RaySystemError",
)
"""Ray's errors when a worker or its machine ends, by name; those derived from them count, too."""


class RayExecutor:
    """Runs each training as a Ray task.

    Args:
        config: The cluster, and what each run takes of it.
        folder: Folder of the sweep.
        data: Folder of the data set.
    """

    has_live_logs = False  # a log returns with the folder of its run

    def __init__(self, config: SweepConfig, folder: Path, data: Path) -> None:
        self._config, self._folder, self._dataset = config, folder, data.resolve().name
        self._ray = connect(config.cluster or "auto")
        paths = [path for path in (*(find_idx_file(data, role) for role in FILES), data / CLASS_NAMES) if path.exists()]
        self._sha256 = hash_files(data, [path.name for path in paths])
        self._archive = self._ray.put(pack_files(paths))
        self._run = self._ray.remote(_run_on_node)
        self._running: dict[Any, PlannedRun] = {}
        self._revision = find_revision()
        self._n_slots, self._counted, self._seen = 0, -REFRESH_S, time.monotonic()
        if not self.n_slots:
            needs = count_noun(config.cpus_per_run, "CPU")
            needs += f" and {count_noun(config.gpus_per_run, 'GPU')}" if config.gpus_per_run else ""
            raise DeviceError(
                f"--cluster {config.cluster}: no node has {needs}; lower --cpus-per-run or --gpus-per-run, or add nodes"
            )

    @property
    def n_slots(self) -> int:
        """How many runs the nodes take now."""
        if time.monotonic() - self._counted > REFRESH_S:
            self._counted = time.monotonic()
            with self._explained():
                nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
            self._n_slots = count_slots(nodes, self._config.cpus_per_run, self._config.gpus_per_run)
        return min(self._n_slots, self._config.parallel or self._n_slots)

    def start(self, run: PlannedRun) -> None:
        """Hand a run to Ray. The driver repeats what is lost, so Ray does not."""
        words = shlex.split(replace(run.config, data=None, split_seed=None).command())[1:]
        task = NodeTask(
            version=job.__version__,
            revision=self._revision,
            command=run.config.command(),
            words=words,
            dataset=self._dataset,
            sha256=self._sha256,
        )
        resources = {"num_cpus": self._config.cpus_per_run, "num_gpus": self._config.gpus_per_run}
        remote = self._run.options(**resources, max_retries=0, name=run.name)
        with self._explained():
            self._running[remote.remote(task, [self._archive])] = run

    def wait(self, timeout_s: float | None = None) -> Sequence[Outcome[PlannedRun]]:
        """Wait until at least one run ends, store its folder, and return how it ended.

        Returns nothing if no run has been started.

        Raises:
            DeviceError: If the cluster is lost, or has had no node for a run for `ABSENCE_S`.
        """
        ended: list[Any] = []
        deadline = time.monotonic() + (float("inf") if timeout_s is None else timeout_s)
        while not ended and time.monotonic() < deadline:  # in short steps, between which Python handles signals
            self._require_nodes()
            if not self._running:
                time.sleep(POLL_S)
                break
            with self._explained():
                ended, _ = self._ray.wait(list(self._running), num_returns=1, timeout=POLL_S)
        return [self._finish(self._running.pop(reference), reference) for reference in ended]

    def _require_nodes(self) -> None:
        if self.n_slots:
            self._seen = time.monotonic()
        elif time.monotonic() - self._seen > ABSENCE_S:
            raise DeviceError(
                f"--cluster {self._config.cluster}: no node can take a run, for {ABSENCE_S / 60:.0f} minutes now; add "
                "nodes, and the same command does the missing runs"
            )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn Ray's errors into a line that says that the cluster is lost."""
        try:
            yield
        except (self._ray.exceptions.RayError, ConnectionError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise DeviceError(
                f"--cluster {self._config.cluster}: the connection is lost ({reason}); the same command does the "
                "missing runs"
            ) from error

    def _finish(self, run: PlannedRun, reference: Any) -> Outcome[PlannedRun]:  # noqa: ANN401
        try:
            with self._explained():
                result = self._get(run, reference)
            return result if isinstance(result, Outcome) else self._store(run, result)
        except tarfile.TarError as error:
            return Outcome(run, None, f"its archive was damaged on the way ({error})")

    def _get(self, run: PlannedRun, reference: Any) -> NodeResult | Outcome[PlannedRun]:  # noqa: ANN401
        """What the node returned, or how the run ended if it returned nothing."""
        try:
            result: NodeResult = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            text = " ".join(str(error).split())[:300]
            if {each.__name__ for each in type(error).__mro__} & {*LOST}:
                return Outcome(run, None, f"its worker or node was lost ({text[:100]})")
            missing = "No module named 'job'" in text
            text = "the nodes lack fashion-job; install it on them, or use its image" if missing else text
            return Outcome(run, PackageError.exit_status, text)
        return result

    def _store(self, run: PlannedRun, result: NodeResult) -> Outcome[PlannedRun]:
        """Write the log and the folder of a run."""
        with as_output_error(self._folder):
            (self._folder / LOGS / f"{run.name}.txt").write_bytes(result.log)
            if result.archive:
                unpack_files(result.archive, self._folder / RUNS / run.name)
        return Outcome(run, result.status, result.error)

    def stop_run(self, run: PlannedRun) -> None:
        """Stop one run, if it has not ended; `wait` returns how it ends."""
        for reference, running in self._running.items():
            if running.name == run.name:
                self._ray.cancel(reference, force=True)

    def stop(self) -> None:
        """Stop all runs: when their workers end, their processes do so, too.

        In another thread, because the signal may have interrupted a call of Ray that holds a lock. What is not stopped
        in time ends when Ray sees that this process is gone.
        """

        def cancel() -> None:
            for reference in list(self._running):
                with suppress(Exception):  # whatever Ray says now, this process ends
                    self._ray.cancel(reference, force=True)

        thread = threading.Thread(target=cancel, daemon=True)
        thread.start()
        thread.join(STOP_S)


def count_slots(nodes: Iterable[Mapping[str, float]], n_cpus: int, n_gpus: int) -> int:
    """How many runs fit on nodes with these resources."""
    fits = [
        min(node.get("CPU", 0) // n_cpus, node.get("GPU", 0) // n_gpus if n_gpus else float("inf")) for node in nodes
    ]
    return int(sum(fits))


def _run_on_node(task: NodeTask, archives: Sequence[Any]) -> NodeResult:
    """The task, on its node; Ray would fetch an archive that is not in a list before every task."""
    import ray

    return run_task(task, lambda: bytes(ray.get(archives[0])))

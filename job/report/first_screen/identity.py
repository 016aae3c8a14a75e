"""Says which run the page is about: data set, model, date, revision and name."""

from datetime import datetime

from job.config.run_name import name_run
from job.results.run import Run

SHORT_HASH = 7
DIRTY = "-dirty"


def identify_run(run: Run) -> list[str]:
    """The parts of the title line that are known, such as `Fashion-MNIST`, `MLP 784-128-64-10`, `24 Nov 2026`."""
    environment, training = run.provenance.environment, run.training
    started = datetime.fromisoformat(run.provenance.started)
    revision = environment.revision.removesuffix(DIRTY)[:SHORT_HASH]
    parts = [
        run.provenance.data.name,
        training.network.split(",")[0] if training else "",
        f"{started.day} {started:%b %Y}",
        f"{revision}{DIRTY}" if environment.revision.endswith(DIRTY) else revision,
        find_name(run),
    ]
    return [part for part in parts if part]


def find_name(run: Run) -> str:
    """The name of a run; empty if its model was not trained here and nobody named it."""
    return name_run(run.training.config) if run.training else run.provenance.name

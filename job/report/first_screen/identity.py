"""Says which run the page is about: data set, model, date, revision and name."""

from datetime import datetime

from job.config.run_config import Config
from job.results.run import Run

SHORT_HASH = 7
DIRTY = "-dirty"
MOST_CHANGES = 2


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


def name_run(config: Config) -> str:
    """Its `--name`, else its recipe, what was changed, and its seeds."""
    if config.name:
        return config.name
    seeds = f"seeds {config.seed} to {config.seed + config.runs - 1}" if config.runs > 1 else f"seed {config.seed}"
    return f"{config.recipe}{_describe_changes(config)}, {seeds}"


def _describe_changes(config: Config) -> str:
    changes = config.changes()
    if len(changes) > MOST_CHANGES:
        return f" with {len(changes)} changed options"
    values = [f"{name.replace('_', ' ')} {getattr(config, name)}" for name in changes]
    return f" with {' and '.join(values)}" if values else ""

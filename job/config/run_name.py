"""Names a training by what it was asked to do."""

from job.config.run_config import Config

MOST_CHANGES = 2


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

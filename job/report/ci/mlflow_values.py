"""Lists what MLflow stores of a run, from the content of metrics.json."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from job.config.gate_metrics import list_names
from job.config.run_config import Config
from job.config.run_name import name_run
from job.evaluation.metric_lookup import find_metric
from job.report.ci.markdown import shorten

FORBIDDEN = re.compile(r"[^\w.\- ]")
"""What a name in MLflow must not have; a slash would begin a group."""

MAX_VALUE = 500
"""The most characters of a parameter or tag that every version of MLflow takes."""

CURVES = ("loss", "accuracy", "learning_rate", "val_loss", "val_accuracy")

Content = Mapping[str, Any]
"""The content of metrics.json."""


def find_run_name(content: Content) -> str:
    """The name of the run in the report, or of the data set if this job did not train the model."""
    provenance = content["provenance"]
    name: str = provenance.get("name") or provenance["data"]["name"]
    return name_run(_read_config(content)) if content["training"] else name


def _read_config(content: Content) -> Config:
    return msgspec.convert(content["training"]["config"], Config)


def list_params(content: Content) -> dict[str, str]:
    """The settings of the training, and what describes it and its data."""
    data, training = content["provenance"]["data"], content["training"]
    params = {"data": data["name"]}
    if training:
        names = ("network", "n_train", "n_validation", "temperature")
        params |= {**_read_config(content).settings(), **{name: training[name] for name in names}}
    return {name: shorten(str(value), MAX_VALUE) for name, value in params.items() if value is not None}


def list_tags(content: Content) -> dict[str, str]:
    """The revision, the version of the job, the command, and whether the gates passed, as far as they are known."""
    environment, gates = content["provenance"]["environment"], content["gates"]
    tags = {
        "mlflow.source.git.commit": environment["revision"].removesuffix("-dirty"),
        "mlflow.source.name": "fashion-job",
        "fashion_job.version": environment["job"],
        "fashion_job.command": content["provenance"]["command"],
        "fashion_job.gates": ("missed" if any(map(_is_missed, gates)) else "passed") if gates else "",
    }
    return {name: shorten(value, MAX_VALUE) for name, value in tags.items() if value}


def _is_missed(gate: Content) -> bool:
    return not gate["passed"] and gate["gate"]["severity"] == "error"


def list_metrics(content: Content) -> Iterator[tuple[str, float, int]]:
    """Name, value and step of each metric: those that gates name, with their intervals, and the curves by epoch."""
    class_names = [row["name"] for row in content["evaluation"]["per_class"]]
    used: set[str] = set()
    for name in list_names(class_names):
        found = find_metric(content, name)
        if found is None or found.value is None:
            continue
        known = _make_unique(FORBIDDEN.sub("_", name), used)
        yield known, found.value, 0
        if found.interval:
            yield _make_unique(f"{known}_lower", used), found.interval.lower, 0
            yield _make_unique(f"{known}_upper", used), found.interval.upper, 0
    if content["training"]:
        for curve in CURVES:
            for epoch, value in enumerate(content["training"]["history"][curve], 1):
                yield f"epoch.{curve}", value, epoch


def _make_unique(name: str, used: set[str]) -> str:
    """Number a name that is used already; two classes may differ only in characters that MLflow forbids."""
    candidates = (name, *(f"{name}.{number}" for number in range(2, len(used) + 3)))
    unique = next(each for each in candidates if each not in used)
    used.add(unique)
    return unique

"""The CI files that people copy, held to the code as far as that goes without their services."""

import re
from pathlib import Path
from typing import Any

import pytest
import tree_sitter
import tree_sitter_groovy
import yaml
from support import REPOSITORY

from job.errors import EXIT_STATUSES

KUBERNETES = REPOSITORY / "docs" / "ci" / "kubernetes-job.yaml"
WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))


def kubernetes_job() -> dict[str, Any]:
    """The spec of the Job."""
    documents = yaml.safe_load_all(KUBERNETES.read_text(encoding="utf-8"))
    spec: dict[str, Any] = next(document for document in documents if document["kind"] == "Job")["spec"]
    return spec


def test_kubernetes_repeats_no_failure_that_would_come_again() -> None:
    """Every exit status of our own that is not a signal's, and the memory limit's; a disruption does not count."""
    ignore, fail = kubernetes_job()["podFailurePolicy"]["rules"]
    assert ignore["action"] == "Ignore"
    assert [one["type"] for one in ignore["onPodConditions"]] == ["DisruptionTarget"]
    assert fail["action"] == "FailJob"
    assert fail["onExitCodes"]["values"] == [*sorted(status for status in EXIT_STATUSES if 0 < status < 128), 137]


def test_kubernetes_names_what_is_there() -> None:
    """The policy its container, the mounts their volumes; Kubernetes takes a policy only with restartPolicy Never."""
    spec = kubernetes_job()
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    assert spec["podFailurePolicy"]["rules"][1]["onExitCodes"]["containerName"] == container["name"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    assert pod["restartPolicy"] == "Never"


def test_the_jenkinsfile_is_groovy() -> None:
    """The parser finds no error; whether Jenkins knows the steps is not tested."""
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_groovy.language()))
    text = (REPOSITORY / "docs" / "ci" / "Jenkinsfile").read_bytes()
    assert not parser.parse(text).root_node.has_error
    assert parser.parse(text.rsplit(b"}", 1)[0]).root_node.has_error


def test_actions_are_pinned() -> None:
    """By full commit hashes, one for each, with its version beside it; the project's own workflow is beside them."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in WORKFLOWS)
    uses = re.findall(r"uses: (\S+?)(?:@(\S+) # v[\d.]+| # zizmor.*)?$", text, re.MULTILINE)
    pins = set(uses) - {("./.github/workflows/ci.yml", "")}
    assert pins
    assert all(re.fullmatch(r"[0-9a-f]{40}", commit) for _, commit in pins)
    assert len({action for action, _ in pins}) == len(pins)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_permissions_are_minimal(path: Path) -> None:
    """Nothing may be written but packages, to publish."""
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    granted = [job.get("permissions", {}) for job in workflow["jobs"].values()]
    written = {scope for one in granted for scope, access in one.items() if access == "write"}
    assert written == ({"packages"} if path.stem == "publish" else set())

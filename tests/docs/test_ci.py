"""The CI files that users copy agree with the code, as far as that can be tested without the services."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tree_sitter
import tree_sitter_groovy
import yaml
from support import REPOSITORY

from job.errors import EXIT_STATUSES
from job.results.file_names import JUNIT, OPEN_METRICS, SUMMARY

KUBERNETES = REPOSITORY / "docs" / "ci" / "kubernetes-job.yaml"
COMPONENT, GITLAB, JENKINS = (
    REPOSITORY / "docs" / "ci" / name for name in ("gitlab-component.yml", "gitlab-ci.yml", "Jenkinsfile")
)
WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))


def kubernetes_job() -> dict[str, Any]:
    """The spec of the Job."""
    documents = yaml.safe_load_all(KUBERNETES.read_text(encoding="utf-8"))
    spec: dict[str, Any] = next(document for document in documents if document["kind"] == "Job")["spec"]
    return spec


def test_kubernetes_retries_no_failure_that_would_occur_again() -> None:
    """The policy lists each exit status of a failure, but not those of the signals that stop the job."""
    ignore, fail = kubernetes_job()["podFailurePolicy"]["rules"]
    assert ignore["action"] == "Ignore"
    assert [condition["type"] for condition in ignore["onPodConditions"]] == ["DisruptionTarget"]
    assert fail["action"] == "FailJob"
    assert fail["onExitCodes"]["values"] == sorted(EXIT_STATUSES.keys() - {0, 129, 130, 143})


def test_kubernetes_names_agree() -> None:
    """The policy names the container, each mount a volume; restartPolicy is Never, which the policy requires."""
    spec = kubernetes_job()
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    assert spec["podFailurePolicy"]["rules"][1]["onExitCodes"]["containerName"] == container["name"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    assert pod["restartPolicy"] == "Never"


def test_the_jenkinsfile_is_groovy() -> None:
    """The Jenkinsfile has no syntax error; the test does not know the steps of Jenkins."""
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_groovy.language()))
    text = JENKINS.read_bytes()
    assert not parser.parse(text).root_node.has_error
    assert parser.parse(text.rsplit(b"}", 1)[0]).root_node.has_error


@pytest.mark.parametrize("number", [0, 1], ids=["inputs", "job"])
def test_the_gitlab_component_is_valid(number: int, tmp_path: Path) -> None:
    """It has two documents, the inputs and the job, and the schema describes one."""
    documents = COMPONENT.read_text(encoding="utf-8").split("\n---\n")
    (tmp_path / "component.yml").write_text(documents[number])
    program = Path(sys.executable).parent / "check-jsonschema"
    command = (program, "--quiet", "--builtin-schema", "vendor.gitlab-ci", tmp_path / "component.yml")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (len(documents), done.returncode, done.stdout + done.stderr) == (2, 0, "")


def test_the_gitlab_component_uses_all_its_inputs() -> None:
    """And no other."""
    inputs, job = COMPONENT.read_text(encoding="utf-8").split("\n---\n")
    used = set(re.findall(r"\$\[\[ inputs\.([a-z-]+) \]\]", job))
    assert used == yaml.safe_load(inputs)["spec"]["inputs"].keys()


def test_the_gitlab_component_keeps_inputs_whole() -> None:
    """Also if GitLab inserts them as text before it reads the YAML, where ` #` and `: ` have a meaning."""
    text = re.sub(r"\$\[\[ inputs\.([a-z-]+) \]\]", r"\1: a #1", COMPONENT.read_text(encoding="utf-8"))
    job = list(yaml.safe_load_all(text))[1]["job-name: a #1"]
    assert (job["stage"], job["image"]["name"]) == ("stage: a #1", "image: a #1")
    assert job["variables"]["OPTIONS"] == "options: a #1"


@pytest.mark.parametrize("path", [COMPONENT, GITLAB, JENKINS], ids=lambda path: path.name)
def test_services_read_files_that_the_job_writes(path: Path) -> None:
    """Each path in `report/ci/` is that of a file for CI."""
    names = re.findall(r"\breport/ci/([a-z.]+)", path.read_text(encoding="utf-8"))
    assert JUNIT in names
    assert {*names} <= {JUNIT, OPEN_METRICS, SUMMARY}


def test_actions_are_pinned() -> None:
    """Each action is pinned to one full commit hash, with its version as a comment."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in WORKFLOWS)
    uses = re.findall(r"uses: (\S+?)(?:@(\S+) # v[\d.]+| # zizmor.*)?$", text, re.MULTILINE)
    pins = set(uses) - {("./.github/workflows/ci.yml", "")}
    assert pins
    assert all(re.fullmatch(r"[0-9a-f]{40}", commit) for _, commit in pins)
    assert len({action for action, _ in pins}) == len(pins)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_permissions_are_minimal(path: Path) -> None:
    """Workflows may only read, except that publishing writes packages."""
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    granted = [job.get("permissions", {}) for job in workflow["jobs"].values()]
    written = {scope for permissions in granted for scope, access in permissions.items() if access == "write"}
    assert written == ({"packages"} if path.stem == "publish" else set())

"""Runs the steps of action.yml as a runner of GitHub Actions does, with a fake `gh` and without other actions."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from support import REPOSITORY

ACTION: dict[str, Any] = yaml.safe_load((REPOSITORY / "action.yml").read_text(encoding="utf-8"))
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail")
"""How a runner starts `shell: bash`."""

EXPRESSION = re.compile(r"\$\{\{ (.*?) \}\}")
COMPARISON = re.compile(r"([\w.-]+) (==|!=) '([^']*)'")

FAKE_PYTHON = """#!/bin/sh
# `python -m venv DIR` makes a Python whose `-m pip` only records its arguments
mkdir -p "$3/bin"
cat > "$3/bin/python" <<'END'
#!/bin/sh
if [ "$2" = pip ]; then echo "$@" >> "$RUNNER_TEMP/pip"; exit; fi
exec {python} "$@"
END
chmod +x "$3/bin/python"
"""

FAKE_GH = """#!{python}
import json, os, pathlib, shutil, sys
import jq

def answer(items, program):
    # print what --jq selects
    print(*jq.compile(program).input_value(items).all(), sep="\\n")

calls = pathlib.Path(os.environ["RUNNER_TEMP"], "gh")
with calls.open("a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
world = json.loads(os.environ["FAKE_GH"])
words = sys.argv[1:]
if words[:2] == ["run", "list"]:
    options = dict(zip(words[2::2], words[3::2]))
    runs = [run for run in world.get("runs", []) if run["branch"] == options["--branch"]][: int(options["--limit"])]
    answer(runs, options["--jq"])
elif words[:2] == ["run", "download"]:
    if "artifact" not in world:
        sys.exit("no artifact matches any of the names or patterns provided")
    shutil.copytree(world["artifact"], words[words.index("--dir") + 1])
elif "--method" in words:
    if world.get("forbidden"):
        sys.exit("HTTP 403: Resource not accessible by integration")
    shutil.copy(words[words.index("--field") + 1].removeprefix("body=@"), os.environ["RUNNER_TEMP"] + "/posted")
else:
    answer(world.get("comments", []), words[words.index("--jq") + 1])
"""


@dataclass
class Runner:
    """A runner in the folder `home`, and what its steps left.

    Attributes:
        gh: What GitHub answers: the `runs`, the latest first, each with databaseId, branch and event; the folder of the
            `artifact` of any; the `comments` of the pull request; and whether comments are `forbidden`.
        context: Values of expressions such as `github.event_name`.
        ref: The branch or tag of the workflow.
        outputs: Outputs of the steps, by `steps.ID.outputs.NAME`.
        uploaded: The arguments of the step that uploads the report; None if it did not run.
    """

    home: Path
    gh: Mapping[str, Any] = field(default_factory=dict)
    context: Mapping[str, str] = field(default_factory=dict)
    ref: str = "refs/pull/7/merge"
    outputs: dict[str, str] = field(default_factory=dict)
    uploaded: dict[str, str] | None = None
    stdout: str = ""
    stderr: str = ""

    def run(self, **inputs: str) -> int:
        """Run the steps with these inputs, in which `_` replaces `-`; returns the status of the last one."""
        unknown = {name.replace("_", "-") for name in inputs} - ACTION["inputs"].keys()
        assert not unknown
        defaults = {name: str(each.get("default", "")) for name, each in ACTION["inputs"].items()}
        given = {**defaults, **{name.replace("_", "-"): text for name, text in inputs.items()}}
        self._values = {
            "github.token": "token-of-the-job",
            "github.event.repository.default_branch": "main",
            "github.event_name": "push",
            **self.context,
        }
        self._values |= {f"inputs.{name}": self._expand(text) for name, text in given.items()}
        self._prepare()
        for step in STEPS:
            if not self._holds(step.get("if", "")):
                continue
            if "uses" in step:
                if "upload" in step["uses"]:
                    self.uploaded = {name: self._expand(str(text)) for name, text in step["with"].items()}
                    self.outputs["steps.upload.outputs.artifact-url"] = "https://example.org/artifact"
            elif status := self._run_step(step):
                return status
        return 0

    def calls(self) -> list[list[str]]:
        """The arguments of each call of `gh`."""
        path = self.home / "temp" / "gh"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def _prepare(self) -> None:
        programs = self.home / "programs"
        for folder in (programs, self.home / "temp", self.home / "workspace"):
            folder.mkdir(parents=True, exist_ok=True)
        for name, text in (("python", FAKE_PYTHON), ("gh", FAKE_GH)):
            (programs / name).write_text(text.replace("{python}", sys.executable))
            (programs / name).chmod(0o755)
        (self.home / "summary.md").touch()

    def _run_step(self, step: dict[str, Any]) -> int:
        assert "${{" not in step["run"]
        output, script = self.home / "temp" / "output", self.home / "temp" / "script.sh"
        output.write_text("")
        script.write_text(step["run"])
        environment = {
            "PATH": f"{self.home / 'programs'}:/usr/local/bin:/usr/bin:/bin",
            "HOME": os.environ["HOME"],
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(REPOSITORY),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_REPOSITORY": "owner/models",
            "GITHUB_SHA": "0123456789abcdef0123456789abcdef01234567",
            "GITHUB_STEP_SUMMARY": str(self.home / "summary.md"),
            "GITHUB_WORKFLOW_REF": f"owner/models/.github/workflows/report.yml@{self.ref}",
            "RUNNER_TEMP": str(self.home / "temp"),
            "FAKE_GH": json.dumps(self.gh),
            **{name: self._expand(str(text)) for name, text in step.get("env", {}).items()},
        }
        done = subprocess.run(
            (*BASH, str(script)),
            cwd=self.home / "workspace",
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        self.stdout += done.stdout
        self.stderr += done.stderr
        for line in output.read_text().splitlines():
            name, _, text = line.partition("=")
            self.outputs[f"steps.{step['id']}.outputs.{name}"] = text
        return done.returncode

    def _expand(self, text: str) -> str:
        return EXPRESSION.sub(lambda match: self._find(match[1]), text)

    def _find(self, name: str) -> str:
        return self.outputs.get(name, "") if name.startswith("steps.") else self._values[name]

    def _holds(self, condition: str) -> bool:
        """Whether all comparisons of a condition hold; it has no other operator than `&&`."""
        parts = condition.split(" && ") if condition else []
        for part in parts:
            match = COMPARISON.fullmatch(part)
            assert match, part
            if (self._find(match[1]) == match[3]) != (match[2] == "=="):
                return False
        return True

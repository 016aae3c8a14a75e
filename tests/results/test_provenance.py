import platform
import subprocess
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from support import REPOSITORY

import job
from job.results import provenance
from job.results.provenance import PACKAGES, Environment, describe_environment


def describe() -> Environment:
    return describe_environment("CPU", "Some Processor", n_threads=2, n_replicas=1, keras={"floatx": "float32"})


def test_the_environment_of_this_process() -> None:
    """Values about the device are passed in, all others are found."""
    environment = describe()
    assert (environment.device, environment.device_name) == ("CPU", "Some Processor")
    assert (environment.n_threads, environment.n_replicas) == (2, 1)
    assert environment.keras == {"floatx": "float32"}
    assert (environment.job, environment.python) == (job.__version__, platform.python_version())
    assert environment.packages["numpy"] == np.__version__
    assert set(environment.packages) == set(PACKAGES)


@pytest.mark.parametrize("package", ["tensorflow", "tensorflow-cpu"])
def test_tensorflow_has_two_packages(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    """Either of them gives the version of TensorFlow."""

    def version(name: str) -> str:
        if name != package:
            raise metadata.PackageNotFoundError
        return "2.21.0"

    monkeypatch.setattr(metadata, "version", version)
    assert provenance._find_version("tensorflow") == "2.21.0"


def test_the_image_names_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The container has no git checkout, so its build sets the revision; the user's comes first."""
    monkeypatch.delenv("FASHION_JOB_REVISION", raising=False)
    monkeypatch.setenv("FASHION_JOB_IMAGE_REVISION", "abc")
    monkeypatch.setenv("FASHION_JOB_IMAGE", "fashion-job:1")
    assert (describe().revision, describe().image) == ("abc", "fashion-job:1")
    monkeypatch.setenv("FASHION_JOB_REVISION", "def")
    assert describe().revision == "def"


def test_the_revision_is_that_of_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends with -dirty if files differ."""
    monkeypatch.delenv("FASHION_JOB_REVISION", raising=False)
    if not (REPOSITORY / ".git").exists():
        assert describe().revision == ""
        return
    process = subprocess.run(
        ["git", "-C", str(REPOSITORY), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    )
    assert describe().revision.removesuffix("-dirty") == process.stdout.strip()


@pytest.mark.parametrize(
    ("text", "revision"),
    [
        ('{"url": "https://example.org/x", "vcs_info": {"vcs": "git", "commit_id": "0123abc"}}', "0123abc"),
        ('{"url": "file:///x", "dir_info": {}}', ""),
        ("damaged", ""),
        (None, ""),
    ],
)
def test_an_installed_package_has_the_revision_that_pip_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, revision: str
) -> None:
    """It is known if pip fetched a Git repository, and not of a folder or a wheel."""
    monkeypatch.delenv("FASHION_JOB_REVISION", raising=False)
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    information = tmp_path / "fashion_job-1.dist-info"
    information.mkdir()
    if text is not None:
        (information / "direct_url.json").write_text(text)
    monkeypatch.setattr(metadata, "distribution", lambda _: metadata.Distribution.at(information))
    assert describe().revision == revision


def test_a_git_that_hangs_or_prints_anything_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The revision is unknown."""
    monkeypatch.delenv("FASHION_JOB_REVISION", raising=False)
    monkeypatch.setattr(provenance, "GIT_TIMEOUT_S", 0.2)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    for script in ("exec sleep 60", r"printf '\377\n'", "echo usage: git"):
        (tmp_path / "git").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "git").chmod(0o755)
        assert describe().revision == ""


def test_the_repository_of_a_git_hook_is_not_that_of_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git sets GIT_DIR for its hooks."""
    monkeypatch.delenv("FASHION_JOB_REVISION", raising=False)
    expected = describe().revision
    identity = ("-c", "user.name=A", "-c", "user.email=a@b")
    for command in (("init", "--quiet"), (*identity, "commit", "--quiet", "--allow-empty", "--message=empty")):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / ".git"))
    assert describe().revision == expected


def test_without_git_the_revision_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """This is no error."""
    monkeypatch.delenv("FASHION_JOB_REVISION", raising=False)
    monkeypatch.setenv("PATH", "")
    assert describe().revision == ""

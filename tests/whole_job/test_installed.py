"""The built package, installed without TensorFlow into an environment of its own, from which it runs anywhere."""

import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import REPOSITORY

import job
from job.__main__ import main

TRAINING = ("tensorflow", "keras", "rich")
OWN = ("fashion_job", "__editable__")

SENDS_SIGTERM = """
import os, signal, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "job.config.cli":
            os.kill(os.getpid(), signal.SIGTERM)
sys.meta_path.insert(0, Finder())
"""


@dataclass(frozen=True)
class Installed:
    """The built files, and an environment with the package."""

    sdist: Path
    wheel: Path
    programs: Path

    def run(self, program: str, *arguments: object, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment in a folder."""
        command = (str(self.programs / program), *map(str, arguments))
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **variables}
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def build(kind: str, source: Path, folder: Path) -> Path:
    command = (sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", folder)
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    return next(iter(folder.iterdir()))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """A source distribution, the wheel that is built from it, and an environment with the wheel; needs no network."""
    root = tmp_path_factory.mktemp("installed")
    sdist = build("sdist", REPOSITORY, root / "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(root / "source", filter="data")
    wheel = build("wheel", next((root / "source").iterdir()), root / "wheel")
    venv.create(root / "venv")
    python = root / "venv" / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-deps", wheel)
    subprocess.run(pip, check=True, capture_output=True)
    packages = root / "packages"
    packages.mkdir()
    for path in (path for folder in sys.path if folder.endswith("-packages") for path in Path(folder).iterdir()):
        if (
            not path.name.startswith((*TRAINING, *OWN))
            and not (packages / path.name).exists()
            and path.suffix != ".pth"
        ):
            (packages / path.name).symlink_to(path)
    (site,) = (root / "venv" / "lib").glob("python*/site-packages")
    (site / "packages.pth").write_text(str(packages))
    return Installed(sdist, wheel, python.parent)


@pytest.fixture
def odd_folder(tmp_path: Path) -> Path:
    """A working directory with a module that must not be imported."""
    folder = tmp_path / "odd"
    folder.mkdir()
    for name in ("json", "numpy", "job"):
        (folder / f"{name}.py").write_text("raise SystemExit('imported from the working directory')")
    return folder


def test_the_wheel_has_the_package_and_its_templates_only(installed: Installed) -> None:
    """Every module and every template, and no tests."""
    expected = {
        *(path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "job").rglob("*.py")),
        *(f"job/{path.relative_to(REPOSITORY)}" for path in (REPOSITORY / "templates").rglob("*.*")),
    }
    with zipfile.ZipFile(installed.wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        (metadata,) = (archive.read(name).decode() for name in archive.namelist() if name.endswith("/METADATA"))
    assert names == expected
    base = [line for line in metadata.splitlines() if line.startswith("Requires-Dist: ") and "extra ==" not in line]
    assert len(base) > 5
    assert [line for line in base if any(name in line for name in TRAINING)] == []


def test_render_writes_the_same_page_as_in_the_repository(
    installed: Installed, written_run: Path, odd_folder: Path
) -> None:
    """Without TensorFlow, and from a working directory that has nothing to do with the package."""
    for name in TRAINING:
        done = installed.run("python", "-P", "-c", f"import {name}", folder=odd_folder)
        assert f"No module named '{name}'" in done.stderr
    copy = shutil.copytree(written_run, odd_folder / "copy")
    done = installed.run("fashion-job", "render", "--output", "copy", folder=odd_folder)
    assert done.returncode == 0, done.stderr
    assert main(["render", "--output", str(written_run), "--quiet"]) == 0
    assert (copy / "index.html").read_bytes() == (written_run / "index.html").read_bytes()


def test_report_writes_the_page_of_predictions(installed: Installed, odd_folder: Path) -> None:
    """Likewise, from a table in the working directory."""
    (odd_folder / "t.csv").write_text("true,p_0,p_1\n0,0.75,0.25\n1,0.125,0.875\n")
    done = installed.run("fashion-job", "report", "--predictions", "t.csv", "--output", "out", folder=odd_folder)
    assert (done.returncode, done.stdout) == (0, "accuracy 1.0000 on 2 test images: out/index.html\n"), done.stderr
    assert "t.csv" in (odd_folder / "out" / "index.html").read_text(encoding="utf-8")


def test_the_program_names_itself_as_it_was_started(installed: Installed, odd_folder: Path, tmp_path: Path) -> None:
    """Help, version and hints are those of the command that the user typed."""
    for program, folder, name in (
        (("fashion-job",), odd_folder, "fashion-job"),
        (("python", "-m", "job"), tmp_path, "python -m job"),
    ):
        assert installed.run(*program, "--version", folder=folder).stdout == f"fashion-job {job.__version__}\n"
        assert installed.run(*program, "sweep", "--help", folder=folder).stdout.startswith(f"usage: {name} sweep [-h]")
        done = installed.run(*program, "--zzz", folder=folder)
        expected = f"fashion-job: error: unknown option --zzz; `{name} --help` lists the options\n"
        assert (done.returncode, done.stderr) == (64, expected)


@pytest.mark.parametrize("command", ["", "sweep"])
def test_training_says_what_to_install(
    installed: Installed, dataset_folder: Path, odd_folder: Path, command: str
) -> None:
    """The status is 69, before the output folder is created."""
    words = (*command.split(), "--data", dataset_folder, "--output", "out", "--quiet")
    done = installed.run("fashion-job", *words, folder=odd_folder)
    assert (done.returncode, done.stdout) == (69, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("fashion-job: error: this Python lacks the package tensorflow; run `/")
    assert "/python -m pip install '.[train]'` in the repository of fashion-job" in line
    assert not (odd_folder / "out" / "runs").exists()


@pytest.mark.parametrize("program", ["fashion-job", "python -m job"])
def test_a_signal_before_the_imports(installed: Installed, tmp_path: Path, program: str) -> None:
    """The handlers are in place before the job imports what it needs."""
    (tmp_path / "sitecustomize.py").write_text(SENDS_SIGTERM)
    done = installed.run(*program.split(), "--version", folder=tmp_path, PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stderr) == (143, "fashion-job: stopped by SIGTERM; no file was changed\n")

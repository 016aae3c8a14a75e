"""The import rules: each contract in pyproject.toml fails on an import that breaks it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import REPOSITORY

LAYERS = "Each package imports only from the layers below it"


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = (Path(sys.executable).parent / "lint-imports", "--no-cache")
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the code and its contracts."""
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    shutil.copytree(REPOSITORY / "job", tmp_path / "job", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.mark.parametrize(
    ("path", "line", "contract"),
    [
        ("config/recipes.py", "from job.evaluation import metrics", LAYERS),
        ("results/schema.py", "from job.training import resources", LAYERS),
        ("log.py", "from job import errors", LAYERS),
        ("utils/strings.py", "", LAYERS),
        ("report/published.py", "from job.data import sources", "evaluation, predictions, results and report do not"),
        ("predictions/parts.py", "from job.data import idx", "evaluation, predictions, results and report do not"),
        ("predictions/parts.py", "from job.results import schema", LAYERS),
        ("predictions_report/build.py", "from job import pipeline", LAYERS),
        ("predictions_report/build.py", "import keras", "Only job.training imports TensorFlow and Keras"),
        ("training/networks.py", "from job.evaluation import metrics", "data and training do not import"),
        ("pipeline.py", "import keras", "Only job.training imports TensorFlow and Keras"),
        ("__main__.py", "import tensorflow", "Only job.training imports TensorFlow and Keras"),
        ("log.py", "import tensorflow", "Only job.training imports TensorFlow and Keras"),
        ("serving/engine.py", "import keras", "Only job.training imports TensorFlow and Keras"),
        ("sweep/driver.py", "import keras", "Only job.training imports TensorFlow and Keras"),
        ("sweep/driver.py", "from job.serving import engine", LAYERS),
        ("pipeline.py", "from job.sweep import plan", LAYERS),
        ("seeds/child.py", "import keras", "Only job.training imports TensorFlow and Keras"),
        ("seeds/processes.py", "from job.trained_run import train", LAYERS),
        ("execution/executor.py", "from job.sweep import plan", LAYERS),
        ("execution/local_executor.py", "import keras", "Only job.training imports TensorFlow and Keras"),
        ("pipeline.py", "from job.serving import engine", LAYERS),
        ("report/page.py", "import keras", "Only job.training imports TensorFlow and Keras"),
        ("data/dataset.py", "import tensorflow", "Only job.training imports TensorFlow and Keras"),
        ("report/charts/canvas.py", "from job.report import page", "Charts and CI files"),
        ("report/ci/junit.py", "from job.report.charts import canvas", "Charts and CI files"),
    ],
)
def test_a_planted_import_breaks_its_contract(copy: Path, path: str, line: str, contract: str) -> None:
    """The check fails and names the contract."""
    module = copy / "job" / path
    if not module.exists():
        module.parent.mkdir()
        (module.parent / "__init__.py").touch()
        module.touch()
    module.write_text(f"{module.read_text()}\n{line}\n")
    done = lint_imports(copy)
    assert done.returncode == 1, done.stdout
    broken = [row for row in done.stdout.splitlines() if row.endswith("BROKEN")]
    assert any(row.startswith(contract) for row in broken), done.stdout


def test_the_code_keeps_every_contract(copy: Path) -> None:
    """Without a planted import the check passes."""
    done = lint_imports(copy)
    assert done.returncode == 0, done.stdout

import shlex
import sys
import tomllib
from pathlib import Path

import pytest
from support import REPOSITORY

from job.system.packages import EXTRAS, describe_missing, write_install


def test_the_extra_of_a_missing_package() -> None:
    """Those of pyproject.toml, where `gpu` has the packages of `train`."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(EXTRAS.values()) == project["optional-dependencies"].keys() - {"gpu"}


def test_the_command_installs_into_the_environment_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pip, also if its path has a space; `make run` has no optional package."""
    monkeypatch.setattr(sys, "executable", "/a b/bin/python")
    expected = "this Python lacks the package pyarrow; run `'/a b/bin/python' -m pip install pyarrow`"
    assert describe_missing("pyarrow") == expected
    assert write_install("mlflow") == "`'/a b/bin/python' -m pip install mlflow-skinny`"
    assert write_install("ray") == "`'/a b/bin/python' -m pip install 'ray[default]'`"
    assert write_install("onnx") == "`'/a b/bin/python' -m pip install '.[export]'` in the repository of fashion-job"


def test_the_remedy_comes_first_that_fits_the_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of pip if pip has installed the job."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert describe_missing("keras").startswith("this Python lacks the package keras; start the job with `make run`")
    (tmp_path / "fashion_job-1.dist-info").mkdir()
    (tmp_path / "fashion_job-1.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: fashion-job\nVersion: 1\n"
    )
    assert describe_missing("keras") == (
        f"this Python lacks the package keras; run `{shlex.quote(sys.executable)} -m pip install '.[train]'` in the "
        "repository of fashion-job, or start the job with `make run` or its Docker image, which have all packages"
    )

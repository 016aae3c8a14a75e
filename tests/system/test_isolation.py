import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import REPOSITORY

from job.system.isolation import NOWHERE, keras_environment


def run(code: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs Python code in a process of its own, in `folder`, with these variables."""
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), "HOME": str(folder), **environment}
    command = [sys.executable, "-c", f"from job.system import isolation\n{code}"]
    return subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, encoding="utf-8", check=False, timeout=60
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MPLBACKEND", "module://matplotlib_inline.backend_inline"),
        ("PANDAS_FUTURE", "odd"),
        ("SKLEARN_WORKING_MEMORY", "odd"),
        ("SOURCE_DATE_EPOCH", ""),
    ],
)
def test_libraries_do_not_see_variables_of_other_programs(tmp_path: Path, name: str, value: str) -> None:
    """These values would stop them."""
    done = run(f"isolation.isolate()\nimport os\nprint({name!r} in os.environ)", tmp_path, **{name: value})
    assert (done.stdout, done.stderr) == ("False\n", "")


@pytest.mark.parametrize("action", ["error", "default"])
def test_warnings_are_those_of_python(tmp_path: Path, action: str) -> None:
    """Users see no warning that is for developers, all others are shown, and none is an error."""
    code = (
        "import warnings\nisolation.isolate()\n"
        "for category in (DeprecationWarning, EncodingWarning, UserWarning): warnings.warn(category.__name__, category)"
    )
    done = run(code, tmp_path, PYTHONWARNINGS=action)
    assert done.returncode == 0
    assert done.stderr == "<string>:4: UserWarning: UserWarning\n"


MATPLOTLIB_HAS_DEFAULTS = """
isolation.import_matplotlib()
import matplotlib as mpl
changed = {name for name, value in mpl.rcParamsDefault.items() if mpl.rcParams[name] != value}
assert changed <= {"backend"}, changed
"""


@pytest.mark.parametrize("content", [b"text.usetex: true", b"no colon", b"\xff", None])
def test_matplotlib_reads_no_settings_file(tmp_path: Path, content: bytes | None) -> None:
    """One of them never ends."""
    places = [tmp_path / name for name in ("matplotlibrc", "named", ".config/matplotlib/matplotlibrc")]
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            place.symlink_to("/dev/full")
        else:
            place.write_bytes(content)
    for place in places:
        done = run(MATPLOTLIB_HAS_DEFAULTS, tmp_path, MATPLOTLIBRC=str(tmp_path / "named"))
        assert (done.returncode, done.stderr) == (0, "")
        place.unlink()


def test_matplotlib_needs_no_folder_of_its_own(tmp_path: Path) -> None:
    """It would warn if it cannot write to its folders; the working directory may be gone as well."""
    code = f"import os\nos.rmdir(os.getcwd()){MATPLOTLIB_HAS_DEFAULTS}"
    done = run(code, tmp_path, HOME="/proc", TMPDIR=str(tmp_path.parent))
    assert (done.returncode, done.stderr) == (0, "")


def test_keras_sees_the_environment_of_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """Afterwards the environment is as before, even after an error."""
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("KERAS_MAX_EPOCHS", "odd")
    monkeypatch.delenv("KERAS_HOME", raising=False)
    before = dict(os.environ)
    with pytest.raises(ZeroDivisionError), keras_environment():
        variables = {name: value for name, value in os.environ.items() if name.startswith("KERAS_")}
        raise ZeroDivisionError
    assert variables == {"KERAS_BACKEND": "tensorflow", "KERAS_HOME": NOWHERE}
    assert before == dict(os.environ)
    with pytest.raises(NotADirectoryError):
        Path(NOWHERE).mkdir(parents=True)

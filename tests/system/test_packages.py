import tomllib

from support import REPOSITORY

from job.system.packages import EXTRAS, describe_missing


def test_the_extra_of_a_missing_package() -> None:
    """Those of pyproject.toml, where `gpu` has the packages of `train`."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(EXTRAS.values()) == project["optional-dependencies"].keys() - {"gpu"}
    assert "`pip install '.[parquet]'`" in describe_missing("pyarrow")

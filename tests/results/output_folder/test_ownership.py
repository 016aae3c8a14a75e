import hashlib
import os
from pathlib import Path

import pytest

from job.config.export_formats import CARD, PATHS, SUMS
from job.results.output_folder import ownership


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """A folder with a model, a card and their sums, and files that nobody exported."""
    (tmp_path / "saved_model" / "variables").mkdir(parents=True)
    (tmp_path / "saved_model" / "assets").mkdir()
    for name in ("model.onnx", CARD, "saved_model/saved_model.pb", "saved_model/variables/variables.index", "mine.txt"):
        (tmp_path / name).write_text(name)
    ownership.write(tmp_path, ("saved_model", "model.onnx", CARD))
    return tmp_path


def test_the_sums_are_those_of_sha256sum(exported: Path) -> None:
    """A line per file in its format, those in folders included, and no other."""
    names = ("model-card.md", "model.onnx", "saved_model/saved_model.pb", "saved_model/variables/variables.index")
    lines = [f"{hashlib.sha256(name.encode()).hexdigest()}  {name}" for name in names]
    assert (exported / SUMS).read_text().splitlines() == lines


def test_what_was_exported_is_the_jobs_own(exported: Path) -> None:
    """All that is listed, and what is not there."""
    assert ownership.listed(exported) == ["saved_model", "model.onnx", CARD, SUMS]
    assert [ownership.foreign(exported, name) for name in PATHS] == [None] * len(PATHS)


@pytest.mark.parametrize(
    "changed", ["model.onnx", CARD, "saved_model/saved_model.pb", "saved_model/variables/new", "saved_model/.hidden"]
)
def test_what_was_changed_since_is_foreign(exported: Path, changed: str) -> None:
    """A file with other content, or one more in a folder; it is the one that is named."""
    (exported / changed).write_text("mine")
    assert ownership.foreign(exported, Path(changed).parts[0]) == exported / changed


def test_links_are_foreign(exported: Path) -> None:
    """To a file that is the same, to a folder, and in the place of a folder."""
    (exported / "model.onnx").rename(exported / "same")
    (exported / "model.onnx").symlink_to("same")
    assert ownership.foreign(exported, "model.onnx") == exported / "model.onnx"
    (exported / "saved_model" / "link").symlink_to(exported)
    assert ownership.foreign(exported, "saved_model") == exported / "saved_model" / "link"
    (exported / "saved_model").rename(exported / "elsewhere")
    (exported / "saved_model").symlink_to("elsewhere")
    assert ownership.foreign(exported, "saved_model") == exported / "saved_model"


@pytest.mark.parametrize("text", ["", "mine\n", f"{64 * '0'} model.onnx\n", f"{64 * '0'}  model.onnx\nmine\n"])
def test_another_file_of_that_name_lists_nothing(exported: Path, text: str) -> None:
    """It is foreign itself, and so are the models beside it."""
    (exported / SUMS).write_text(text)
    assert ownership.listed(exported) == []
    assert ownership.foreign(exported, SUMS) == exported / SUMS
    assert ownership.foreign(exported, "model.onnx") == exported / "model.onnx"


def test_models_without_sums_are_foreign(tmp_path: Path) -> None:
    """A SavedModel of another program, with just the files that the job's own has; and an empty folder in its place."""
    (tmp_path / "saved_model").mkdir()
    assert ownership.foreign(tmp_path, "saved_model") == tmp_path / "saved_model"
    (tmp_path / "saved_model" / "saved_model.pb").write_text("theirs")
    assert ownership.foreign(tmp_path, "saved_model") == tmp_path / "saved_model" / "saved_model.pb"
    assert ownership.listed(tmp_path) == []


def test_sums_reach_no_other_file(exported: Path) -> None:
    """Nothing but the names of exports is ever listed, whatever stands in the file."""
    content = (exported / "mine.txt").read_bytes()
    (exported / SUMS).write_text(f"{hashlib.sha256(content).hexdigest()}  mine.txt\n{64 * '0'}  ../model.onnx\n")
    assert ownership.listed(exported) == [SUMS]


def test_a_folder_that_may_not_be_looked_into_is_foreign(exported: Path, request: pytest.FixtureRequest) -> None:
    """What is in it is not known."""
    (exported / "saved_model" / "closed").mkdir(mode=0)
    request.getfixturevalue("unprivileged")
    assert os.geteuid()
    assert ownership.foreign(exported, "saved_model") == exported / "saved_model"

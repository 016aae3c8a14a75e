from pathlib import Path

import pytest
from stubs import StubbedSweep
from support import make_run, write_dataset

from job.results.file_names import RESULT_FILES
from job.results.output_folder.manifest import write_manifest


@pytest.fixture
def sweep(tmp_path: Path) -> StubbedSweep:
    """A sweep with stubs, all of which succeed."""
    template = tmp_path / "template"
    template.mkdir()
    make_run(epochs=5).write(template)
    write_manifest(template, [name for name in RESULT_FILES if (template / name).exists()], {})
    (tmp_path / "attempts").mkdir()
    stubbed = StubbedSweep(tmp_path, write_dataset(tmp_path / "blocks"))
    stubbed.behave({})
    return stubbed

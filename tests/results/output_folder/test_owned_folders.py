import hashlib
import subprocess
from pathlib import Path

from job.results.file_names import CHECKSUMS
from job.results.output_folder.owned_folders import HEADER, is_owned, write_checksums


def test_sha256sum_checks_all_files(tmp_path: Path) -> None:
    """A line for each file, those in sub-folders included; a changed file is found."""
    (tmp_path / "saved_model" / "variables").mkdir(parents=True)
    (tmp_path / "saved_model" / "assets").mkdir()
    names = ("model-card.md", "model.onnx", "saved_model/saved_model.pb", "saved_model/variables/variables.index")
    for name in names:
        (tmp_path / name).write_text(name)
    assert not is_owned(tmp_path)
    write_checksums(tmp_path)
    assert is_owned(tmp_path)
    lines = [f"{hashlib.sha256(name.encode()).hexdigest()}  {name}" for name in names]
    assert (tmp_path / CHECKSUMS).read_text().splitlines()[1:] == lines
    assert (tmp_path / CHECKSUMS).read_text().startswith(HEADER)
    command = ("sha256sum", "--check", "--strict", "--quiet", CHECKSUMS)
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 0
    (tmp_path / "model.onnx").write_text("changed")
    assert subprocess.run(command, cwd=tmp_path, check=False, capture_output=True).returncode == 1

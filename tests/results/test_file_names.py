from pathlib import Path

from job.results import file_names


def test_describes_the_files_of_the_report(tmp_path: Path) -> None:
    """Other results and checksums do not count."""
    (tmp_path / "index.html").write_bytes(bytes(2600))
    (tmp_path / "model.keras").write_bytes(bytes(10_000))
    assert file_names.describe_report(tmp_path) == "index.html, 3 kB"
    (tmp_path / "report.css").write_bytes(bytes(1000))
    (tmp_path / "report-images").mkdir()
    (tmp_path / "report-images" / "SHA256SUMS").write_bytes(bytes(5000))
    (tmp_path / "report-images" / "7.png").write_bytes(bytes(400))
    assert file_names.describe_report(tmp_path) == "index.html and 2 more files, 4 kB"

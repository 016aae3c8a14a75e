from pathlib import Path

from job.results import file_names


def test_the_weight_is_that_of_the_page_and_what_it_needs(tmp_path: Path) -> None:
    """Not that of the other results."""
    (tmp_path / "index.html").write_bytes(bytes(2600))
    (tmp_path / "model.keras").write_bytes(bytes(10_000))
    assert file_names.weigh(tmp_path) == "index.html, 3 kB"
    (tmp_path / "report.css").write_bytes(bytes(1000))
    (tmp_path / "report-images").mkdir()
    (tmp_path / "report-images" / "7.png").write_bytes(bytes(400))
    assert file_names.weigh(tmp_path) == "index.html and 2 files beside it, 4 kB"

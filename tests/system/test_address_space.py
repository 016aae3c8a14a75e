import pytest
from support import ErrorOf

from job.errors import DataError, ResourceError
from job.system import limits


@pytest.mark.parametrize(
    ("command", "status"), [("render", ResourceError.exit_status), ("serve", DataError.exit_status)]
)
def test_serve_needs_little_address_space(
    monkeypatch: pytest.MonkeyPatch, error_of: ErrorOf, command: str, status: int
) -> None:
    """Other commands are refused at once; this one looks for the report that it serves."""

    def refuse() -> None:
        raise ResourceError("too little")

    monkeypatch.setattr(limits, "require_address_space", refuse)
    assert error_of(status, command, "--output", "missing")

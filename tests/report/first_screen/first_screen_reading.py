"""Reads findings for the tests."""

from job.report.first_screen.statements import Finding


def words(finding: Finding | None) -> str:
    """The sentence, with ordinary spaces."""
    assert finding is not None
    return "".join(finding.text).replace("\N{NO-BREAK SPACE}", " ")

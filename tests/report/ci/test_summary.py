import re
from xml.etree import ElementTree as ET

import cmarkgfm
import html5lib
import pytest
from cmarkgfm.cmark import Options
from gated_runs import GATES, HOSTILE, make_gated_run
from support import make_run

from job.config.gate import Gate
from job.report.ci.markdown import escape_markdown, shorten
from job.report.ci.summary import render_summary
from job.results.run import Run

ZERO_WIDTH_SPACE = "\N{ZERO WIDTH SPACE}"


def parse(markdown: str) -> ET.Element:
    """The Markdown as GitHub's own parser reads it."""
    page = cmarkgfm.github_flavored_markdown_to_html(markdown, options=Options.CMARK_OPT_UNSAFE)
    tree: ET.Element = html5lib.HTMLParser(namespaceHTMLElements=False).parse(page)
    return tree


def text(element: ET.Element) -> str:
    return "".join(element.itertext())


def tables(page: ET.Element) -> list[list[list[str]]]:
    """The cells of each table, the header first; a line break in a cell is a space."""
    for line_break in page.iter("br"):
        line_break.text = " "
    return [[[text(cell) for cell in row] for row in table.iter("tr")] for table in page.iter("table")]


@pytest.fixture(scope="module")
def run() -> Run:
    return make_gated_run(n=1000, with_reference=True)


@pytest.fixture(scope="module")
def page(run: Run) -> ET.Element:
    return parse(render_summary(run))


def test_begins_with_the_identity_and_the_accuracy(page: ET.Element, run: Run) -> None:
    """The title line, then the accuracy with its interval and n."""
    body = page.find("body")
    assert body is not None
    title, sentence = body[0], body[1]
    expected = "Fashion-MNIST · MLP 784-128-10 · 3 Feb 2026 · 0123456 · baseline with epochs 2, seed 0"
    assert (title.tag, text(title)) == ("h2", expected)
    accuracy = f"{run.evaluation.accuracy:.1%} of 1,000 test images correctly (95% confidence interval "
    assert text(sentence).startswith(f"The model classifies {accuracy}")


def test_has_the_tiles_of_the_page(page: ET.Element, run: Run) -> None:
    """Label, value and details of each."""
    labels, values = tables(page)[0]
    assert labels == ["Accuracy", "Against the reference", "Calibration", "Weakest class"]
    assert values[0].startswith(f"{run.evaluation.accuracy:.1%} ")
    assert values[0].endswith(f" {run.evaluation.n_correct} of 1,000 images")


def test_lists_missed_gates_first(page: ET.Element, run: Run) -> None:
    """Errors, then warnings, then what passed, each with value, interval and margin."""
    header, *rows = tables(page)[1]
    assert header == ["result", "gate", "value", "95% interval", "margin"]
    assert [(row[1], row[0]) for row in rows] == [
        ("recall.Shirt ≥ 0.99", "❌ missed"),
        ("ece ≤ 0.001", "⚠️ warning"),
        ("accuracy ≥ 0.5", "✅ passed"),
    ]
    shirt = next(row for row in run.evaluation.per_class if row.name == "Shirt")
    assert float(rows[0][2]) == pytest.approx(shirt.recall, rel=1e-3)
    lower, upper = map(float, rows[0][3].split(" to "))
    assert [lower, upper] == pytest.approx([shirt.recall_interval.lower, shirt.recall_interval.upper], rel=1e-3)
    assert float(rows[0][4].replace("\N{MINUS SIGN}", "-")) == pytest.approx(shirt.recall - 0.99, rel=1e-2)
    assert rows[1][3] == ""
    assert "1 gate missed, 1 warning (of 3 gates)" in text(page)


def test_shows_the_change_against_the_reference(page: ET.Element, run: Run) -> None:
    """The same rows as the page."""
    assert run.comparison
    header, *rows = tables(page)[2]
    assert header == ["metric", "reference", "this run", "difference", "95% interval"]
    assert [row[0] for row in rows] == ["Accuracy", "Loss", "Brier score", "Overconfidence", "Calibration error"]
    assert rows[0][1:3] == [f"{run.comparison.counts.reference:.1%}", f"{run.evaluation.accuracy:.1%}"]


def test_lists_all_classes_of_a_small_data_set(page: ET.Element, run: Run) -> None:
    """In label order, with n and intervals."""
    header, *rows = tables(page)[3]
    assert header == ["class", "n", "recall", "precision", "F1"]
    assert [row[0] for row in rows] == run.evaluation.class_names
    first = run.evaluation.per_class[0]
    assert rows[0][1] == "100"
    assert rows[0][2].startswith(f"{first.recall:.1%} (")


def test_a_run_without_gates_and_reference_has_no_such_sections() -> None:
    """Only the classes remain."""
    page = parse(render_summary(make_run()))
    assert [text(title) for title in page.iter("h3")] == ["Classes"]


def test_of_many_classes_the_weakest_are_listed() -> None:
    """Those of lowest recall, and the text says so."""
    run = make_run(n=500, n_classes=50, is_fashion_mnist=False)
    page = parse(render_summary(run))
    names = [row[0] for row in tables(page)[-1][1:]]
    assert names == [row.name for row in sorted(run.evaluation.per_class, key=lambda row: row.recall)][:20]
    assert "The 20 of 50 classes with the lowest recall" in text(page)


def test_stays_below_20_kb_with_100_classes_of_the_longest_names() -> None:
    """Also if every character of every name needs the longest escape, and each class has a missed gate."""
    names = [f"{label:03}{'#' * 197}" for label in range(100)]
    gates = [Gate(f"recall.{name}", "under", 1.0, "interval") for name in names]
    run = make_gated_run(gates, n=3000, class_names=names, n_classes=100, with_reference=True, name="#" * 60)
    summary = render_summary(run)
    assert len(summary.encode()) < 20_000
    page = parse(summary)
    assert len(tables(page)[1]) == 21
    assert "The report lists 80 more." in text(page)


def test_names_are_shown_as_they_are() -> None:
    """No markup, link, mention, reference, emoji or formula comes from a name."""
    names = [HOSTILE[start : start + 30] + str(start) for start in range(0, 100, 10)]
    run = make_run(n=200, n_classes=10, class_names=names, name="#1 `@team` <i> https://example.org")
    page = parse(render_summary(run))
    shown = [row[0].replace(ZERO_WIDTH_SPACE, "") for row in tables(page)[-1][1:]]
    assert shown == [shorten(" ".join(name.split()), 30) for name in names]
    found = {element.tag for element in page.iter()}
    assert found == {"html", "head", "body", "h2", "h3", "p", "strong", "br"} | {
        *("table", "thead", "tbody", "tr", "th", "td")
    }
    assert not re.search(r"[@#]\w|:[a-z]+:|https?://|www\.", text(page))


def test_cuts_names_at_a_letter() -> None:
    """Not between a letter and its accent, and only if they are too long."""
    assert shorten("abcde", 5) == "abcde"
    assert shorten("abcdef", 5) == "abcd…"
    assert shorten("abce\N{COMBINING ACUTE ACCENT}f", 5) == "abc…"


def test_escapes_every_line_break() -> None:
    """A name cannot leave its cell."""
    assert escape_markdown("a\n\n## b\t| c") == "a &#35;&#35; b &#124; c".replace("&#35;&", f"&#35;{ZERO_WIDTH_SPACE}&")


def test_low_lines_within_a_name_stay() -> None:
    """They mean nothing to GitHub there; others could begin emphasis."""
    assert escape_markdown("a_cls.csv é_1") == "a_cls.csv é_1"
    assert escape_markdown("_a_ b__c") == "&#95;a&#95; b&#95;&#95;c"


def test_names_refer_to_no_issue() -> None:
    """GitHub links `GH-` and a number, too."""
    assert escape_markdown("GH-26 gh-7 GH-a") == f"GH-{ZERO_WIDTH_SPACE}26 gh-{ZERO_WIDTH_SPACE}7 GH-a"


def test_the_same_run_gives_the_same_bytes() -> None:
    """Nothing depends on the clock."""
    assert render_summary(make_gated_run(GATES)) == render_summary(make_gated_run(GATES))

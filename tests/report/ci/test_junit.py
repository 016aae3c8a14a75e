from pathlib import Path

import pytest
from gated_runs import HOSTILE, MISSED, PASSED, WARNING, make_gated_run
from junitparser import JUnitXml, TestCase
from support import make_run

from job.config.gate import Gate
from job.report.ci.junit import render_junit
from job.results.run import Run


def read(run: Run, folder: Path) -> JUnitXml:
    (folder / "junit.xml").write_text(render_junit(run), encoding="utf-8")
    return JUnitXml.fromfile(str(folder / "junit.xml"))


def cases(suites: JUnitXml) -> list[TestCase]:
    return [case for suite in suites for case in suite]


def test_each_gate_is_a_test_case(tmp_path: Path) -> None:
    """Only a missed gate that is an error fails; one on a class is in a class of tests of its own."""
    suites = read(make_gated_run((PASSED, MISSED, WARNING)), tmp_path)
    found = [(case.classname, case.name, case.is_passed) for case in cases(suites)]
    assert found == [
        ("fashion-job.gates", "accuracy ≥ 0.5", True),
        ("fashion-job.classes", "recall.Shirt ≥ 0.99", False),
        ("fashion-job.gates", "ece ≤ 0.001 (warning)", True),
    ]
    (suite,) = suites
    assert (suite.tests, suite.failures, suite.errors, suite.skipped, suite.time) == (3, 1, 0, 0, 4.0)
    (failure,) = cases(suites)[1].result
    assert failure.message.startswith("missed: recall.Shirt is 0.8")
    assert cases(suites)[2].system_out.startswith("warning: missed: ece is 0.")


def test_a_run_without_gates_has_one_case(tmp_path: Path) -> None:
    """It passes, and says the accuracy."""
    (case,) = cases(read(make_run(), tmp_path))
    assert (case.classname, case.name, case.is_passed) == ("fashion-job", "report", True)
    assert case.system_out.startswith("accuracy 0.")


@pytest.mark.parametrize("name", [HOSTILE, "\N{THUMBS UP SIGN} & <T-shirt>"])
def test_names_are_escaped(tmp_path: Path, name: str) -> None:
    """A reader gets the name of the class as it is."""
    names = [name, *(f"class {label}" for label in range(1, 10))]
    gate = Gate(f"recall.{name}", "under", 1.0)
    (case,) = cases(read(make_gated_run([gate], class_names=names), tmp_path))
    assert case.name == f"recall.{name} ≥ 1"
    assert case.classname == "fashion-job.classes"

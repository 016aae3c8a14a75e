"""Renders the gates of a run as test cases in JUnit's format, which GitLab, Jenkins and others read."""

from xml.etree import ElementTree as ET

from job.evaluation.gate_result import GateResult
from job.evaluation.metric_lookup import CLASS_METRICS
from job.report.first_screen.identity import identify_run
from job.results.run import Run

SUITE = "fashion-job"
REPORT_CASE = "report"
"""The test case of a run without gates, because some services treat a file without any as an error."""


def render_junit(run: Run) -> str:
    """Render the XML: a test case for each gate. A missed gate that only warns is a passed test with a message.

    The names of suite and cases do not depend on the values, so that services recognize a test in the next run.
    """
    timings_s, evaluation = run.provenance.timings_s, run.evaluation
    suites = ET.Element("testsuites", name=SUITE)
    suite = ET.SubElement(
        suites,
        "testsuite",
        name=SUITE,
        tests=str(len(run.gates) or 1),
        failures=str(sum(result.is_error for result in run.gates)),
        errors="0",
        skipped="0",
        time=f"{timings_s.get('total', 0):.3f}",
        timestamp=run.provenance.started[:19],  # the schema of Jenkins has no time zone
    )
    for result in run.gates:
        _add_case(suite, result, run.evaluation.class_names)
    if not run.gates:
        case = ET.SubElement(suite, "testcase", classname=SUITE, name=REPORT_CASE, time="0")
        accuracy = f"accuracy {evaluation.accuracy:.4f} on {evaluation.n_test:,} test images"
        ET.SubElement(case, "system-out").text = f"{accuracy}: {', '.join(identify_run(run))}"
    ET.indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(suites, encoding="unicode")}\n'


def _add_case(suite: ET.Element, result: GateResult, class_names: list[str]) -> None:
    """Add a test case; gates on a class form a class of tests of their own."""
    metric, _, class_name = result.gate.metric.partition(".")
    kind = "classes" if metric in CLASS_METRICS and class_name in class_names else "gates"
    name = result.label + (" (warning)" if result.gate.severity == "warning" else "")
    case = ET.SubElement(suite, "testcase", classname=f"{SUITE}.{kind}", name=name, time="0")
    if result.is_error:
        ET.SubElement(case, "failure", type="gate", message=result.sentence).text = result.sentence
    else:
        warning = "warning: " if result.is_warning else ""
        ET.SubElement(case, "system-out").text = f"{warning}{result.sentence}"

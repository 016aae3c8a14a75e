"""Selects the findings that matter most."""

from job.report.first_screen import comparison_findings, confidence_findings, error_findings, training_findings
from job.report.first_screen.gate_findings import find_missed_gates
from job.report.first_screen.statements import Finding, Level
from job.results.run import Run

MOST_FINDINGS = 5


def list_findings(run: Run) -> list[Finding]:
    """At most five findings: missed gates, then those of the highest level, then those about most of the images."""
    found = sorted(filter(None, _find_all(run)), key=lambda finding: (-finding.level, -finding.share))
    if found and found[0].level is Level.USELESS:
        found = [finding for finding in found if finding.level > Level.INSIGHT]
    missed = find_missed_gates(run.gates)
    return [*([missed] if missed else []), *found][:MOST_FINDINGS]


def _find_all(run: Run) -> list[Finding | None]:
    evaluation, comparison, training = run.evaluation, run.comparison, run.training
    findings = [
        error_findings.find_single_class(evaluation),
        error_findings.find_unpredicted(evaluation),
        error_findings.find_below_chance(evaluation),
        error_findings.find_swapped_classes(evaluation),
        error_findings.find_no_skill(evaluation),
        error_findings.find_perfection(evaluation),
        error_findings.find_group(evaluation),
        error_findings.find_involved_class(evaluation),
        error_findings.find_near_misses(evaluation),
        confidence_findings.find_confident_errors(evaluation),
        confidence_findings.find_abstention(evaluation),
    ]
    if training:
        findings += [
            training_findings.find_overfitting(training),
            training_findings.find_gap(training),
            training_findings.find_underfitting(training, evaluation),
        ]
    if comparison:
        findings += [
            comparison_findings.find_changed_recalls(comparison, evaluation.class_names),
            comparison_findings.find_reseed_difference(comparison),
        ]
    return findings

"""Which exam is to be read first."""

from __future__ import annotations

from calcscope import lexicon
from calcscope.report.model import ExamReport


def urgency_of(report: ExamReport) -> int:
    """The smaller, the sooner: the lexicon's order of categories, within one the suspicion of the findings.

    Screening gives category 0 to all that is not benign: among these the provisional suspicion decides.
    """
    order = lexicon.categories().overall_order
    bands = [lexicon.categories().categories[each].suspicion for each in order]
    ranks = [
        bands.index(finding.provisional_suspicion)
        for finding in report.findings
        if finding.provisional_suspicion in bands
    ]
    return 10 * order.index(report.assessment.overall) + min([*ranks, 9])

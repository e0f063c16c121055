"""The texts of the impressions: what the templates have no code for.

Shapes that are not assessable, the probabilities of the terms, places in the breast, findings that are no
longer seen, reasons.
"""

from __future__ import annotations

from collections.abc import Sequence

from calcscope import lexicon
from calcscope.report import words
from calcscope.report.model import EarlierFinding, Finding, Group, ViewReport
from calcscope.standards.subject import Subject


def overall_text(subject: Subject) -> str:
    """The overall impression in words: what the software is, categories, steps, reasons, what was left."""
    exam, report = subject.exam, subject.report
    lines = [report.notice]
    for side, category in (("R", exam.assessment.right), ("L", exam.assessment.left)):
        if category is not None:
            lines.append(
                f"{words.SIDES[side]} breast: BI-RADS category {category}, {words.category(category)}."
            )
    lines += [step.text for step in exam.next_steps]
    lines += [reason.text for reason in exam.assessment.reasons]
    lines += [f"Earlier exam: {earlier_text(each)}" for each in exam.earlier_findings]
    lines += [f"{view.label}: {warning}" for view in exam.views for warning in view.warnings]
    lines += [
        f"{view.label}: the pixels are too large for fine shapes; no shape is named."
        for view in exam.views
        if not view.morphology_assessable
    ]
    lines += ["An earlier exam was offered and not compared with." for each in exam.priors if not each.used]
    lines.append(f"Every probability is {report.probability_basis}.")
    return "\n".join(lines)


def finding_text(finding: Finding, groups: Sequence[tuple[ViewReport, Group]]) -> str:
    """A finding in words: its paragraph, place, likelihoods of the terms, change, the rules that fired."""
    lines = [finding.sentence, f"Place: {words.place(finding.location)}."]
    for view, group in groups:
        shapes = {} if group.morphology == "not_assessable" else group.morphology_probabilities
        for what, likely in (("shape", shapes), ("distribution", group.distribution_probabilities)):
            if said := _likelihoods(likely):
                lines.append(f"{view.label}, {what}: {said}.")
    if finding.morphology == "not_assessable":
        lines.append("Shape: not assessable.")
    if finding.change is not None:
        lines.append(f"Against {words.day(finding.change.date)}: {words.status(finding.change)}.")
        lines += finding.change.words
        if finding.change.reason:
            lines.append(f"Not comparable: {finding.change.reason}.")
    if finding.malignancy is not None:
        found = finding.malignancy
        lines.append(
            f"Probability of malignancy {words.percent(found.probability)} ({words.percent(found.low)} "
            f"to {words.percent(found.high)}) at a prevalence of {words.percent(found.prevalence)}; "
            f"{found.note}."
        )
    lines.append(finding.next_step.text)
    for reason in finding.reasons:
        source, verified = words.source(reason)
        mark = "" if verified else f" ({lexicon.notices().not_verified})"
        lines.append(f"{reason.text} [{source}{mark}]")
    return "\n".join(lines)


def earlier_text(finding: EarlierFinding) -> str:
    """What an earlier exam shows and this one no longer, in words: no code says so."""
    what = f"{words.title(finding)}, {finding.count} calcifications, {words.place(finding.location)}"
    said = f"{what}; seen on {words.day(finding.change.date)}: {words.status(finding.change)}."
    return " ".join([said, *finding.change.words])


def _likelihoods(likely: dict[str, float]) -> str:
    said = sorted(likely.items(), key=lambda one: -one[1])
    return ", ".join(f"{words.term(term)} {words.percent(share)}" for term, share in said if share >= 0.05)

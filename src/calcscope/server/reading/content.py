"""What a reader makes of an exam: the engine's findings accepted, rejected, changed, and her own.

A draft and a signed version hold the same content. It starts as the engine's suggestion, with every finding
``open``; nothing can be signed while one is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, Self

from django.utils.translation import gettext as _
from pydantic import BaseModel, ConfigDict, Field, model_validator

from calcscope import lexicon
from calcscope.assess import AssessSettings, FindingAssessment, assess_finding
from calcscope.assess.exam import most_pressing
from calcscope.assess.rules import Case
from calcscope.assess.sentence import paragraph
from calcscope.assess.wording import next_step
from calcscope.reading.exam import reason_model
from calcscope.reading.facts import facts_of
from calcscope.report import model
from calcscope.report.model import Category, Change, ExamReport, Laterality, Location, Point

Decision = Literal["open", "accepted", "rejected"]


class Content(BaseModel):
    """Base: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Where(Content):
    """A finding in one view."""

    view: str = Field(max_length=64)
    group: str | None = Field(None, max_length=32)
    calcifications: list[str] = Field([], max_length=5000)
    outline: list[Point] = Field([], max_length=2000)


class Edit(Content):
    """A field that the reader changed, and why."""

    field: str = Field(max_length=40)
    was: str = Field("", max_length=2000)
    now: str = Field("", max_length=2000, alias="is")
    reason: str = Field("", max_length=2000)

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    @property
    def words(self) -> str:
        """What was changed, for the reader of the report."""
        name, now, was = (
            each.replace("_", " ").replace("location.", "") or "–"
            for each in (self.field, self.now, self.was)
        )
        return f"{name}: {now} in place of {was}" + (f" ({self.reason})" if self.reason else "")


class ReadFinding(Content):
    """A finding as the reader sees it."""

    id: str = Field(pattern=r"^[A-Za-z0-9-]{1,32}$")
    origin: Literal["calcscope", "reader"]
    decision: Decision = "open"
    reason: str = Field("", max_length=2000)
    laterality: Laterality
    members: list[Where] = Field(min_length=1, max_length=40)
    morphology: str | None = None
    distribution: str | None = None
    typical_kind: str | None = None
    count: int = Field(ge=1, le=100_000)
    span_mm: float | None = Field(None, ge=0, le=500)
    skin_mm: float | None = Field(None, ge=0, le=500)
    location: Location
    category: Category
    next_step: str
    due_days: int = Field(ge=0, le=4000)
    sentence: str = Field("", max_length=8000)
    sentence_edited: bool = False
    change: Change | None = None
    edits: list[Edit] = Field([], max_length=500)

    @model_validator(mode="after")
    def _terms_are_known(self) -> Self:
        terms = lexicon.terms()
        for name, value, table in (
            ("morphology", self.morphology, terms.morphology),
            ("distribution", self.distribution, terms.distribution),
            ("typical_kind", self.typical_kind, terms.typical_kinds),
            ("next_step", self.next_step, lexicon.next_steps().steps),
        ):
            if value is not None and value not in table:
                raise ValueError(f"{name}: found {value!r}; expected one of {', '.join(table)}")
        return self


class Verdict(Content):
    """Category of each breast and of the exam."""

    left: Category | None = None
    right: Category | None = None
    overall: Category


class Step(Content):
    """What should happen next."""

    code: str
    text: str = Field(max_length=2000)
    due_days: int = Field(ge=0, le=4000)


class ReadingContent(Content):
    """A reader's exam."""

    findings: list[ReadFinding] = Field([], max_length=500)
    assessment: Verdict
    next_steps: list[Step] = Field([], max_length=20)
    comment: str = Field("", max_length=8000)

    @model_validator(mode="after")
    def _ids_differ(self) -> Self:
        ids = [finding.id for finding in self.findings]
        if len(set(ids)) != len(ids):
            raise ValueError("findings: two have the same id; expected each once")
        return self

    @property
    def standing(self) -> list[ReadFinding]:
        """The findings that are not rejected."""
        return [finding for finding in self.findings if finding.decision != "rejected"]


def suggested(exam: ExamReport) -> ReadingContent:
    """The engine's report as a draft to decide on. Typically benign findings are accepted beforehand."""
    outlines = {(view.sop_uid, group.id): group.outline for view in exam.views for group in view.groups}
    findings = []
    for each in exam.findings:
        members = [
            Where(
                view=member.view, group=member.group, calcifications=member.calcifications,
                outline=outlines.get((member.view, member.group or ""), []),
            )
            for member in each.members
        ]  # fmt: skip
        findings.append(
            ReadFinding(
                id=each.id, origin="calcscope", decision="accepted" if each.benign else "open",
                laterality=each.laterality, members=members, morphology=each.morphology,
                distribution=each.distribution, typical_kind=each.typical_kind, count=each.count,
                span_mm=each.span_mm, skin_mm=each.skin_mm, location=each.location,
                category=each.assessment.category,
                next_step=each.next_step.code, due_days=each.next_step.due_days or 0,
                sentence=each.sentence, change=each.change,
            )
        )  # fmt: skip
    verdict = Verdict(left=exam.assessment.left, right=exam.assessment.right, overall=exam.assessment.overall)
    steps = [Step(code=s.code, text=s.text, due_days=s.due_days or 0) for s in exam.next_steps]
    return ReadingContent(findings=findings, assessment=verdict, next_steps=steps)


class Previewed(Content):
    """What the rules say of a finding as it stands now; its step is that of the category the reader gave it,
    and one that she chose herself stays."""

    id: str
    sentence: str
    category: str
    next_step: str
    due_days: int
    location: Location
    reasons: list[model.Reason]


class Preview(Content):
    """What the rules say of the draft."""

    findings: list[Previewed]
    assessment: Verdict
    next_steps: list[Step]


def previewed(content: ReadingContent, exam: ExamReport, settings: AssessSettings | None = None) -> Preview:
    """Category, step, reasons and paragraph of each standing finding by the engine's rules, as edited."""
    settings = settings or AssessSettings()
    findings = []
    for finding, facts in zip(
        content.standing, facts_of(content.standing, exam.views, exam.priors), strict=True
    ):
        judged = assess_finding(facts, exam.mode, settings)
        code, days = _step_and_days(finding, judged, settings)
        findings.append(
            Previewed(
                id=finding.id, category=judged.category,
                sentence=sentence_of(finding, Case(facts, exam.mode), judged, settings),
                next_step=code, due_days=days, location=finding.location,
                reasons=[reason_model(reason) for reason in judged.reasons],
            )
        )  # fmt: skip
    return Preview(
        findings=findings, assessment=verdict_of(content, exam), next_steps=steps_of(content, exam, settings)
    )


def sentence_of(finding: ReadFinding, case: Case, judged: FindingAssessment, settings: AssessSettings) -> str:
    """The paragraph of a finding with the category and the step that the reader chose, where she did.

    Parameters
    ----------
    case : the finding as the rules see it
    judged : what the rules say; holds for what she has not changed
    """
    category = finding.category if "category" in _chosen(finding) else judged.category
    code, days = _step_and_days(finding, judged, settings)
    step = next_step(code, _due(settings, code, days), finding.laterality)
    if category == judged.category:
        basis, malignancy, suspicion = judged.basis, judged.malignancy, judged.provisional_suspicion
    else:
        basis, malignancy, suspicion = READERS_BASIS, None, None
    return paragraph(case, category, basis, step, malignancy, suspicion)


def _step_and_days(
    finding: ReadFinding, judged: FindingAssessment, settings: AssessSettings
) -> tuple[str, int]:
    """The step and its days: the reader's own, or else those of her category, or else those of the rules."""
    changed = _chosen(finding)
    if "next_step" in changed:
        return finding.next_step, finding.due_days
    code, days = judged.next_step.code, judged.next_step.due_days
    if "category" in changed:
        asked = lexicon.next_steps().by_category.get(finding.category)
        if asked is None:  # 6: what is done of a known cancer is not for the category to say
            return finding.next_step, finding.due_days
        code, days = asked, next_step(asked, settings).due_days
    return code, finding.due_days if "due_days" in changed else days


READERS_BASIS = "the reader's judgement"


def _due(settings: AssessSettings, code: str, days: int) -> AssessSettings:
    return replace(settings, due_days={**settings.due_days, code: days})


def followed(content: ReadingContent, exam: ExamReport) -> ReadingContent:
    """The content with the categories and next steps of the exam that follow from its findings."""
    update = {"assessment": verdict_of(content, exam), "next_steps": steps_of(content, exam)}
    return content.model_copy(update=update)


def verdict_of(content: ReadingContent, exam: ExamReport) -> Verdict:
    """The categories of the breasts and the exam that follow from those of the standing findings."""
    sides = {view.laterality for view in exam.views}

    def of(side: str) -> Category | None:
        if side not in sides:
            return None
        return most_pressing([f.category for f in content.standing if f.laterality == side])  # type: ignore[return-value]

    left, right = of("L"), of("R")
    return Verdict(left=left, right=right, overall=most_pressing([c for c in (left, right) if c]))


def steps_of(content: ReadingContent, exam: ExamReport, settings: AssessSettings | None = None) -> list[Step]:
    """The next steps that follow from those of the standing findings, the most urgent first; and earlier
    films where the engine asks for them (:func:`calcscope.assess.assess_exam`)."""
    settings = settings or AssessSettings()
    table = lexicon.next_steps().steps
    steps: dict[tuple[str, str], Step] = {}
    for finding in content.standing:
        key = finding.next_step, finding.laterality
        days = min(finding.due_days, steps[key].due_days if key in steps else finding.due_days)
        made = next_step(finding.next_step, _due(settings, finding.next_step, days), finding.laterality)
        steps[key] = Step(code=made.code, text=made.text, due_days=days)
    if any(_wants_earlier_films(finding, exam) for finding in content.standing):
        made = next_step("prior_films", settings)
        steps[made.code, ""] = Step(code=made.code, text=made.text, due_days=made.due_days)
    pressing = [step for step in steps.values() if step.code != "routine"]
    if not pressing:
        routine = next_step("routine", settings)
        return [Step(code=routine.code, text=routine.text, due_days=routine.due_days)]
    return sorted(pressing, key=lambda step: table[step.code].urgency)


def _wants_earlier_films(finding: ReadFinding, exam: ExamReport) -> bool:
    """An indeterminate finding of which no earlier exam says anything; what the reader found herself she has
    compared herself, where there was an earlier exam."""
    if finding.category != "0":
        return False
    if not any(prior.used for prior in exam.priors):
        return True
    said = finding.change is not None and finding.change.status != ["not_comparable"]
    return finding.origin == "calcscope" and not said


def faults_of(content: ReadingContent, exam: ExamReport) -> list[str]:
    """Why it cannot be signed as it stands; empty where it can."""
    faults = []
    views = {view.sop_uid: view for view in exam.views}
    before = {finding.id: finding for finding in suggested(exam).findings}
    shown = previewed(content, exam)
    ruled = {finding.id: finding for finding in shown.findings}
    for name in _gone(content, list(before.values())):
        faults.append(f"{name}: " + _("is no longer in the draft; put it back, or reject it and say why."))
    for finding in content.findings:
        at = f"{finding.id}: "
        if finding.decision == "open":
            faults.append(at + _("not decided; accept or reject it."))
        if finding.decision == "rejected" and not finding.reason.strip() and finding.origin == "calcscope":
            faults.append(at + _("rejected without a reason; say why."))
        if finding.decision == "rejected":
            continue
        if any(m.view not in views for m in finding.members):
            faults.append(at + _("lies in a view that this exam does not have."))
        elif any(views[m.view].laterality != finding.laterality for m in finding.members):
            faults.append(at + _("lies in a view of the other breast."))
        if exam.mode == "screening" and finding.category == "3":
            faults.append(at + _("category 3 is never given from screening views; give 0, or work it up."))
        if not finding.sentence_edited and _named_category(finding.sentence) not in (None, finding.category):
            faults.append(at + _("its paragraph gives another category; renew it, or write it yourself."))
        faults += [at + why for why in _against_the_rules(finding, ruled[finding.id], before.get(finding.id))]
        if any(not edit.reason.strip() and edit.field in REASONED for edit in finding.edits):
            faults.append(at + _("changed without a reason; say why."))
    derived = shown.assessment
    if content.assessment != derived:
        faults.append(
            _(
                "The categories (right {right}, left {left}) do not follow from the findings, which make "
                "them {right_found} and {left_found}."
            ).format(
                right=content.assessment.right,
                left=content.assessment.left,
                right_found=derived.right,
                left_found=derived.left,
            )
        )
    if content.next_steps != shown.next_steps:
        faults.append(
            _("The next steps ({given}) do not follow from the findings, which ask for: {found}").format(
                given=_said(content.next_steps), found=_said(shown.next_steps)
            )
        )
    return faults


def _said(steps: Sequence[Step]) -> str:
    return " ".join(step.text for step in steps) or "–"


def _against_the_rules(finding: ReadFinding, ruled: Previewed, before: ReadFinding | None) -> list[str]:
    """What category, step or days of a finding neither the rules nor the reader's own changes explain.

    Parameters
    ----------
    ruled : what the rules say of it, with what she changed herself
    before : the engine's own finding of this name
    """
    if before is not None and _judged_by(finding) == _judged_by(before):
        return []  # as the engine judged it, beside the findings and by the rules of that day
    faults = []
    if finding.category != ruled.category and "category" not in _chosen(finding):
        faults.append(
            _("the rules make it category {category}; take that, or choose another and say why.").format(
                category=ruled.category
            )
        )
    if finding.next_step != ruled.next_step:
        faults.append(
            _("category {category} asks for another next step; choose it, or say why it is this one.").format(
                category=finding.category
            )
        )
    elif finding.due_days != ruled.due_days:
        faults.append(
            _("the rules give its next step {days} days; take that, or change it in the page.").format(
                days=ruled.due_days
            )
        )
    return faults


def _judged_by(finding: ReadFinding) -> ReadFinding:
    """The finding without what its judgement does not rest on."""
    return finding.model_copy(
        update={"decision": "open", "reason": "", "sentence": "", "sentence_edited": False}
    )


def _chosen(finding: ReadFinding) -> set[str]:
    """The fields that the reader changed; category and step only where they are what she changed them to."""
    return {
        edit.field
        for edit in finding.edits
        if edit.field not in ("category", "next_step") or edit.now == getattr(finding, edit.field)
    }


def _gone(content: ReadingContent, before: Sequence[ReadFinding]) -> list[str]:
    """Names of the engine's findings that the draft does not have any more, nor their calcifications in
    another one, with which they were merged."""
    ids = {finding.id for finding in content.findings}
    there = {
        (member.view, speck)
        for finding in content.findings
        for member in finding.members
        for speck in member.calcifications
    }

    def elsewhere(finding: ReadFinding) -> bool:
        its = {(member.view, speck) for member in finding.members for speck in member.calcifications}
        return bool(its) and its <= there

    return [finding.id for finding in before if finding.id not in ids and not elsewhere(finding)]


def _named_category(sentence: str) -> str | None:
    """The category that a paragraph of the engine's names."""
    before, after = lexicon.phrases().category.split("{category}")
    found = re.search(re.escape(before) + r"(\w+)" + re.escape(after[:1]), sentence)
    return found[1] if found else None


REASONED = {"category", "next_step", "typical_kind"}
"""Changes of these are not signed without a reason."""


def as_report(content: ReadingContent, exam: ExamReport) -> ExamReport:
    """The reader's exam in the report's own form, for everything that is written from a report."""
    groups = {view.sop_uid: list(view.groups) for view in exam.views}
    own = {finding.id: finding for finding in exam.findings}
    findings = []
    for finding in content.standing:
        members = []
        for number, member in enumerate(finding.members):
            group = member.group
            if group is None and not member.calcifications:
                group = f"{finding.id}-{number + 1}"
                groups[member.view].append(_drawn_group(group, finding, member))
            members.append(model.Member(view=member.view, group=group, calcifications=member.calcifications))
        before = own.get(finding.id)
        step = next_step(finding.next_step, AssessSettings(), finding.laterality)
        reasons = [
            model.Reason(rule="reader", text=edit.words, source="the reader") for edit in finding.edits
        ]
        findings.append(
            model.Finding(
                id=finding.id,
                laterality=finding.laterality,
                kind=before.kind if before else finding.typical_kind or "group",
                benign=finding.category == "2",
                members=members,
                distribution=finding.distribution,
                morphology=finding.morphology,
                typical_kind=finding.typical_kind,
                count=finding.count,
                span_mm=finding.span_mm,
                skin_mm=finding.skin_mm,
                location=finding.location,
                change=finding.change,
                trend=before.trend if before else [],
                malignancy=before.malignancy if before and not finding.edits else None,
                provisional_suspicion=before.provisional_suspicion if before and not finding.edits else None,
                assessment=model.Assessment(
                    category=finding.category,
                    basis=before.assessment.basis if before and not finding.edits else READERS_BASIS,
                ),
                next_step=model.NextStep(code=step.code, text=step.text, due_days=finding.due_days),
                reasons=[*reasons, *(before.reasons if before else [])],
                sentence=finding.sentence,
            )
        )
    views = [view.model_copy(update={"groups": groups[view.sop_uid]}) for view in exam.views]
    update = {
        "views": views,
        "findings": findings,
        "assessment": model.ExamAssessment(
            left=content.assessment.left, right=content.assessment.right, overall=content.assessment.overall,
            reasons=exam.assessment.reasons,
        ),
        "next_steps": [model.NextStep(**step.model_dump()) for step in content.next_steps],
    }  # fmt: skip
    return ExamReport.model_validate(exam.model_copy(update=update).model_dump())


def _drawn_group(name: str, finding: ReadFinding, member: Where) -> model.Group:
    """A group that the reader drew where the engine found nothing."""
    xs, ys = [x for x, _ in member.outline] or [0.0], [y for _, y in member.outline] or [0.0]
    morphology, distribution = finding.morphology or "not_assessable", finding.distribution or "grouped"
    return model.Group(
        id=name,
        x=sum(xs) / len(xs),
        y=sum(ys) / len(ys),
        span_mm=finding.span_mm or 0.0,
        count=finding.count,
        density_per_cm2=0.0,
        probability=1.0,
        distribution=distribution,
        distribution_probabilities={distribution: 1.0},
        morphology=morphology,
        morphology_probabilities={morphology: 1.0},
        typical_kind=finding.typical_kind,
        outline=member.outline,
    )

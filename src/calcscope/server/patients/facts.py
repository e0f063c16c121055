"""What a signed report says that a woman is told: plain facts, without pixels, probabilities or codes.

The facts are the only way from a report to a text. This module knows nothing of Django.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from calcscope import lexicon
from calcscope.report.model import Category, ExamReport, Finding, Laterality, Mode

Density = Literal["a", "b", "c", "d"]
Histology = Literal["benign", "high_risk", "dcis", "invasive", "insufficient"]
Form = Literal["single", "few", "group", "line", "area", "scattered"]
"""How calcifications lie: one, some apart from one another, close together, in a line, over an area, all
over."""

FORMS: dict[str | None, Form] = {
    "grouped": "group", "linear": "line", "segmental": "line", "regional": "area", "diffuse": "scattered",
}  # fmt: skip


class Facts(BaseModel):
    """Base: unknown fields are refused, nothing changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Place(Facts):
    """Where in the breast, as far as it is known; the clock as seen by who faces the woman."""

    quadrant: str | None = None
    half: str | None = None
    clock: int | None = Field(None, ge=1, le=12)


class FindingFact(Facts):
    """A finding.

    Parameters
    ----------
    kind : the lexicon's typically benign kind, only of a finding that was signed as benign
    count : calcifications, as the report has them
    category : BI-RADS, as signed
    """

    id: str
    side: Laterality
    place: Place = Place()
    form: Form
    kind: str | None = None
    count: int = Field(ge=1)
    category: Category

    @model_validator(mode="after")
    def _only_what_is_benign_has_a_benign_cause(self) -> Self:
        if self.kind is not None and self.category != "2":
            raise ValueError(f"{self.id}: found kind {self.kind!r} with category {self.category}; expected 2")
        if self.kind is not None and self.kind not in lexicon.terms().typical_kinds:
            raise ValueError(f"{self.id}: found kind {self.kind!r}; expected one of the lexicon's")
        return self


class StepFact(Facts):
    """What happens next.

    Parameters
    ----------
    code : a step of the lexicon's chains
    side : of one breast; None for both
    due : by when
    appointment : where one was made, on which day
    """

    code: str
    side: Laterality | None = None
    due: date | None = None
    appointment: date | None = None

    @model_validator(mode="after")
    def _the_step_is_known(self) -> Self:
        if self.code not in lexicon.chains().steps:
            raise ValueError(f"found step {self.code!r}; expected one of the lexicon's chains")
        return self


class BiopsyFact(Facts):
    """The result of a biopsy.

    Parameters
    ----------
    side : the breast that was sampled
    result : as the histology was written down
    concordant : whether picture and sample fit together; None while nobody has said so
    findings : ids of the findings it was taken for; empty for all of that breast that asked for a biopsy
    """

    side: Laterality
    result: Histology
    concordant: bool | None = None
    findings: tuple[str, ...] = ()


class ResultFacts(Facts):
    """A signed exam, as far as a woman is told of it.

    Parameters
    ----------
    exam_date : None where the images do not say
    sides : the breasts that were looked at
    findings : the most pressing first
    overall : category of the exam, as signed
    steps : the most urgent first
    density : of the breasts, as stated by the reader
    biopsies : results that are known
    """

    exam_date: date | None
    mode: Mode
    sides: tuple[Laterality, ...] = Field(min_length=1)
    findings: tuple[FindingFact, ...] = ()
    overall: Category
    steps: tuple[StepFact, ...] = ()
    density: Density | None = None
    biopsies: tuple[BiopsyFact, ...] = ()

    @model_validator(mode="after")
    def _they_fit_together(self) -> Self:
        ids = [finding.id for finding in self.findings]
        if len(set(ids)) != len(ids):
            raise ValueError("two findings have the same id")
        if outside := [each.id for each in self.findings if each.side not in self.sides]:
            raise ValueError(f"{outside[0]}: lies in a breast that was not looked at")
        for biopsy in self.biopsies:
            if unknown := set(biopsy.findings) - set(ids):
                raise ValueError(f"a biopsy names the finding {sorted(unknown)[0]}, which is not there")
            if any(each.side != biopsy.side for each in self.findings if each.id in biopsy.findings):
                raise ValueError("a biopsy names a finding of the other breast")
        return self

    def biopsy_of(self, finding: FindingFact) -> BiopsyFact | None:
        """The latest result of a sample that was taken for a finding."""
        own = [each for each in self.biopsies if finding.id in each.findings]
        asked = finding.category in BIOPSIED
        side = [each for each in self.biopsies if not each.findings and each.side == finding.side and asked]
        return (own or side)[-1] if own or side else None


BIOPSIED = frozenset(
    category for category, step in lexicon.next_steps().by_category.items() if step == "biopsy"
)
"""The categories that ask for a biopsy."""


def facts_of(
    report: ExamReport, *, steps: Iterable[StepFact] | None = None, density: Density | None = None,
    biopsies: Sequence[BiopsyFact] = (),
) -> ResultFacts:  # fmt: skip
    """What a woman is told of a signed report.

    Parameters
    ----------
    steps : what follow-up has open now, the most urgent first; else what the report recommends, and when
    density : the reader's assessment of the breasts' density
    biopsies : results written down since
    """
    order = lexicon.categories().overall_order
    exam_date = date.fromisoformat(report.date) if report.date else None
    findings = sorted(report.findings, key=lambda each: order.index(each.assessment.category))
    return ResultFacts(
        exam_date=exam_date,
        mode=report.mode,
        sides=tuple(side for side in ("R", "L") if any(view.laterality == side for view in report.views)),
        findings=tuple(_finding(each) for each in findings),
        overall=report.assessment.overall,
        steps=tuple(_steps(report, exam_date) if steps is None else steps),
        density=density,
        biopsies=tuple(biopsies),
    )


def _finding(finding: Finding) -> FindingFact:
    place = finding.location
    category = finding.assessment.category
    return FindingFact(
        id=finding.id,
        side=finding.laterality,
        place=Place(quadrant=place.quadrant, half=place.half, clock=place.clock),
        form="single" if finding.count == 1 else FORMS.get(finding.distribution, "few"),
        kind=finding.typical_kind if category == "2" else None,
        count=finding.count,
        category=category,
    )


def _steps(report: ExamReport, exam_date: date | None) -> list[StepFact]:
    """The report's steps with the breasts that they are for."""
    made: dict[tuple[str, Laterality | None], StepFact] = {}
    codes = [step.code for step in report.next_steps]
    for step in report.next_steps:
        asking = [each for each in report.findings if each.next_step.code == step.code]
        sides: list[Laterality | None] = [*sorted({each.laterality for each in asking}, reverse=True)]
        if step.code == "routine" or not sides:
            sides = [None]
        for side in sides:
            days = [
                each.next_step.due_days
                for each in asking
                if side in (None, each.laterality) and each.next_step.due_days is not None
            ]
            within = min(days) if days and codes.count(step.code) > 1 else step.due_days
            due = exam_date + timedelta(days=within) if exam_date and within is not None else None
            made.setdefault((step.code, side), StepFact(code=step.code, side=side, due=due))
    return list(made.values())

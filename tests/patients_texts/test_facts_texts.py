"""What a woman is told is what the signed report says."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from hospital import EXAMS

from calcscope import lexicon
from calcscope.report.model import ExamReport
from calcscope.server import languages
from calcscope.server.patients.explaining import explain, situation_of
from calcscope.server.patients.facts import BiopsyFact, StepFact, facts_of
from calcscope.server.patients.passages import load


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ExamReport]:
    folder: Path = tmp_path_factory.mktemp("hospital")
    return {name: made(folder / name).exams[0] for name, made in EXAMS.items()}


@pytest.mark.parametrize("name", sorted(EXAMS))
def test_findings_sides_and_categories_are_the_report_s(reports: dict[str, ExamReport], name: str) -> None:
    report = reports[name]
    facts = facts_of(report)
    assert facts.overall == report.assessment.overall
    assert facts.mode == report.mode
    assert facts.exam_date == (date.fromisoformat(report.date) if report.date else None)
    theirs = {each.id: each for each in report.findings}
    assert {each.id for each in facts.findings} == set(theirs)
    order = lexicon.categories().overall_order
    ranks = [order.index(each.category) for each in facts.findings]
    assert ranks == sorted(ranks)
    for each in facts.findings:
        own = theirs[each.id]
        assert (each.side, each.category, each.count) == (own.laterality, own.assessment.category, own.count)
        assert (each.place.quadrant, each.place.clock) == (own.location.quadrant, own.location.clock)
        assert each.kind in (None, own.typical_kind)
        assert (each.kind is None) or each.category == "2"
    assert situation_of(facts) == report.assessment.overall


@pytest.mark.parametrize("name", sorted(EXAMS))
def test_steps_and_their_days_are_the_report_s(reports: dict[str, ExamReport], name: str) -> None:
    report = reports[name]
    facts = facts_of(report)
    assert {step.code for step in facts.steps} == {step.code for step in report.next_steps}
    if facts.exam_date:
        days = {facts.exam_date + timedelta(days=step.due_days or 0) for step in report.next_steps}
        assert {step.due for step in facts.steps} <= days | {
            facts.exam_date + timedelta(days=each.next_step.due_days or 0) for each in report.findings
        }
    for step in facts.steps:
        asking = {each.laterality for each in report.findings if each.next_step.code == step.code}
        assert step.side is None or step.side in asking


@pytest.mark.parametrize("language", sorted(languages.available()))
@pytest.mark.parametrize("name", sorted(EXAMS))
def test_a_report_is_explained_in_every_language(
    reports: dict[str, ExamReport], name: str, language: str
) -> None:
    facts = facts_of(reports[name], density="b")
    text = explain(facts, language, "us").text
    for step in facts.steps:
        if step.due:
            written = load(language).date(step.due)
            assert str(step.due.year) in written
            assert language == "en" or written in text  # English dates are American by this profile


def test_follow_up_and_the_laboratory_are_told_where_they_know_more(reports: dict[str, ExamReport]) -> None:
    report = reports["all_terms"]
    asked = next(each for each in facts_of(report).findings if each.category not in ("1", "2"))
    later = StepFact(code="referral", side=asked.side, due=date(2026, 12, 1))
    facts = facts_of(
        report, steps=[later],
        biopsies=[BiopsyFact(side=asked.side, result="invasive", concordant=True, findings=(asked.id,))],
    )  # fmt: skip
    assert facts.steps == (later,)
    explanation = explain(facts, "en")
    assert explanation.situation == "after_invasive"
    assert "by 1 December 2026" in explanation.section("next").text


def test_facts_that_do_not_fit_together_are_refused(reports: dict[str, ExamReport]) -> None:
    facts = facts_of(reports["all_terms"])
    with pytest.raises(ValueError, match="names the finding nowhere, which is not there"):
        facts_of(
            reports["all_terms"], biopsies=[BiopsyFact(side="L", result="benign", findings=("nowhere",))]
        )
    with pytest.raises(ValueError, match="found step 'dance'"):
        StepFact(code="dance")
    assert facts.model_copy(update={"density": "c"}).density == "c"

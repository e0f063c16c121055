"""The verdict on the breasts and the exam."""

from __future__ import annotations

from itertools import product

import pytest

from calcscope import lexicon
from calcscope.assess import AssessSettings, FindingAssessment, FindingFacts, assess_exam, assess_finding
from calcscope.assess.model import Mode
from calcscope.exam.model import Laterality


def assessed(
    side: Laterality,
    morphology: str | None,
    mode: Mode,
    *,
    kind: str | None = None,
    distribution: str = "grouped",
) -> FindingAssessment:
    facts = FindingFacts(
        laterality=side, views=("CC", "MLO"), morphology=morphology, distribution=distribution,
        typical_kind=kind, count=8, span_mm=9.0, diameter_mm=0.4, fully_worked_up=True,
    )  # fmt: skip
    return assess_finding(facts, mode)


def test_nothing_found_is_negative_with_a_routine_interval() -> None:
    verdict = assess_exam([], "screening", has_priors=True, sides_present=["L", "R"])
    assert (verdict.left, verdict.right, verdict.overall) == ("1", "1", "1")
    assert [step.code for step in verdict.next_steps] == ["routine"]
    assert [reason.rule for reason in verdict.reasons] == ["no_finding"]


def test_a_breast_without_a_view_has_no_category() -> None:
    verdict = assess_exam([], "screening", has_priors=True, sides_present=["L"])
    assert (verdict.left, verdict.right) == ("1", None)


def test_a_recall_from_screening_without_priors_asks_for_the_earlier_films_first() -> None:
    recall = assessed("R", "fine_pleomorphic", "screening")
    verdict = assess_exam([recall], "screening", has_priors=False, sides_present=["L", "R"])
    assert (verdict.left, verdict.right, verdict.overall) == ("1", "0", "0")
    assert [step.code for step in verdict.next_steps] == ["prior_films", "magnification_views"]
    assert verdict.next_steps[0].due_days <= verdict.next_steps[1].due_days
    assert verdict.reasons[-1].rule == "no_earlier_films"
    codes = {code.value for code in lexicon.next_steps().steps["prior_films"].codes}
    assert codes == {"111138"}


def test_with_priors_no_films_are_asked_for() -> None:
    recall = assessed("R", "fine_pleomorphic", "screening")
    verdict = assess_exam([recall], "screening", has_priors=True, sides_present=["L", "R"])
    assert [step.code for step in verdict.next_steps] == ["magnification_views"]


def test_benign_findings_without_priors_ask_for_nothing() -> None:
    vessel = assessed("L", None, "screening", kind="vascular")
    verdict = assess_exam([vessel], "screening", has_priors=False, sides_present=["L", "R"])
    assert (verdict.left, verdict.right, verdict.overall) == ("2", "1", "2")
    assert [step.code for step in verdict.next_steps] == ["routine"]


def test_the_same_step_is_asked_for_once_and_each_breast_by_name() -> None:
    findings = [assessed("R", shape, "screening") for shape in ("amorphous", "punctate")]
    once = assess_exam(findings, "screening", has_priors=True, sides_present=["L", "R"])
    assert len(once.next_steps) == 1
    both = assess_exam(
        [*findings, assessed("L", "amorphous", "screening")],
        "screening",
        has_priors=True,
        sides_present=["L", "R"],
    )
    assert sorted("left" in step.text for step in both.next_steps) == [False, True]
    assert "left breast and right breast" in both.reasons[0].text


def test_what_is_due_first_comes_first_and_replaces_the_routine_interval() -> None:
    findings = [
        assessed("L", "punctate", "diagnostic"),
        assessed("R", None, "diagnostic", kind="popcorn"),
        assessed("R", "fine_linear", "diagnostic", distribution="segmental"),
    ]
    verdict = assess_exam(findings, "diagnostic", has_priors=True, sides_present=["L", "R"])
    assert (verdict.left, verdict.right, verdict.overall) == ("3", "5", "5")
    assert [step.code for step in verdict.next_steps] == ["biopsy", "short_interval"]


@pytest.mark.parametrize(
    ("one", "other"), list(product(["amorphous", "punctate", "fine_linear", "not_assessable"], repeat=2))
)
def test_the_overall_category_is_the_more_pressing_of_the_two(one: str, other: str) -> None:
    """5, 4C, 4B, 4A, 0, 6, 3, 2, 1: unlike the numbers, 0 comes before 3."""
    order = ["5", "4C", "4B", "4A", "0", "6", "3", "2", "1"]
    findings = [assessed("L", one, "diagnostic"), assessed("R", other, "diagnostic")]
    verdict = assess_exam(findings, "diagnostic", has_priors=True, sides_present=["L", "R"])
    assert verdict.left is not None
    assert verdict.right is not None
    assert verdict.overall == min(verdict.left, verdict.right, key=order.index)


def test_settings_reach_the_exams_own_steps() -> None:
    recall = assessed("R", "amorphous", "screening")
    settings = AssessSettings(due_days={"prior_films": 3})
    verdict = assess_exam([recall], "screening", False, ["R"], settings)
    assert verdict.next_steps[0].due_days == 3


def test_an_exam_without_views_cannot_be_assessed() -> None:
    with pytest.raises(ValueError, match="no view"):
        assess_exam([], "screening", has_priors=True, sides_present=[])


def test_a_finding_in_a_breast_without_views_is_refused() -> None:
    with pytest.raises(ValueError, match="without a view"):
        assess_exam([assessed("R", "amorphous", "screening")], "screening", True, ["L"])


def test_a_diagnostic_category_is_refused_in_a_screening_exam() -> None:
    with pytest.raises(ValueError, match="4B is never given in screening mode"):
        assess_exam([assessed("R", "amorphous", "diagnostic")], "screening", True, ["R"])


def test_earlier_films_that_say_nothing_of_a_finding_are_named_by_its_views() -> None:
    recall = assessed("R", "fine_pleomorphic", "screening")
    verdict = assess_exam([recall], "screening", has_priors=True, sides_present=["R"], untold=["RCC", "RMLO"])
    assert [step.code for step in verdict.next_steps] == ["prior_films", "magnification_views"]
    why = verdict.reasons[-1]
    assert why.rule == "earlier_films_say_nothing"
    assert "say nothing of what is seen in RCC and RMLO" in why.text

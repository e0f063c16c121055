"""Named findings and what a radiologist would make of them, one line each."""

# ruff: noqa: E501 - a table reads best with one case on one line

from __future__ import annotations

from dataclasses import replace

import pytest

from calcscope import lexicon
from calcscope.assess import AssessSettings, ChangeFacts, FindingFacts, Place, assess_finding
from calcscope.assess.model import Mode

STABLE_3 = ChangeFacts(("unchanged",), 3.0)
STABLE_1 = ChangeFacts(("unchanged",), 1.0)
NEW = ChangeFacts(("new",), 1.0)
MORE = ChangeFacts(("more",), 2.0)
STABLE_NEARLY_2 = ChangeFacts(("unchanged",), 1.97)
UNSURE = ChangeFacts(("unchanged",), 3.0, 4, 14, may_have_grown=True)
CALMER = ChangeFacts(
    ("fewer", "changed_morphology"), 2.0, turned=(("changed_morphology", "coarse_heterogeneous", "round"),)
)
GRAVER = ChangeFacts(
    ("fewer", "changed_distribution"), 2.0, turned=(("changed_distribution", "diffuse", "grouped"),)
)
FEWER = ChangeFacts(("fewer",), 2.0)


def facts(
    morphology: str | None = None,
    distribution: str | None = None,
    *,
    kind: str | None = None,
    count: int = 8,
    views: tuple[str, ...] = ("CC", "MLO"),
    few: bool = False,
    solitary: bool = True,
    bilateral: bool = False,
    change: ChangeFacts | None = None,
    worked_up: bool = True,
) -> FindingFacts:
    return FindingFacts(
        laterality="L", views=views, morphology=morphology, distribution=distribution, typical_kind=kind,
        count=count, span_mm=12.0 if distribution else None, diameter_mm=0.4, place=Place(), few=few,
        solitary=solitary, bilateral=bilateral, change=change, fully_worked_up=worked_up,
    )  # fmt: skip


# name, mode, finding, category, deciding rule
CASES: list[tuple[str, Mode, FindingFacts, str, str]] = [
    ("a popcorn", "screening", facts(kind="popcorn", count=1), "2", "benign_by_shape"),
    ("a new popcorn", "diagnostic", facts(kind="popcorn", count=1, change=NEW), "2", "benign_by_shape"),
    ("a vessel along a line", "screening", facts("fine_linear", "linear", kind="vascular", count=40), "2", "benign_by_shape"),
    ("skin", "screening", facts("punctate", "grouped", kind="skin"), "2", "benign_by_shape"),
    ("rods in both breasts", "screening", facts(None, "segmental", kind="rod", bilateral=True), "2", "benign_by_shape"),
    ("a lone coarse round one", "screening", facts("round", kind="round", count=1), "2", "benign_by_shape"),
    ("three coarse round ones", "screening", facts("round", "grouped", kind="round", count=3), "2", "benign_by_shape"),
    ("eight round ones called typical", "screening", facts("round", "grouped", kind="round"), "0", "screening_needs_magnification"),
    ("milk of calcium in a true lateral", "diagnostic", facts("amorphous", "grouped", kind="milk_of_calcium", views=("CC", "ML magnification")), "2", "benign_by_shape"),
    ("milk of calcium in an MLO", "diagnostic", facts("amorphous", "grouped", kind="milk_of_calcium"), "0", "proof_view_missing"),
    ("a single punctate speck", "screening", facts("punctate", count=1), "2", "lone_speck"),
    ("a single speck on a coarse scan", "screening", facts("not_assessable", count=1), "2", "lone_speck"),
    ("a single new speck", "screening", facts("punctate", count=1, change=NEW), "2", "lone_speck"),
    ("a single new speck", "diagnostic", facts("punctate", count=1, change=NEW), "2", "lone_speck"),
    ("new specks apart", "diagnostic", facts("punctate", count=6, change=NEW), "2", "lone_speck"),
    ("more single round ones", "screening", facts("round", kind="round", count=30, change=MORE), "2", "benign_by_shape"),
    ("a group of round ones that grew", "diagnostic", facts("round", "grouped", kind="round", change=MORE), "4A", "growing"),
    ("unchanged for want of certainty alone", "diagnostic", facts("round", "grouped", change=UNSURE), "3", "probably_benign"),
    ("fewer, and less suspicious in shape", "diagnostic", facts("round", "grouped", change=CALMER), "3", "probably_benign"),
    ("fewer, and more suspicious in distribution", "diagnostic", facts("punctate", "grouped", change=GRAVER), "4A", "more_suspicious_than_before"),
    ("two years but for days unchanged", "diagnostic", facts("round", "grouped", change=STABLE_NEARLY_2), "2", "stable_for_years"),
    ("a single fine line", "screening", facts("fine_linear", count=1), "0", "screening_needs_magnification"),
    ("punctate all over both breasts", "screening", facts("punctate", "diffuse", count=90, bilateral=True), "2", "scattered_in_both_breasts"),
    ("punctate all over, but more of them", "screening", facts("punctate", "diffuse", count=90, bilateral=True, change=MORE), "0", "screening_needs_magnification"),
    ("punctate all over one breast", "screening", facts("punctate", "diffuse", count=90), "0", "screening_needs_magnification"),
    ("punctate all over one breast, worked up", "diagnostic", facts("punctate", "diffuse", count=90), "2", "alike_after_work_up"),
    ("a group of punctate specks", "screening", facts("punctate", "grouped"), "0", "screening_needs_magnification"),
    ("the same, worked up", "diagnostic", facts("punctate", "grouped"), "3", "probably_benign"),
    ("the same without magnification", "diagnostic", facts("punctate", "grouped", worked_up=False), "0", "work_up_incomplete"),
    ("the same at six months", "diagnostic", facts("punctate", "grouped", change=STABLE_1), "3", "probably_benign"),
    ("the same after three years", "diagnostic", facts("punctate", "grouped", change=STABLE_3), "2", "stable_for_years"),
    ("the same, new", "diagnostic", facts("punctate", "grouped", change=NEW), "4A", "growing"),
    ("round in a line", "diagnostic", facts("round", "linear", change=STABLE_3, worked_up=False), "4A", "ductal_spread"),
    ("the same, worked up", "diagnostic", facts("round", "linear", change=STABLE_3), "4B", "probability_raises"),
    ("round groups in one breast", "diagnostic", facts("round", "grouped", solitary=False), "4A", "not_solitary"),
    ("round groups in both breasts", "diagnostic", facts("round", "grouped", solitary=False, bilateral=True), "2", "alike_after_work_up"),
    ("a coarse scan", "screening", facts("not_assessable", "grouped"), "0", "screening_needs_magnification"),
    ("a coarse scan, diagnostic", "diagnostic", facts("not_assessable", "segmental", change=NEW), "0", "shape_not_assessable"),
    ("amorphous", "diagnostic", facts("amorphous", "grouped"), "4B", "suspicious_shape"),
    ("amorphous, stable", "diagnostic", facts("amorphous", "grouped", change=STABLE_3), "4B", "suspicious_shape"),
    ("amorphous, fewer", "diagnostic", facts("amorphous", "grouped", change=FEWER), "4B", "suspicious_shape"),
    ("amorphous, diffuse", "diagnostic", facts("amorphous", "diffuse"), "4A", "distribution_lowers"),
    ("amorphous, segmental", "diagnostic", facts("amorphous", "segmental"), "4C", "distribution_raises"),
    ("coarse heterogeneous", "diagnostic", facts("coarse_heterogeneous", "grouped"), "4B", "suspicious_shape"),
    ("fine pleomorphic", "diagnostic", facts("fine_pleomorphic", "grouped"), "4B", "suspicious_shape"),
    ("fine pleomorphic without magnification", "diagnostic", facts("fine_pleomorphic", "grouped", worked_up=False), "4B", "suspicious_shape"),
    ("fine linear in a group", "diagnostic", facts("fine_linear", "grouped"), "4C", "suspicious_shape"),
    ("fine-linear branching in a segment", "diagnostic", facts("fine_linear_branching", "segmental"), "5", "typical_shape_and_distribution"),
    ("the same, stable for three years", "diagnostic", facts("fine_linear_branching", "segmental", change=STABLE_3), "5", "typical_shape_and_distribution"),
    ("three fine lines in a row", "diagnostic", facts("fine_linear", "linear", count=3, few=True), "4C", "too_few_for_category_5"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "mode", "finding", "category", "rule"), CASES, ids=[c[0] for c in CASES])
def test_case(name: str, mode: Mode, finding: FindingFacts, category: str, rule: str) -> None:
    result = assess_finding(finding, mode)
    assert (result.category, result.reasons[-1].rule) == (category, rule)


@pytest.mark.parametrize(
    ("finding", "suspicion"),
    [
        (facts("punctate", "grouped"), "very low"),
        (facts("round", "linear"), "low"),
        (facts("fine_pleomorphic", "grouped"), "moderate"),
        (facts("fine_pleomorphic", "segmental"), "high"),
        (facts("fine_linear", "linear"), "very high"),
        (facts("fine_linear", "linear", count=3, few=True), "high"),
        (facts("not_assessable", "grouped"), "undetermined"),
        (facts("not_assessable", "linear"), "at least low"),
    ],
)
def test_screening_shows_the_provisional_suspicion(finding: FindingFacts, suspicion: str) -> None:
    result = assess_finding(finding, "screening")
    assert result.provisional_suspicion == suspicion
    assert f"Provisional suspicion: {suspicion}." in result.sentence


def test_a_higher_prevalence_can_raise_the_category_but_not_to_5() -> None:
    finding = facts("amorphous", "grouped")
    raised = assess_finding(finding, "diagnostic", AssessSettings(prevalence=0.9))
    assert raised.category == "4C"
    assert raised.reasons[-1].rule == "probability_raises"
    assert assess_finding(finding, "diagnostic", AssessSettings(prevalence=0.9999)).category == "4C"


def test_stability_is_spoken_of_where_it_does_not_help() -> None:
    rules = [
        r.rule for r in assess_finding(facts("amorphous", "grouped", change=STABLE_3), "diagnostic").reasons
    ]
    assert "not_lowered_by_stability" in rules


def test_fewer_than_5_is_said() -> None:
    result = assess_finding(facts("fine_linear", "linear", count=3, few=True), "screening")
    assert "few" in [r.rule for r in result.reasons]
    assert "(fewer than 5)" in result.sentence


def test_a_term_outside_the_lexicon_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="morphology 'spiky' is not in the lexicon; it has punctate"):
        assess_finding(facts("spiky", "grouped"), "screening")
    with pytest.raises(ValueError, match="change 'vanished'"):
        assess_finding(facts("punctate", "grouped", change=ChangeFacts(("vanished",), 1)), "screening")


def test_due_dates_are_settings() -> None:
    settings = AssessSettings(due_days={"magnification_views": 7, "routine": 730})
    recall = assess_finding(facts("punctate", "grouped"), "screening", settings).next_step
    assert recall.due_days == 7
    assert recall.text.endswith("within 7 days.")
    routine = assess_finding(facts(kind="popcorn", count=1), "screening", settings).next_step
    assert routine.text == "Routine mammogram in 24 months."


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="prevalence"):
        AssessSettings(prevalence=0)
    with pytest.raises(ValueError, match="the steps are"):
        AssessSettings(due_days={"tea": 3})


def test_published_shares_are_quoted_with_those_that_could_not_be_checked_marked() -> None:
    result = assess_finding(facts("fine_pleomorphic", "segmental"), "diagnostic")
    shares = next(reason for reason in result.reasons if reason.rule == "published_shares")
    assert "fine pleomorphic about 29 % (BI-RADS atlas, 5th edition), 78.8 % (Eur Radiol" in shares.text
    assert "segmental about 62 % (often quoted, not verified)" in shares.text
    assert "often quoted, origin not found (not verified)" in shares.source
    assert "CBIS-DDSM" in shares.source


@pytest.mark.parametrize("mode", ["screening", "diagnostic"])
def test_a_group_near_the_skin_tells_the_reader_to_look_there(mode: Mode) -> None:
    here = replace(facts("amorphous", "grouped"), skin_mm=5.0)
    near, deep = (assess_finding(replace(here, skin_mm=mm), mode) for mm in (5.0, 20.0))
    (note,) = [reason for reason in near.reasons if reason.rule == "look_alike_on_the_skin"]
    assert "skin" in note.text
    assert lexicon.notices().not_verified in note.source  # the distance is a working figure
    assert "look_alike_on_the_skin" not in {reason.rule for reason in deep.reasons}
    assert (near.category, near.basis) == (deep.category, deep.basis)
    benign = assess_finding(replace(facts("punctate", "grouped", kind="skin"), skin_mm=2.0), mode)
    assert "look_alike_on_the_skin" not in {reason.rule for reason in benign.reasons}


def rules_of(found: FindingFacts, mode: Mode) -> list[str]:
    return [reason.rule for reason in assess_finding(found, mode).reasons]


@pytest.mark.parametrize("mode", ["screening", "diagnostic"])
def test_what_is_new_and_benign_all_the_same_says_why_nothing_follows(mode: Mode) -> None:
    assert rules_of(facts("punctate", count=1, change=NEW), mode) == ["lone_growing", "lone_speck"]
    assert rules_of(facts(kind="vascular", count=40, change=MORE), mode) == [
        "benign_kind_grew",
        "benign_by_shape",
    ]
    assert rules_of(facts("punctate", count=1, change=STABLE_3), mode) == ["lone_speck"]


def test_a_stable_group_on_screening_views_is_recalled_and_told_what_a_work_up_would_make_of_it() -> None:
    stable = facts("punctate", "grouped", change=STABLE_3, worked_up=False)
    result = assess_finding(stable, "screening")
    assert result.category == "0"
    assert "stable_not_worked_up" in rules_of(stable, "screening")
    assert "stable_not_worked_up" not in rules_of(facts("amorphous", "grouped", change=STABLE_3), "screening")
    assert "stable_not_worked_up" not in rules_of(facts("punctate", "grouped", change=STABLE_1), "screening")


def test_what_is_not_comparable_is_neither_new_nor_stable() -> None:
    unknown = ChangeFacts((), 2.0, reason="The earlier image could not have shown it.")
    group = facts("punctate", "grouped", change=unknown)
    result = assess_finding(group, "diagnostic")
    assert result.category == "3"  # as without a comparison
    assert "not_comparable" in rules_of(group, "diagnostic")
    assert "Not comparable with the mammogram of 2 years ago: the earlier image could not" in result.sentence


def test_the_sentence_gives_the_numbers_of_more_and_fewer() -> None:
    for status, words in (("more", "Increased"), ("fewer", "Decreased")):
        change = ChangeFacts((status,), 1.0, then=7, now=12)
        sentence = assess_finding(facts("punctate", "grouped", change=change), "screening").sentence
        assert f"{words} in number since the mammogram of 1 year ago (7 then, 12 now)." in sentence


def test_exams_of_one_month_are_not_said_to_be_no_months_apart() -> None:
    sentence = assess_finding(
        facts("punctate", "grouped", change=ChangeFacts(("unchanged",), 0.03)), "screening"
    ).sentence
    assert "since the mammogram of less than a month ago" in sentence


@pytest.mark.parametrize(
    ("was", "now", "category"),
    [("linear", "grouped", "3"), ("grouped", "regional", "3"), ("grouped", "linear", "4A")],
)
def test_another_distribution_counts_only_where_it_is_more_suspicious(
    was: str, now: str, category: str
) -> None:
    turned = (("changed_distribution", was, now),)
    change = ChangeFacts(("fewer", "changed_distribution"), 1.0, turned=turned)
    result = assess_finding(facts("punctate", "grouped", change=change), "diagnostic")
    assert result.category == category
    assert f"changed in distribution from {was} to {now}" in result.sentence


def test_many_new_round_ones_are_benign_for_being_single_and_a_group_of_them_is_not() -> None:
    assert rules_of(facts(kind="round", count=9, change=NEW), "diagnostic") == [
        "lone_growing",
        "benign_by_shape",
    ]
    group = assess_finding(facts(None, "grouped", kind="round", count=9, change=NEW), "diagnostic")
    assert (group.category, group.reasons[-1].rule) == ("4A", "growing")


def test_two_years_are_two_though_the_visit_was_a_week_early() -> None:
    change = ChangeFacts(("unchanged",), 1.97)
    assert rules_of(facts("punctate", "grouped", change=change), "diagnostic")[-1] == "stable_for_years"


def test_what_decreased_is_not_first_seen() -> None:
    change = ChangeFacts(("fewer",), 3.0)
    assert "known_and_decreased" in rules_of(facts("punctate", "grouped", change=change), "diagnostic")

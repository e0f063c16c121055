"""More suspicion never lowers a category, of a finding or of an exam, and never puts a step off."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calcscope import lexicon
from calcscope.assess import ChangeFacts, FindingFacts, assess_finding
from calcscope.assess.exam import assess_exam
from calcscope.assess.model import FindingAssessment, Mode

ORDER = ("1", "2", "3", "4A", "4B", "4C", "5")
SHAPES = (("punctate", "round"), ("amorphous", "coarse_heterogeneous"), ("fine_pleomorphic",),
          ("fine_linear", "fine_linear_branching"))  # fmt: skip
"""Classes of rising suspicion (the lexicon's own rates are in their order)."""
CHANGES = (None, ChangeFacts(("new",), 1.0), ChangeFacts(("unchanged",), 3.0), ChangeFacts(("fewer",), 2.0))

facts = st.builds(
    FindingFacts,
    laterality=st.sampled_from(["L", "R"]), views=st.just(("CC", "MLO")),
    morphology=st.sampled_from([each for rank in SHAPES for each in rank]),
    distribution=st.sampled_from(["diffuse", "regional", "grouped", "linear", "segmental"]),
    typical_kind=st.none(), count=st.integers(5, 60), span_mm=st.just(12.0), diameter_mm=st.just(0.4),
    few=st.just(False), change=st.sampled_from(CHANGES), fully_worked_up=st.booleans(),
    solitary=st.booleans(), bilateral=st.booleans(),
)  # fmt: skip


def rank_of(shape: str | None) -> int:
    return next(rank for rank, shapes in enumerate(SHAPES) if shape in shapes)


@settings(max_examples=300, deadline=None)
@given(facts, st.sampled_from([each for rank in SHAPES for each in rank]))
def test_a_more_suspicious_shape_never_lowers_the_category(finding: FindingFacts, shape: str) -> None:
    other = replace(finding, morphology=shape)
    lower, higher = sorted((finding, other), key=lambda each: rank_of(each.morphology))
    if rank_of(lower.morphology) == rank_of(higher.morphology):
        return
    low, high = (assess_finding(each, "diagnostic").category for each in (lower, higher))
    if "0" not in (low, high):
        assert ORDER.index(low) <= ORDER.index(high)
    # Screening recalls what it recalled of the milder shape.
    if assess_finding(lower, "screening").category == "0":
        assert assess_finding(higher, "screening").category == "0"


assessed = st.lists(facts, max_size=4)


@settings(max_examples=150, deadline=None)
@given(assessed, facts, st.sampled_from(["screening", "diagnostic"]), st.booleans(), st.randoms())
def test_a_further_finding_never_makes_an_exam_less_pressing(
    findings: list[FindingFacts], further: FindingFacts, mode: Mode, has_priors: bool, chance: object
) -> None:
    urgency = lexicon.categories().overall_order.index
    steps = lexicon.next_steps().steps
    before: list[FindingAssessment] = [assess_finding(each, mode) for each in findings]
    after = [*before, assess_finding(further, mode)]
    first, second = (assess_exam(each, mode, has_priors, ("L", "R")) for each in (before, after))
    assert urgency(second.overall) <= urgency(first.overall)
    for side in ("left", "right"):
        assert urgency(getattr(second, side)) <= urgency(getattr(first, side))
    other = "left" if further.laterality == "R" else "right"
    assert getattr(second, other) == getattr(first, other)  # a finding says nothing of the other breast
    assert min(steps[step.code].urgency for step in second.next_steps) <= min(
        steps[step.code].urgency for step in first.next_steps
    )
    assert second.overall == min((second.left, second.right), key=lambda each: urgency(each or "1"))
    chance.shuffle(after)  # type: ignore[attr-defined]
    again = assess_exam(after, mode, has_priors, ("R", "L"))
    assert (again.left, again.right, again.overall) == (second.left, second.right, second.overall)
    assert {step.code for step in again.next_steps} == {step.code for step in second.next_steps}


def test_the_order_of_the_overall_category_is_the_lexicons() -> None:
    """Incomplete before benign, since somebody has to be called; the most suspicious first."""
    order = lexicon.categories().overall_order
    assert [each for each in order if each in ORDER] == [*reversed(ORDER)] or order.index("0") < order.index(
        "2"
    )
    for one, other in (
        ("5", "4C"),
        ("4C", "4B"),
        ("4B", "4A"),
        ("4A", "3"),
        ("0", "2"),
        ("2", "1"),
        ("3", "2"),
    ):
        assert order.index(one) < order.index(other), (one, other)


@pytest.mark.parametrize("mode", ["screening", "diagnostic"])
def test_an_exam_without_findings_is_negative_in_every_breast_that_was_seen(mode: Mode) -> None:
    verdict = assess_exam([], mode, True, ("L",))
    assert (verdict.left, verdict.right, verdict.overall) == ("1", None, "1")

"""What must hold of every assessment, over all combinations of what a finding can be."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calcscope import lexicon
from calcscope.assess import AssessSettings, ChangeFacts, FindingAssessment, FindingFacts, assess_finding
from calcscope.assess.model import Mode

SUSPICIOUS = {"amorphous", "coarse_heterogeneous", "fine_pleomorphic", "fine_linear", "fine_linear_branching"}
SMALL_ROUND = {"punctate", "round"}
DUCTAL = {"linear", "segmental"}
INCREASING = {"new", "more", "larger", "wider", "denser"}
FOUR = ["4A", "4B", "4C"]

MORPHOLOGY = [None, "not_assessable", *sorted(SMALL_ROUND), *sorted(SUSPICIOUS)]
DISTRIBUTION = [None, "diffuse", "regional", "grouped", "linear", "segmental"]
KINDS = [
    "skin", "vascular", "popcorn", "rod", "rim", "lucent_centred", "dystrophic", "suture", "milk_of_calcium",
]  # fmt: skip
CHANGES = [
    None,
    ChangeFacts(("new",), 1.0),
    ChangeFacts(("more", "wider"), 2.5),
    ChangeFacts(("unchanged",), 1.0),
    ChangeFacts(("unchanged",), 3.0),
    ChangeFacts(("fewer",), 3.0),
]
MODES: list[Mode] = ["screening", "diagnostic"]

Assessed = tuple[FindingFacts, Mode, FindingAssessment]


def finding(
    morphology: str | None = None,
    distribution: str | None = None,
    kind: str | None = None,
    count: int = 8,
    change: ChangeFacts | None = None,
    worked_up: bool = True,
    solitary: bool = True,
    bilateral: bool = False,
    views: tuple[str, ...] = ("CC", "MLO"),
) -> FindingFacts:
    span = None if distribution is None else 12.0
    return FindingFacts(
        laterality="R", views=views, morphology=morphology, distribution=distribution, typical_kind=kind,
        count=count, span_mm=span, diameter_mm=0.4, few=1 < count < 5, change=change,
        fully_worked_up=worked_up, solitary=solitary, bilateral=bilateral,
    )  # fmt: skip


@pytest.fixture(scope="module")
def atypical() -> list[Assessed]:
    """Every combination of a finding without a typical kind."""
    axes = product(MORPHOLOGY, DISTRIBUTION, [1, 3, 8], CHANGES, [True, False], [True, False], [True, False])
    every = [finding(m, d, None, n, c, w, s, b) for m, d, n, c, w, s, b in axes]
    return [(facts, mode, assess_finding(facts, mode)) for facts in every for mode in MODES]


@pytest.fixture(scope="module")
def typical() -> list[Assessed]:
    """Typical kinds, whatever else is said of them, with a true lateral among the views."""
    axes = product(["punctate", "fine_linear", None], DISTRIBUTION, KINDS, [1, 8], CHANGES)
    every = [finding(m, d, k, n, c, views=("CC", "ML")) for m, d, k, n, c in axes]
    return [(facts, mode, assess_finding(facts, mode)) for facts in every for mode in MODES]


def grows(facts: FindingFacts) -> bool:
    return facts.change is not None and bool(INCREASING.intersection(facts.change.status))


def test_screening_gives_2_or_0_and_nothing_else(atypical: list[Assessed], typical: list[Assessed]) -> None:
    given_ = {a.category for _, mode, a in atypical + typical if mode == "screening"}
    assert given_ == {"0", "2"}


def test_typical_kinds_are_benign_whatever_else_is_said(typical: list[Assessed]) -> None:
    assert {a.category for _, _, a in typical} == {"2"}


def test_milk_of_calcium_is_not_proved_by_an_mlo() -> None:
    for mode in MODES:
        for views in [("CC", "MLO"), ("MLO",), ("CC",)]:
            unproved = finding("amorphous", "grouped", "milk_of_calcium", views=views)
            assert assess_finding(unproved, mode).category == "0"


def test_a_suspicious_shape_is_never_below_4A(atypical: list[Assessed]) -> None:
    seen = {
        a.category for f, mode, a in atypical if mode == "diagnostic" and f.morphology in SUSPICIOUS
    }  # fmt: skip
    assert seen == {*FOUR, "5"}


def test_suspicious_shapes_are_recalled_from_screening(atypical: list[Assessed]) -> None:
    assert {a.category for f, m, a in atypical if m == "screening" and f.morphology in SUSPICIOUS} == {"0"}


def test_category_5_needs_the_shape_and_the_distribution(atypical: list[Assessed]) -> None:
    fives = [f for f, _, a in atypical if a.category == "5"]
    assert fives
    assert {f.morphology for f in fives} == {"fine_linear", "fine_linear_branching"}
    assert {f.distribution for f in fives} == DUCTAL
    assert all(f.count >= 5 for f in fives)


def test_category_3_is_a_solitary_worked_up_group_of_round_specks_that_does_not_grow(
    atypical: list[Assessed],
) -> None:
    threes = [(f, a) for f, _, a in atypical if a.category == "3"]
    assert threes
    for f, a in threes:
        assert f.morphology in SMALL_ROUND
        assert f.distribution not in DUCTAL
        assert f.solitary
        assert f.fully_worked_up
        assert not grows(f)
        assert f.count > 1
        assert a.malignancy is None


def is_group(facts: FindingFacts) -> bool:
    """A group, or fewer that are a finding; single calcifications apart from one another are none."""
    return facts.count > 1 and facts.distribution is not None


def test_a_new_or_increasing_group_is_at_least_4A_or_recalled(atypical: list[Assessed]) -> None:
    for f, mode, a in atypical:
        if grows(f) and is_group(f):
            recalled = mode == "screening" or f.morphology in (None, "not_assessable")
            assert a.category in (["0"] if recalled else [*FOUR, "5"]), f


def test_round_specks_in_a_line_or_segment_are_at_least_4A(atypical: list[Assessed]) -> None:
    for f, mode, a in atypical:
        if f.morphology in SMALL_ROUND and f.distribution in DUCTAL and f.count > 1:
            assert a.category in (["0"] if mode == "screening" else FOUR)


def test_a_shape_that_cannot_be_judged_never_gets_a_final_category(atypical: list[Assessed]) -> None:
    for f, _, a in atypical:
        grouped = f.count > 1 and f.distribution is not None
        if f.morphology in (None, "not_assessable") and grouped:
            assert a.category == "0"
            assert a.provisional_suspicion in {"undetermined", "at least low"}


def test_stability_lowers_nothing_but_category_3(atypical: list[Assessed]) -> None:
    without = {key(f, mode): a.category for f, mode, a in atypical if f.change is None}
    order = lexicon.categories().overall_order.index
    for f, mode, a in atypical:
        if f.change is not None and f.change.status[0] in {"unchanged", "fewer"}:
            before = without[key(f, mode)]
            lowered = order(a.category) > order(before)
            if lowered:
                assert f.morphology in SMALL_ROUND
                assert f.distribution not in DUCTAL
                assert f.change == ChangeFacts(("unchanged",), 3.0)
                assert a.category == "2"


def key(f: FindingFacts, mode: Mode) -> tuple[object, ...]:
    """Everything but the comparison."""
    return (f.morphology, f.distribution, f.count, f.fully_worked_up, f.solitary, f.bilateral, mode)


def test_growth_never_lowers(atypical: list[Assessed]) -> None:
    without = {key(f, mode): a.category for f, mode, a in atypical if f.change is None}
    order = lexicon.categories().overall_order.index
    for f, mode, a in atypical:
        if grows(f):
            assert order(a.category) <= order(without[key(f, mode)])


def test_linear_and_segmental_raise_and_diffuse_lowers(atypical: list[Assessed]) -> None:
    worked_up = {
        (f.morphology, f.distribution): a.category
        for f, mode, a in atypical
        if mode == "diagnostic" and f.fully_worked_up and f.change is None and f.count == 8 and f.solitary
        and not f.bilateral
    }  # fmt: skip
    order = lexicon.categories().overall_order.index
    for shape in SUSPICIOUS | SMALL_ROUND:
        grouped = order(worked_up[shape, "grouped"])
        assert order(worked_up[shape, "linear"]) < grouped
        assert order(worked_up[shape, "segmental"]) < grouped
        assert order(worked_up[shape, "diffuse"]) > grouped


def test_round_specks_diffuse_in_both_breasts_are_benign(atypical: list[Assessed]) -> None:
    for f, _, a in atypical:
        if f.morphology in SMALL_ROUND and f.distribution == "diffuse" and f.bilateral and not grows(f):
            assert a.category == "2"


def test_a_group_of_round_specks_is_recalled_from_screening(atypical: list[Assessed]) -> None:
    for f, mode, a in atypical:
        if f.morphology in SMALL_ROUND and f.distribution in {"grouped", "regional"} and f.count > 1:
            assert mode == "diagnostic" or a.category == "0"


def test_a_probability_is_given_only_after_work_up_and_says_what_it_is_calibrated_on(
    atypical: list[Assessed], typical: list[Assessed]
) -> None:
    given_ = [(f, mode, a) for f, mode, a in atypical + typical if a.malignancy]
    assert given_
    for f, mode, a in given_:
        assert mode == "diagnostic"
        assert f.fully_worked_up
        assert a.category in [*FOUR, "5"]
        assert a.malignancy is not None
        assert 0 < a.malignancy.low < a.malignancy.probability < a.malignancy.high < 1
        assert "calibrated on the CBIS-DDSM training table" in a.malignancy.note
        assert "calibrated on the CBIS-DDSM training table" in a.sentence


def test_the_probability_stays_within_4A_to_4C_and_never_lowers(atypical: list[Assessed]) -> None:
    order = lexicon.categories().overall_order.index
    for f, mode, a in atypical:
        if mode == "screening":
            continue
        sceptic = assess_finding(f, mode, AssessSettings(prevalence=0.001)).category
        alarmist = assess_finding(f, mode, AssessSettings(prevalence=0.999)).category
        assert order(alarmist) <= order(a.category) <= order(sceptic)
        if sceptic != alarmist:
            assert sceptic in FOUR
            assert alarmist in FOUR


def test_every_assessment_says_why_from_a_known_source(
    atypical: list[Assessed], typical: list[Assessed]
) -> None:
    known = {lexicon.cite([name], verified=sure) for name in lexicon.sources() for sure in (True, False)}
    for _, _, a in atypical + typical:
        assert a.reasons
        for reason in a.reasons:
            assert reason.rule in lexicon.rules()
            assert "{" not in reason.text
            assert set(reason.source.split("; ")) <= known
        assert a.basis == lexicon.rules()[a.reasons[-1].rule].basis


def test_incomplete_assessments_and_no_others_carry_a_provisional_suspicion(
    atypical: list[Assessed], typical: list[Assessed]
) -> None:
    for _, _, a in atypical + typical:
        assert (a.category == "0") == (a.provisional_suspicion is not None)


def test_the_next_step_follows_from_the_category(atypical: list[Assessed], typical: list[Assessed]) -> None:
    expected = {"0": "magnification_views", "2": "routine", "3": "short_interval"}
    for _, _, a in atypical + typical:
        assert a.next_step.code == expected.get(a.category, "biopsy")
        assert a.next_step.text in a.sentence
        assert a.next_step.due_days > 0


statuses = st.lists(st.sampled_from(sorted(lexicon.terms().change)), min_size=1, max_size=3, unique=True)
changes = st.none() | st.builds(
    ChangeFacts, status=statuses.map(tuple), years=st.floats(0.1, 12)
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    morphology=st.sampled_from(MORPHOLOGY),
    distribution=st.sampled_from(DISTRIBUTION),
    kind=st.none() | st.sampled_from(sorted(lexicon.terms().typical_kinds)),
    count=st.integers(1, 200),
    change=changes,
    worked_up=st.booleans(),
    solitary=st.booleans(),
    bilateral=st.booleans(),
    mode=st.sampled_from(MODES),
)
def test_any_finding_gets_a_category_of_its_mode_and_a_whole_paragraph(
    morphology: str | None, distribution: str | None, kind: str | None, count: int,
    change: ChangeFacts | None, worked_up: bool, solitary: bool, bilateral: bool, mode: Mode,
) -> None:  # fmt: skip
    facts = finding(morphology, distribution, kind, count, change, worked_up, solitary, bilateral)
    a = assess_finding(facts, mode)
    assert a.category in ({"0", "2"} if mode == "screening" else {"0", "2", "3", *FOUR, "5"})
    assert a.sentence.startswith(a.sentence[0].upper())
    assert a.sentence.endswith(".")
    for flaw in ("  ", "{", "None", " ,", "..", " ."):
        assert flaw not in a.sentence


@pytest.mark.parametrize("status", sorted(INCREASING))
def test_each_way_of_growing_counts(status: str) -> None:
    grown = finding("punctate", "grouped", change=ChangeFacts((status,), 3.0))
    assert assess_finding(grown, "diagnostic").category in FOUR


@pytest.mark.parametrize("status", ["fewer", "smaller", "unchanged", "resolved"])
def test_nothing_else_does(status: str) -> None:
    calm = finding("punctate", "grouped", change=ChangeFacts((status,), 1.0))
    assert assess_finding(calm, "diagnostic").category == "3"

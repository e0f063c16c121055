"""No text promises, diagnoses or contradicts the signed report, in any language, for any result."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from every_result import BIOPSIES, DUE, EXAM, FORMS, SPOT, after, explained, finding, name, result
from hypothesis import given, settings
from hypothesis import strategies as st

from calcscope import lexicon
from calcscope.server import languages
from calcscope.server.patients.explaining import SECTIONS, Explanation, composition, explain, odds_of
from calcscope.server.patients.facts import BiopsyFact, FindingFact, Place, ResultFacts, StepFact
from calcscope.server.patients.passages import load
from calcscope.server.patients.profiles import Contact

LANGUAGES = sorted(languages.available())
CLAIMS: dict[str, dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "claims.yaml").read_text(encoding="utf-8")
)
every_language = pytest.mark.parametrize("language", LANGUAGES)


def says(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE) is not None


def of(explanation: Explanation, *names: str) -> str:
    return "\n".join(each.text for each in explanation.sections if each.id in names)


def whole(explanation: Explanation) -> str:
    """Everything that a woman reads, the texts of the drawings too."""
    figures = [each.figure.text for each in explanation.sections if each.figure]
    return "\n".join([explanation.text, *figures])


def mandated(explanation: Explanation) -> bool:
    return any(load(explanation.language)[each.id].mandated for each in explanation.passages)


# --- promises and diagnoses -----------------------------------------------------------------------------


@every_language
def test_nothing_promises_or_diagnoses(language: str) -> None:
    claims = CLAIMS[language]
    for facts, explanation in explained(language):
        text = whole(explanation)
        for word in claims["never"]:
            assert not says(word["pattern"], text), (name(facts), word["pattern"])
        for word in claims["only"]:
            if explanation.situation not in word["in"]:
                assert not says(word["pattern"], text), (name(facts), word["pattern"])


@every_language
def test_no_passage_promises_or_diagnoses_by_itself(language: str) -> None:
    for passage in load(language):
        if passage.mandated or passage.id == "words":
            continue
        for word in CLAIMS[language]["never"]:
            assert not says(word["pattern"], passage.text), (passage.id, word["pattern"])


@every_language
def test_what_must_never_be_said_would_be_caught(language: str) -> None:
    for word in CLAIMS[language]["never"] + CLAIMS[language]["only"]:
        assert says(word["pattern"], word["example"]), word
    assert set(CLAIMS) == set(LANGUAGES)


# --- the report and nothing else ------------------------------------------------------------------------


@every_language
def test_the_words_are_those_of_the_category_or_of_the_sample(language: str) -> None:
    claims = CLAIMS[language]
    for facts, explanation in explained(language):
        situation, what = explanation.situation, of(explanation, "what_it_is")
        biopsy = facts.biopsies[0] if facts.biopsies else None
        assert situation == (facts.overall if biopsy is None else situation), name(facts)
        assert says(claims["harmless"], what) == (situation in ("2", "after_benign")), name(facts)
        assert says(claims["almost_harmless"], what) == (situation == "3"), name(facts)
        assert says(claims["more_pictures"], what) == (situation == "0"), name(facts)
        expected = {"benign", "high_risk"} if biopsy else set()
        assert says(claims["no_cancer_in_sample"], what) == bool(biopsy and biopsy.result in expected)
        assert says(claims["dcis"], what) == bool(biopsy and biopsy.result == "dcis")
        assert says(claims["invasive"], what) == bool(biopsy and biopsy.result == "invasive")
        if biopsy and biopsy.result in ("dcis", "invasive"):
            assert not says(claims["harmless"], explanation.text), name(facts)
            assert not says(claims["no_cancer_in_sample"], explanation.text), name(facts)


@every_language
def test_a_harmless_cause_is_told_of_a_harmless_finding_only(language: str) -> None:
    causes = {f"is_{each}" for each in (*lexicon.terms().typical_kinds, "scattered", "single", "other")}
    for facts, explanation in explained(language):
        used = {each.id for each in explanation.passages} & causes
        assert bool(used) == (explanation.situation == "2"), name(facts)
        if facts.findings and facts.findings[0].kind:
            assert used == {f"is_{facts.findings[0].kind}"}


@every_language
@pytest.mark.parametrize("side", ["L", "R"])
def test_the_side_is_the_report_s(language: str, side: str) -> None:
    sides = CLAIMS[language]["sides"]
    own, other = sides[side], sides["R" if side == "L" else "L"]
    for category in ("0", "2", "3", "4A", "4B", "4C", "5", "6"):
        for form in FORMS:
            one = finding(category, form, side=side)
            versions = [result(one)]
            if category in ("4A", "5"):
                versions += [after(one, **each) for each in BIOPSIES]
            for facts in versions:
                explanation = explain(facts, language)
                assert says(own, of(explanation, "found")), name(facts)
                # The drawing's caption says which is which; nothing else names the other breast.
                assert not says(other, explanation.text), name(facts)


@every_language
def test_every_day_in_the_text_is_one_of_the_report_s(language: str) -> None:
    texts = load(language)
    months = "|".join(texts.word(f"month.{month}") for month in range(1, 13))
    days = re.compile(rf"\b\d{{1,2}} (?:de )?(?:{months}) (?:de )?\d{{4}}")
    for facts, explanation in explained(language):
        told = [step for step in facts.steps if step.code in composition().steps]
        expected = {texts.date(EXAM)} | {texts.date(step.due) for step in told if step.due}
        assert set(days.findall(explanation.text)) == expected, name(facts)


@every_language
def test_what_happens_next_is_the_report_s_steps(language: str) -> None:
    words = CLAIMS[language]["steps"]
    parts = composition().steps
    assert set(words) == set(parts)
    for facts, explanation in explained(language):
        codes = {step.code for step in facts.steps if step.code in parts}
        text = of(explanation, "next")
        said = {words[code] for code in words if says(words[code], text)}
        assert said == {words[code] for code in codes}, name(facts)
        used = {each.id for each in explanation.passages}
        assert ("how_biopsy" in used) == ("biopsy" in codes), name(facts)
        assert ("how_magnification" in used) == ("magnification_views" in codes), name(facts)
        assert ("prepare_mammogram" in used) == any(parts[code].prepare for code in codes), name(facts)


@every_language
@pytest.mark.parametrize("code", sorted(composition().steps))
def test_each_step_is_told_in_its_own_words_by_its_day(language: str, code: str) -> None:
    words = CLAIMS[language]["steps"]
    steps = (StepFact(code=code, side="R", due=DUE),)
    text = of(explain(result(finding("4A", "group", side="R"), steps=steps), language), "next")
    assert says(words[code], text), text
    assert load(language).date(DUE) in text
    late = explain(result(steps=steps), language, today=DUE + timedelta(days=1))
    assert load(language).word("when.overdue") in of(late, "next")
    assert load(language).date(DUE) not in of(late, "next")
    assert load(language).date(DUE) in of(explain(result(steps=steps), language, today=DUE), "next")
    undated = explain(result(steps=(StepFact(code=code, side="R"),)), language)
    assert load(language).word("when.unknown") in of(undated, "next")


@every_language
def test_the_odds_are_those_published_in_whole_women_with_their_source(language: str) -> None:
    bands = lexicon.categories().categories
    for facts, explanation in explained(language):
        text = of(explanation, "odds")
        assert text, name(facts)
        assert not re.search(r"\d[.,]\d", text), text
        odds = explanation.odds
        if odds is None:
            assert not re.search(r"\d", text), name(facts)
            continue
        assert f"{odds.of}" in text
        assert lexicon.sources()[odds.source].short in text
        assert lexicon.sources()[odds.source].reference in explanation.section("odds").sources
        if not facts.biopsies and (band := bands[facts.overall].band):
            assert (odds.low, odds.high) == (round(band.low * 100), round(band.high * 100))
            assert f"BI-RADS {facts.overall}" in text
            shown = {"at_most": [odds.high], "at_least": [odds.low]}.get(odds.bound, [odds.low, odds.high])
            assert all(re.search(rf"\b{number}\b", text) for number in shown), text
        named = set(re.findall(r"BI-RADS (\d\w?)", explanation.text))
        assert named <= {facts.overall}


def test_odds_are_rounded_outwards() -> None:
    assert (odds_of("after_recall").low, odds_of("after_recall").high) == (4, 5)
    assert (odds_of("after_clear_screening").high, odds_of("after_clear_screening").of) == (1, 1000)
    assert odds_of("after_clear_screening").bound == odds_of("after_benign_biopsy").bound == "fewer"
    assert odds_of("3").bound == "at_most"
    assert odds_of("5").bound == "at_least"


def test_figures_that_no_longer_fit_their_sentence_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    known = lexicon.patient()
    more = known.odds["after_clear_screening"].model_copy(update={"value": 2.5, "low": 2.0, "high": 3.0})
    changed = known.model_copy(update={"odds": {**known.odds, "after_clear_screening": more}})
    monkeypatch.setattr(lexicon, "patient", lambda: changed)
    with pytest.raises(Exception, match="the odds after_clear_screening are between 2 and 3; expected fewer"):
        explain(result(mode="screening"), "en")


def test_odds_of_screening_are_not_told_after_a_work_up() -> None:
    assert explain(result(mode="screening"), "en").odds is not None
    assert explain(result(mode="diagnostic"), "en").odds is None
    assert explain(result(finding("0", "group"), mode="diagnostic"), "en").odds is None


# --- several findings -----------------------------------------------------------------------------------


@every_language
def test_the_most_pressing_comes_first_and_the_rest_is_named(language: str) -> None:
    texts = load(language)
    facts = result(
        finding("4B", "line", side="R", place=Place(quadrant="lower_inner")),
        finding("3", "group", id="f2"),
        finding("2", "single", "skin", id="f3"),
        finding("2", "single", "skin", id="f4"),
        finding("2", "scattered", id="f5", side="R"),
        finding("2", "scattered", id="f6"),
    )
    explanation = explain(facts, language)
    items = explanation.section("found").items
    assert explanation.situation == "4B"
    assert len(items) == 4
    assert texts.word("what.line", count=texts.word("count.about", n=25)) in items[0]
    assert says(CLAIMS[language]["sides"]["R"], items[0])
    assert texts.word("verdict.4") in items[0]
    assert texts.word("verdict.3") in items[1]
    assert texts.word("kind.skin") in items[2]
    assert texts.word("side_in.both").casefold() in items[3].casefold()
    assert all(item[0].isupper() for item in items)


@every_language
def test_after_two_biopsies_the_worse_one_leads(language: str) -> None:
    facts = result(
        finding("4B", "group"), finding("4A", "group", id="f2", side="R"),
        biopsies=(
            BiopsyFact(side="L", result="benign", concordant=True, findings=("f1",)),
            BiopsyFact(side="R", result="dcis", concordant=True, findings=("f2",)),
        ),
        steps=(StepFact(code="referral", side="R", due=DUE),),
    )  # fmt: skip
    explanation = explain(facts, language)
    assert explanation.situation == "after_dcis"
    texts = load(language)
    assert [
        texts.word(f"verdict.after_{each}") in item
        for each, item in zip(("dcis", "benign"), explanation.section("found").items, strict=True)
    ] == [True, True]


def test_a_finding_that_waits_for_its_biopsy_outweighs_a_benign_one() -> None:
    facts = result(
        finding("4A", "group"),
        finding("5", "line", id="f2"),
        biopsies=(BiopsyFact(side="L", result="benign", concordant=True, findings=("f1",)),),
    )
    assert explain(facts, "en").situation == "5"


def test_a_biopsy_of_a_side_answers_for_what_was_sampled_there_and_nothing_else() -> None:
    facts = result(
        finding("4A", "group"),
        finding("3", "group", id="f2"),
        finding("2", "single", "skin", id="f3"),
        biopsies=(BiopsyFact(side="L", result="benign", concordant=True),),
    )
    verdicts = explain(facts, "en").section("found").items
    assert [item.split(". ")[-1] for item in verdicts] == [
        "This is almost certainly harmless.", "The sample showed no cancer.", "This is harmless.",
    ]  # fmt: skip


PLACES = st.builds(
    Place,
    quadrant=st.sampled_from([None, *lexicon.terms().quadrants]),
    half=st.sampled_from([None, *lexicon.terms().halves]),
    clock=st.none() | st.integers(1, 12),
)
CATEGORIES = st.sampled_from(["0", "1", "2", "3", "4A", "4B", "4C", "5", "6"])


@st.composite
def findings(draw: st.DrawFn) -> FindingFact:
    category = draw(CATEGORIES)
    kind = draw(st.sampled_from([None, *lexicon.terms().typical_kinds])) if category == "2" else None
    return FindingFact(
        id=f"f{draw(st.integers(0, 10**6))}", side=draw(st.sampled_from("LR")), place=draw(PLACES),
        form=draw(st.sampled_from(FORMS)), kind=kind, count=draw(st.integers(1, 400)), category=category,
    )  # fmt: skip


@st.composite
def results(draw: st.DrawFn) -> ResultFacts:
    several = draw(st.lists(findings(), max_size=6, unique_by=lambda each: each.id))
    steps = draw(
        st.lists(
            st.builds(
                StepFact,
                code=st.sampled_from(sorted(lexicon.chains().steps)),
                side=st.sampled_from([None, "L", "R"]),
                due=st.none() | st.dates(date(2026, 1, 1), date(2030, 1, 1)),
            ),
            max_size=3,
        )
    )
    biopsies = draw(
        st.lists(
            st.builds(
                BiopsyFact,
                side=st.sampled_from("LR"),
                result=st.sampled_from(["benign", "high_risk", "dcis", "invasive", "insufficient"]),
                concordant=st.sampled_from([None, True, False]),
            ),
            max_size=2,
        )
    )
    return result(
        *several, overall=None if several else draw(CATEGORIES), steps=tuple(steps),
        biopsies=tuple(biopsies), mode=draw(st.sampled_from(["screening", "diagnostic"])),
        exam_date=draw(st.sampled_from([None, EXAM])), density=draw(st.sampled_from([None, *"abcd"])),
    )  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(results(), st.sampled_from(LANGUAGES), st.sampled_from(["none", "us"]))
def test_any_result_can_be_explained(facts: ResultFacts, language: str, profile: str) -> None:
    explanation = explain(facts, language, profile)
    names = [each.id for each in explanation.sections]
    assert names == [each for each in SECTIONS if each in names]
    assert {"found", "what_it_is", "odds", "next", "questions", "whom_to_call", "emergency"} <= set(names)
    assert not re.search(r"[{}]|\bNone\b|  |\.\.", explanation.text), explanation.text
    assert {each.id for each in explanation.passages} >= {"words", "emergency"}
    situations = list(composition().situations)
    for each in facts.findings:
        biopsy = facts.biopsy_of(each)
        if biopsy is None:
            assert situations.index(explanation.situation) <= situations.index(each.category)
    worst = [each for each in facts.biopsies if each.result == "invasive"]
    assert (explanation.situation == "after_invasive") == bool(worst) or facts.findings
    lone = [word["pattern"] for word in CLAIMS[language]["never"]]
    if not mandated(explanation):
        assert not any(says(pattern, explanation.text) for pattern in lone)


# --- what stands around it ------------------------------------------------------------------------------


@every_language
def test_she_is_told_whom_to_call_and_that_this_is_not_for_emergencies(language: str) -> None:
    contact = Contact(name="Riverside Breast Clinic", phone="555 0100", email="a@b.example")
    explanation = explain(result(finding("4A", "group")), language, contact=contact)
    call = of(explanation, "whom_to_call")
    assert "Riverside Breast Clinic" in call
    assert "555 0100" in call
    assert explanation.sections[-1].id == "emergency"
    by_mail = explain(result(), language, contact=Contact(name="Riverside", email="a@b.example"))
    assert "a@b.example" in of(by_mail, "whom_to_call")
    assert of(explain(result(), language, contact=Contact(name="Riverside")), "whom_to_call")


@every_language
def test_preparing_names_deodorant_cream_powder_and_metal(language: str) -> None:
    words = {
        "en": ("deodorant", "cream", "powder", "metal"), "es": ("desodorante", "crema", "polvos", "metal"),
        "tr": ("deodorant", "krem", "pudra", "metal"),
    }[language]  # fmt: skip
    for code in ("magnification_views", "biopsy", "short_interval", "routine", "follow_up_6_months"):
        steps = (StepFact(code=code, side="L", due=DUE),)
        text = of(explain(result(finding("4A", "group"), steps=steps), language), "prepare")
        assert all(word in text for word in words)


def test_one_breast_alone_is_said() -> None:
    explanation = explain(result(finding("2", "single", "skin"), sides=("L",)), "en")
    assert "Only your left breast was looked at this time." in explanation.text


def test_counts_are_exact_when_small_and_about_when_not() -> None:
    said = {n: of(explain(result(finding("3", "group", count=n)), "en"), "found") for n in (7, 23, 88, 260)}
    assert [re.search(r"group of (.*) tiny", text)[1] for text in said.values()] == [
        "7", "about 25", "about 90", "about 250",
    ]  # fmt: skip


def test_an_appointment_is_named() -> None:
    steps = (StepFact(code="biopsy", side="L", due=DUE, appointment=date(2026, 3, 9)),)
    text = of(explain(result(finding("4A", "group"), steps=steps), "en"), "next")
    assert "You have an appointment for this on 9 March 2026." in text


def test_while_the_doctors_compare_she_is_told_that_she_will_hear() -> None:
    told = after(finding("4A", "group"), result="benign", concordant=None)
    assert "You will hear from them." in of(explain(told, "en"), "next")


def test_follow_up_of_category_3_names_its_later_visits() -> None:
    assert "12 and 24 months" in of(explain(result(finding("3", "group")), "en"), "next")
    assert "12 ve 24 ay" in of(explain(result(finding("3", "group")), "tr"), "next")


def test_a_benign_cause_needs_a_benign_category() -> None:
    with pytest.raises(ValueError, match="found kind 'skin' with category 4A; expected 2"):
        FindingFact(id="f1", side="L", place=SPOT, form="single", kind="skin", count=1, category="4A")

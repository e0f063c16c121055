"""How plain a text is: the formula of its language, and the syllables that it counts.

Words are runs of letters; a number is a word with a syllable for each digit. A sentence ends with its full
stop, question or exclamation mark, or with its paragraph; a heading and an item of a list are paragraphs of
their own. This module knows nothing of Django.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from calcscope.server.languages import Language, available


class Formula(BaseModel):
    """A readability formula, linear in syllables per word and words per sentence.

    Parameters
    ----------
    syllables : name of the counter that fits the language it was made for
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    constant: float
    per_word: float
    per_sentence: float
    syllables: str
    source: str
    verified: bool

    def score(self, words: int, sentences: int, syllables: int) -> float:
        """The score of a text with so many words, sentences and syllables; of one without words it is NaN."""
        if not words:
            return float("nan")
        return self.constant + self.per_word * syllables / words + self.per_sentence * words / sentences


@dataclass(frozen=True)
class Measured:
    """A text as its formula sees it; `plain` where it reaches the limit of its language."""

    score: float
    words: int
    sentences: int
    syllables: int
    plain: bool


@cache
def formulas() -> dict[str, Formula]:
    """The formulas by their name."""
    path = Path(__file__).parent / "readability.yaml"
    stated = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {name: Formula(**formula) for name, formula in stated.items()}


def measure(text: str, language: str | Language) -> Measured:
    """How plain a text is by the formula of its language.

    Raises
    ------
    ValueError : for a language that is not there, or one with an unknown formula
    """
    known = available()
    if isinstance(language, str):
        if language not in known:
            raise ValueError(f"found the language {language!r}; expected one of {', '.join(known)}")
        language = known[language]
    wanted = language.readability
    if wanted.formula not in formulas():
        raise ValueError(
            f"{language.code}: found the formula {wanted.formula!r}; expected one of {', '.join(formulas())}"
        )
    formula = formulas()[wanted.formula]
    parts = [found for each in sentences(text) if (found := words_of(each))]
    count = COUNTERS[formula.syllables]
    words = sum(map(len, parts))
    syllables = sum(count(word) for found in parts for word in found)
    score = formula.score(words, len(parts), syllables)
    plain = score <= wanted.limit if wanted.easier == "lower" else score >= wanted.limit
    return Measured(score, words, len(parts), syllables, plain)


def sentences(text: str) -> list[str]:
    """The sentences of a text."""
    paragraphs = re.split(r"\n\s*\n|\n(?=\s*(?:[-*#]|\d+\.)\s)|(?<=:)\n", text)
    ends = re.compile(r"(?<=[.!?…])[\"'»”)]*\s+")
    return [each for paragraph in paragraphs for each in ends.split(" ".join(paragraph.split())) if each]


def words_of(text: str) -> list[str]:
    """The words of a text; a hyphen parts words, an apostrophe does not."""
    return re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+", text)


# --- syllables ------------------------------------------------------------------------------------------


@cache
def english(word: str) -> int:
    """Syllables of an English word by its spelling; words that break the rules stand in ``IRREGULAR``."""
    word = re.sub(r"['’](s|t|m|d|ll|re|ve)$", "", word.lower())
    if word.isdigit():
        return len(word)
    if word.upper() in SPELT:
        return SPELT[word.upper()]
    for ending in ("", "s", "es", "ed", "ing"):
        stem = word.removesuffix(ending) if ending else word
        if stem in IRREGULAR and (not ending or stem != word):
            more = ending in ("es", "ing") or (ending == "ed" and stem[-1:] in "td")
            return IRREGULAR[stem] + more
    count = len(re.findall(r"[aeiouy]+", word))
    count += len(re.findall(APART, word))
    if re.search(r"[^aeiouy]e$", word) and not re.search(r"[^aeiouylr]le$", word):
        count -= 1  # silent e
    if re.search(r"[^aeiouytd]ed$", word) and not re.search(r"[^aeiouylr]led$", word):
        count -= 1  # "pressed", but not "needed"
    if re.search(r"[^aeiouyszxgc]es$", word) and not re.search(r"(sh|ch|[^aeiouylr]l)es$", word):
        count -= 1  # "plates", but not "dishes"
    if re.search(r"(?<![^aeiouylr]l)(?<=[^aeiou])e(ly|ful|less|ment|ments)$", word):
        count -= 1  # "safely"
    return max(count, 1)


APART = (
    r"(?<![ctgs])ia|(?<![ctgsxnl])io|(?<![gq])ua(?=[ltr])|(?<!g)eo(?!us)|iu|(?<!g)ui(?=d)|uou"
    r"|ie(?=r$|st$)|(?<![ct])ie(?=t|n[ct])"
)
"""Two vowels that are spoken apart, as in "radiation" (where the i-o of -tion is one), "fluid", "easier"."""

SPELT = {"DCIS": 4, "X": 1, "BI": 1, "RADS": 1, "MQSA": 4, "FDA": 3, "MRI": 3, "USA": 3, "BRCA": 3}
"""Abbreviations as they are read."""

IRREGULAR = {
    "biopsy": 3, "biopsie": 3, "being": 2, "area": 3, "idea": 3, "every": 2, "different": 3, "early": 2,
    "earlier": 3, "earliest": 3, "people": 2, "someone": 2, "something": 2, "sometime": 2, "whatever": 3,
    "everything": 3, "atlas": 2, "chemotherapy": 5, "once": 1, "done": 1, "one": 1, "none": 1, "two": 1,
    "business": 2, "evening": 2, "woman": 2, "women": 2, "science": 2, "quiet": 2, "diet": 2, "real": 1,
    "really": 2, "trial": 2, "special": 2, "specialist": 3, "usual": 3, "usually": 4, "useful": 2,
    "somewhere": 2, "therefore": 2, "scientific": 4, "radiologist": 5, "radiology": 5, "cysts": 1,
    "fibroadenoma": 6, "hormone": 2, "moment": 2, "behavior": 3, "doing": 2, "going": 2, "seeing": 2,
    "reaction": 3, "create": 2, "area's": 3, "via": 2, "medicine": 3, "breathe": 1, "whole": 1, "lonely": 2,
    "anyone": 3, "others": 2, "side": 1, "outside": 2, "inside": 2, "family": 3, "several": 3, "interest": 3,
    "general": 3, "camera": 3, "average": 3, "separate": 3, "prefer": 2, "comfortable": 4, "vegetable": 4,
    "serious": 3, "safety": 2, "pacemaker": 3, "somebody": 3, "diabetes": 4, "mayo": 2, "jagged": 2,
    "surgeon": 2, "opinion": 3,
    "previous": 3, "various": 3, "period": 3, "material": 4, "experience": 4, "bacteria": 4,
}  # fmt: skip
"""Words that the rules below get wrong, and some that are said in more ways than one."""


@cache
def spanish(word: str) -> int:
    """Syllables of a Spanish word: vowel groups, parted where two strong or an accented weak vowel meet."""
    word = word.lower()
    if word.isdigit():
        return len(word)
    word = re.sub(r"qu(?=[eiéí])", "q", word)
    word = re.sub(r"gu(?=[eiéí])", "g", word)
    word = re.sub(r"y(?=[aeiouáéíóúü])", "j", word).replace("y", "i")
    strong, accented, weak = "aeoáéó", "íú", "iuü"
    count, before = 0, ""
    for letter in word:
        if letter in strong:
            count += before not in weak or not before
        elif letter in accented:
            count += before not in weak or not before  # "país" has two, "cuídese" three
        elif letter in weak:
            # A weak vowel joins any vowel before it that is not accented itself.
            count += not (before and (before in strong or before in weak))
        before = letter if letter in strong + accented + weak else ""
    return max(count, 1)


@cache
def turkish(word: str) -> int:
    """Syllables of a Turkish word: one for each vowel."""
    if word.isdigit():
        return len(word)
    return max(sum(letter in "aeıioöuüâîû" for letter in word.replace("İ", "i").replace("I", "ı").lower()), 1)


COUNTERS: dict[str, Callable[[str], int]] = {"english": english, "spanish": spanish, "turkish": turkish}
"""By the name that a formula gives."""

"""The fixed passages from which a woman's explanation is put together, in one language each.

A passage is a text with placeholders such as ``{date}``. Whatever a woman reads of her result is a passage as
it stands here, with the placeholders filled: nothing is written by a program. Beside them is one passage of
small words, ``words``: places, dates, titles. This module knows nothing of Django.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from string import Formatter
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from calcscope import lexicon
from calcscope.errors import CalcscopeError
from calcscope.server import languages

WORDS = "words"
"""The passage that holds the small words."""


class PassageError(CalcscopeError):
    """The passages of a language are not as they should be; the message names what is wrong and where."""


class Passage(BaseModel):
    """A text that somebody at each site approves before any woman reads it.

    Parameters
    ----------
    id : the same in every language
    version : counted up with each change of the text
    reviewer, review_date : the clinician who checked it, and when; empty as shipped
    sources : the lexicon's identifiers of what it says; the same in every language
    text : paragraphs divided by empty lines; lines that begin with ``- `` are items of a list
    mandated : whether the wording is somebody else's, such as a law's, and no choice of ours
    note : for whoever approves it
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    version: int = Field(ge=1)
    reviewer: str
    review_date: date | None
    sources: tuple[str, ...] = ()
    text: str = Field(min_length=1)
    mandated: bool = False
    note: str = ""

    @property
    def sha256(self) -> str:
        """Of the text; an approval holds for this text and no other."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def reviewed(self) -> bool:
        """Whether a clinician has checked it."""
        return bool(self.reviewer and self.review_date)

    @property
    def placeholders(self) -> frozenset[str]:
        """Names of what is filled in."""
        return _placeholders(self.text)


class Passages:
    """All passages of a language.

    Parameters
    ----------
    language : its code
    passages : by their id, the small words among them
    words : the small words by their key, such as ``side_in.L``
    """

    def __init__(self, language: str, passages: Mapping[str, Passage], words: Mapping[str, str]) -> None:
        self.language = language
        self._passages = dict(passages)
        self._words = dict(words)

    def __getitem__(self, name: str) -> Passage:
        if name not in self._passages:
            raise PassageError(f"{self.language}: no passage {name!r}; add it to the folder passages")
        return self._passages[name]

    def __iter__(self) -> Iterator[Passage]:
        return iter(self._passages.values())

    @property
    def ids(self) -> frozenset[str]:
        """Of all passages."""
        return frozenset(self._passages)

    @property
    def words(self) -> Mapping[str, str]:
        """The small words by their key."""
        return self._words

    def word(self, key: str, **values: object) -> str:
        """A small word with its placeholders filled.

        Raises
        ------
        PassageError : for a word that is not there, or a placeholder that is left empty
        """
        if key not in self._words:
            raise PassageError(f"{self.language}: no word {key!r} in passages/words.yaml")
        return _fill(self._words[key], values, f"{self.language}: word {key}")

    def fill(self, name: str, **values: object) -> str:
        """The text of a passage with its placeholders filled; values it does not ask for are left aside.

        Raises
        ------
        PassageError : for a passage that is not there, or a placeholder that is left empty
        """
        return _fill(self[name].text, values, f"{self.language}: passage {name}")

    def date(self, day: date) -> str:
        """A day as it is written in the language."""
        return self.word("date", day=day.day, month=self.word(f"month.{day.month}"), year=day.year)

    def first_upper(self, text: str) -> str:
        """The text with a capital at its beginning, as the language writes it."""
        head = text[:1]
        return self._words.get(f"capital.{head}", head.upper()) + text[1:]


@cache
def load(language: str) -> Passages:
    """The passages of a language, checked against those of the source language.

    Raises
    ------
    PassageError : where the language is not there, one is missing, too many, or has other placeholders
    """
    known = languages.available()
    if language not in known:
        raise PassageError(f"found the language {language!r}; expected one of {', '.join(known)}")
    passages = _read(language)
    if language != languages.SOURCE:
        faults = faults_against(passages, load(languages.SOURCE))
        if faults:
            raise PassageError(f"{language}: " + "; ".join(faults))
    return passages


def faults_against(passages: Passages, source: Passages) -> list[str]:
    """What a language lacks, has too much of or says of other things than the source language."""
    faults = [f"passage {name} is missing" for name in sorted(source.ids - passages.ids)]
    faults += [f"passage {name} is not in {source.language}" for name in sorted(passages.ids - source.ids)]
    for name in sorted(source.ids & passages.ids):
        ours, theirs = passages[name], source[name]
        if name == WORDS:
            continue
        for what, found, expected in (
            ("placeholders", _plain(ours.placeholders), _plain(theirs.placeholders)),
            ("sources", frozenset(ours.sources), frozenset(theirs.sources)),
            ("mandated", ours.mandated, theirs.mandated),
            ("version", ours.version, theirs.version),
        ):
            if found != expected:
                faults.append(f"passage {name}: {what}: found {_shown(found)}; expected {_shown(expected)}")
    ours_words, their_words = passages.words, source.words
    faults += [f"word {key} is missing" for key in sorted(set(their_words) - set(ours_words))]
    faults += [
        f"word {key} is not in {source.language}"
        for key in sorted(set(ours_words) - set(their_words))
        if not key.startswith("capital.")
    ]
    for key in sorted(set(ours_words) & set(their_words)):
        found, expected = _placeholders(ours_words[key]), _placeholders(their_words[key])
        if _plain(found) != _plain(expected):
            faults.append(f"word {key} has the placeholders {_shown(found)}; expected {_shown(expected)}")
    return faults


@dataclass(frozen=True)
class Block:
    """A paragraph and the list that follows it, where there is one."""

    text: str
    items: tuple[str, ...] = ()


def blocks(text: str) -> list[Block]:
    """The paragraphs of a text with their lists; a line below an item goes on with it."""
    made: list[Block] = []
    for part in re.split(r"\n\s*\n", text.strip()):
        plain: list[str] = []
        items: list[str] = []
        for line in part.splitlines():
            if line.startswith("- "):
                items.append(line[2:].strip())
            elif items:
                items[-1] += " " + line.strip()
            else:
                plain.append(line.strip())
        if plain or not made:
            made.append(Block(" ".join(plain), tuple(items)))
        else:
            made[-1] = Block(made[-1].text, (*made[-1].items, *items))
    return made


SIDES = frozenset({"side_of", "side_in"})


def _plain(names: frozenset[str]) -> frozenset[str]:
    """Placeholders, with the two ways to say a side taken for one: a language uses the one that it needs."""
    return frozenset("side" if name in SIDES else name for name in names)


def _shown(value: object) -> str:
    return ", ".join(sorted(map(str, value))) or "none" if isinstance(value, frozenset) else str(value)


def _placeholders(text: str) -> frozenset[str]:
    return frozenset(name for _before, name, _spec, _how in Formatter().parse(text) if name is not None)


def _fill(text: str, values: Mapping[str, object], where: str) -> str:
    missing = sorted(name for name in _placeholders(text) if not str(values.get(name, "")).strip())
    if missing:
        raise PassageError(f"{where}: nothing to fill in for {', '.join(missing)}")
    return text.format_map({name: str(value) for name, value in values.items()})


def _read(language: str) -> Passages:
    folder = languages.available()[language].folder / "passages"
    passages: dict[str, Passage] = {}
    words: dict[str, str] = {}
    for path in sorted(folder.glob("*.yaml")):
        try:
            entries = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except yaml.YAMLError as error:
            raise PassageError(f"{path}: {error}") from error
        for name, entry in entries.items():
            if name in passages:
                raise PassageError(f"{path}: passage {name} is there twice; keep one")
            entry = {**entry, "review_date": entry.get("review_date") or None}
            entry["reviewer"] = entry.get("reviewer") or ""
            if name == WORDS:
                words = dict(_flat(entry.pop("words"), path.name))
                entry["text"] = "\n".join(f"{key} = {text}" for key, text in words.items())
            if "lexicon" in entry:
                entry["text"] = _of_lexicon(entry.pop("lexicon"))
            try:
                passages[name] = Passage(id=name, **{**entry, "text": entry.get("text", "").strip()})
            except (TypeError, ValidationError) as error:
                raise PassageError(f"{path}: passage {name}: {error}") from error
    if WORDS not in passages:
        raise PassageError(f"{folder}: no passage {WORDS!r}")
    return Passages(language, passages, words)


def _of_lexicon(path: str) -> str:
    """A sentence of ``patient.yaml``, so that it stands in one place only."""
    value: Any = lexicon.load("patient")
    for part in path.split("."):
        value = value[part]
    return str(value["text"] if isinstance(value, dict) else value)


def _flat(tree: Mapping[Any, Any], where: str, above: str = "") -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, where, f"{above}{key}.")
        elif isinstance(value, str) and value.strip():
            yield above + str(key), value.strip()
        else:
            raise PassageError(f"{where}: word {above}{key}: found {value!r}; expected a text")

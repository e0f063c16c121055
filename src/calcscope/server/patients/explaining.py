"""A woman's result in plain words: fixed passages, chosen by the signed report's facts and filled with them.

Which passages make which explanation stands in ``composition.yaml``. This module knows nothing of Django.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from calcscope import lexicon
from calcscope.report.model import Mode
from calcscope.server.patients.drawing import Drawing, Spot, breasts, icons, is_somewhere
from calcscope.server.patients.facts import BiopsyFact, FindingFact, ResultFacts, StepFact
from calcscope.server.patients.passages import WORDS, Block, Passage, PassageError, Passages, blocks, load
from calcscope.server.patients.profiles import NONE, Contact, Profile
from calcscope.server.patients.profiles import load as load_profile

SECTIONS = (
    "found", "how_common", "what_it_is", "what_it_is_not", "odds", "next", "how_it_goes", "treatment",
    "prepare", "questions", "whom_to_call", "density", "emergency",
)  # fmt: skip
"""The sections in their order; those without a text are left out."""

HARMLESS = ("1", "2")
"""The situations in which nothing is to be done but the usual mammogram."""

Bound = Literal["between", "fewer", "at_most", "at_least"]


# --- what is put together of what -----------------------------------------------------------------------


class Part(BaseModel):
    """Base of what ``composition.yaml`` says."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OddsPart(Part):
    """The passages of the odds, the figures that fill them, and whom they hold for."""

    of: str | None = None
    bound: Bound | None = None
    modes: tuple[Mode, ...] = ("screening", "diagnostic")
    passages: tuple[str, ...] = ()
    otherwise: str | None = None


class Situation(Part):
    """The passages that a situation adds."""

    how_common: tuple[str, ...] = ()
    what_it_is: tuple[str, ...]
    what_it_is_not: tuple[str, ...] = ()
    treatment: tuple[str, ...] = ()
    odds: OddsPart
    questions: str


class StepPart(Part):
    """The passages that a step adds."""

    next: str
    how: str | None = None
    prepare: tuple[str, ...] = ()


class Composition(Part):
    """``composition.yaml``; the most pressing situation first."""

    situations: dict[str, Situation]
    steps: dict[str, StepPart]


@cache
def composition() -> Composition:
    """What is put together of what."""
    path = Path(__file__).parent / "composition.yaml"
    return Composition.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


# --- what comes out -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Used:
    """A passage as it was used."""

    id: str
    version: int
    sha256: str
    reviewed: bool


@dataclass(frozen=True)
class Odds:
    """In how many of ``of`` women a cancer is found: between ``low`` and ``high``, whole women."""

    low: int
    high: int
    of: int
    bound: Bound
    source: str
    verified: bool


@dataclass(frozen=True)
class Section:
    """A section: paragraphs, each with the list that follows it, and a picture where there is one.

    ``passages`` are those it was made of, without the small words; ``sources`` the references behind it.
    """

    id: str
    title: str
    blocks: tuple[Block, ...]
    passages: tuple[Used, ...] = ()
    sources: tuple[str, ...] = ()
    figure: Drawing | None = None

    @property
    def text(self) -> str:
        """As plain text, without the title; an empty line between paragraphs."""
        return "\n\n".join(
            "\n".join([*filter(None, [block.text]), *(f"- {item}" for item in block.items)])
            for block in self.blocks
        )

    @property
    def paragraphs(self) -> tuple[str, ...]:
        """The paragraphs without the lists."""
        return tuple(block.text for block in self.blocks if block.text)

    @property
    def items(self) -> tuple[str, ...]:
        """The items of all lists."""
        return tuple(item for block in self.blocks for item in block.items)


@dataclass(frozen=True)
class Explanation:
    """A woman's result in plain words.

    Parameters
    ----------
    situation : a category, or what came of the biopsy, such as ``after_benign``
    passages : every passage used, the small words among them; each is approved before the text is shown
    """

    language: str
    profile: str
    situation: str
    sections: tuple[Section, ...]
    odds: Odds | None
    passages: tuple[Used, ...]

    def section(self, name: str) -> Section | None:
        """The section of that name, or None where it has no text."""
        return next((each for each in self.sections if each.id == name), None)

    @property
    def text(self) -> str:
        """As plain text, with the titles."""
        return "\n\n".join(f"{each.title}\n\n{each.text}" for each in self.sections)

    @property
    def reviewed(self) -> bool:
        """Whether a clinician has checked every passage of it."""
        return all(each.reviewed for each in self.passages)


def explain(
    facts: ResultFacts, language: str, profile: Profile | str = NONE, contact: Contact | None = None,
    today: date | None = None,
) -> Explanation:  # fmt: skip
    """A woman's result in plain words.

    Parameters
    ----------
    language : a code of :func:`calcscope.server.languages.available`
    profile : whose rules the text follows
    contact : whom she calls; the clinic where nothing is known of it
    today : a step that was due before is asked for as soon as possible; None: none was

    Raises
    ------
    PassageError : where a passage is missing in the language; there is no falling back to another
    """
    rules = load_profile(profile) if isinstance(profile, str) else profile
    return _Writer(facts, load(language), rules, contact or Contact(), today).write()


def situation_of(facts: ResultFacts) -> str:
    """The most pressing of what the findings and the biopsies come to."""
    found = {_situation(each, facts.biopsy_of(each)) for each in facts.findings}
    if facts.overall not in {each.category for each in facts.findings}:
        found.add(facts.overall)
    answered = {id(facts.biopsy_of(each)) for each in facts.findings}
    found |= {_after(each) for each in facts.biopsies if id(each) not in answered}
    return min(found, key=list(composition().situations).index)


def _situation(finding: FindingFact, biopsy: BiopsyFact | None) -> str:
    return finding.category if biopsy is None else _after(biopsy)


def _after(biopsy: BiopsyFact) -> str:
    if biopsy.result != "benign":
        return f"after_{biopsy.result}"
    return {True: "after_benign", False: "after_discordant", None: "after_benign_open"}[biopsy.concordant]


def odds_of(name: str) -> Odds:
    """Odds of the lexicon in whole women: the band of a category, or figures of ``patient.yaml``."""
    categories = lexicon.categories().categories
    if name in categories:
        band = categories[name].band
        if band is None:
            raise PassageError(f"composition.yaml: category {name} has no band; name odds of patient.yaml")
        low, high = round(band.low * 100), round(band.high * 100)
        bound: Bound = "at_most" if low == 0 else "at_least" if high == 100 else "between"
        return Odds(low, high, 100, bound, band.source, band.verified)
    known = lexicon.patient().odds[name]
    low, high = math.floor(known.low), math.ceil(known.high)
    return Odds(low, high, known.per, "between" if low else "fewer", known.source, known.verified)


# --- putting it together --------------------------------------------------------------------------------


@dataclass
class _Draft:
    """A section being written."""

    blocks: list[Block] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    figure: Drawing | None = None


@dataclass(frozen=True)
class _Line:
    """Findings that are named together."""

    what: str
    place: str
    situation: str
    number: int | None


class _Writer:
    def __init__(
        self, facts: ResultFacts, texts: Passages, profile: Profile, contact: Contact, today: date | None
    ) -> None:
        self.today = today
        self.facts, self.texts, self.profile, self.contact = facts, texts, profile, contact
        self.situation = situation_of(facts)
        self.part = composition().situations[self.situation]
        self.drafts = {name: _Draft() for name in SECTIONS}
        self.odds: Odds | None = None
        self.numbers = {each.id: n for n, each in enumerate(self._pressing(), 1)}

    def write(self) -> Explanation:
        """Every section in its turn."""
        self._found()
        for name in ("how_common", "what_it_is", "what_it_is_not", "treatment"):
            for passage in getattr(self.part, name):
                self._say(name, passage)
        if self.situation == "2":
            self._causes()
        self._odds()
        self._next()
        self._say("questions", self.part.questions)
        self._call()
        if self.profile.density and self.facts.density:
            self._say("density", self.profile.density.passages[self.facts.density])
        self._say("emergency", "emergency")
        sections = tuple(
            Section(
                name, self.texts.word(f"title.{name}"), tuple(draft.blocks),
                tuple(map(_used, _once(draft.passages))),
                _references(draft), draft.figure,
            )
            for name, draft in self.drafts.items()
            if draft.blocks
        )  # fmt: skip
        every = [passage for draft in self.drafts.values() for passage in draft.passages]
        used = tuple(map(_used, _once([*every, self.texts[WORDS]])))
        return Explanation(self.texts.language, self.profile.code, self.situation, sections, self.odds, used)

    def _say(self, section: str, passage: str, **values: object) -> None:
        draft = self.drafts[section]
        draft.blocks += blocks(self.texts.fill(passage, **values))
        draft.passages.append(self.texts[passage])

    # --- what was found

    def _pressing(self) -> list[FindingFact]:
        """The findings that something is to be done about, the most pressing first."""
        order = list(composition().situations)
        ranked = sorted(self.facts.findings, key=lambda each: order.index(self._of(each)))
        return [each for each in ranked if self._of(each) not in HARMLESS]

    def _of(self, finding: FindingFact) -> str:
        return _situation(finding, self.facts.biopsy_of(finding))

    def _found(self) -> None:
        facts = self.facts
        if facts.exam_date:
            self._say("found", "intro", date=self._date(facts.exam_date))
        else:
            self._say("found", "intro_undated")
        if len(facts.sides) == 1:
            self._say("found", "one_breast", **self._sides(facts.sides[0]))
        sampled = {biopsy.side for biopsy in facts.biopsies}
        for side in sorted(sampled, reverse=True):
            self._say("found", "after_a_biopsy", **self._sides(side))
        lines = self._lines()
        if not lines:
            nothing = "found_nothing" if facts.overall == "1" else "found_no_spot"
            self._say("found", nothing)
            return
        if len(lines) == 1:
            self._say("found", "found_spot", what=lines[0].what, place=lines[0].place)
        else:
            self._say("found", "found_several")
            found = self.drafts["found"].blocks
            found[-1] = Block(found[-1].text, tuple(map(self._item, lines)))
        self.drafts["found"].figure = self._drawing()

    def _item(self, line: _Line) -> str:
        kind = "verdict." + ("4" if line.situation in ("4A", "4B", "4C", "5") else line.situation)
        return f"{self._named(line)} {self.texts.word(kind)}"

    def _named(self, line: _Line) -> str:
        item = self.texts.word("item", place=line.place, what=line.what)
        if line.number:
            item = self.texts.word("numbered", number=line.number, item=item)
        return self.texts.first_upper(item)

    def _lines(self) -> list[_Line]:
        """The findings as they are named: what is pressing one by one, harmless ones of a kind together."""
        lines = [
            _Line(self._what(each), self._place(each), self._of(each), self.numbers[each.id])
            for each in self._pressing()
        ]
        alike: dict[tuple[str, str], list[FindingFact]] = {}
        for each in self.facts.findings:
            if self._of(each) in HARMLESS:
                together = each.kind or (
                    each.form if each.form in ("single", "few", "scattered") else each.id
                )
                together = "few" if together == "single" else together
                both = together == "scattered" and self._scattered_in_both()
                alike.setdefault((together, "both" if both else each.side), []).append(each)
        for (_together, side), findings in alike.items():
            places = {self._place(each) for each in findings}
            place = places.pop() if len(places) == 1 and side != "both" else self._side_in(side)
            lines.append(_Line(self._what(*findings), place, "2", None))
        return lines

    def _scattered_in_both(self) -> bool:
        spread = [each for each in self.facts.findings if each.kind is None and each.form == "scattered"]
        return len({each.side for each in spread if self._of(each) in HARMLESS}) == 2

    def _what(self, *findings: FindingFact) -> str:
        first = findings[0]
        if first.kind and self._of(first) in HARMLESS:
            return self.texts.word(f"kind.{first.kind}")
        count = sum(each.count for each in findings)
        form = "few" if first.form == "single" and count > 1 else first.form
        return self.texts.word(f"what.{form}", count=self._count(count))

    def _count(self, count: int) -> str:
        """So many, or about so many: what a report counts in one view is not the number in the breast."""
        if count < 10:
            return self.texts.word("count.exact", n=count)
        step = 5 if count < 50 else 10 if count < 200 else 50
        return self.texts.word("count.about", n=int(step * round(count / step)))

    def _place(self, finding: FindingFact) -> str:
        place = finding.place
        if finding.form == "scattered":
            return self._side_in(finding.side)
        name = place.quadrant or place.half
        if name is None:
            return self._side_in(finding.side)
        return self.texts.word(f"place.{name}", **self._sides(finding.side))

    def _sides(self, side: str | None) -> dict[str, str]:
        """Both ways to say a side; a passage uses the one that its language wants."""
        of = self.texts.word(f"side_of.{side or 'both'}")
        return {"side_of": of, "side_in": self._side_in(side)}

    def _side_in(self, side: str | None) -> str:
        return self.texts.word(f"side_in.{side or 'both'}")

    def _drawing(self) -> Drawing:
        spots = [Spot(each, self.numbers.get(each.id)) for each in self.facts.findings]
        lines = [self._named(line) for line in self._lines()]
        about, below = self.texts.word("drawing.about"), []
        if any(line.number is None for line in self._lines()):
            below.append(self.texts.word("drawing.harmless"))
        if any(is_somewhere(each) for each in self.facts.findings):
            below.append(self.texts.word("drawing.around"))
        text = " ".join([about, *lines, *below])
        return breasts(
            spots, right=self.texts.word("drawing.right"), left=self.texts.word("drawing.left"), text=text,
            caption=" ".join([about, *below]),
            seen=self.facts.sides,
        )  # fmt: skip

    def _causes(self) -> None:
        """Where each kind of harmless calcification comes from."""
        for finding in self.facts.findings:
            name = f"is_{finding.kind}" if finding.kind else f"is_{_benign_form(finding)}"
            if self.texts[name] not in self.drafts["what_it_is"].passages:
                self._say("what_it_is", name)

    # --- the odds

    def _odds(self) -> None:
        part = self.part.odds
        if part.of is None or self.facts.mode not in part.modes:
            if part.otherwise:
                self._say("odds", part.otherwise)
            return
        odds = odds_of(part.of)
        if odds.bound != part.bound:
            raise PassageError(
                f"composition.yaml: the odds {part.of} are {odds.bound} {odds.low} and {odds.high}; "
                f"expected {part.bound}, which the passages {', '.join(part.passages)} say"
            )
        source = lexicon.sources()[odds.source]
        mark = "" if odds.verified and source.verified else f" ({self.texts.word('not_verified')})"
        values = {
            "low": odds.low, "high": odds.high, "of": odds.of, "rest_low": odds.of - odds.high,
            "rest_high": odds.of - odds.low, "category": part.of, "source": source.short + mark,
            "recall": round(lexicon.patient().odds["recall"].value),
        }  # fmt: skip
        for passage in part.passages:
            self._say("odds", passage, **values)
        text = self.texts.word(f"icons.{odds.bound}", **values)
        draft = self.drafts["odds"]
        draft.figure = icons(odds.low, odds.high, odds.of, text=text)
        draft.sources.append(odds.source)
        self.odds = odds

    # --- what happens next

    def _next(self) -> None:
        known = composition().steps
        told = [step for step in self.facts.steps if step.code in known]
        for step in told:
            self._say("next", known[step.code].next, when=self._when(step), **self._sides(step.side))
            if step.appointment:
                self._say("next", "next_appointment", date=self._date(step.appointment))
        if not told:
            self._say("next", "next_wait" if self.facts.steps else "next_none")
        codes = {step.code for step in told}
        if self.situation == "3" and "short_interval" in codes:
            _first, *later = lexicon.next_steps().category_3_months.visits
            self._say("next", "next_3_later", months=self._list([str(each) for each in later]))
        if codes - {"routine"}:
            self._say("next", "next_follow")
        for step in told:
            part = known[step.code]
            for section, passages in (("how_it_goes", [part.how]), ("prepare", part.prepare)):
                for passage in passages:
                    if passage and self.texts[passage] not in self.drafts[section].passages:
                        self._say(section, passage)

    def _when(self, step: StepFact) -> str:
        if step.due is None:
            return self.texts.word("when.unknown")
        if self.today is not None and step.due < self.today:
            return self.texts.word("when.overdue")
        return self.texts.word("when.due", date=self._date(step.due))

    def _list(self, words: Sequence[str]) -> str:
        if len(words) < 2:
            return "".join(words)
        return self.texts.word("and", first=", ".join(words[:-1]), last=words[-1])

    def _date(self, day: date) -> str:
        pattern = self.profile.dates.get(self.texts.language)
        if pattern is None:
            return self.texts.date(day)
        return pattern.format(day=day.day, month=self.texts.word(f"month.{day.month}"), year=day.year)

    def _call(self) -> None:
        contact = self.contact
        if not contact.name or not (contact.phone or contact.email):
            self._say("whom_to_call", "call_clinic")
            return
        by = "call_phone" if contact.phone else "call_email"
        self._say(
            "whom_to_call", by, site=contact.name, phone=contact.phone or "–", email=contact.email or "–"
        )


def _benign_form(finding: FindingFact) -> str:
    if finding.form == "scattered":
        return "scattered"
    return "single" if finding.form in ("single", "few") else "other"


def _once(passages: Iterable[Passage]) -> list[Passage]:
    return list({each.id: each for each in passages}.values())


def _used(passage: Passage) -> Used:
    return Used(passage.id, passage.version, passage.sha256, passage.reviewed)


def _references(draft: _Draft) -> tuple[str, ...]:
    """The references of what a section says, each once."""
    known: Mapping[str, lexicon.Source] = lexicon.sources()
    names = [*(name for passage in draft.passages for name in passage.sources), *draft.sources]
    return tuple(known[name].reference for name in dict.fromkeys(names) if name in known)

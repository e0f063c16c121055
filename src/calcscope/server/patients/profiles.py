"""What a country's rules ask of a result letter: how soon it leaves, and what it has to say.

One file a profile in ``profiles/``; each rule with its source, and a mark where that could not be read. This
module knows nothing of Django.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from calcscope.errors import CalcscopeError
from calcscope.report.model import Category
from calcscope.server.patients.facts import Density, ResultFacts

FOLDER = Path(__file__).parent / "profiles"
NONE = "none"
"""The profile that asks for nothing."""


class ProfileError(CalcscopeError):
    """A profile is not there, or not as it should be."""


class Rule(BaseModel):
    """Base of every rule."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    verified: bool
    note: str = ""


class TimeLimit(Rule):
    """Within how many days a woman is told.

    Parameters
    ----------
    categories : of the exam; empty for every one that no other limit names
    days : counted from `of`, the day of the exam or of its reading
    """

    categories: tuple[Category, ...] = ()
    days: int = Field(ge=0)
    of: str = Field(pattern="^(exam|reading)$")


class DensityRule(Rule):
    """Which passage a letter holds for each density of the breasts."""

    passages: dict[Density, str]


class ContactRule(Rule):
    """What of the site a letter names."""

    fields: tuple[str, ...]


class Contact(BaseModel):
    """Whom a woman calls: her site. Fields that are not known are empty."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = ""
    address: str = ""
    phone: str = ""
    email: str = ""


class Profile(BaseModel):
    """A country's rules.

    Parameters
    ----------
    dates : how a day is written where it differs from the language's own way, by language
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str
    name: str
    time_limits: tuple[TimeLimit, ...] = ()
    density: DensityRule | None = None
    contact: ContactRule | None = None
    dates: dict[str, str] = Field(default_factory=dict)

    def tell_by(self, overall: Category, *, exam: date | None, read: date | None) -> date | None:
        """By when a woman is to be told of a result; the earliest of the limits that hold for it.

        Parameters
        ----------
        overall : category of the exam
        exam, read : when it was made and when it was signed; a limit without its day does not count
        """
        days = {"exam": exam, "reading": read}
        named = [limit for limit in self.time_limits if overall in limit.categories]
        always = [limit for limit in self.time_limits if not limit.categories]
        due = [
            start + timedelta(days=limit.days)
            for limit in (*named, *always)
            if (start := days[limit.of]) is not None
        ]
        return min(due, default=None)

    def missing(self, facts: ResultFacts, contact: Contact) -> list[str]:
        """What a letter lacks that the rules ask for: ``density``, ``name``, ``address``, ``phone`` …"""
        lacking = [] if self.density is None or facts.density is not None else ["density"]
        fields = self.contact.fields if self.contact else ()
        return lacking + [name for name in fields if not getattr(contact, name).strip()]

    @property
    def passages(self) -> frozenset[str]:
        """Ids of the passages that this profile alone uses."""
        return frozenset(self.density.passages.values()) if self.density else frozenset()


@cache
def available() -> dict[str, Profile]:
    """The profiles by their code."""
    return {path.stem: _read(path) for path in sorted(FOLDER.glob("*.yaml"))}


def load(code: str = NONE) -> Profile:
    """A profile.

    Raises
    ------
    ProfileError : for one that is not there
    """
    known = available()
    if code not in known:
        raise ProfileError(f"found the profile {code!r}; expected one of {', '.join(known)}")
    return known[code]


def _read(path: Path) -> Profile:
    try:
        return Profile(code=path.stem, **yaml.safe_load(path.read_text(encoding="utf-8")))
    except (TypeError, ValidationError, yaml.YAMLError) as error:
        raise ProfileError(f"{path}: {error}") from error

"""What is asked of a woman, what a model answers, and which models there are."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Protocol

from calcscope.errors import CalcscopeError

GROUP = "calcscope.risk"
"""Entry points under which other packages offer models."""
NULLIPAROUS = "none"
LIFETIME = 90.0
"""Lifetime risk is until this age, the last of the models' rates."""


class Contradiction(CalcscopeError):
    """Answers that cannot be those of one woman, or that no model covers.

    The message begins with the name of the answer and a colon.
    """

    @property
    def answer(self) -> str:
        """The name of the answer it is about, a field of :class:`Answers`."""
        return str(self).partition(":")[0]


@dataclass(frozen=True)
class Answers:
    """What a woman says of herself. None where she does not know.

    Parameters
    ----------
    age : years
    race : a key of the model's ``races``
    biopsies : number of breast biopsies, whatever they found
    atypia : whether one of them found atypical hyperplasia
    menarche : age at the first period, years
    first_birth : age at the birth of the first living child, years, or ``"none"`` where there was none
    relatives : mother, sisters and daughters with breast cancer
    mutation : whether a mutation of BRCA1, BRCA2 or another high-risk gene is known
    earlier_cancer : whether she has had breast cancer, DCIS or LCIS
    chest_radiation : whether her chest was irradiated when she was young
    """

    age: float
    race: str
    biopsies: int | None = None
    atypia: bool | None = None
    menarche: float | None = None
    first_birth: float | str | None = None
    relatives: int | None = None
    mutation: bool = False
    earlier_cancer: bool = False
    chest_radiation: bool = False


@dataclass(frozen=True)
class Risk:
    """What a model says.

    Parameters
    ----------
    percent, average_percent : until ``until``, of the woman and of the average one of her age and race
    relative : the woman's relative risk at her age, against one with no risk factor
    factors : what multiplies it, by name
    warnings : sentences on how far it fits her
    model, source : whose it is
    """

    age: float
    until: float
    percent: float
    average_percent: float
    relative: float
    factors: dict[str, float]
    warnings: tuple[str, ...]
    model: str
    source: str


class RiskModel(Protocol):
    """A model of risk."""

    name: str
    title: str
    races: dict[str, str]

    def risk(self, answers: Answers, until: float) -> Risk:
        """The risk from the woman's age until another.

        Raises
        ------
        Contradiction
        """
        ...


def models() -> list[str]:
    """Names of the models at hand: our own, and those of packages that offer one."""
    return ["bcrat", *sorted(point.name for point in entry_points(group=GROUP))]


def model(name: str) -> RiskModel:
    """A model by its name.

    Raises
    ------
    KeyError : for a name that there is not
    """
    if name == "bcrat":
        from calcscope.risk.bcrat import Bcrat

        return Bcrat()
    for point in entry_points(group=GROUP):
        if point.name == name:
            made: RiskModel = point.load()()
            return made
    raise KeyError(f"no risk model {name!r}; there are {', '.join(models())}")

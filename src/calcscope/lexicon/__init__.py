"""Clinical knowledge as data: terms, thresholds, codes, rates, rules, wording, each with its source.

The files lie in ``lexicon/data``. Each is read once, validated, and handed out frozen::

    from calcscope import lexicon

    lexicon.sizes().micro_below_mm.value            # 0.5
    lexicon.terms().morphology["amorphous"].codes   # DICOM codes
    lexicon.load("sizes")                           # the same file as a plain dictionary
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

import yaml

from calcscope.lexicon.model import (
    CadSr,
    Categories,
    Category,
    Chains,
    Changes,
    Code,
    Distribution,
    Fhir,
    Figure,
    Groups,
    MalignancySettings,
    Morphology,
    NextSteps,
    Notices,
    Odds,
    Patient,
    Phrases,
    Rule,
    Sizes,
    Source,
    Terms,
)

__all__ = [
    "CadSr", "Categories", "Category", "Chains", "Changes", "Code", "Fhir", "Figure", "Groups",
    "MalignancySettings", "NextSteps", "Notices", "Odds", "Patient", "Phrases", "Rule", "Sizes", "Source",
    "Terms", "cad_sr", "categories", "changes", "cite", "fhir", "grew", "groups", "load", "malignancy",
    "more_suspicious", "names", "next_steps", "notices", "patient", "phrases", "rules", "sizes",
    "sources", "terms", "trends", "turning",
]  # fmt: skip

_DATA = resources.files("calcscope.lexicon") / "data"


def names() -> list[str]:
    """Names of the lexicon's files, without ``.yaml``."""
    return sorted(file.name.removesuffix(".yaml") for file in _DATA.iterdir() if file.name.endswith(".yaml"))


@cache
def _parsed(name: str) -> dict[str, Any]:
    if name not in names():
        raise KeyError(f"no lexicon file {name!r}; there are {', '.join(names())}")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C loader is ten times faster
    return dict(yaml.load((_DATA / f"{name}.yaml").read_text(encoding="utf-8"), Loader=loader))


def load(name: str) -> dict[str, Any]:
    """The file ``name`` as a plain dictionary, a fresh copy. Raises KeyError for an unknown name."""
    return copy.deepcopy(_parsed(name))


@cache
def terms() -> Terms:
    """Words for shape, kind, distribution, change and place."""
    return Terms.model_validate(_parsed("terms"))


@cache
def sizes() -> Sizes:
    """Size thresholds."""
    return Sizes.model_validate(_parsed("sizes"))


@cache
def groups() -> Groups:
    """What makes a group."""
    return Groups.model_validate(_parsed("groups"))


@cache
def changes() -> Changes:
    """When a finding counts as changed against an earlier exam, and how that is said."""
    return Changes.model_validate(_parsed("change"))


@cache
def cad_sr() -> CadSr:
    """Codes of a Mammography CAD SR."""
    return CadSr.model_validate(_parsed("cad_sr"))


@cache
def categories() -> Categories:
    """BI-RADS categories, their bands and order."""
    return Categories.model_validate(_parsed("categories"))


@cache
def next_steps() -> NextSteps:
    """What should happen next, for each category."""
    return NextSteps.model_validate(_parsed("next_steps"))


@cache
def chains() -> Chains:
    """The steps of follow-up, and which result leads to which."""
    return Chains.model_validate(_parsed("chains"))


@cache
def rules() -> dict[str, Rule]:
    """The rules of assessment by identifier, in the order they are asked."""
    return {name: Rule.model_validate(rule) for name, rule in _parsed("rules")["rules"].items()}


@cache
def sources() -> dict[str, Source]:
    """Every source cited, by identifier."""
    return {name: Source.model_validate(source) for name, source in _parsed("sources")["sources"].items()}


@cache
def malignancy() -> MalignancySettings:
    """Default prevalence and interval of the malignancy probability."""
    return MalignancySettings.model_validate(_parsed("malignancy"))


@cache
def phrases() -> Phrases:
    """Fixed phrases of a report paragraph."""
    return Phrases.model_validate(_parsed("phrases"))


@cache
def notices() -> Notices:
    """What the software says about itself."""
    return Notices.model_validate(_parsed("notices"))


@cache
def fhir() -> Fhir:
    """Codes and code systems of FHIR, and the HL7 breast imaging guide's words."""
    return Fhir.model_validate(_parsed("fhir"))


@cache
def patient() -> Patient:
    """What a woman reads."""
    return Patient.model_validate(_parsed("patient"))


def trends(statuses: Iterable[str]) -> set[str]:
    """What terms of change mean: ``increasing``, ``stable``, ``decreasing``, ``either``."""
    return {terms().change[status].trend for status in statuses}


def turning() -> dict[str, Mapping[str, Morphology] | Mapping[str, Distribution]]:
    """For each term of a change of words, the words."""
    words = terms()
    return {"changed_morphology": words.morphology, "changed_distribution": words.distribution}


def more_suspicious(change: str, was: str, now: str) -> bool:
    """Whether a finding of which ``was`` became ``now`` is more suspicious than before: a shape of a higher
    floor, a distribution that raises suspicion more."""
    words = turning()[change]
    return _suspicion(words[now]) > _suspicion(words[was])


def _suspicion(term: Morphology | Distribution) -> str:
    if isinstance(term, Distribution):
        return {"lowers": "0", "none": "1", "raises": "2"}[term.effect]
    return term.floor.category if term.floor else ""


def grew(statuses: Iterable[str], turned: Iterable[tuple[str, str, str]] = ()) -> bool:
    """Whether a change is growth: an increase, or another word that is more suspicious.

    Parameters
    ----------
    turned : terms of a change of words, each with the word then and now
    """
    return "increasing" in trends(statuses) or any(more_suspicious(*one) for one in turned)


def cite(identifiers: Iterable[str], *, verified: bool = True) -> str:
    """Sources as the reader sees them, joined by semicolons.

    "(not verified)" follows a source that could not be read, and the whole when ``verified`` is
    False, which is how an unverified figure says so.
    """
    mark = f" ({notices().not_verified})"
    known = sources()
    cited = "; ".join(known[name].short + ("" if known[name].verified else mark) for name in identifiers)
    return cited if verified or mark in cited else cited + mark

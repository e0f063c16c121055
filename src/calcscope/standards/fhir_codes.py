"""Codes, quantities and dates as FHIR R4 writes them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from calcscope import lexicon
from calcscope.lexicon.model import Code, Component, Word

Json = dict[str, Any]

LOCATION = "http://hl7.org/fhir/us/breast-radiology/StructureDefinition/BreastBodyLocationExtension"
"""Extension of the HL7 breast imaging guide that says where in the breast."""


def coding(code: Code) -> Json | None:
    """A code of the lexicon; None where FHIR has no name for its scheme that could be checked."""
    system = lexicon.fhir().systems.get(code.scheme)
    return None if system is None else {"system": system, "code": code.value, "display": code.meaning}


def guide_coding(word: Word, scheme: str = "RDE") -> Json:
    """A word of the HL7 breast imaging guide."""
    return {"system": lexicon.fhir().systems[scheme], "code": word.code, "display": word.display}


def concept(codes: Iterable[Code], text: str, word: Word | None = None, scheme: str = "RDE") -> Json:
    """The codes, and the guide's word where it has one, as one concept. Terms without a code have text."""
    codings = [each for each in map(coding, codes) if each is not None]
    if word is not None:
        codings.append(guide_coding(word, scheme))
    return ({"coding": codings} if codings else {}) | {"text": text}


def part(name: str) -> Json:
    """What a component of an Observation says: ``component.code``."""
    known: Component = lexicon.fhir().components[name]
    codes = [] if known.dicom is None else [known.dicom]
    word = None if known.guide is None else Word(code=known.guide, display=known.display)
    return concept(codes, known.display, word)


def category(identifier: str) -> Json:
    """A BI-RADS category. 4A to 4C have the undivided 4 beside them: SNOMED CT has no finer one."""
    words = lexicon.categories()
    known = words.categories[identifier]
    codes = [*known.codes, *([words.undivided_4] if identifier.startswith("4") else [])]
    return concept(
        codes,
        f"BI-RADS category {identifier}: {known.display}",
        lexicon.fhir().guide.categories[identifier],
    )


def quantity(value: float, unit: str, code: str | None = None, digits: int = 2) -> Json:
    """A measure in a unit of UCUM; ``code`` where it is written otherwise than ``unit``."""
    rounded = round(value, digits)
    return {
        "value": int(rounded) if rounded == int(rounded) else rounded,
        "unit": unit,
        "system": lexicon.fhir().systems["UCUM"],
        "code": code or unit,
    }


def later(day: str | None, days: int | None) -> str | None:
    """The day by which something is due; None where the exam has no date or the step no term."""
    if day is None or days is None:
        return None
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


def known(**fields: Any) -> Json:
    """The fields that have a value: FHIR knows no empty ones."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}

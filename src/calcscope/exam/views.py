"""Which breast, which view and with what modifiers an image shows, from a DICOM header."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml
from pydicom.dataset import Dataset

from calcscope.errors import UnreadableInput
from calcscope.exam.conventions import SIDES, NameFacts, facts_of_name
from calcscope.exam.elements import items, text, texts
from calcscope.exam.model import Laterality
from calcscope.exam.options import VIEWS, ReadOptions

HOW_TO_SAY_IT = "say it with --laterality L or R and --view CC, MLO …"

_CRANIOCAUDAL = {"CC", "XCCL", "XCCM", "CV"}
_OBLIQUE = {"MLO", "AT"}


@dataclass(frozen=True)
class Projection:
    """Side, view and modifiers of an image, with sentences on what was assumed."""

    laterality: Laterality
    view: str
    modifiers: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class ViewCodes:
    """View and modifier by code value (SNOMED CT or SNOMED RT), modifier by the word for it, and the
    codes of a specimen."""

    views: dict[str, str]
    modifiers: dict[str, str]
    modifier_words: dict[str, str]
    specimen: frozenset[str]


@cache
def view_table() -> dict[str, Any]:
    """Content of ``data/views.yaml``."""
    text = resources.files("calcscope.exam").joinpath("data/views.yaml").read_text(encoding="utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C loader is ten times faster
    return dict(yaml.load(text, Loader=loader))


@cache
def view_codes() -> ViewCodes:
    """The codes of ``data/views.yaml``."""
    table = view_table()
    schemes = ("sct", "srt")
    return ViewCodes(
        views={row[scheme]: row["view"] for row in table["views"] for scheme in schemes},
        modifiers={row[scheme]: row["modifier"] for row in table["modifiers"] for scheme in schemes},
        modifier_words={word: row["modifier"] for row in table["modifiers"] for word in row.get("words", ())},
        specimen=frozenset(table["specimen"][scheme] for scheme in schemes),
    )


@dataclass(frozen=True)
class Claim:
    """What one place says about side, view and date (None: nothing), and whether it is too weak to be
    believed silently."""

    where: str
    laterality: Laterality | None = None
    view: str | None = None
    weak: bool = False
    date: str | None = None


def projection_of(ds: Dataset, name: str, file_name: str, options: ReadOptions) -> Projection:
    """Side and view of a DICOM image.

    Places in falling order of trust: the attributes, the view codes, the identifier of a public dataset,
    what the user states, Patient Orientation, the descriptions, the file name. What is taken from Patient
    Orientation or below leaves a warning, and so does a contradiction.

    Parameters
    ----------
    ds : the header, functional groups hoisted
    name, file_name : what messages call the file, and its last part
    options : what the user states

    Raises
    ------
    UnreadableInput : where side or view cannot be known, or both breasts or a specimen are shown
    """
    codes = view_codes()
    coded = [text(item, "CodeValue") for item in items(ds, "ViewCodeSequence")]
    if codes.specimen & set(coded):
        raise UnreadableInput(name, "a radiograph of a specimen", "a view of the breast", "leave it out")
    if "B" in (text(ds, "ImageLaterality").upper(), text(ds, "FrameLaterality").upper()):
        raise UnreadableInput(
            name, "both breasts in one image", "one breast", "give one image of each breast"
        )
    claims = [
        *(
            Claim(words, laterality=SIDES.get(text(ds, keyword).upper()))
            for keyword, words in _SIDE_ATTRIBUTES
        ),
        _claim("View Position", facts_of_name(text(ds, "ViewPosition"))),
        *(Claim("View Code Sequence", view=codes.views.get(code)) for code in coded),
        *_dataset_claims(ds),
        Claim("the command line", options.laterality, options.view),
        _orientation_claim(ds),
        _claim("Series Description", facts_of_name(text(ds, "SeriesDescription")), weak=True),
        _claim("Protocol Name", facts_of_name(text(ds, "ProtocolName")), weak=True),
        _claim("the file name", facts_of_name(file_name), weak=True),
    ]
    return decide(claims, name, modifiers=_modifiers(ds))


def decide(claims: list[Claim], name: str, modifiers: tuple[str, ...] = ()) -> Projection:
    """The first side and the first view that are claimed, with a warning for weak and contrary claims.

    Raises
    ------
    UnreadableInput : where no claim gives a side or a view
    """
    warnings: list[str] = []
    laterality = _first("laterality", claims, warnings)
    view = _first("view", claims, warnings)
    for what, value in (("laterality", laterality), ("view", view)):
        if value is None:
            raise UnreadableInput(name, f"no {what} stated", "laterality and view", HOW_TO_SAY_IT)
    return Projection(SIDES[str(laterality)], str(view), modifiers, tuple(warnings))


def date_among(claims: list[Claim]) -> tuple[str | None, tuple[str, ...]]:
    """The first date that is claimed, ISO, None where none is; and warnings as of :func:`decide`."""
    warnings: list[str] = []
    return _first("date", claims, warnings), tuple(warnings)


_SIDE_ATTRIBUTES = (
    ("ImageLaterality", "Image Laterality"),
    ("FrameLaterality", "Frame Laterality"),
    ("Laterality", "Laterality"),
)
_ORIENTATION = "Patient Orientation"


def _claim(where: str, facts: NameFacts, *, weak: bool = False) -> Claim:
    return Claim(where, facts.laterality, facts.view, weak)


def _dataset_claims(ds: Dataset) -> list[Claim]:
    facts = facts_of_name(text(ds, "PatientID"))
    return [_claim(f"the {facts.dataset} identifier", facts)] if facts.dataset else []


def _orientation_claim(ds: Dataset) -> Claim:
    """Side and view that Patient Orientation (0020,0020) implies when the lateral side or the head is up."""
    values = [value.upper() for value in texts(ds, "PatientOrientation")]
    if len(values) == 1 and values[0] in VIEWS:  # some converters put the view there
        return Claim(_ORIENTATION, view=values[0], weak=True)
    across = next((value for value in values if not set(value) & set("AP")), "")
    if len(values) != 2 or not across or not set(across) <= set("LRHF"):
        return Claim(_ORIENTATION)
    # Down leads away from the lateral side: to the patient's right in a left breast.
    lateral: dict[str, Laterality] = {"R": "L", "L": "R"}
    laterality = next((lateral[letter] for letter in across if letter in lateral), None)
    view = "CC" if not set(across) & set("HF") else "MLO" if laterality else "ML"
    return Claim(_ORIENTATION, laterality, view, weak=True)


def _first(what: str, claims: list[Claim], warnings: list[str]) -> str | None:
    stated = [(getattr(claim, what), claim) for claim in claims if getattr(claim, what)]
    if not stated:
        return None
    value, place = stated[0]
    if place.weak:
        warnings.append(f"The {what} {value} was taken from {place.where}.")
    for other, elsewhere in stated[1:]:
        # Patient Orientation implies a side only if the image is not mirrored: the pixels decide on that.
        if elsewhere.where != _ORIENTATION and not _alike(value, other):
            first = place.where[:1].upper() + place.where[1:]
            warnings.append(f"{first} says {what} {value}, {elsewhere.where} says {other}: {value} was used.")
    return str(value)


def _alike(one: str, other: str) -> bool:
    """True where two words are the same, or one only names the view less exactly (XCCL and CC)."""
    return one == other or any({one, other} <= family for family in (_CRANIOCAUDAL, _OBLIQUE))


def _modifiers(ds: Dataset) -> tuple[str, ...]:
    codes = view_codes()
    coded = [
        codes.modifiers.get(text(modifier, "CodeValue"))
        for holder in [ds, *items(ds, "ViewCodeSequence")]
        for modifier in items(holder, "ViewModifierCodeSequence")
    ]
    # Where the codes are left out, View Position and the description may still say "LCC MAG".
    words = f"{text(ds, 'ViewPosition')} {text(ds, 'SeriesDescription')}".upper().replace("_", " ").split()
    described = [codes.modifier_words.get(word) for word in words]
    return tuple(dict.fromkeys(modifier for modifier in coded + described if modifier))

"""The Basic Application Level Confidentiality Profile of DICOM PS3.15, Annex E, applied to a data set.

What becomes of an attribute says Table E.1-1 (2026c) as the package dicom-anonymizer holds it. That package
itself looks at the top level of a data set alone, empties the whole of a structured report, and gives UIDs at
random; the walk through the sequences, the references and the dates are done here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from functools import cache
from typing import Any

from dicomanonymizer.dicomfields_selector import dicom_anonymization_database_selector
from dicomanonymizer.simpledicomanonymizer import replace_element
from pydicom.datadict import dictionary_has_tag, keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from calcscope.exam.elements import quiet
from calcscope.standards.pseudonyms import Pseudonyms

TABLE = "dicomfields_2026c"
CLEANED = ("ContentSequence", "GraphicAnnotationSequence", "ReferencedImageSequence", "SourceImageSequence")
"""Sequences that stay, their items cleaned: an object without its content and its references is none."""
FORMS = {
    "IS": re.compile(r"\s*[+-]?\d+\s*"),
    "DS": re.compile(r"\s*[+-]?[\d.]+([eE][+-]?\d+)?\s*"),
    "CS": re.compile(r"[A-Za-z0-9 _.-]{0,16}"),
    "UI": re.compile(r"[0-9.]{0,64}"),
}
"""How values of these kinds look (PS3.5 6.2)."""
OWN_MOMENTS = ("Patient", "Context")
"""Dates of the woman's life are no dates of an exam, and go; those of code tables stay."""


@cache
def _table() -> tuple[dict[int, str], tuple[tuple[int, int, str], ...]]:
    """Action by tag, and (value, mask, action) of the repeating groups.

    D: replaced, Z: emptied, X: removed, U: another UID; with several, what the object's definition allows.
    """
    single, repeating = {}, []
    for name, tags in dicom_anonymization_database_selector(TABLE).items():
        action = name.removesuffix("_TAGS")
        for tag in tags if action != "ALL" else ():
            if len(tag) == 2:
                single[tag[0] << 16 | tag[1]] = action
            else:
                mask = tag[2] << 16 | tag[3]
                repeating.append(((tag[0] << 16 | tag[1]) & mask, mask, action))
    return single, tuple(repeating)


def action_of(tag: BaseTag) -> str | None:
    """What the table does with an attribute; None for one that it does not name."""
    single, repeating = _table()
    if tag in single:
        return single[tag]
    return next((action for value, mask, action in repeating if tag & mask == value), None)


def cleaned(original: Dataset, names: Pseudonyms, clock: timedelta | None) -> Dataset:
    """A copy of a data set, its sequences included, without what tells whose it is.

    Parameters
    ----------
    names : what stands for identifiers, UIDs and days
    clock : what is added to times of day; None makes all midnight
    """
    return _Cleaning(names, clock).dataset(original)


class _Cleaning:
    def __init__(self, names: Pseudonyms, clock: timedelta | None) -> None:
        self._names = names
        self._clock = clock

    def dataset(self, original: Dataset) -> Dataset:
        made = Dataset()
        for tag in list(original.keys()):
            try:
                with quiet():
                    kept = self._element(original[tag])
            except Exception:  # pydicom raises many kinds: what cannot be read cannot be judged, and goes
                continue
            if kept is not None:
                made.add(kept)
        return made

    def _element(self, element: DataElement) -> DataElement | None:
        """What becomes of an element; None where it goes."""
        tag, action, keyword = element.tag, action_of(element.tag), keyword_for_tag(element.tag)
        # Overlays may hold writing, curves are retired, and nobody has judged what the standard lacks.
        if tag.is_private or tag.group >> 8 in (0x50, 0x60) or not dictionary_has_tag(tag):
            return None
        if "Issuer" in keyword:  # of identifiers that are gone; the table leaves some of them
            return None
        if element.VR == "SQ":
            return self._sequence(element, keyword, action)
        if element.VR in ("DA", "TM", "DT") and not keyword.startswith(OWN_MOMENTS):
            return self._moment(element, action)
        if action is None:
            return deepcopy(element) if _is_what_it_says(element) else None
        if action == "U":
            return DataElement(tag, "UI", _each(element.value, self._names.uid))
        if action == "X":
            return None
        if action in ("Z", "X_Z"):
            return DataElement(tag, element.VR, None)
        made = deepcopy(element)
        replace_element(made)
        return made

    def _sequence(self, element: DataElement, keyword: str, action: str | None) -> DataElement | None:
        if action is None or keyword in CLEANED:
            items = [self.dataset(item) for item in element.value or ()]
        elif action in ("Z", "X_Z", "Z_D"):
            items = []
        else:
            return None
        return DataElement(element.tag, "SQ", items)

    def _moment(self, element: DataElement, action: str | None) -> DataElement | None:
        """A date or a time: moved, left, or taken out as far as the object allows."""
        if self._names.dates == "remove":
            if action in (None, "X", "X_D", "X_Z_D"):
                return None
            if action != "D":
                return DataElement(element.tag, element.VR, None)

        def moved(value: str) -> str:
            return self._names.moment(element.VR, value, self._clock)

        return DataElement(element.tag, element.VR, _each(element.value, moved))


def _is_what_it_says(element: DataElement) -> bool:
    """Whether the value of an attribute that the table does not name can only be what the attribute is for.

    A name in a damaged number or code would else stay; and no person or machine of whom the table is silent.
    """
    if element.VR in ("PN", "AE", "UN"):
        return False
    form = FORMS.get(element.VR)
    if form is None or not element.value:
        return True
    several = not isinstance(element.value, str) and hasattr(element.value, "__iter__")
    return all(form.fullmatch(str(one)) for one in (element.value if several else [element.value]))


def _each(value: Any, change: Callable[[str], str]) -> Any:
    """Change a value, or each of several; an empty one stays empty."""
    if not value:
        return None
    several = not isinstance(value, str) and hasattr(value, "__iter__")
    return [change(str(one)) for one in value] if several else change(str(value))

"""What the user may say about the inputs, and the limits that protect the reader from them."""

from __future__ import annotations

import datetime
import math
import re
from dataclasses import dataclass, field
from typing import Literal

VIEWS = ("CC", "MLO", "ML", "LM", "LMO", "XCCL", "XCCM", "FB", "SIO", "ISO", "AT", "CV")
"""Views of the whole or part of a breast, as DICOM's View Position (0018,5101) names them."""

PLAUSIBLE_PIXEL_MM = (0.01, 1.0)
"""Detectors and film scanners lie between 0.02 and 0.2 mm; outside this range a number is no pixel size."""

RATIO_FREE_BYTES = 64 << 20
"""A file this small is no bomb however well it packs: a wholly black image packs a thousandfold."""

DATE = re.compile(r"(?<!\d)\d{4}-\d\d-\d\d(?!\d)")
"""A day is written so alone: 02-05-2019 can be read in two ways, and eight digits may be any number."""


def is_date(text: str) -> bool:
    """Whether it is a day, written YYYY-MM-DD."""
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return DATE.fullmatch(text) is not None


@dataclass(frozen=True)
class ReadOptions:
    """What the user states about the inputs; a header that says otherwise wins, with a warning.

    Parameters
    ----------
    pixel_mm : size of a pixel in the plane of the breast, mm, for images that do not state it
    laterality, view : side (``L``, ``R``) and view (``CC``, ``MLO`` …) of images that do not state them
    date : ISO date of exams whose images do not state it
    patient : identifier of the woman, for images that do not state it
    max_pixels : most pixels (rows times columns) of an image; a 24 × 30 cm film scanned at 25 micrometres
        has 115 million
    max_slices : most frames of a tomosynthesis
    max_members, max_member_bytes, max_archive_bytes, max_ratio : most files in a zip, bytes of one file
        and of all its files unpacked, and unpacked over packed size of one large file

    Raises
    ------
    ValueError : for a value no image can have
    """

    pixel_mm: float | None = None
    laterality: Literal["L", "R"] | None = None
    view: str | None = None
    date: str | None = None
    patient: str | None = field(default=None, repr=False)
    max_pixels: int = 200_000_000
    max_slices: int = 1000
    max_members: int = 5_000
    max_member_bytes: int = 4 << 30
    max_archive_bytes: int = 32 << 30
    max_ratio: float = 500.0

    def __post_init__(self) -> None:
        low, high = PLAUSIBLE_PIXEL_MM
        if self.pixel_mm is not None and not (math.isfinite(self.pixel_mm) and low <= self.pixel_mm <= high):
            raise ValueError(f"pixel size {self.pixel_mm} mm; expected {low} to {high} mm")
        if self.laterality not in (None, "L", "R"):
            raise ValueError(f"laterality {self.laterality!r}; expected L or R")
        if self.view is not None and self.view not in VIEWS:
            raise ValueError(f"view {self.view!r}; expected one of {', '.join(VIEWS)}")
        if self.date is not None and not is_date(self.date):
            raise ValueError(f"date {self.date!r}; expected year, month and day such as 2019-05-02")
        if self.patient is not None and not self.patient.strip():
            raise ValueError("an empty patient; expected the identifier that all her exams share")

"""What the user may say about the inputs, and the limits that protect the reader from them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

VIEWS = ("CC", "MLO", "ML", "LM", "LMO", "XCCL", "XCCM", "FB", "SIO", "ISO", "AT", "CV")
"""Views of the whole or part of a breast, as DICOM's View Position (0018,5101) names them."""

PLAUSIBLE_PIXEL_MM = (0.01, 1.0)
"""Detectors and film scanners lie between 0.02 and 0.2 mm; outside this range a number is no pixel size."""


@dataclass(frozen=True)
class ReadOptions:
    """What the user states about the inputs; a header that says otherwise wins, with a warning.

    Parameters
    ----------
    pixel_mm : size of a pixel in the plane of the breast, mm, for images that do not state it
    laterality, view : side (``L``, ``R``) and view (``CC``, ``MLO`` …) of images that do not state them
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

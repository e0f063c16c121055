"""The size of a pixel in the plane of the breast, from a DICOM header."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pydicom.dataset import Dataset

from calcscope.errors import UnreadableInput
from calcscope.exam.elements import number, numbers
from calcscope.exam.options import PLAUSIBLE_PIXEL_MM, ReadOptions

SQUARE_TOLERANCE = 0.01
"""Rows and columns may differ by rounding, not by more."""

CONTRADICTION = 0.02
"""A stated pixel size this far (relative) from the header's is worth a warning."""

PLAUSIBLE_MAGNIFICATION = (1.0, 4.0)
"""Geometric magnification cannot be below 1; magnification stands go up to 2."""

MAGNIFICATION_VIEW = 1.3
"""Contact views state up to 1.1 (the breast's thickness above the detector), magnification views 1.5 to 2."""


@dataclass(frozen=True)
class Spacing:
    """Pixel size in the plane of the breast (mm), the stated magnification, and what was assumed."""

    pixel_mm: float
    magnification: float
    warnings: tuple[str, ...]


def spacing_of(ds: Dataset, name: str, options: ReadOptions) -> Spacing:
    """Pixel size of a DICOM image in the plane of the breast.

    The first of these that the header states: Imager Pixel Spacing (at the detector, divided by the
    Estimated Radiographic Magnification Factor, PS3.3 C.8.7.3 and C.8.11.7), Pixel Spacing and Nominal
    Scanned Pixel Spacing (already in the patient or the film), Detector Element Spacing or Physical Size
    times the binning (divided by the magnification); then what the user states.

    Raises
    ------
    UnreadableInput : where there is none, or one that no mammogram has and the user states none
    """
    magnification, warnings = _magnification(ds)
    binning = number(ds, "DetectorBinning") or 1.0
    attributes = (
        ("ImagerPixelSpacing", "Imager Pixel Spacing", 1 / magnification),
        ("PixelSpacing", "Pixel Spacing", 1.0),
        ("NominalScannedPixelSpacing", "Nominal Scanned Pixel Spacing", 1.0),
        ("DetectorElementSpacing", "Detector Element Spacing", binning / magnification),
        ("DetectorElementPhysicalSize", "Detector Element Physical Size", binning / magnification),
    )
    for keyword, words, factor in attributes:
        values = numbers(ds, keyword)
        if not values:
            continue
        pixel_mm = _square(values)
        if pixel_mm is None:
            stated = "\\".join(f"{value:g}" for value in values[:3])
            if options.pixel_mm is None:
                low, high = PLAUSIBLE_PIXEL_MM
                expected = f"square pixels of {low} to {high} mm"
                raise UnreadableInput(
                    name, f"{words} {stated}", expected, "state the true size with --pixel-mm"
                )
            warnings.append(f"{words} {stated} is impossible; the stated {options.pixel_mm:g} mm was used.")
            return Spacing(options.pixel_mm, magnification, tuple(warnings))
        pixel_mm *= factor
        if options.pixel_mm is not None and abs(options.pixel_mm / pixel_mm - 1) > CONTRADICTION:
            warnings.append(
                f"The header's pixel size {pixel_mm:.4g} mm was used, not the stated {options.pixel_mm:g} mm."
            )
        return Spacing(pixel_mm, magnification, tuple(warnings))
    if options.pixel_mm is None:
        raise UnreadableInput(
            name, "no pixel size in the header", "the size of a pixel in mm", "state it with --pixel-mm"
        )
    return Spacing(options.pixel_mm, magnification, tuple(warnings))


def _square(values: list[float]) -> float | None:
    """The size of a square, plausible pixel, or None."""
    pair = (values * 2)[:2]
    low, high = PLAUSIBLE_PIXEL_MM
    if not all(math.isfinite(value) and low <= value <= high for value in pair):
        return None
    if abs(pair[0] / pair[1] - 1) > SQUARE_TOLERANCE:
        return None
    return math.sqrt(pair[0] * pair[1])


def _magnification(ds: Dataset) -> tuple[float, list[str]]:
    stated = number(ds, "EstimatedRadiographicMagnificationFactor")
    if stated is None:
        return 1.0, []
    low, high = PLAUSIBLE_MAGNIFICATION
    if low <= stated <= high:
        return stated, []
    return 1.0, [f"The stated magnification {stated:g} is impossible; sizes are at the detector plane."]

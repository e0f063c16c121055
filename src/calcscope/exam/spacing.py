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

SPACING_ATTRIBUTES = (
    ("ImagerPixelSpacing", "Imager Pixel Spacing"),
    ("PixelSpacing", "Pixel Spacing"),
    ("NominalScannedPixelSpacing", "Nominal Scanned Pixel Spacing"),
    ("DetectorElementSpacing", "Detector Element Spacing"),
    ("DetectorElementPhysicalSize", "Detector Element Physical Size"),
)
"""Where a header may state the size, in falling order of trust."""

DETECTOR_ATTRIBUTES = ("ImagerPixelSpacing", "DetectorElementSpacing", "DetectorElementPhysicalSize")
"""Sizes at the detector, which the magnification divides."""

MAGNIFICATION_VIEW = 1.3
"""Contact views state up to 1.1 (the breast's thickness above the detector), magnification views 1.5 to 2."""


@dataclass(frozen=True)
class Spacing:
    """Pixel size and how it was found.

    Parameters
    ----------
    pixel_mm : size of a pixel in the plane of the breast, mm
    magnification : as stated; 1.0 where nothing is
    warnings : sentences on what was assumed
    at_detector : True where the size is that at the detector, as no magnification is stated
    """

    pixel_mm: float
    magnification: float
    warnings: tuple[str, ...]
    at_detector: bool = False


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
    for keyword, words in SPACING_ATTRIBUTES:
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
        if keyword in DETECTOR_ATTRIBUTES:
            elements = 1.0 if keyword == "ImagerPixelSpacing" else number(ds, "DetectorBinning") or 1.0
            pixel_mm *= elements / magnification
        if options.pixel_mm is not None and abs(options.pixel_mm / pixel_mm - 1) > CONTRADICTION:
            warnings.append(
                f"The header's pixel size {pixel_mm:.4g} mm was used, not the stated {options.pixel_mm:g} mm."
            )
        at_detector = keyword in DETECTOR_ATTRIBUTES and magnification == 1.0
        return Spacing(pixel_mm, magnification, tuple(warnings), at_detector)
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

"""What a DICOM header says about an image: whether it is a mammogram, of what, and what its values mean."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    BreastTomosynthesisImageStorage,
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalMammographyXRayImageStorageForProcessing,
)

from calcscope.errors import UnreadableInput
from calcscope.exam.conventions import facts_of_name
from calcscope.exam.decode import PixelLayout
from calcscope.exam.dicom_file import open_inflated, parse, pixel_layout
from calcscope.exam.elements import hoist_functional_groups, integer, items, number, numbers, text, texts, uid
from calcscope.exam.model import ViewInfo
from calcscope.exam.options import ReadOptions
from calcscope.exam.orientation import Declared
from calcscope.exam.pixels import Scale, Voi, VoiFunction
from calcscope.exam.sources import Source
from calcscope.exam.spacing import MAGNIFICATION_VIEW, spacing_of
from calcscope.exam.views import projection_of

MAMMOGRAM = "a mammogram (modality MG)"
LEAVE_OUT = "leave it out; the other images are read"

_MG_CLASSES = {
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalMammographyXRayImageStorageForProcessing,
    BreastTomosynthesisImageStorage,
}
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_OTHER_IMAGE_CLASSES = {
    "",  # very old or damaged files
    "1.2.840.10008.5.1.4.1.1.1",  # Computed Radiography
    "1.2.840.10008.5.1.4.1.1.1.1",  # Digital X-Ray, For Presentation
    "1.2.840.10008.5.1.4.1.1.1.1.1",  # Digital X-Ray, For Processing
    _SECONDARY_CAPTURE,
    f"{_SECONDARY_CAPTURE}.2",  # multi-frame grayscale byte
    f"{_SECONDARY_CAPTURE}.3",  # multi-frame grayscale word
}
_PLAIN_FILM_MODALITIES = {"RG", "CR", "DX", "OT"}
"""Modalities under which digitised mammograms travel; Body Part Examined must then be the breast."""


@dataclass(frozen=True)
class DicomImage:
    """A DICOM mammogram without its pixels.

    Parameters
    ----------
    info : what the rest of the engine knows of it
    layout, scale : how its pixels are stored, and what they mean
    declared : Patient Orientation where it is valid
    collimated : (left, right, top, bottom) columns and rows of the declared exposed field, or None
    ds : the header, functional groups hoisted
    """

    info: ViewInfo
    layout: PixelLayout
    scale: Scale
    declared: Declared | None
    collimated: tuple[int, int, int, int] | None
    ds: Dataset


def read_image(source: Source, options: ReadOptions) -> DicomImage:
    """Read a DICOM header and refuse, with a reason, what is no readable mammogram.

    Raises
    ------
    UnreadableInput
    """
    with open_inflated(source, options) as stream:
        ds = parse(stream, source.name)
        hoist_functional_groups(ds)
        _require_mammogram(ds, source.name)
        layout = pixel_layout(ds, stream, source.name, options)
    projection = projection_of(ds, source.name, source.file_name, options)
    spacing = spacing_of(ds, source.name, options)
    modifiers, warnings = list(projection.modifiers), [*projection.warnings, *spacing.warnings]
    if spacing.magnification >= MAGNIFICATION_VIEW and "magnification" not in modifiers:
        modifiers.append("magnification")
    if "magnification" in modifiers and spacing.at_detector:
        warnings.append("A magnification view without stated factor: lengths are too large.")
    if "GENERATED_2D" in [value.upper() for value in texts(ds, "ImageType")]:
        warnings.append("A synthetic view computed from tomosynthesis: fine shapes may be altered.")
    info = ViewInfo(
        source=source.name,
        sop_uid=uid(ds, "SOPInstanceUID") or source.content_uid(),
        laterality=projection.laterality,
        view=projection.view,
        rows=layout.rows,
        columns=layout.columns,
        pixel_mm=spacing.pixel_mm,
        modifiers=tuple(modifiers),
        magnification=spacing.magnification,
        slices=layout.frames,
        acquisition=_acquisition(ds),
        processing=_processing(ds),
        manufacturer=text(ds, "Manufacturer") or None,
        warnings=tuple(warnings),
    )
    declared = _declared(ds, info)
    return DicomImage(info, layout, _scale(ds, layout), declared, _collimated(ds, layout), ds)


def _require_mammogram(ds: Dataset, name: str) -> None:
    sop_class, modality = text(ds, "SOPClassUID"), text(ds, "Modality").upper()
    # A damaged header may hold anything here, a patient's name too: only what the standard knows is said.
    kind = UID(sop_class).name if UID(sop_class).type == "SOP Class" else "no known SOP class"
    breast = text(ds, "BodyPartExamined").upper() == "BREAST"
    if sop_class not in _MG_CLASSES and not (
        sop_class in _OTHER_IMAGE_CLASSES
        and (modality == "MG" or (modality in _PLAIN_FILM_MODALITIES and breast))
    ):
        stated = modality if re.fullmatch("[A-Z]{2,8}", modality) else "not stated"
        found = f"{kind}, modality {stated}"
        raise UnreadableInput(name, found, MAMMOGRAM, LEAVE_OUT)
    if {"LOCALIZER", "SCOUT"} & {value.upper() for value in texts(ds, "ImageType")}:
        raise UnreadableInput(name, "a scout (localizer) image", MAMMOGRAM, LEAVE_OUT)
    if text(ds, "QualityControlImage").upper() == "YES":
        raise UnreadableInput(name, "a quality control image", MAMMOGRAM, LEAVE_OUT)
    refused = facts_of_name(text(ds, "PatientID")).refused
    if refused:
        raise UnreadableInput(name, refused, "a whole mammogram", LEAVE_OUT)


def _processing(ds: Dataset) -> Literal["presentation", "processing", "secondary"]:
    sop_class, intent = text(ds, "SOPClassUID"), text(ds, "PresentationIntentType").upper()
    if f"{sop_class}.".startswith(f"{_SECONDARY_CAPTURE}."):
        return "secondary"
    raw = sop_class == DigitalMammographyXRayImageStorageForProcessing or intent == "FOR PROCESSING"
    return "processing" if raw else "presentation"


def _acquisition(ds: Dataset) -> Literal["digital", "film"]:
    stated = facts_of_name(text(ds, "PatientID")).acquisition
    film = text(ds, "ConversionType").upper() == "DF" or "NominalScannedPixelSpacing" in ds
    return stated or ("film" if film else "digital")


def _declared(ds: Dataset, info: ViewInfo) -> Declared | None:
    values = [value.upper() for value in texts(ds, "PatientOrientation")]
    if not values:
        values = _orientation_letters(numbers(ds, "ImageOrientationPatient"))
    if len(values) != 2 or not all(re.fullmatch("[APLRHF]{1,3}", value) for value in values):
        return None
    return Declared(values[0], values[1], info.laterality, info.view)


def _orientation_letters(cosines: list[float]) -> list[str]:
    """Patient Orientation of a slice from its cosines (x to the left, y posterior, z to the head)."""
    if len(cosines) != 6 or not all(map(math.isfinite, cosines)):
        return []
    letters = []
    for direction in (cosines[:3], cosines[3:]):
        parts = sorted(zip(direction, ("LR", "PA", "HF"), strict=True), key=lambda part: -abs(part[0]))
        # A component below a quarter is a tilt, not a direction.
        letters.append("".join(pair[0] if size > 0 else pair[1] for size, pair in parts if abs(size) > 0.25))
    return letters


def _collimated(ds: Dataset, layout: PixelLayout) -> tuple[int, int, int, int] | None:
    """The exposed field that a rectangular collimator leaves (PS3.3 C.8.7.3), 0-based, ends excluded."""
    if "RECTANGULAR" not in [value.upper() for value in texts(ds, "CollimatorShape")]:
        return None
    edges = [
        integer(ds, f"Collimator{edge}Edge")
        for edge in ("LeftVertical", "RightVertical", "UpperHorizontal", "LowerHorizontal")
    ]
    left, right, top, bottom = (edge if edge is not None else -1 for edge in edges)
    if (
        -1 in (left, right, top, bottom)
        or right - left < layout.columns / 10
        or bottom - top < layout.rows / 10
    ):
        return None
    return max(left, 0), min(right - 1, layout.columns), max(top, 0), min(bottom - 1, layout.rows)


def _scale(ds: Dataset, layout: PixelLayout) -> Scale:
    slope = number(ds, "RescaleSlope")
    white_is_low = text(ds, "PhotometricInterpretation").upper() == "MONOCHROME1"
    raw = _processing(ds) == "processing"
    sign = integer(ds, "PixelIntensityRelationshipSign")
    if raw and sign in (1, -1):
        white_is_low = sign == 1
    elif raw and text(ds, "PixelIntensityRelationship").upper() == "LIN":
        white_is_low = True
    return Scale(
        bits=layout.bits_stored,
        signed=layout.signed,
        slope=slope if slope else 1.0,
        intercept=number(ds, "RescaleIntercept") or 0.0,
        modality_lut=_lut(items(ds, "ModalityLUTSequence"), layout),
        white_is_low=white_is_low,
        exposure="linear" if raw and text(ds, "PixelIntensityRelationship").upper() != "LOG" else None,
        padding=_padding(ds, layout),
        voi=_voi(ds, layout),
    )


def _padding(ds: Dataset, layout: PixelLayout) -> tuple[int, int] | None:
    value = _stored_integer(ds, "PixelPaddingValue", layout)
    if value is None:
        return None
    limit = _stored_integer(ds, "PixelPaddingRangeLimit", layout)
    return (value, value) if limit is None else (min(value, limit), max(value, limit))


def _stored_integer(ds: Dataset, keyword: str, layout: PixelLayout) -> int | None:
    """A stored value of the header; writers confuse its signedness, so it is read by its bit pattern."""
    value = integer(ds, keyword)
    if value is None:
        return None
    count = 1 << layout.bits_allocated
    value %= count
    return value - count if layout.signed and value >= count // 2 else value


def _voi(ds: Dataset, layout: PixelLayout) -> Voi | None:
    lut = _lut(items(ds, "VOILUTSequence"), layout)
    if lut is not None:
        return Voi(lut=lut)
    center, width = number(ds, "WindowCenter"), number(ds, "WindowWidth")
    if center is None or width is None or not math.isfinite(center + width) or width <= 0:
        return None
    function = text(ds, "VOILUTFunction").upper()
    if function not in ("LINEAR_EXACT", "SIGMOID"):
        function = "LINEAR"
    return Voi(center, width, cast(VoiFunction, function))


def _lut(sequence: list[Dataset], layout: PixelLayout) -> tuple[float, np.ndarray] | None:
    """First value mapped and table of the first item of a modality or VOI LUT sequence."""
    for item in sequence[:1]:
        descriptor = [int(value) for value in numbers(item, "LUTDescriptor") if math.isfinite(value)]
        data = item.get("LUTData")
        if len(descriptor) != 3 or data is None:
            continue
        count = (descriptor[0] & 0xFFFF) or 1 << 16
        kind = "<u1" if descriptor[2] <= 8 and isinstance(data, bytes) and len(data) <= count + 1 else "<u2"
        table = np.frombuffer(data, kind) if isinstance(data, bytes) else np.asarray(data)
        if table.size < 2:
            continue
        return float(descriptor[1]), table[:count].astype(np.float64)
    return None

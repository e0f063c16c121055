"""Mammograms made for tests: drawn breasts, and DICOM files around them.

Import with ``from exam.builders import draw_breast, mg_dataset, save``.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    BreastTomosynthesisImageStorage,
    DigitalMammographyXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    generate_uid,
)

PIXEL_MM = 0.07
"""Imager Pixel Spacing of :func:`mg_dataset`, mm."""


def draw_breast(
    rows: int = 320, columns: int = 256, *, view: str = "MLO", bits: int = 12, seed: int = 0
) -> NDArray[np.uint16]:
    """A breast in the canonical orientation (chest wall left, head or lateral side up).

    Returns
    -------
    uint16 (rows, columns): air near 0, fat at half, a brighter blob of gland above the nipple's height,
    for MLO the pectoral muscle in the upper corner; every value below ``2**bits``
    """
    y, x = np.mgrid[:rows, :columns].astype(np.float64)
    cy = 0.6 * rows if view != "CC" else 0.5 * rows
    breast = (x / (0.7 * columns)) ** 2 + ((y - cy) / (0.36 * rows)) ** 2 < 1
    image = np.where(breast, 0.5, 0.02)
    if view != "CC":
        axilla = (x < 0.45 * columns) & (y < cy)
        muscle = x / (0.45 * columns) + y / (0.55 * rows) < 1
        image[axilla] = 0.5
        image[muscle] = 0.8
    gland = np.exp(-(((x - 0.3 * columns) / (0.15 * columns)) ** 2 + ((y - 0.85 * cy) / (0.1 * rows)) ** 2))
    image = image + 0.2 * gland * breast
    image += np.random.default_rng(seed).normal(0, 0.005, image.shape)
    return np.rint(np.clip(image, 0.001, 0.999) * ((1 << bits) - 1)).astype(np.uint16)


def mg_dataset(
    pixels: NDArray[Any] | None = None,
    *,
    laterality: str = "L",
    view: str = "MLO",
    bits: int = 12,
    patient_orientation: list[str] | None = None,
    **attributes: Any,
) -> Dataset:
    """A Digital Mammography X-Ray Image, For Presentation, Explicit VR Little Endian.

    Parameters
    ----------
    pixels : (rows, columns) or (frames, rows, columns) integers; a drawn breast when None
    laterality, view : Image Laterality and View Position
    bits : Bits Stored
    patient_orientation : the two values of Patient Orientation; left out when None
    attributes : further attributes by keyword (``PatientID="X"``); None takes one away
    """
    pixels = draw_breast(view=view, bits=bits) if pixels is None else pixels
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid()
    ds = Dataset()
    ds.file_meta = meta
    ds.SOPClassUID = meta.MediaStorageSOPClassUID
    ds.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    ds.StudyInstanceUID = "2.25.1001"
    ds.SeriesInstanceUID = generate_uid()
    ds.PatientID = "TEST-1"
    ds.PatientName = "Secret^Name"
    ds.PatientBirthDate = "19600102"
    ds.StudyDate = "20240506"
    ds.StudyTime = "101112"
    ds.StudyID = "1"
    ds.AccessionNumber = ""
    ds.SeriesNumber = 1
    ds.InstanceNumber = 1
    ds.Modality = "MG"
    ds.PresentationIntentType = "FOR PRESENTATION"
    ds.BodyPartExamined = "BREAST"
    ds.ImageLaterality = laterality
    ds.ViewPosition = view
    ds.ImagerPixelSpacing = [PIXEL_MM, PIXEL_MM]
    if patient_orientation is not None:
        ds.PatientOrientation = patient_orientation
    set_pixels(ds, pixels, bits)
    for keyword, value in attributes.items():
        if value is None:
            ds.pop(keyword, None)
        else:
            setattr(ds, keyword, value)
    if "SOPClassUID" in ds:
        meta.MediaStorageSOPClassUID = ds.SOPClassUID
    return ds


def set_pixels(ds: Dataset, pixels: NDArray[Any], bits: int) -> None:
    """Put unpacked pixels, (rows, columns) or (frames, rows, columns), into a data set."""
    ds.Rows, ds.Columns = pixels.shape[-2:]
    if pixels.ndim == 3:
        ds.NumberOfFrames = pixels.shape[0]
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.BitsAllocated = 8 * pixels.itemsize
    ds.BitsStored, ds.HighBit = bits, bits - 1
    ds.PixelRepresentation = int(pixels.dtype.kind == "i")
    ds.PixelData = pixels.tobytes()
    ds["PixelData"].VR = "OB" if pixels.itemsize == 1 else "OW"


def tomo_dataset(pixels: NDArray[Any], *, bits: int = 12) -> Dataset:
    """A Breast Tomosynthesis Image of a left MLO: spacing and side only in its functional groups.

    Parameters
    ----------
    pixels : (slices, rows, columns)
    """
    ds = mg_dataset(
        pixels,
        bits=bits,
        SOPClassUID=BreastTomosynthesisImageStorage,
        ImagerPixelSpacing=None,
        ImageLaterality=None,
        ViewPosition=None,
        ViewCodeSequence=[coded("399368009", "medio-lateral oblique")],
    )
    shared = Dataset()
    shared.PixelMeasuresSequence = [dataset(PixelSpacing=[0.1, 0.1], SliceThickness=1)]
    shared.FrameAnatomySequence = [dataset(FrameLaterality="L")]
    ds.SharedFunctionalGroupsSequence = [shared]
    ds.PerFrameFunctionalGroupsSequence = [
        dataset(FrameVOILUTSequence=[dataset(WindowCenter=2048, WindowWidth=4096)]) for _ in pixels
    ]
    return ds


def dataset(**attributes: Any) -> Dataset:
    """A plain data set of the given attributes."""
    ds = Dataset()
    for keyword, value in attributes.items():
        setattr(ds, keyword, Sequence(value) if keyword.endswith("Sequence") else value)
    return ds


def coded(value: str, meaning: str, scheme: str = "SCT", **attributes: Any) -> Dataset:
    """An item of a code sequence."""
    return dataset(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning, **attributes)


def save(ds: Dataset, path: Path) -> Path:
    """Write a data set with preamble and file meta information."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)
    return path


def as_jpeg_baseline(ds: Dataset) -> Dataset:
    """Compress an 8-bit data set with Pillow's JPEG encoder."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(ds.pixel_array.astype(np.uint8)).save(buffer, "JPEG", quality=98)
    ds.PixelData = encapsulate([buffer.getvalue()])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    ds.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    return ds

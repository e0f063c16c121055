"""Simulated views as DICOM files, written the way mammography systems write theirs.

Digital views are Digital Mammography X-Ray Images (PS3.3 A.26), For Presentation or For Processing; films are
Secondary Capture images of a film digitizer (A.8.1). Breasts hang back to back: the chest wall of a left
breast is at the left, that of a right breast at the right.
"""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalMammographyXRayImageStorageForProcessing,
    ExplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
)

from calcscope import __version__
from calcscope.exam.model import Orientation
from calcscope.exam.views import view_table
from calcscope.phantom.exam import SimulatedExam
from calcscope.phantom.view import SimulatedView

FIRST_DAY = date(2020, 1, 6)
"""On which exam 0 was taken; the others on the days after it."""
DAYS = 1500
DOWN = {"CC": "{medial}", "MLO": "F{medial}", "ML": "F", "LM": "F"}
"""Where the columns of a stored image lead: Patient Orientation's second value."""
SIMULATED = "Simulated, not a patient"


def orientation_of(view: SimulatedView) -> Orientation:
    """From the stored image to the canonical one."""
    rows, columns = view.pixels.shape
    return Orientation(rows, columns, flip=view.pose.laterality == "R")


def patient_id(exam: SimulatedExam) -> str:
    """Of the woman: the same in all exams of one seed."""
    return f"PHANTOM-{exam.plan.seed:06d}"


def exam_date(exam: SimulatedExam) -> date:
    """Made up from the seed."""
    day = FIRST_DAY + timedelta(days=exam.plan.seed % DAYS)
    return day.replace(year=day.year - exam.plan.years, day=min(day.day, 28)) if exam.when == "prior" else day


def uid_of(exam: SimulatedExam, *names: str) -> str:
    """A UID that the plan, the exam and the names determine (2.25, PS3.5 B.2)."""
    named = "\n".join([__version__, repr(exam.plan), exam.when, *names])
    return f"2.25.{int.from_bytes(hashlib.sha256(named.encode()).digest()[:16], 'big')}"


def dataset_of(exam: SimulatedExam, view: SimulatedView) -> FileDataset:
    """One view as a DICOM data set, uncompressed."""
    number = exam.labels.index(view.label) + 1
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPInstanceUID = UID(uid_of(exam, view.label))
    meta.MediaStorageSOPClassUID = {
        "presentation": DigitalMammographyXRayImageStorageForPresentation,
        "raw": DigitalMammographyXRayImageStorageForProcessing,
        "film": SecondaryCaptureImageStorage,
    }[view.kind]
    ds = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    ds.SOPClassUID = meta.MediaStorageSOPClassUID
    ds.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    _add_study(ds, exam, number, view.kind)
    _add_pixels(ds, view)
    _add_projection(ds, view)
    (_add_film if view.kind == "film" else _add_acquisition)(ds, view)
    return ds


def write(exam: SimulatedExam, view: SimulatedView, path: Path) -> None:
    """Write a view; the same view gives the same bytes."""
    dataset_of(exam, view).save_as(path, enforce_file_format=True)


def _add_study(ds: Dataset, exam: SimulatedExam, number: int, kind: str) -> None:
    """Patient, study, series and equipment."""
    day = exam_date(exam)
    ds.PatientName, ds.PatientID = f"PHANTOM^{exam.plan.seed:06d}", patient_id(exam)
    ds.PatientSex, ds.PatientAge = "F", f"{exam.age:03d}Y"
    ds.PatientBirthDate = f"{day.year - exam.age:04d}0101"
    ds.PatientComments = SIMULATED
    ds.StudyInstanceUID, ds.SeriesInstanceUID = uid_of(exam, "study"), uid_of(exam, "series")
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = f"{day:%Y%m%d}"
    ds.StudyTime = ds.SeriesTime = "120000"
    ds.AcquisitionTime = ds.ContentTime = f"12{number:02d}00"
    ds.StudyID, ds.AccessionNumber, ds.ReferringPhysicianName = exam.when, "", ""
    ds.StudyDescription = "Simulated mammography"
    ds.Modality, ds.SeriesNumber, ds.InstanceNumber = "MG", 1, number
    ds.Manufacturer, ds.ManufacturerModelName = "Calcscope phantom", f"phantom, maker {exam.plan.maker}"
    ds.SoftwareVersions, ds.DeviceSerialNumber = __version__, "0"
    ds.ImageComments = SIMULATED
    if kind != "film":
        raw = kind == "raw"
        ds.PresentationIntentType = "FOR PROCESSING" if raw else "FOR PRESENTATION"
        step = Dataset()
        step.ReferencedSOPClassUID = "1.2.840.10008.3.1.2.3.3"  # Modality Performed Procedure Step
        step.ReferencedSOPInstanceUID = uid_of(exam, "step")
        ds.ReferencedPerformedProcedureStepSequence = Sequence([step])


def _add_pixels(ds: Dataset, view: SimulatedView) -> None:
    # Chest walls of right breasts lie at the right.
    stored = view.pixels[:, ::-1] if view.pose.laterality == "R" else view.pixels
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, view.photometric
    ds.Rows, ds.Columns = stored.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8 * stored.itemsize, view.bits, view.bits - 1
    ds.PixelRepresentation = 0
    data = np.ascontiguousarray(stored).tobytes()
    ds.add_new("PixelData", "OB" if stored.itemsize == 1 else "OW", data + b"\0" * (len(data) % 2))
    if view.window is not None:
        center, width, function = view.window
        ds.WindowCenter, ds.WindowWidth, ds.VOILUTFunction = f"{center:g}", f"{width:g}", function
        ds.WindowCenterWidthExplanation = "NORMAL"
    ds.PresentationLUTShape = "INVERSE" if view.photometric == "MONOCHROME1" else "IDENTITY"


def _add_projection(ds: Dataset, view: SimulatedView) -> None:
    """Which breast, which view, and which way the image lies."""
    left = view.pose.laterality == "L"
    ds.ImageLaterality, ds.ViewPosition = view.pose.laterality, view.pose.view
    ds.BodyPartExamined = "BREAST"
    ds.PatientOrientation = [
        "A" if left else "P",
        DOWN[view.pose.view].format(medial="R" if left else "L"),
    ]
    code, meaning = _view_code(view.pose.view)
    projection = _coded(code, meaning)
    modifiers = [_coded(_modifier_code("magnification"), "Magnification")] if _magnified(view) else []
    if view.kind != "film":  # there it must not be empty
        projection.ViewModifierCodeSequence = Sequence(modifiers)
    ds.ViewCodeSequence = Sequence([projection])
    ds.AnatomicRegionSequence = Sequence([_coded("76752008", "Breast")])


def _add_film(ds: Dataset, view: SimulatedView) -> None:
    ds.ConversionType, ds.ImageType = "DF", ["DERIVED", "SECONDARY"]
    ds.SecondaryCaptureDeviceManufacturer = "Calcscope phantom"
    ds.DigitalImageFormatAcquired = "FILM"
    ds.NominalScannedPixelSpacing = ds.PixelSpacing = [f"{view.pixel_mm:.6g}"] * 2
    ds.BurnedInAnnotation = "NO"


def _add_acquisition(ds: Dataset, view: SimulatedView) -> None:
    """Detector, exposure and what the values mean."""
    raw = view.kind == "raw"
    ds.ImageType = ["ORIGINAL" if raw else "DERIVED", "PRIMARY"]
    at_detector = view.pixel_mm * view.pose.magnification
    ds.ImagerPixelSpacing = [f"{at_detector:.6g}"] * 2
    ds.PixelSpacing = [f"{view.pixel_mm:.6g}"] * 2
    ds.PixelSpacingCalibrationType = "GEOMETRY"
    ds.PixelSpacingCalibrationDescription = "in the plane of the breast"
    ds.EstimatedRadiographicMagnificationFactor = f"{view.pose.magnification:g}"
    ds.DetectorType = "DIRECT" if view.setup.detector == "direct" else "SCINTILLATOR"
    ds.DetectorConfiguration, ds.DetectorDescription = "AREA", view.setup.name
    ds.DetectorID, ds.DetectorBinning = view.setup.name[:16], ["1", "1"]
    ds.FieldOfViewOrigin, ds.FieldOfViewRotation, ds.FieldOfViewHorizontalFlip = ["0", "0"], "0", "NO"
    ds.KVP, ds.BodyPartThickness = "", f"{view.thickness_mm:.1f}"
    ds.PositionerType, ds.OrganExposed, ds.BreastImplantPresent = "MAMMOGRAPHIC", "BREAST", "NO"
    ds.PartialView = "YES" if _magnified(view) else "NO"
    ds.Grid = "NONE" if _magnified(view) or not view.setup.grid else "RECIPROCATING"
    ds.PixelIntensityRelationship = "LIN" if raw else "LOG"
    # 1: lower values are less X-rays (raw and inverted images); -1: the other way round.
    ds.PixelIntensityRelationshipSign = 1 if view.photometric == "MONOCHROME1" else -1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "US"
    ds.LossyImageCompression, ds.BurnedInAnnotation, ds.QualityControlImage = "00", "NO", "NO"
    ds.AcquisitionContextSequence = Sequence([])
    if not raw:
        ds.DerivationDescription = "processed for display"


def _magnified(view: SimulatedView) -> bool:
    return view.pose.magnification > 1


def _coded(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return item


def _view_code(view: str) -> tuple[str, str]:
    row = next(row for row in view_table()["views"] if row["view"] == view)
    return row["sct"], row["meaning"]


def _modifier_code(modifier: str) -> str:
    return str(next(row["sct"] for row in view_table()["modifiers"] if row["modifier"] == modifier))

"""The hand-made exams as other kinds of image: films that state little, slices of a tomosynthesis."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

from pydicom.dataset import Dataset
from pydicom.uid import BreastTomosynthesisImageStorage, SecondaryCaptureImageStorage

from calcscope.standards.subject import Subject

FRAMES = 5


def film(subject: Subject) -> Subject:
    """All images as scanned films of which little is known, some of it wrong."""
    return _changed(subject, _film)


def _film(image: Dataset) -> None:
    for keyword in (
        "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName", "PatientName", "PatientAge",
        "ImagerPixelSpacing", "PixelSpacing", "WindowCenter", "WindowWidth",
        "VOILUTFunction", "SamplesPerPixel", "RescaleSlope", "RescaleIntercept", "RescaleType", "Modality",
        "ViewCodeSequence", "SpecificCharacterSet", "AnatomicRegionSequence",
    ):  # fmt: skip
        del image[keyword]
    image.SOPClassUID = SecondaryCaptureImageStorage
    image.PatientOrientation = "CC"  # as films of CBIS-DDSM have it
    image.PatientID, image.PatientBirthDate, image.PatientSex = "X-17", "", "U"
    image.PhotometricInterpretation = "MONOCHROME1"


def tomosynthesis(subject: Subject) -> Subject:
    """All images as slices; the calcifications of each finding lie in the second and the fourth."""
    changed = _changed(subject, _slices)
    views = []
    for view in subject.exam.views:
        specks = [
            each.model_copy(update={"slice": 1 + 2 * (number % 2)})
            for number, each in enumerate(view.calcifications)
        ]
        views.append(view.model_copy(update={"calcifications": specks}))
    return replace(changed, exam=changed.exam.model_copy(update={"views": views}))


def _slices(image: Dataset) -> None:
    image.SOPClassUID = BreastTomosynthesisImageStorage
    image.NumberOfFrames = FRAMES
    image.FrameOfReferenceUID = image.SOPInstanceUID + ".9"
    shared = Dataset()
    orientation, measures, window, scale = Dataset(), Dataset(), Dataset(), Dataset()
    orientation.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    measures.PixelSpacing, measures.SliceThickness = image.PixelSpacing, 1
    window.WindowCenter, window.WindowWidth = 1800, 1500
    scale.RescaleIntercept, scale.RescaleSlope, scale.RescaleType = 0, 1, "US"
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [orientation], [measures]
    shared.FrameVOILUTSequence, shared.PixelValueTransformationSequence = [window], [scale]
    image.SharedFunctionalGroupsSequence = [shared]
    image.PerFrameFunctionalGroupsSequence = []
    for number in range(FRAMES):
        place, group = Dataset(), Dataset()
        place.ImagePositionPatient = [number, 0, 0]
        group.PlanePositionSequence = [place]
        image.PerFrameFunctionalGroupsSequence.append(group)
    for keyword in ("WindowCenter", "WindowWidth", "VOILUTFunction", "PixelSpacing", "RescaleSlope"):
        del image[keyword]
    del image.RescaleIntercept, image.RescaleType


def _changed(subject: Subject, change: object) -> Subject:
    images = deepcopy(dict(subject.images))
    for image in images.values():
        change(image)  # type: ignore[operator]
    return replace(subject, images=images)

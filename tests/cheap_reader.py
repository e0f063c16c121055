"""A reader for the node's tests that costs nothing: no pixel is looked at, a small text report written.

What Patient Comments (0010,4000) of the first image says, it does: ``die once``, ``die``, ``hang`` …
"""

from __future__ import annotations

import hashlib
import os
import time
from datetime import datetime

from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import BasicTextSRStorage, ExplicitVRLittleEndian

from calcscope.exam.sources import uid_of
from calcscope.node.reading import Job, Made, Outcome


def read(job: Job) -> Outcome:
    """One Basic Text SR for the study, which says how many images and earlier images there were."""
    headers = [dcmread(file, stop_before_pixels=True) for file in job.files]
    first = headers[0]
    match str(first.get("PatientComments", "")):
        case "die once" if not job.out.name.endswith("2"):
            os._exit(9)
        case "die":
            os._exit(9)
        case "hang":
            time.sleep(600)
        case "raise":
            raise ValueError(f"{first.PatientName} cannot be read")
        case "fail":
            return Outcome(0, failures=("found nothing; expected a breast; look at it",))
    objects = []
    for kind in job.kinds:
        earlier = job.replaces.get(kind)
        report = text_report(first, f"{len(job.files)} images, {len(job.priors)} earlier", str(job.out))
        if earlier is not None:
            report.PredecessorDocumentsSequence = [_reference(dcmread(earlier))]
        name = f"{kind}.dcm"
        report.save_as(job.out / name, enforce_file_format=True)
        objects.append(Made(kind, name, str(report.SOPInstanceUID), str(report.SOPClassUID)))
    return Outcome(1, tuple(objects))


def text_report(image: Dataset, words: str, which: str) -> Dataset:
    """A Basic Text SR in the study of an image."""
    report = Dataset()
    report.file_meta = FileMetaDataset()
    report.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "StudyDate", "PatientBirthDate"):
        setattr(report, keyword, image.get(keyword, ""))
    report.StudyTime = report.StudyID = report.AccessionNumber = report.PatientSex = ""
    report.ReferringPhysicianName = ""
    made = uid_of(hashlib.sha256(f"{image.StudyInstanceUID} {which}".encode()).digest())
    report.SOPClassUID = report.file_meta.MediaStorageSOPClassUID = BasicTextSRStorage
    report.SOPInstanceUID = report.file_meta.MediaStorageSOPInstanceUID = made
    report.SeriesInstanceUID, report.Modality, report.SeriesNumber, report.InstanceNumber = made, "SR", 1, 1
    report.ContentDate, report.ContentTime = datetime.now().strftime("%Y%m%d"), "120000"
    report.CompletionFlag, report.VerificationFlag, report.Manufacturer = "COMPLETE", "UNVERIFIED", "test"
    report.ReferencedPerformedProcedureStepSequence = report.PerformedProcedureCodeSequence = []
    report.ValueType, report.ContinuityOfContent = "CONTAINER", "SEPARATE"
    report.ConceptNameCodeSequence = [_code("18748-4", "LN", "Diagnostic imaging report")]
    line = Dataset()
    line.RelationshipType, line.ValueType, line.TextValue = "CONTAINS", "TEXT", words
    line.ConceptNameCodeSequence = [_code("121071", "DCM", "Finding")]
    report.ContentSequence = [line]
    return report


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def _reference(earlier: Dataset) -> Dataset:
    one, series, study = Dataset(), Dataset(), Dataset()
    one.ReferencedSOPClassUID, one.ReferencedSOPInstanceUID = earlier.SOPClassUID, earlier.SOPInstanceUID
    series.SeriesInstanceUID, series.ReferencedSOPSequence = earlier.SeriesInstanceUID, [one]
    study.StudyInstanceUID, study.ReferencedSeriesSequence = earlier.StudyInstanceUID, [series]
    return study

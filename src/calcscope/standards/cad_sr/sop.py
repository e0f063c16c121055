"""The document around the tree: patient, study, equipment, evidence, predecessors (PS3.3 A.35.5)."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydicom.charset import python_encoding
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian, MammographyCADSRStorage

from calcscope.exam.elements import text, texts
from calcscope.standards.cad_sr.content import Content
from calcscope.standards.exporting import dicom_bytes
from calcscope.standards.filing import IDENTITY, SERIES_NUMBERS, UTF8, filed
from calcscope.standards.subject import MANUFACTURER, MODEL, Subject, sop_class

FILE_NAME = "cad-sr.dcm"
SERIES_DESCRIPTION = "Calcscope CAD, research and second-reader software"

COPIED = (
    *IDENTITY, "IssuerOfPatientID", "OtherPatientIDsSequence", "PatientAge", "PatientSize", "PatientWeight",
    "PatientIdentityRemoved", "DeidentificationMethod", "StudyInstanceUID", "StudyDescription",
)  # fmt: skip


def files(subject: Subject) -> dict[str, bytes]:
    """The document of an exam, as ``cad-sr.dcm``."""
    return {FILE_NAME: dicom_bytes(MammographyCadSr(subject))}


class MammographyCadSr(Dataset):
    """A Mammography CAD SR of one exam, unverified.

    Patient and study are those of the images; UIDs and times are determined by the reading.
    """

    def __init__(self, subject: Subject) -> None:
        super().__init__()
        content = Content(subject)
        root = content.root()
        self.SOPClassUID = MammographyCADSRStorage
        self.SOPInstanceUID = UID(subject.uid("cad-sr"))
        self._copy_header(subject)
        self._add_series_and_equipment(subject)
        self._add_document(subject)
        self._add_evidence(subject, content.library.headers)
        self.update(root)
        if (characters := _character_set(subject.first, self)) is not None:
            self.SpecificCharacterSet = characters
        self.file_meta = FileMetaDataset()
        self.file_meta.MediaStorageSOPClassUID = self.SOPClassUID
        self.file_meta.MediaStorageSOPInstanceUID = self.SOPInstanceUID
        self.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian

    def _copy_header(self, subject: Subject) -> None:
        header = filed(subject, subject.exam.views[0])
        for keyword in COPIED:
            if keyword in header:
                self[keyword] = _decoded(header, keyword)

    def _add_series_and_equipment(self, subject: Subject) -> None:
        day, time = subject.made.strftime("%Y%m%d"), subject.made.strftime("%H%M%S")
        self.Modality = "SR"
        self.SeriesInstanceUID = subject.uid("cad-sr", "series")
        self.SeriesNumber = SERIES_NUMBERS["cad-sr"]
        self.SeriesDescription = SERIES_DESCRIPTION
        self.SeriesDate, self.SeriesTime = day, time
        self.ReferencedPerformedProcedureStepSequence = Sequence()
        self.Manufacturer, self.ManufacturerModelName = MANUFACTURER, MODEL
        self.DeviceSerialNumber = "0"
        self.SoftwareVersions = subject.report.calcscope_version
        self.InstanceNumber = 1
        self.InstanceCreationDate, self.InstanceCreationTime = day, time
        self.ContentDate, self.ContentTime = day, time

    def _add_document(self, subject: Subject) -> None:
        unread = _unread_of_this_exam(subject)
        self.CompletionFlag = "PARTIAL" if unread else "COMPLETE"
        if unread:
            self.CompletionFlagDescription = f"{unread} of the files beside the images could not be read"
        self.VerificationFlag = "UNVERIFIED"
        self.PerformedProcedureCodeSequence = Sequence()
        if subject.replaces is not None:
            self.PredecessorDocumentsSequence = _hierarchy([subject.replaces])

    def _add_evidence(self, subject: Subject, headers: list[Dataset]) -> None:
        """Every image of the library: without these sequences viewers do not open the document."""
        study = subject.exam.study_uid
        current = [each for each in headers if each.SOPInstanceUID in subject.images]
        other = [each for each in headers if each.SOPInstanceUID not in subject.images]
        self.CurrentRequestedProcedureEvidenceSequence = _hierarchy(current, study)
        if other:
            self.PertinentOtherEvidenceSequence = _hierarchy(other)


def _unread_of_this_exam(subject: Subject) -> int:
    """How many inputs could not be read that lay where the exam's images lay."""
    places = {_place(view.source) for view in subject.exam.views}
    return sum(_place(failure.source) in places for failure in subject.report.failures)


def _place(source: str) -> str:
    archive, _, member = source.partition("!")
    return archive if member else str(Path(source).parent)


def _hierarchy(instances: Iterable[Dataset], study: str | None = None) -> list[Dataset]:
    """References by study and series (PS3.3 Table C.17-3)."""
    found: dict[str, dict[str, list[Dataset]]] = {}
    for each in instances:
        series = found.setdefault(study or text(each, "StudyInstanceUID"), {})
        series.setdefault(text(each, "SeriesInstanceUID"), []).append(each)
    studies = []
    for study_uid, of_study in found.items():
        one = Dataset()
        one.StudyInstanceUID = study_uid
        one.ReferencedSeriesSequence = list(_series(of_study))
        studies.append(one)
    return studies


def _series(found: dict[str, list[Dataset]]) -> Iterator[Dataset]:
    for series_uid, instances in found.items():
        series = Dataset()
        series.SeriesInstanceUID = series_uid
        series.ReferencedSOPSequence = []
        for each in instances:
            sop = Dataset()
            sop.ReferencedSOPClassUID = sop_class(each)
            sop.ReferencedSOPInstanceUID = each.SOPInstanceUID
            series.ReferencedSOPSequence.append(sop)
        yield series


def _decoded(header: Dataset, keyword: str) -> DataElement:
    """An element as characters, so that it is written in this document's own character set."""
    element = copy.deepcopy(header[keyword])
    if element.VR == "PN":
        element.value = str(element.value)
    return element


def _character_set(header: Dataset, document: Dataset) -> str | None:
    """The images' own character set where it can write the whole document, else UTF-8; None for ASCII."""
    own = texts(header, "SpecificCharacterSet") or [""]
    encoding = python_encoding.get(own[0]) if own[0] not in ("", "ISO_IR 6") else "ascii"
    if len(own) == 1 and encoding is not None:
        try:
            "".join(_characters(document)).encode(encoding)
            return None if encoding == "ascii" else own[0]
        except UnicodeEncodeError:
            pass
    return UTF8


def _characters(document: Dataset) -> Iterator[str]:
    for element in document.iterall():
        if element.VR in ("LO", "LT", "PN", "SH", "ST", "UC", "UT"):
            yield str(element.value)

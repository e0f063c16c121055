"""De-identification of an export.

What is written is made from de-identified *sources*: the report and the headers of its images lose what tells
whose they are before any object is made, so that no writer ever sees it.

One key, kept by whoever holds the originals, decides the pseudonym, the UIDs and the days; the same key gives
the same ones, so that images exported today and a segmentation exported tomorrow still belong together.
Without the key nothing leads back.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import UID, ExplicitVRLittleEndian

import calcscope
from calcscope.exam.elements import text
from calcscope.report import words
from calcscope.report.model import ExamReport
from calcscope.standards.confidentiality import cleaned
from calcscope.standards.pseudonyms import Dates, Pseudonyms
from calcscope.standards.subject import Subject

KEY_NAME = "deidentify.key"
SHORTEST = 4
"""A shorter identifier is not looked for within sentences: it would be found in every number."""


@dataclass(frozen=True)
class Deidentify:
    """How an export is de-identified.

    Parameters
    ----------
    key : file of the key, made where there is none; ``deidentify.key`` beside the report if not named
    dates : ``shift``, ``remove`` or ``keep``
    looked_at : somebody has looked at the images that may show a name, and they show none
    """

    key: Path | None = None
    dates: Dates = "shift"
    looked_at: bool = False


class Deidentifier:
    """De-identifies what belongs to one woman."""

    def __init__(self, names: Pseudonyms) -> None:
        self.names = names

    def subject(self, subject: Subject) -> Subject:
        """The exam with the headers of its images, all de-identified."""
        exam = self.exam(subject.exam)
        made, replaces, name = subject.made, subject.replaces, self.names.uid
        if self.names.dates != "keep":
            made = datetime.combine(self.names.day(made.date()), time(12))
        return Subject(
            report=subject.report.model_copy(update={"exams": [exam], "failures": []}),
            exam=exam,
            images={name(uid): self.dataset(header) for uid, header in subject.images.items()},
            priors={name(uid): self.dataset(header) for uid, header in subject.priors.items()},
            made=made,
            replaces=None if replaces is None else self.dataset(replaces),
            identity_removed=True,
        )

    def dataset(self, original: Dataset) -> Dataset:
        """A de-identified copy of a header or a whole object, marked as such."""
        own = text(original, "PatientID") == self.names.patient
        if own and text(original, "PatientIdentityRemoved") == "YES":
            return original
        made = cleaned(original, self.names, self.names.clock(text(original, "StudyTime")))
        made.file_meta = _meta(original, made)
        made.PatientID = self.names.patient
        made.PatientName = self.names.patient + "^"
        self.mark(made)
        return made

    def mark(self, made: Dataset) -> None:
        """Say in an object what was done (PS3.3 C.7.1.1 and C.12.1.1, PS3.15 E.1.1)."""
        kept = {
            "shift": codes.DCM.RetainLongitudinalTemporalInformationModifiedDatesOption,
            "keep": codes.DCM.RetainLongitudinalTemporalInformationFullDatesOption,
        }
        done = [codes.DCM.BasicApplicationConfidentialityProfile]
        done += [codes.DCM.CleanStructuredContentOption] if "ContentSequence" in made else []
        done += [codes.DCM.CleanGraphicsOption] if "GraphicAnnotationSequence" in made else []
        done += [kept[self.names.dates]] if self.names.dates in kept else []
        made.PatientIdentityRemoved = "YES"
        made.DeidentificationMethod = [
            f"Calcscope {calcscope.__version__}",
            "DICOM PS3.15 2026c, Table E.1-1",
        ]
        made.DeidentificationMethodCodeSequence = [_item(code) for code in done]
        told = {"shift": "MODIFIED", "remove": "REMOVED", "keep": "UNMODIFIED"}
        made.LongitudinalTemporalInformationModified = told[self.names.dates]

    def marked(self, content: bytes) -> bytes:
        """A DICOM file that was made from de-identified sources, marked."""
        made = dcmread(io.BytesIO(content))
        self.mark(made)
        buffer = io.BytesIO()
        made.save_as(buffer, enforce_file_format=True)
        return buffer.getvalue()

    def exam(self, exam: ExamReport) -> ExamReport:
        """An exam's report without names of files, identifiers and, as asked for, dates.

        Wherever one of them occurs within a sentence it is replaced there too.
        """
        said = _replaced(exam.model_dump(mode="json"), self._stand_ins(exam))
        day = None
        if exam.date is not None and self.names.dates != "remove":
            day = self.names.day(date.fromisoformat(exam.date)).isoformat()
        # The folder is named anew, after the new UID.
        said |= {"folder": "", "patient_id": self.names.patient, "date": day}
        return ExamReport.model_validate(said)

    def _stand_ins(self, exam: ExamReport) -> dict[str, str]:
        """Everything in a report that tells whose it is, with what stands for it."""
        uids = [exam.study_uid, *(view.sop_uid for view in exam.views)]
        files: dict[str, str] = {}
        for number, prior in enumerate(exam.priors, 1):
            uids += [prior.study_uid or "", *(laid.prior_view for laid in prior.views)]
            sources = [prior.source, *(laid.source for laid in prior.views)]
            files |= dict.fromkeys(sources, f"earlier exam {number}")
        files |= {view.source: view.label for view in exam.views}
        bare = {Path(name).name: label for name, label in files.items()}
        new = {name: label for name, label in bare.items() if len(name) >= SHORTEST} | files
        new |= {exam.patient_id: self.names.patient} if len(exam.patient_id) >= SHORTEST else {}
        return new | {uid: self.names.uid(uid) for uid in uids} | self._days(exam)

    def _days(self, exam: ExamReport) -> dict[str, str]:
        """Every way in which the report writes a day or its month, with what stands for it."""
        if self.names.dates == "keep":
            return {}
        said: dict[str, str] = {}
        for one in _all_days(exam):
            moved = self.names.day(date.fromisoformat(one)).isoformat()
            gone = self.names.dates == "remove"
            said[one] = moved
            said[words.day(one)] = "an earlier day" if gone else words.day(moved)
            said[words.month(one)] = "an earlier month" if gone else words.month(moved)
        return said


def deidentifier_of(subject: Subject, key: bytes, dates: Dates = "shift") -> Deidentifier:
    """The de-identifier of the woman whose exam it is: the same one for all her exams under one key."""
    header = subject.first
    patient = text(header, "PatientID") or subject.exam.patient_id
    return Deidentifier(Pseudonyms(key, "\n".join([patient, text(header, "IssuerOfPatientID")]), dates))


def _all_days(exam: ExamReport) -> Iterable[str]:
    yield from [exam.date] if exam.date is not None else []
    yield from (prior.date for prior in exam.priors if prior.date is not None)
    yield from (change.date for _, change in exam.compared)
    yield from (moment.date for finding in exam.findings for moment in finding.trend)


def _item(code: Any) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = (
        code.value,
        code.scheme_designator,
        code.meaning,
    )
    return item


def _meta(original: Dataset, made: Dataset) -> FileMetaDataset:
    """File meta information without the names of the machines the file came through."""
    meta = FileMetaDataset()
    syntax = getattr(getattr(original, "file_meta", None), "TransferSyntaxUID", None)
    meta.TransferSyntaxUID = syntax or ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = UID(text(made, "SOPClassUID"))
    meta.MediaStorageSOPInstanceUID = UID(text(made, "SOPInstanceUID"))
    return meta


def _replaced(said: Any, new: Mapping[str, str]) -> Any:
    """Every string with its parts replaced, the longest first: a UID may begin with another."""
    known = sorted(filter(None, new), key=len, reverse=True)
    pattern = re.compile("|".join(rf"(?<![\w.]){re.escape(name)}(?!\w|\.\d)" for name in known) or r"(?!)")

    def through(value: Any) -> Any:
        if isinstance(value, str):
            return pattern.sub(lambda found: new[found.group()], value)
        if isinstance(value, dict):
            return {name: through(each) for name, each in value.items()}
        return [through(each) for each in value] if isinstance(value, list) else value

    return through(said)

"""Whose image it is, of which study and of which day."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath

from pydicom.dataset import Dataset

from calcscope.exam.conventions import facts_of_name
from calcscope.exam.elements import text, uid
from calcscope.exam.options import ReadOptions, is_date
from calcscope.exam.sources import Source
from calcscope.exam.views import Claim, date_among

COMMAND_LINE = "the command line"


@dataclass(frozen=True)
class Origin:
    """Whose image it is and of which study.

    Parameters
    ----------
    group : what the images of one exam share
    study_uid : as stored, or empty
    patient_id : as stored or stated by the user, or made from the source
    person : what tells two patients apart; empty where the image states nothing
    date : ISO date or None
    has_patient_id : whether ``patient_id`` was stated
    has_date : whether the image itself states ``date``
    birth_date : as stored, or empty
    warnings : sentences for the reader about what was assumed
    """

    group: tuple[str, ...]
    study_uid: str
    patient_id: str
    person: str
    date: str | None
    has_patient_id: bool = True
    has_date: bool = False
    birth_date: str = ""
    warnings: tuple[str, ...] = ()


def dicom_origin(ds: Dataset, source: Source, options: ReadOptions) -> Origin:
    """Of a DICOM image; what its header lacks the user may state, and the date may stand in a name."""
    patient_id = text(ds, "PatientID")
    facts = facts_of_name(patient_id)
    # A dataset gives each view a study, a patient and a date of its own: it is the woman who counts.
    stored = None if facts.dataset else _stored_date(ds)
    claims = [Claim("the header", date=stored), Claim(COMMAND_LINE, date=options.date)]
    if stored is None:
        claims += _named_dates(source)
    date, warnings = date_among(claims)
    if facts.dataset:
        warnings += _other_patient(facts.woman, options)
        exam = (facts.dataset, facts.woman, date or "")
        return Origin(exam, "", facts.woman, facts.woman, date, warnings=warnings)
    study, born = uid(ds, "StudyInstanceUID"), text(ds, "PatientBirthDate")
    person = "\n".join([patient_id, born]) if patient_id else ""
    whose = patient_id or options.patient
    group = ("study", study) if study else ("no study", person or whose or source.folder, date or "")
    return Origin(
        group,
        study,
        whose or source.folder,
        person,
        date,
        has_patient_id=bool(whose),
        has_date=stored is not None,
        birth_date=born,
        warnings=warnings + _other_patient(patient_id, options),
    )


def raster_origin(source: Source, options: ReadOptions) -> Origin:
    """Of a plain image, which states nothing: what the user states, then what the names say."""
    facts = facts_of_name(source.file_name)
    date, warnings = date_among([Claim(COMMAND_LINE, date=options.date), *_named_dates(source)])
    whose = facts.woman if facts.dataset else options.patient
    if facts.dataset:
        warnings += _other_patient(facts.woman, options)
    # Of one woman and one day are one exam wherever they lie; else only what lies together may be.
    place = "" if options.patient and date else source.folder
    group = ("raster", place, whose or facts.woman, date or "")
    return Origin(
        group,
        "",
        whose or facts.woman or source.folder,
        "",
        date,
        has_patient_id=bool(whose),
        warnings=warnings,
    )


def _stored_date(ds: Dataset) -> str | None:
    for keyword in ("StudyDate", "AcquisitionDate", "ContentDate"):
        match = re.fullmatch(r"(\d{4})\.?(\d\d)\.?(\d\d)", text(ds, keyword))
        if match and is_date(when := "-".join(match.groups())):
            return when
    return None


def _named_dates(source: Source) -> list[Claim]:
    """What the names of the file, of its folder and of the archive that holds it say of the date."""
    holders = [PurePath(source.folder.rpartition("!")[2]).name]
    if source.member is not None:
        holders.append(source.path.stem)
    return [
        Claim("the file name", weak=True, date=facts_of_name(source.file_name).date),
        *(Claim("the folder name", weak=True, date=facts_of_name(holder).date) for holder in holders),
    ]


def _other_patient(patient_id: str, options: ReadOptions) -> tuple[str, ...]:
    """A warning where the user states another identifier than the image; neither is repeated."""
    if not patient_id or options.patient in (None, patient_id):
        return ()
    return ("The image states another patient ID than --patient: the image's was used.",)

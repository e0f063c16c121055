"""Reading whatever paths a user gives into exams: one exam for each woman and study."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from calcscope.errors import UnreadableInput
from calcscope.exam.conventions import facts_of_name
from calcscope.exam.dicom import read_image
from calcscope.exam.elements import quiet, text, uid
from calcscope.exam.expand import expand, failure_of
from calcscope.exam.loading import DicomLoader, RasterLoader
from calcscope.exam.model import Exam, Failure, View
from calcscope.exam.options import ReadOptions
from calcscope.exam.raster import read_raster
from calcscope.exam.sources import Source, uid_of

VIEW_ORDER = ("CC", "MLO")
"""Views in the order they are hung; the others follow by name."""


@dataclass(frozen=True)
class _Origin:
    """Whose image it is and of which study.

    Parameters
    ----------
    group : what the images of one exam share
    study_uid : as stored, or empty
    patient_id : as stored, or made from the source
    person : what tells two patients apart; empty where nothing is stated
    date : ISO date or None
    has_patient_id : whether the source states ``patient_id``
    birth_date : as stored, or empty
    """

    group: tuple[str, ...]
    study_uid: str
    patient_id: str
    person: str
    date: str | None
    has_patient_id: bool = True
    birth_date: str = ""


_Reading = tuple[View, _Origin]


def read_exams(
    paths: Sequence[str | Path], options: ReadOptions | None = None
) -> tuple[list[Exam], list[Failure]]:
    """Read DICOM files, folders, zip archives, DICOMDIRs and plain images into exams.

    Headers are read at once; pixels are decoded by ``View.load()``.

    Parameters
    ----------
    paths : files and folders, in any mix
    options : what the user states about the images, and limits

    Returns
    -------
    exams : in the order in which their first image was met
    failures : one for each input that is not read, with its reason; nothing is raised for an input
    """
    options = options or ReadOptions()
    readings: list[_Reading] = []
    failures: list[Failure] = []
    for found in expand(paths, options):
        if isinstance(found, Failure):
            failures.append(found)
            continue
        source, kind = found
        try:
            with quiet():
                readings.append(_read(source, kind, options))
        except UnreadableInput as error:
            failures.append(failure_of(error))
        except Exception as error:  # hostile input finds errors that nobody thought of
            failures.append(failure_of(_unforeseen(source.name, error)))
    readings = _without_duplicates(readings, failures)
    return _exams(readings, failures), failures


def _unforeseen(name: str, error: Exception) -> UnreadableInput:
    found = f"content that cannot be interpreted ({type(error).__name__})"
    return UnreadableInput(name, found, "an intact image", "copy or export it again")


def _read(source: Source, kind: str, options: ReadOptions) -> _Reading:
    if kind == "dicom":
        image = read_image(source, options)
        loader = DicomLoader(
            source, options, image.info, image.layout, image.scale, image.declared, image.collimated
        )
        return View(image.info, loader), _dicom_origin(image.ds, source)
    info = read_raster(source, kind, options)
    return View(info, RasterLoader(source, kind, info)), _raster_origin(source)


def _dicom_origin(ds: Dataset, source: Source) -> _Origin:
    patient_id = text(ds, "PatientID")
    facts = facts_of_name(patient_id)
    if facts.dataset:
        # The dataset gives each view a study, a patient and a date of its own: it is the woman who counts.
        return _Origin((facts.dataset, facts.woman), "", facts.woman, facts.woman, None)
    study, date = uid(ds, "StudyInstanceUID"), _date(ds)
    born = text(ds, "PatientBirthDate")
    person = "\n".join([patient_id, born]) if patient_id else ""
    group = ("study", study) if study else ("no study", person or source.folder, date or "")
    return _Origin(group, study, patient_id or source.folder, person, date, bool(patient_id), born)


def _raster_origin(source: Source) -> _Origin:
    facts = facts_of_name(source.file_name)
    group = ("raster", source.folder, facts.woman)
    return _Origin(group, "", facts.woman or source.folder, "", None, bool(facts.dataset))


def _date(ds: Dataset) -> str | None:
    for keyword in ("StudyDate", "AcquisitionDate", "ContentDate"):
        match = re.fullmatch(r"(\d{4})\.?(\d\d)\.?(\d\d)", text(ds, keyword))
        if match:
            return "-".join(match.groups())
    return None


def _without_duplicates(readings: list[_Reading], failures: list[Failure]) -> list[_Reading]:
    """Keep one of several copies of an image; name those that share a UID but not the pixels."""
    kept: dict[str, _Reading] = {}
    for reading in readings:
        info = reading[0].info
        first = kept.setdefault(info.sop_uid, reading)
        if first is not reading and not _same_pixels(first[0], reading[0]):
            found = f"the SOP Instance UID of {first[0].info.source} on other pixels"
            error = UnreadableInput(
                info.source, found, "a UID of its own", "find out which of the two is right"
            )
            failures.append(failure_of(error))
    return list(kept.values())


def _same_pixels(one: View, other: View) -> bool:
    if (one.info.rows, one.info.columns, one.info.slices) != (
        other.info.rows,
        other.info.columns,
        other.info.slices,
    ):
        return False
    try:
        return bool(np.array_equal(one.load().pixels, other.load().pixels))
    except UnreadableInput:
        return False


def _exams(readings: list[_Reading], failures: list[Failure]) -> list[Exam]:
    groups: dict[tuple[str, ...], list[_Reading]] = defaultdict(list)
    for reading in readings:
        groups[reading[1].group].append(reading)
    exams = []
    for members in groups.values():
        persons = {origin.person for _, origin in members if origin.person}
        if len(persons) > 1:
            first = members[0][0].info.source
            found = f"images of {len(persons)} patients under one Study Instance UID ({len(members)} files)"
            error = UnreadableInput(
                first, found, "one patient in a study", "separate them and read each alone"
            )
            failures.append(failure_of(error))
            continue
        exams.append(_exam(members))
    return exams


def _exam(members: list[_Reading]) -> Exam:
    views = sorted((view for view, _ in members), key=_hanging)
    uids = "\n".join(sorted(view.info.sop_uid for view in views))
    named = next((origin for _, origin in members if origin.person), members[0][1])
    dates = [origin.date for _, origin in members if origin.date]
    return Exam(
        study_uid=named.study_uid or uid_of(hashlib.sha256(uids.encode()).digest()),
        patient_id=named.patient_id,
        date=min(dates) if dates else None,
        views=tuple(views),
        has_patient_id=named.has_patient_id,
        birth_date=named.birth_date,
    )


def joined(exams: Sequence[Exam]) -> Exam:
    """Studies of one woman and day as the one exam that they are, under the first one's UID."""
    views = sorted((view for exam in exams for view in exam.views), key=_hanging)
    born = next((exam.birth_date for exam in exams if exam.birth_date), "")
    return replace(exams[0], views=tuple(views), birth_date=born)


def _hanging(view: View) -> tuple[bool, int, str, int, str]:
    info = view.info
    rank = VIEW_ORDER.index(info.view) if info.view in VIEW_ORDER else len(VIEW_ORDER)
    return info.laterality != "R", rank, info.view, len(info.modifiers), info.source

"""Reading whatever paths a user gives into exams: one exam for each woman and study."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from calcscope.errors import UnreadableInput
from calcscope.exam.dicom import read_image
from calcscope.exam.elements import quiet
from calcscope.exam.expand import expand, failure_of
from calcscope.exam.loading import DicomLoader, RasterLoader
from calcscope.exam.model import Exam, Failure, View
from calcscope.exam.options import ReadOptions
from calcscope.exam.origin import Origin, dicom_origin, raster_origin
from calcscope.exam.raster import read_raster
from calcscope.exam.sources import Source, uid_of

VIEW_ORDER = ("CC", "MLO")
"""Views in the order they are hung; the others follow by name."""


_Reading = tuple[View, Origin]


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
        origin = dicom_origin(image.ds, source, options)
        info = replace(image.info, warnings=image.info.warnings + origin.warnings)
        loader = DicomLoader(
            source, options, info, image.layout, image.scale, image.declared, image.collimated
        )
        return View(info, loader), origin
    info, origin = read_raster(source, kind, options), raster_origin(source, options)
    info = replace(info, warnings=info.warnings + origin.warnings)
    return View(info, RasterLoader(source, kind, info)), origin


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
    stored = [origin.date for _, origin in members if origin.date and origin.has_date]
    dates = stored or [origin.date for _, origin in members if origin.date]
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

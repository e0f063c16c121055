"""Taking files in: each image once, under the woman and exam it says it is of."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from django.db import transaction
from pydicom.dataset import Dataset

from calcscope.errors import UnreadableInput
from calcscope.exam import read_exams
from calcscope.exam.dicom_file import open_inflated, parse
from calcscope.exam.elements import text
from calcscope.exam.model import Exam as Given
from calcscope.exam.model import View
from calcscope.exam.options import ReadOptions
from calcscope.exam.sources import Source
from calcscope.report.writing import write_atomically
from calcscope.server.dates import day_of
from calcscope.server.exams import jobs
from calcscope.server.exams.models import Exam, Image, Mode, State, Woman
from calcscope.server.exams.names import alike
from calcscope.server.people.models import Site


@dataclass
class Taken:
    """What became of files.

    Parameters
    ----------
    exams : those that have a new image
    known : those whose images were all here
    failures : ``source`` and ``reason`` of each file that was not taken
    """

    exams: list[Exam] = field(default_factory=list)
    known: list[Exam] = field(default_factory=list)
    failures: list[dict[str, str]] = field(default_factory=list)

    def refuse(self, source: str, reason: str) -> None:
        """Leave a file out; of its path, the name alone is told, with the member where it is an archive."""
        path, bang, member = source.partition("!")
        self.failures.append({"source": Path(path).name + bang + member, "reason": reason})


def take_in(
    site: Site, paths: Iterable[str | Path], options: ReadOptions | None = None, mode: str = ""
) -> Taken:
    """Store the images among files and folders, and have each exam with a new one read.

    The same image again changes nothing. Nothing is taken half: the files of an exam are on the disk before
    its rows are written, all rows at once.

    Parameters
    ----------
    mode : of all exams, as somebody states it; empty for what their views tell: with a magnification view
        an exam is diagnostic
    """
    options = options or ReadOptions()
    taken = Taken()
    given, failures = read_exams(list(paths), options)
    for failure in failures:
        taken.refuse(failure.source, failure.reason)
    for exam in given:
        _take_exam(site, exam, taken, options, mode)
    return taken


def _take_exam(site: Site, given: Given, taken: Taken, options: ReadOptions, mode: str) -> None:
    if not given.has_patient_id:
        for view in given.views:
            taken.refuse(
                view.info.source, "found no patient ID; expected one; send it from the system that has it"
            )
        return
    longest = Woman._meta.get_field("patient_id").max_length or 0
    if len(given.patient_id) > longest:
        for view in given.views:
            taken.refuse(
                view.info.source,
                f"found a patient ID of {len(given.patient_id)} characters; expected at most {longest}; "
                "correct it where it comes from",
            )
        return
    stored: list[tuple[View, str]] = []
    for view in given.views:
        try:
            stored.append((view, _store(view)))
        except UnreadableInput as error:
            taken.refuse(view.info.source, error.reason)
    if not stored:
        return
    headers = [_header(view) for view, _sha in stored]
    header, names = headers[0], [text(each, "PatientName")[:200] for each in headers]
    name, born = next(filter(None, names), ""), day_of(given.birth_date)
    with transaction.atomic():
        woman, _made = Woman.objects.get_or_create(
            site=site, patient_id=given.patient_id, defaults={"name": name, "birth_date": born}
        )
        if woman.birth_date and born and woman.birth_date != born:
            for view, _sha in stored:
                taken.refuse(
                    view.info.source,
                    "found another date of birth than that of the woman of this ID; expected the same; "
                    "find out whose images these are",
                )
            return
        if name and not woman.name:  # the images that came before stated none
            woman.name = name
            woman.save(update_fields=["name"])
        if woman.birth_date is None and born and woman.name == name:
            woman.birth_date = born
            woman.save(update_fields=["birth_date"])
        exam, _new = Exam.objects.get_or_create(
            site=site, study_uid=given.study_uid,
            defaults={
                "woman": woman, "date": given.date, "accession": text(header, "AccessionNumber")[:64],
                "stated_pixel_mm": options.pixel_mm,
            },
        )  # fmt: skip
        if exam.woman_id != woman.pk:
            for view, _sha in stored:
                taken.refuse(
                    view.info.source,
                    "found a study of which images of another woman are here; expected one woman a study; "
                    "find out whose images these are",
                )
            return
        added = [_add(exam, view, sha, taken) for view, sha in stored]
        if any(added):
            exam.refresh_from_db()
            _compare_names(exam, names)
            _set_mode(exam, mode)
            jobs.ask(exam)
            taken.exams.append(exam)
        else:
            taken.known.append(exam)


def _compare_names(exam: Exam, names: Iterable[str]) -> None:
    """Mark an exam whose images state another name than the woman's: two women may have got one ID.

    A name of which somebody has said that it is hers too, such as that of her marriage, is not asked again.
    """
    settled = exam.woman.exams.filter(other_name=False).values_list("other_names", flat=True)
    known = [exam.woman.name, *(name for several in settled for name in several)]
    others = {each for each in names if each and not any(alike(each, one) for one in known)}
    if exam.woman.name and others:
        known_before, exam.other_name = exam.other_name, True
        exam.other_names = sorted({*exam.other_names, *others})
        exam.save(update_fields=["other_name", "other_names"])
        if not known_before:
            jobs.compare_anew(exam)


def _set_mode(exam: Exam, stated: str) -> None:
    """The mode as stated, else as the views tell; what a reader has signed or somebody has stated stays."""
    if exam.mode_stated or exam.state not in (State.WAITING, State.FAILED, State.UNREAD):
        return
    magnified = any("magnification" in label.split() for label in exam.images.values_list("label", flat=True))
    exam.mode = stated or (Mode.DIAGNOSTIC if magnified else exam.mode)
    exam.mode_stated = bool(stated)
    exam.save(update_fields=["mode", "mode_stated"])


def _add(exam: Exam, view: View, sha: str, taken: Taken) -> bool:
    """Add an image where it is new."""
    info = view.info
    image, new = Image.objects.get_or_create(
        exam=exam, sop_uid=info.sop_uid,
        defaults={
            "laterality": info.laterality, "view": info.view, "label": info.label[:60], "rows": info.rows,
            "columns": info.columns, "frames": info.slices, "pixel_mm": info.pixel_mm, "sha256": sha,
        },
    )  # fmt: skip
    if not new and image.sha256 != sha:
        taken.refuse(
            info.source,
            "found an image that is here with other content; expected each UID once; the first one is kept",
        )
    return new


def _store(view: View) -> str:
    """Put the file among the images, by its content; its SHA-256."""
    source = _source(view)
    with source.open() as stream:
        content = stream.read()
    sha = hashlib.sha256(content).hexdigest()
    path = Image(sha256=sha).path
    if not path.exists():
        write_atomically(path, content)
    return sha


def _source(view: View) -> Source:
    path, _bang, member = view.info.source.partition("!")
    return Source(Path(path), member or None)


def _header(view: View) -> Dataset:
    """The DICOM header of an image; an empty one for a plain image."""
    source = _source(view)
    try:
        with open_inflated(source, ReadOptions()) as stream:
            return parse(stream, source.name)
    except UnreadableInput:
        return Dataset()


def clear(folder: Path) -> None:
    """Remove files that were taken in."""
    shutil.rmtree(folder, ignore_errors=True)

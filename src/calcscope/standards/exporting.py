"""A report file in, the files of one kind out: one room for what all kinds share."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from pydantic import ValidationError
from pydicom.dataset import Dataset
from pydicom.uid import UID, Comprehensive3DSRStorage, MammographyCADSRStorage

from calcscope.errors import UnreadableInput
from calcscope.exam.elements import text
from calcscope.report.model import ExamReport, Report
from calcscope.report.writing import REPORT_NAME, read_report, write_atomically
from calcscope.standards.subject import Subject, subject_of

if TYPE_CHECKING:
    from calcscope.standards.deidentify import Deidentify

Kind = Literal["cad-sr", "seg", "gsps", "sr", "fhir"]

Written = dict[str, bytes]
"""File name to content."""

UNWRITABLE = (LookupError, ValueError, OverflowError, TypeError, AttributeError)

IMAGES: Literal["images"] = "images"
"""What is exported beside the objects: the images that they refer to."""


class WrongArgument(UnreadableInput):
    """What was named is not what is asked for."""


@dataclass(frozen=True)
class _Writer:
    """Where a kind of object is made: ``module.function(subject)``, imported when it is asked for.

    Parameters
    ----------
    empty : why there may be none of an exam
    replaces : class of the object of an earlier reading that one of this kind can name as its predecessor
    """

    module: str
    what: str
    needs_images: bool = True
    empty: str = ""
    replaces: UID | None = None

    def __call__(self, subject: Subject) -> Written:
        write = cast(Callable[[Subject], Written], import_module(f"calcscope.standards.{self.module}").files)
        return write(subject)


KINDS: dict[Kind, _Writer] = {
    "cad-sr": _Writer("cad_sr", "Mammography CAD SR (TID 4000)", replaces=MammographyCADSRStorage),
    "seg": _Writer("seg", "Segmentation, one segment for each finding", empty="no view shows a finding"),
    "gsps": _Writer(
        "gsps", "Grayscale Softcopy Presentation State with the marks", empty="no view has anything to mark"
    ),
    "sr": _Writer("measurements", "Comprehensive 3D SR (TID 1500)", replaces=Comprehensive3DSRStorage),
    "fhir": _Writer("fhir", "FHIR R4 bundle", needs_images=False),
}


def objects_of(subject: Subject, kind: Kind) -> Written:
    """The objects of one kind for one exam: file names and contents."""
    with warnings.catch_warnings():
        # Libraries warn of names and numbers that break a rule of form, and say them.
        warnings.simplefilter("ignore")
        return KINDS[kind](subject)


def report_at(path: Path) -> tuple[Report, Path]:
    """The report that a file or its folder holds, and the file.

    Raises
    ------
    WrongArgument : where there is none of this version
    """
    file = path / REPORT_NAME if path.is_dir() else path
    remedy = "name the folder that calcscope read wrote, or the report.json in it"
    if not file.is_file():
        raise WrongArgument(str(path), f"no {REPORT_NAME}", "a report", remedy)
    try:
        return read_report(file), file
    except ValidationError as error:
        # What is wrong and where; never what stands there.
        fault = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, fault["loc"]))
        found = f"{fault['msg']}{' at ' if where else ''}{where}"
        raise WrongArgument(str(file), found, "a report of this version", remedy) from error


def export_report(
    path: Path,
    kind: Kind | Literal["images"],
    out: Path,
    *,
    images: Sequence[Path] = (),
    replaces: Dataset | None = None,
    deidentify: Deidentify | None = None,
    left_out: Callable[[str], None] = lambda why: None,
    remark: Callable[[str], None] = lambda why: None,
    progress: Callable[[str], None] = lambda what: None,
) -> list[Path]:
    """Write one kind of object, or the images themselves, for each exam of a report.

    Parameters
    ----------
    path : ``report.json`` or its folder
    out : folder; each exam's files go into a folder of the exam's name
    images : where the images are, if not where they were read
    replaces : header of the object of an earlier reading that this one takes the place of
    deidentify : how what is written is de-identified, if it is
    left_out : told of each image that is not written, since it may show a name
    remark : told why there is no object of an exam, where there need be none

    Returns
    -------
    The files written, in order.

    Raises
    ------
    WrongArgument : where the file is no report, or what is to be replaced cannot be
    UnreadableInput : where an image is not at hand, or the report was changed into what cannot be written;
        nothing of that exam is written
    OSError : where a file cannot be read or written
    """
    report, file = report_at(path)
    if replaces is not None:
        _check_predecessor(replaces, kind, report.exams)
    # When the exam was read: the same report gives the same objects, whenever they are written.
    made = datetime.fromtimestamp(int(file.stat().st_mtime))
    written: list[Path] = []
    for exam in report.exams:
        progress(f"{kind} of {exam.folder}")
        whole = kind == IMAGES or KINDS[kind].needs_images
        try:
            subject = subject_of(report, exam, made, images, replaces, whole=whole)
            folder, files = (
                (exam.folder, _files(subject, kind))
                if deidentify is None
                else _hidden(subject, kind, deidentify, file.parent, left_out)
            )
        except UNWRITABLE as error:
            # The report has the form of one and holds what this version never wrote: a code it does not know,
            # a day beyond the calendar. What stands there may be anything, and is not said.
            found = f"content that cannot be written as {kind} ({type(error).__name__})"
            remedy = "read the exam again"
            raise UnreadableInput(str(file), found, "a report as it was written", remedy) from error
        before = len(written)
        for name, content in files:
            write_atomically(target := out / folder / name, content)
            written.append(target)
        if len(written) == before and kind != IMAGES and KINDS[kind].empty:
            remark(f"{folder}: no {kind}, since {KINDS[kind].empty}")
    return written


def _check_predecessor(earlier: Dataset, kind: Kind | Literal["images"], exams: Sequence[ExamReport]) -> None:
    """Refuse what an object of this kind, for none of these exams, can take the place of."""
    source = str(getattr(earlier, "filename", "") or "the object to be replaced")
    wanted = None if kind == IMAGES else KINDS[kind].replaces
    if wanted is None:
        able = " and ".join(f"--to {name}" for name, writer in KINDS.items() if writer.replaces)
        raise WrongArgument(source, f"--to {kind}", f"{able}, which alone name predecessors", "leave it out")
    stated = UID(text(earlier, "SOPClassUID"))
    if stated != wanted:
        found = stated.name or "an object of no stated class"
        raise WrongArgument(source, found, wanted.name, "name the object that this export wrote earlier")
    # What was de-identified has another study's UID, which is compared once the exam is de-identified too.
    hidden = text(earlier, "PatientIdentityRemoved") == "YES"
    if not hidden and text(earlier, "StudyInstanceUID") not in {exam.study_uid for exam in exams}:
        raise WrongArgument(
            source, "an object of another study", "one of an exam in the report", "name that of the same exam"
        )


def _own_predecessor(subject: Subject) -> Subject:
    """Without what is to be replaced where that belongs to another exam of the report."""
    earlier = subject.replaces
    if earlier is None or text(earlier, "StudyInstanceUID") == subject.exam.study_uid:
        return subject
    return replace(subject, replaces=None)


def _files(subject: Subject, kind: Kind | Literal["images"]) -> Iterable[tuple[str, bytes]]:
    if kind == IMAGES:
        from calcscope.standards.images import copies

        return copies(subject)
    return objects_of(_own_predecessor(subject), kind).items()


def _hidden(
    subject: Subject,
    kind: Kind | Literal["images"],
    how: Deidentify,
    beside: Path,
    left_out: Callable[[str], None],
) -> tuple[str, Iterable[tuple[str, bytes]]]:
    """Name of the folder and the files of a de-identified export."""
    from calcscope.standards.deidentify import KEY_NAME, deidentifier_of
    from calcscope.standards.images import copies, doubtful, names
    from calcscope.standards.pseudonyms import read_key

    deidentifier = deidentifier_of(subject, read_key(how.key or beside / KEY_NAME), how.dates)
    hidden = deidentifier.subject(subject)
    if kind != IMAGES:
        made = objects_of(_own_predecessor(hidden), kind)
        return hidden.exam.folder, [
            (name, deidentifier.marked(content) if name.endswith(".dcm") else content)
            for name, content in made.items()
        ]
    without = {} if how.looked_at else doubtful(subject)
    for uid, name in names(subject).items():
        if uid in without:
            left_out(f"{subject.files[uid].name} ({name}): {without[uid]}")
    return hidden.exam.folder, copies(subject, deidentifier, without)


def dicom_bytes(dataset: Dataset) -> bytes:
    """A data set as a DICOM file (PS3.10)."""
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()

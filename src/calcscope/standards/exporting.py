"""A report file in, the files of one kind out: one room for what all kinds share."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from pydicom.dataset import Dataset

from calcscope.report.writing import REPORT_NAME, read_report, write_atomically
from calcscope.standards.subject import Subject, subject_of

if TYPE_CHECKING:
    from calcscope.standards.deidentify import Deidentify

Kind = Literal["cad-sr", "seg", "gsps", "sr", "fhir"]

Written = dict[str, bytes]
"""File name to content."""

IMAGES: Literal["images"] = "images"
"""What is exported beside the objects: the images that they refer to."""


@dataclass(frozen=True)
class _Writer:
    """Where a kind of object is made: ``module.function(subject)``, imported when it is asked for."""

    module: str
    what: str
    needs_images: bool = True

    def __call__(self, subject: Subject) -> Written:
        write = cast(Callable[[Subject], Written], import_module(f"calcscope.standards.{self.module}").files)
        return write(subject)


KINDS: dict[Kind, _Writer] = {
    "cad-sr": _Writer("cad_sr", "Mammography CAD SR (TID 4000)"),
    "seg": _Writer("seg", "Segmentation, one segment for each finding"),
    "gsps": _Writer("gsps", "Grayscale Softcopy Presentation State with the marks"),
    "sr": _Writer("measurements", "Comprehensive 3D SR (TID 1500)"),
    "fhir": _Writer("fhir", "FHIR R4 bundle", needs_images=False),
}


def objects_of(subject: Subject, kind: Kind) -> Written:
    """The objects of one kind for one exam: file names and contents."""
    return KINDS[kind](subject)


def export_report(
    path: Path,
    kind: Kind | Literal["images"],
    out: Path,
    *,
    images: Sequence[Path] = (),
    replaces: Dataset | None = None,
    deidentify: Deidentify | None = None,
    left_out: Callable[[str], None] = lambda why: None,
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

    Returns
    -------
    The files written, in order.

    Raises
    ------
    UnreadableInput : where an image is not at hand; nothing of that exam is written
    pydantic.ValidationError : where the file is no report
    OSError : where a file cannot be read or written
    """
    file = path / REPORT_NAME if path.is_dir() else path
    report = read_report(file)
    # When the exam was read: the same report gives the same objects, whenever they are written.
    made = datetime.fromtimestamp(int(file.stat().st_mtime))
    written = []
    for exam in report.exams:
        progress(f"{kind} of {exam.folder}")
        whole = kind == IMAGES or KINDS[kind].needs_images
        subject = subject_of(report, exam, made, images, replaces, whole=whole)
        folder, files = (
            (exam.folder, _files(subject, kind))
            if deidentify is None
            else _hidden(subject, kind, deidentify, file.parent, left_out)
        )
        for name, content in files:
            write_atomically(target := out / folder / name, content)
            written.append(target)
    return written


def _files(subject: Subject, kind: Kind | Literal["images"]) -> Iterable[tuple[str, bytes]]:
    if kind == IMAGES:
        from calcscope.standards.images import copies

        return copies(subject)
    return objects_of(subject, kind).items()


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
        made = objects_of(hidden, kind)
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

"""What an object is made from: one exam of a report with the headers of its images.

The report holds no patient's name, no series and no accession number; an object that a hospital is to file
beside the images takes these from the images themselves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import SecondaryCaptureImageStorage

import calcscope
from calcscope.errors import UnreadableInput
from calcscope.exam.dicom_file import open_inflated, parse
from calcscope.exam.elements import text, uid
from calcscope.exam.expand import expand
from calcscope.exam.model import Failure
from calcscope.exam.options import ReadOptions
from calcscope.exam.sources import Source, uid_of
from calcscope.report.model import ExamReport, Report, ViewReport

MANUFACTURER = "Calcscope"
MODEL = "Calcscope"
NO_DAY = date(1900, 1, 1)
"""Stands for a day that de-identification took out, where there must be one."""

Located = tuple[Source, Dataset]
"""A DICOM file and its header."""


@dataclass(frozen=True)
class Subject:
    """One exam of a report and its images.

    Parameters
    ----------
    report, exam : the report and the exam of it that is written
    images : the header of each view's image, without pixels, by ``sop_uid``
    priors : the headers of the earlier images it was compared with, likewise; those at hand
    made : when the exam was read
    replaces : the header of the object of an earlier reading that this one takes the place of
    files : where the images are, the earlier ones too, by ``sop_uid``
    identity_removed : whether nothing of it tells whose it is
    """

    report: Report
    exam: ExamReport
    images: Mapping[str, Dataset] = field(repr=False)
    priors: Mapping[str, Dataset] = field(default_factory=dict, repr=False)
    made: datetime = field(default_factory=datetime.now)
    replaces: Dataset | None = field(default=None, repr=False)
    files: Mapping[str, Source] = field(default_factory=dict, repr=False)
    identity_removed: bool = False

    @property
    def first(self) -> Dataset:
        """The header from which patient and study are taken; an empty one where no image is at hand."""
        return next(iter(self.images.values()), Dataset())

    def image(self, view: ViewReport) -> Dataset:
        """The header of a view's image."""
        return self.images[view.sop_uid]

    def uid(self, *what: str) -> str:
        """A UID that the reading and ``what`` determine (2.25, PS3.5 B.2).

        The same report written again is the same object, so that an archive never holds it twice.
        """
        told = "\n".join([calcscope.__version__, self.made.isoformat(), self.exam.model_dump_json(), *what])
        return uid_of(hashlib.sha256(told.encode()).digest())


def subject_of(
    report: Report,
    exam: ExamReport,
    made: datetime,
    places: Sequence[Path] = (),
    replaces: Dataset | None = None,
    *,
    whole: bool = True,
) -> Subject:
    """The exam with its images, which are looked for where they were read and then in ``places``.

    Parameters
    ----------
    places : folders, files or archives that hold the images, where they have moved since
    whole : False leaves out what is not found

    Raises
    ------
    UnreadableInput : where an image of the exam is no longer found, or is no DICOM image; earlier images
        that are not found are left out
    """
    elsewhere = _Elsewhere(places)
    images, priors, files = {}, {}, {}
    for view in exam.views:
        found = _image(view.source, view.sop_uid) or elsewhere.image(view.sop_uid)
        if found is not None:
            files[view.sop_uid], images[view.sop_uid] = found
        elif whole:
            raise _missing(view)
    for prior in exam.priors:
        for laid in prior.views if prior.used else ():
            found = _image(laid.source, laid.prior_view) or elsewhere.image(laid.prior_view)
            if found is not None:
                files[laid.prior_view], priors[laid.prior_view] = found
    return Subject(report, exam, images, priors, made, replaces, files)


def _missing(view: ViewReport) -> UnreadableInput:
    path = Path(view.source.split("!")[0])
    if path.is_file():
        return UnreadableInput(
            view.source,
            f"not the DICOM image from which {view.label} was read",
            "the image itself: a DICOM object can name no other",
            "read the exam from DICOM files, or name the folder that holds them with --images",
        )
    return UnreadableInput(
        view.source,
        f"no file from which {view.label} could be read",
        "the images where they were when the exam was read",
        "name the folder that holds them with --images",
    )


def _image(name: str, sop_uid: str) -> Located | None:
    """The DICOM file ``name`` with its header where it is the image ``sop_uid``, else None."""
    path, _, member = name.partition("!")
    return _read(Source(Path(path), member or None), sop_uid) if Path(path).is_file() else None


def _read(source: Source, sop_uid: str | None) -> Located | None:
    try:
        with open_inflated(source, ReadOptions()) as stream:
            header = parse(stream, source.name)
    except UnreadableInput:
        return None
    own = uid(header, "SOPInstanceUID")
    return (source, header) if own and sop_uid in (None, own) else None


class _Elsewhere:
    """Images in further places, looked through once and only where they are needed."""

    def __init__(self, places: Sequence[Path]) -> None:
        self._places = places
        self._found: dict[str, Located] | None = None

    def image(self, sop_uid: str) -> Located | None:
        if self._found is None:
            self._found = {uid(one[1], "SOPInstanceUID"): one for one in self._images()}
        return self._found.get(sop_uid)

    def _images(self) -> Iterable[Located]:
        for found in expand(self._places, ReadOptions()):
            if not isinstance(found, Failure) and found[1] == "dicom":
                image = _read(found[0], None)
                if image is not None:
                    yield image


def sop_class(header: Dataset) -> str:
    """SOP Class UID of an image; that of Secondary Capture where a damaged header states none."""
    return text(header, "SOPClassUID") or str(SecondaryCaptureImageStorage)

"""What an object needs to be filed beside the images it is about: patient, study, series, equipment."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.filewriter import correct_ambiguous_vr
from pydicom.valuerep import DA, TM

import calcscope
from calcscope.exam.elements import integer, quiet, text, texts, uid
from calcscope.exam.sources import uid_of
from calcscope.report.files import view_slugs
from calcscope.report.model import ViewReport
from calcscope.standards.exporting import dicom_bytes
from calcscope.standards.subject import MANUFACTURER, MODEL, Subject, sop_class

UTF8 = "ISO_IR 192"
SERIES_NUMBERS = {"cad-sr": 9801, "seg": 9802, "gsps": 9803, "sr": 9804}
"""Above what devices number their series by, so that ours come last in a list."""
IDENTITY = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
    "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
"""What the Patient and General Study modules require, if only empty (PS3.3 C.7.1.1, C.7.2.1)."""


def filed(subject: Subject, view: ViewReport) -> Dataset:
    """The header of a view's image with everything that filing asks for, in Unicode; without pixels.

    What a damaged or a film's header lacks is there and empty; dates and times that are none are empty.
    """
    source = subject.image(view)
    header = Dataset()
    with quiet():
        for element in source:
            # Private elements are the maker's affair; overlays (from group 6000 on) are not what was read.
            binary = element.VR in ("OB", "OW", "UN")
            if not (element.tag.is_private or binary or element.tag.group >= 0x6000):
                header.add(deepcopy(element))
        header.decode()
        header.PixelRepresentation = integer(header, "PixelRepresentation") or 0
        # Implicit VR leaves open whether a look-up table is signed; the object we write must say it.
        correct_ambiguous_vr(header, True)
    header.SpecificCharacterSet = UTF8
    for keyword in IDENTITY:
        if keyword not in header:
            setattr(header, keyword, "")
    for keyword, kind in (("PatientBirthDate", DA), ("StudyDate", DA), ("StudyTime", TM)):
        if not _valid(kind, text(header, keyword)):
            setattr(header, keyword, "")
    if "PatientOrientation" in header:
        header.PatientOrientation = orientation(header)
    if text(header, "PatientSex") not in ("M", "F", "O"):
        header.PatientSex = ""
    header.SOPClassUID = sop_class(source)
    header.SOPInstanceUID = view.sop_uid
    header.StudyInstanceUID = uid(header, "StudyInstanceUID") or subject.exam.study_uid
    header.SeriesInstanceUID = uid(header, "SeriesInstanceUID") or subject.uid("series", view.sop_uid)
    header.Modality = text(header, "Modality") or "OT"
    header.SamplesPerPixel = integer(header, "SamplesPerPixel") or 1
    header.Rows, header.Columns = view.rows, view.columns
    return header


def orientation(header: Dataset) -> list[str]:
    """Where rows and columns lead (PS3.3 C.7.6.1.1.1); empty where that is not what is stated: films of
    CBIS-DDSM state their view there.
    """
    stated = texts(header, "PatientOrientation")
    sound = len(stated) == 2 and all(each and set(each) <= set("LRAPHF") for each in stated)
    return stated if sound else []


def _valid(kind: Any, value: str) -> bool:
    try:
        return bool(kind(value)) or not value
    except ValueError:
        return False


def series(subject: Subject, kind: str) -> dict[str, Any]:
    """Series and equipment of the objects of one kind, as highdicom's constructors name them."""
    return {
        "series_instance_uid": subject.uid(kind, "series"),
        "series_number": SERIES_NUMBERS[kind],
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": MODEL,
        "software_versions": calcscope.__version__,
        "device_serial_number": "0",
        "series_date": subject.made.date(),
        "series_time": subject.made.time().replace(microsecond=0),
    }


def by_view(
    subject: Subject, name: str, make: Callable[[Subject, ViewReport, int], Dataset | None]
) -> dict[str, bytes]:
    """One file for each view, ``NAME-rcc.dcm`` and so on, each with its Instance Number."""
    slugs, written = view_slugs(subject.exam), {}
    for number, view in enumerate(subject.exam.views, 1):
        made = make(subject, view, number)
        if made is not None:
            written[f"{name}-{slugs[view.sop_uid]}.dcm"] = dicom_bytes(made)
    return written


def device_uid() -> str:
    """UID of the observer: one for each version of the software, wherever it runs."""
    return uid_of(hashlib.sha256(f"{MANUFACTURER} {MODEL} {calcscope.__version__}".encode()).digest())


def stamped(made: Dataset, header: Dataset, subject: Subject) -> Dataset:
    """The object with the exam's patient as the images name her and the time of reading; changed in place.

    Libraries correct or refuse identifiers that break a rule of form; an archive finds the woman only by
    what the images say.
    """
    for keyword in ("PatientName", "PatientID", "StudyID", "AccessionNumber", "ReferringPhysicianName"):
        made[keyword] = DataElement(header[keyword].tag, header[keyword].VR, header[keyword].value)
    for what in ("InstanceCreation", "Content", "PresentationCreation"):
        if f"{what}Date" in made:
            setattr(made, f"{what}Date", subject.made.strftime("%Y%m%d"))
            setattr(made, f"{what}Time", subject.made.strftime("%H%M%S"))
    for item in made.get("ContributingEquipmentSequence", ()):
        if "ContributionDateTime" in item:
            item.ContributionDateTime = subject.made.strftime("%Y%m%d%H%M%S")
    return made

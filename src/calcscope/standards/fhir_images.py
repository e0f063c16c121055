"""The woman and her studies, from the headers of the images."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import date

from pydicom.dataset import Dataset

from calcscope import lexicon
from calcscope.exam.elements import integer, items, text, uid
from calcscope.exam.sources import uid_of
from calcscope.report.model import ExamReport
from calcscope.standards.fhir_codes import Json, coding, concept, known
from calcscope.standards.subject import NO_DAY, Subject, sop_class

GENDERS = {"F": "female", "M": "male", "O": "other"}


def patient(subject: Subject) -> Json:
    """The woman as the images state her; the report alone knows no more than her identifier."""
    header = subject.first
    own = known(
        system=_issuer(header),
        value=text(header, "PatientID") or subject.exam.patient_id,
        assigner=known(display=text(header, "IssuerOfPatientID")),
    )
    return known(
        resourceType="Patient",
        meta=_security(subject),
        identifier=[own, _of_study(subject)],
        name=[] if subject.identity_removed else _name(header),
        gender=GENDERS.get(text(header, "PatientSex")),
        birthDate=day(text(header, "PatientBirthDate")),
    )


def patient_identity(subject: Subject) -> Json:
    """Under which identifier a server may already hold her.

    A bare number is another woman's elsewhere: without an issuer she is only known to be the woman of this
    study.
    """
    known_as: Json = patient(subject)["identifier"][0]
    return known_as if "system" in known_as else _of_study(subject)


def _security(subject: Subject) -> Json:
    return {"security": [coding(lexicon.fhir().pseudonymised)]} if subject.identity_removed else {}


def _of_study(subject: Subject) -> Json:
    return {
        "system": lexicon.fhir().systems["UID"],
        "value": f"urn:oid:{subject.exam.study_uid}",
        "use": "secondary",
    }


def _issuer(header: Dataset) -> str | None:
    """The name space of the identifier: the issuer's own OID or URI, or an OID made from its name."""
    for item in items(header, "IssuerOfPatientIDQualifiersSequence"):
        entity, kind = text(item, "UniversalEntityID"), text(item, "UniversalEntityIDType")
        if entity and kind == "ISO":
            return f"urn:oid:{entity}"
        if entity and kind == "URI":
            return entity
    issuer = text(header, "IssuerOfPatientID")
    return f"urn:oid:{uid_of(hashlib.sha256(issuer.encode()).digest())}" if issuer else None


def _name(header: Dataset) -> list[Json]:
    """Family, given, middle, prefix, suffix (PS3.5 6.2.1.1), of the alphabetic form."""
    said = text(header, "PatientName").split("=")[0]
    family, given, middle, prefix, suffix = (part.strip() for part in (said.split("^") + [""] * 5)[:5])
    name = known(
        family=family,
        given=[each for each in (given, middle) if each],
        prefix=[prefix] if prefix else [],
        suffix=[suffix] if suffix else [],
    )
    return [{"use": "official", **name}] if name else []


def day(value: str) -> str | None:
    """A DICOM date as FHIR writes it; None for an empty, damaged or removed one."""
    try:
        found = date.fromisoformat(value)
    except ValueError:
        return None
    return found.isoformat() if found > NO_DAY else None


def study(headers: Sequence[Dataset], exam: ExamReport | None) -> Iterator[Json]:
    """The studies of some images, each with its series and instances; none where there is no DICOM image.

    Parameters
    ----------
    exam : the exam whose views they are, which names them
    """
    views = {} if exam is None else {view.sop_uid: view.label for view in exam.views}
    for one in dict.fromkeys(uid(header, "StudyInstanceUID") for header in headers):
        own = [header for header in headers if uid(header, "StudyInstanceUID") == one]
        fhir, first = lexicon.fhir(), own[0]
        series = dict.fromkeys(uid(header, "SeriesInstanceUID") for header in own)
        yield known(
            resourceType="ImagingStudy",
            identifier=[
                {"system": fhir.systems["UID"], "value": f"urn:oid:{one}"},
                *_accession(first),
            ],
            status="available",
            modality=[coding(fhir.modality)],
            started=day(text(first, "StudyDate")),
            numberOfSeries=len(series),
            numberOfInstances=len(own),
            series=[_series(each, own, views) for each in series],
        )


def _accession(header: Dataset) -> list[Json]:
    number = text(header, "AccessionNumber")
    kind = {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "ACSN"}],
        "text": "Accession number",
    }
    return [{"type": kind, "value": number}] if number else []


def _series(one: str, headers: Sequence[Dataset], views: dict[str, str]) -> Json:
    own = [header for header in headers if uid(header, "SeriesInstanceUID") == one]
    fhir = lexicon.fhir()
    return known(
        uid=one,
        number=integer(own[0], "SeriesNumber"),
        modality=coding(fhir.modality),
        bodySite=concept([fhir.breast], fhir.breast.meaning)["coding"][0],
        started=day(text(own[0], "SeriesDate")),
        numberOfInstances=len(own),
        instance=[
            known(
                uid=uid(header, "SOPInstanceUID"),
                sopClass={"system": fhir.systems["URI"], "code": f"urn:oid:{sop_class(header)}"},
                number=integer(header, "InstanceNumber"),
                title=views.get(uid(header, "SOPInstanceUID")),
            )
            for header in own
        ],
    )

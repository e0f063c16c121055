"""A report as a FHIR R4 (4.0.1) bundle.

The bundle is a *transaction*: a server takes all of it or nothing. Every entry is created only where the
server does not hold it yet (``ifNoneExist``), so that the same bundle sent twice repeats nothing. It is
checked with ``fhir.resources``' R4B models, which differ from R4 in none of the resources used here.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator
from urllib.parse import quote

from fhir.resources.R4B.bundle import Bundle
from pydantic import ValidationError

from calcscope import lexicon
from calcscope.errors import UnreadableInput
from calcscope.lexicon.model import Order
from calcscope.report.model import EarlierFinding, Finding, NextStep
from calcscope.standards.fhir_codes import Json, category, concept, known, later
from calcscope.standards.fhir_findings import observation, section
from calcscope.standards.fhir_images import patient, patient_identity, study
from calcscope.standards.fhir_narrative import narrative
from calcscope.standards.subject import MANUFACTURER, MODEL, NO_DAY, Subject

FILE = "fhir.json"


def files(subject: Subject) -> dict[str, bytes]:
    """``fhir.json``: the exam as one bundle.

    Raises
    ------
    UnreadableInput : where the report, changed by somebody since, holds what no bundle can
    """
    try:
        checked = Bundle.model_validate(bundle(subject))
    except ValidationError as error:
        # Where it would stand and what is wrong; never what stands there.
        fault = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, fault["loc"]))
        found = f"a value that FHIR does not allow ({' '.join(fault['msg'].split())} at {where})"
        remedy = "read the exam again"
        raise UnreadableInput("report.json", found, "a report as it was written", remedy) from error
    text = json.dumps(json.loads(checked.model_dump_json()), ensure_ascii=False, indent=1)
    return {FILE: (text + "\n").encode()}


def bundle(subject: Subject) -> Json:
    """The transaction: woman, study, program, findings, report, next steps."""
    entries = _Entries(subject)
    exam, of_exam = subject.exam, {}
    woman = entries.add(patient(subject), "Patient", condition=patient_identity(subject))
    program = entries.add(_device(subject), "Device")
    studies = []
    for number, (name, headers) in enumerate((("study", subject.images), ("prior", subject.priors))):
        for found in study(list(headers.values()), exam if number == 0 else None):
            reference = entries.add(found | {"subject": woman}, "ImagingStudy", name, _study_uid(found))
            studies.append((name, reference))
    shown = [reference for name, reference in studies if name == "study"]
    earlier = [reference for name, reference in studies if name == "prior"]
    for finding in _all(subject):
        compared = earlier if finding.change is not None else []
        seen = ([] if isinstance(finding, EarlierFinding) else shown) + compared
        own = observation(finding, exam, subject.report.probability_basis)
        own |= known(subject=woman, device=program, derivedFrom=seen)
        of_exam[finding.id] = entries.add(own, "Observation", finding.id)
    results = list(_sections(subject, entries, of_exam, woman, program))
    report = entries.add(
        _report(subject) | known(subject=woman, imagingStudy=shown, result=[*results, *of_exam.values()]),
        "DiagnosticReport",
    )
    for number, step in enumerate(exam.next_steps):
        asked = _request(step, subject)
        because = [of_exam[each.id] for each in _asking(step, subject)] or [report]
        asked |= {"subject": woman, "requester": program, "reasonReference": because}
        entries.add(asked | {"supportingInfo": [report]}, "ServiceRequest", str(number), step.code)
    return known(
        resourceType="Bundle",
        type="transaction",
        timestamp=_instant(subject),
        identifier=entries.identifier("Bundle"),
        entry=entries.listed,
    )


class _Entries:
    """The bundle's entries; each resource is referred to by the UUID that the reading gives it."""

    def __init__(self, subject: Subject) -> None:
        self.listed: list[Json] = []
        self._subject = subject

    def add(self, resource: Json, *what: str, condition: Json | None = None) -> Json:
        """Add a resource and return a reference to it.

        Parameters
        ----------
        what : tells the resource from all others of the reading
        condition : identifier under which the server may already hold it, if not the resource's first
        """
        own = resource.get("identifier") or [self.identifier(*what)]
        condition = condition or own[0]
        asked = f"{condition['system']}|{condition['value']}"
        kind = resource["resourceType"]
        self.listed.append(
            {
                "fullUrl": self._urn(*what),
                "resource": {"resourceType": kind, **resource, "identifier": own},
                "request": {
                    "method": "POST",
                    "url": kind,
                    "ifNoneExist": "identifier=" + quote(asked, safe=":|"),
                },
            }
        )
        return {"reference": self._urn(*what)}

    def identifier(self, *what: str) -> Json:
        return {"system": lexicon.fhir().systems["URI"], "value": self._urn(*what)}

    def _urn(self, *what: str) -> str:
        return uuid.uuid5(uuid.NAMESPACE_OID, self._subject.uid("FHIR", *what)).urn


def _all(subject: Subject) -> list[Finding | EarlierFinding]:
    return [*subject.exam.findings, *subject.exam.earlier_findings]


def _instant(subject: Subject) -> str | None:
    """When the exam was read, with the time zone, which FHIR asks for."""
    return subject.made.astimezone().isoformat() if subject.made.date() > NO_DAY else None


def _study_uid(found: Json) -> str:
    return str(found["identifier"][0]["value"])


def _device(subject: Subject) -> Json:
    """The program with its version and models: the same for all exams that it read."""
    report = subject.report
    told = json.dumps([report.calcscope_version, report.models], sort_keys=True)
    urn = uuid.uuid5(uuid.NAMESPACE_OID, hashlib.sha256(told.encode()).hexdigest()).urn
    models = "; ".join(f"{name}: SHA-256 {digest}" for name, digest in sorted(report.models.items()))
    return known(
        resourceType="Device",
        identifier=[{"system": lexicon.fhir().systems["URI"], "value": urn}],
        status="active",
        manufacturer=MANUFACTURER,
        deviceName=[{"name": MODEL, "type": "model-name"}],
        version=[{"value": report.calcscope_version}],
        note=[{"text": text} for text in (report.notice, models) if text],
    )


def _sections(
    subject: Subject, entries: _Entries, of_exam: dict[str, Json], woman: Json, program: Json
) -> Iterator[Json]:
    exam = subject.exam
    for side in ("R", "L"):
        breast = section(side, exam)
        if breast is not None:
            members = [of_exam[each.id] for each in _all(subject) if each.laterality == side]
            breast |= known(subject=woman, device=program, hasMember=members)
            yield entries.add(breast, "Observation", "breast", side)


def _report(subject: Subject) -> Json:
    exam, fhir = subject.exam, lexicon.fhir()
    title = fhir.report[exam.mode]
    return known(
        resourceType="DiagnosticReport",
        language="en",
        text=narrative(exam),
        status="preliminary",
        category=[concept([code], code.meaning) for code in (fhir.section, fhir.category)],
        code=concept([title, fhir.report_of_guide], title.meaning),
        effectiveDateTime=exam.date,
        issued=_instant(subject),
        conclusion=_conclusion(subject),
        conclusionCode=[category(exam.assessment.overall)],
    )


def _conclusion(subject: Subject) -> str:
    """For the clinician: the category of each breast, what should happen next, and what the program is."""
    exam = subject.exam
    breasts = {"right": exam.assessment.right, "left": exam.assessment.left}
    words = lexicon.categories().categories
    each = [f"{side} breast {grade}" for side, grade in breasts.items() if grade is not None]
    lines = [
        f"Preliminary, unsigned. BI-RADS category {exam.assessment.overall}: "
        f"{words[exam.assessment.overall].display} ({', '.join(each)}).",
        *(step.text for step in exam.next_steps),
        subject.report.notice,
    ]
    return " ".join(lines)


def _asking(step: NextStep, subject: Subject) -> list[Finding]:
    """The findings that ask for a step; those that ask for it in these words, where there are such."""
    alike = [each for each in subject.exam.findings if each.next_step.code == step.code]
    return [each for each in alike if each.next_step.text == step.text] or alike


def _request(step: NextStep, subject: Subject) -> Json:
    """A proposal, not an order: nobody has signed it."""
    fhir, terms = lexicon.fhir(), lexicon.terms()
    usual = lexicon.next_steps().steps[step.code]
    order = fhir.orders.get(step.code) or Order(code=usual.codes[0])
    # The guide's words name a term, such as six months: they say it only where the usual term holds.
    word = fhir.guide.steps.get(step.code) if step.due_days == usual.due_days.value else None
    sides = {each.laterality for each in _asking(step, subject)}
    if not sides and step.code != "prior_films":
        sides = {view.laterality for view in subject.exam.views}
    return known(
        resourceType="ServiceRequest",
        status="draft",
        intent="proposal",
        category=[concept(usual.codes[:1], usual.codes[0].meaning)],
        code=concept([order.code], order.code.meaning, word, "REC"),
        orderDetail=[] if order.detail is None else [concept([order.detail], order.detail.meaning)],
        occurrenceDateTime=later(subject.exam.date, step.due_days),
        authoredOn=_instant(subject),
        bodySite=[
            concept(terms.sides[side].codes, terms.sides[side].phrase or side) for side in sorted(sides)
        ],
        note=[{"text": step.text}],
    )

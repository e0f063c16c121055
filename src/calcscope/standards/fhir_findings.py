"""Findings as Observations, in the shape of the HL7 breast imaging guide (0.3.0, a draft).

The guide's codes stand beside DICOM's. What the guide forbids and this needs: a finding names the program
that made it (``device``), and the report names its findings (``result``), since no Composition does so.
"""

from __future__ import annotations

from collections.abc import Iterator

from calcscope import lexicon
from calcscope.report import words
from calcscope.report.model import Change, EarlierFinding, ExamReport, Finding, Location
from calcscope.standards.fhir_codes import (
    LOCATION,
    Json,
    category,
    concept,
    known,
    part,
    quantity,
)
from calcscope.standards.subject import NO_DAY


def observation(finding: Finding | EarlierFinding, exam: ExamReport, basis: str) -> Json:
    """What one finding is, with its parts as components; references are the bundle's to add.

    Parameters
    ----------
    basis : what every probability in the report was calibrated on
    """
    fhir = lexicon.fhir()
    return known(
        resourceType="Observation",
        status="preliminary",
        category=[concept([code], code.meaning) for code in (fhir.category, fhir.section)],
        code=_code(finding),
        effectiveDateTime=exam.date,
        bodySite=_site(finding.laterality, finding.location),
        component=list(_components(finding, exam)),
        note=[{"text": text} for text in _notes(finding, basis)],
    )


def section(side: str, exam: ExamReport) -> Json | None:
    """The findings of one breast with its category; None for a breast that was not read."""
    identifier = exam.assessment.left if side == "L" else exam.assessment.right
    if identifier is None:
        return None
    fhir, sides = lexicon.fhir(), lexicon.terms().sides
    return known(
        resourceType="Observation",
        status="preliminary",
        category=[concept([code], code.meaning) for code in (fhir.category, fhir.section)],
        code=concept([], fhir.guide.sections[side].display, fhir.guide.sections[side], "OBS"),
        effectiveDateTime=exam.date,
        bodySite=concept(sides[side].codes, sides[side].phrase or side),
        valueCodeableConcept=category(identifier),
    )


def _code(finding: Finding | EarlierFinding) -> Json:
    concepts, guide = lexicon.terms().concepts, lexicon.fhir().guide
    lone = finding.count == 1
    kind = concepts["individual_calcification" if lone else "calcification_cluster"]
    return concept(kind.codes[:1], words.title(finding), guide.finding)


def _site(side: str, at: Location) -> Json:
    terms, guide = lexicon.terms(), lexicon.fhir().guide
    breast = terms.sides[side]
    inside: list[Json] = [_inside("laterality", concept([], breast.display, guide.sides[side]))]
    if at.quadrant is not None:
        name = "quadrant" if at.quadrant in guide.quadrants else "region"
        quadrant = terms.quadrants[at.quadrant]
        word = (guide.quadrants | guide.regions).get(at.quadrant)
        inside.append(_inside(name, concept(quadrant.codes, quadrant.display, word)))
    if at.clock is not None:
        clock = terms.clock[str(at.clock)]
        inside.append(
            _inside("clockDirection", concept(clock.codes, clock.display, guide.clock[str(at.clock)]))
        )
    if at.depth is not None:
        depth = terms.depths[at.depth]
        inside.append(_inside("depth", concept(depth.codes, depth.display, guide.depths[at.depth])))
    if at.nipple_mm is not None:
        inside.append(_inside("landmark", concept([], guide.nipple.display, guide.nipple)))
        inside.append(
            {"url": "distanceFromLandmark", "valueQuantity": quantity(at.nipple_mm, "mm", digits=1)}
        )
    site = concept(breast.codes, f"{breast.phrase}: {words.place(at)}")
    return {"extension": [{"url": LOCATION, "extension": inside}]} | site


def _inside(name: str, value: Json) -> Json:
    return {"url": name, "valueCodeableConcept": value}


def _components(finding: Finding | EarlierFinding, exam: ExamReport) -> Iterator[Json]:
    fhir = lexicon.fhir()
    gone = isinstance(finding, EarlierFinding) and "resolved" in finding.change.status
    there = fhir.guide.absent if gone else fhir.guide.present
    yield {"code": part("presence"), "valueCodeableConcept": concept([], there.display, there)}
    yield _type(finding)
    if finding.distribution is not None:
        term = lexicon.terms().distribution[finding.distribution]
        word = fhir.guide.distributions.get(finding.distribution)
        yield {"code": part("distribution"), "valueCodeableConcept": concept(term.codes, term.display, word)}
    yield {"code": part("count"), "valueQuantity": quantity(finding.count, "calcifications", "1")}
    if finding.span_mm is not None:
        yield {"code": part("extent"), "valueQuantity": quantity(finding.span_mm, "mm")}
    if isinstance(finding, Finding):
        yield from _size(finding, exam)
        yield {"code": part("category"), "valueCodeableConcept": category(finding.assessment.category)}
        yield from _suspicion(finding)
    if finding.change is not None:
        yield from _change(finding.change)


def _type(finding: Finding | EarlierFinding) -> Json:
    terms, guide = lexicon.terms(), lexicon.fhir().guide
    if finding.typical_kind is not None:
        kind = terms.typical_kinds[finding.typical_kind]
        word = guide.types.get(finding.typical_kind)
        return {"code": part("type"), "valueCodeableConcept": concept(kind.codes, kind.display, word)}
    shape = terms.morphology[finding.morphology or "not_assessable"]
    if not shape.codes:
        return {"code": part("type"), "dataAbsentReason": concept([lexicon.fhir().unknown], shape.display)}
    word = guide.types.get(finding.morphology or "")
    return {"code": part("type"), "valueCodeableConcept": concept(shape.codes, shape.display, word)}


def _size(finding: Finding, exam: ExamReport) -> Iterator[Json]:
    """Greatest length of a lone calcification; below three pixels it is an upper bound."""
    if finding.count != 1:
        return
    views = {view.sop_uid: view for view in exam.views}
    own = [
        each
        for member in finding.members
        for each in views[member.view].calcifications
        if each.id in member.calcifications
    ]
    if own:
        largest = max(own, key=lambda each: each.length_mm)
        bound = {"comparator": "<="} if largest.size_is_upper_bound else {}
        yield {"code": part("size"), "valueQuantity": quantity(largest.length_mm, "mm") | bound}


def _suspicion(finding: Finding) -> Iterator[Json]:
    if finding.provisional_suspicion is not None:
        yield {"code": part("suspicion"), "valueString": finding.provisional_suspicion}
    if finding.malignancy is not None:
        shares = finding.malignancy
        low, high = (quantity(100 * share, "%", digits=1) for share in (shares.low, shares.high))
        yield {
            "code": part("probability"),
            "valueQuantity": quantity(100 * shares.probability, "%", digits=1),
        }
        yield {"code": part("interval"), "valueRange": {"low": low, "high": high}}


def _change(change: Change) -> Iterator[Json]:
    terms, guide = lexicon.terms().change, lexicon.fhir().guide
    if change.may_have_grown:  # the code for no change would say that it is stable
        why = concept([lexicon.fhir().unknown], words.status(change))
        yield {"code": part("change"), "dataAbsentReason": why}
        return
    for status in change.status:
        if status not in terms:
            why = concept([lexicon.fhir().unknown], change.reason or words.term(status))
            yield {"code": part("change"), "dataAbsentReason": why}
            continue
        term = terms[status]
        value = concept(term.codes, term.display, guide.changes.get(status))
        yield {"code": part("change"), "valueCodeableConcept": value}


def _notes(finding: Finding | EarlierFinding, basis: str) -> Iterator[str]:
    if isinstance(finding, Finding):
        yield finding.sentence
        if finding.malignancy is not None:
            yield f"Probability of cancer: {basis}. {finding.malignancy.note}"
        for reason in finding.reasons:
            mark = "" if reason.verified else f" ({lexicon.notices().not_verified})"
            yield f"{reason.text} [{reason.source}{mark}]"
    if finding.change is not None and finding.change.words:
        known_day = finding.change.date > NO_DAY.isoformat()
        which = f"the mammogram of {words.day(finding.change.date)}" if known_day else "an earlier mammogram"
        yield f"Compared with {which}: " + " ".join(finding.change.words)

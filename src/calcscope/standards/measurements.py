"""Comprehensive 3D SR with a Measurement Report (TID 1500), for viewers that know no mammography CAD SR.

A measurement group stands for each breast (its category and what follows), for each finding in each view with
the line around it, and for each calcification of a finding that is not benign.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

import numpy as np
from highdicom.sr import (
    AlgorithmIdentification,
    CodeContentItem,
    CodedConcept,
    Comprehensive3DSR,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    GraphicTypeValues,
    ImageRegion,
    LanguageOfContentItemAndDescendants,
    Measurement,
    MeasurementProperties,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForRegion,
    TextContentItem,
    TrackingIdentifier,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian

import calcscope
from calcscope import lexicon
from calcscope.exam.views import view_table
from calcscope.lexicon.model import Code
from calcscope.report import words
from calcscope.report.model import Calcification, Finding, Laterality, ViewReport
from calcscope.standards.codes import concept
from calcscope.standards.exporting import dicom_bytes
from calcscope.standards.filing import device_uid, filed, orientation, series, stamped
from calcscope.standards.outlines import Sight, closed, sights, speck_tracking, tracking
from calcscope.standards.subject import MANUFACTURER, MODEL, Subject, sop_class

MOST_SPECKS = 200
"""Calcifications measured one by one in one view at the most, the most probable of the most suspicious
findings first; all are counted."""

Group = PlanarROIMeasurementsAndQualitativeEvaluations | MeasurementsAndQualitativeEvaluations


def files(subject: Subject) -> dict[str, bytes]:
    """``measurements.dcm``, whether anything was found or not."""
    return {"measurements.dcm": dicom_bytes(measurement_report(subject))}


def measurement_report(subject: Subject) -> Dataset:
    """The exam's report as a Comprehensive 3D SR."""
    headers = [filed(subject, view) for view in subject.exam.views]
    library = [_describable(header) for header in headers]
    content = MeasurementReport(
        observation_context=_observer(subject),
        # The context group has no mammography; the library says the modality.
        procedure_reported=_concept("imaging_procedure"),
        imaging_measurements=list(_groups(subject)),
        language_of_content_item_and_descendants=LanguageOfContentItemAndDescendants(_value("english")),
        referenced_images=library,
    )
    _add_views(content, subject)
    made = Comprehensive3DSR(
        evidence=headers,
        content=content,
        sop_instance_uid=subject.uid("sr", "document"),
        instance_number=1,
        is_complete=True,
        is_final=False,
        series_description="Calcscope measurements",
        previous_versions=None if subject.replaces is None else [subject.replaces],
        transfer_syntax_uid=ExplicitVRLittleEndian,
        **series(subject, "sr"),
    )
    return stamped(made, headers[0], subject)


def _name(what: str) -> CodedConcept:
    return concept(lexicon.cad_sr().names[what])


def _value(what: str) -> CodedConcept:
    return concept(lexicon.cad_sr().values[what])


def _concept(what: str) -> CodedConcept:
    return concept(lexicon.terms().concepts[what].codes[0])


def _observer(subject: Subject) -> ObservationContext:
    return ObservationContext(
        observer_device_context=ObserverContext(
            observer_type=codes.DCM.Device,
            observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
                # One for each version of the software, wherever it runs.
                uid=device_uid(),
                name=MODEL,
                manufacturer_name=MANUFACTURER,
                model_name=f"{MODEL} {calcscope.__version__}",
            ),
        )
    )


def _describable(header: Dataset) -> Dataset:
    """The header as the library's entries want it: of a radiograph they ask for spacing and orientation."""
    image = deepcopy(header)
    if "ImagerPixelSpacing" not in image or not orientation(image):
        image.Modality = "OT"
    return image


def _add_views(content: MeasurementReport, subject: Subject) -> None:
    """Side and view of each image in the library (TID 1603), which the report knows of films too."""
    library = next(item for item in content[0].ContentSequence if item.name == codes.DCM.ImageLibrary)
    views = {view.sop_uid: view for view in subject.exam.views}
    for group in library.ContentSequence:
        for entry in group.ContentSequence:
            view = views[entry.ReferencedSOPSequence[0].ReferencedSOPInstanceUID]
            side = lexicon.terms().concepts[f"side_{view.laterality}"].codes[0]
            for name, code in (("image_laterality", side), ("image_view", _view_code(view))):
                if code is not None:
                    entry.ContentSequence.append(
                        CodeContentItem(_name(name), concept(code), RelationshipTypeValues.HAS_ACQ_CONTEXT)
                    )


def _view_code(view: ViewReport) -> Code | None:
    for one in view_table()["views"]:
        if one["view"] == view.view:
            return Code(scheme="SCT", value=one["sct"], meaning=one["meaning"])
    return None


def _groups(subject: Subject) -> Iterator[Group]:
    sides: tuple[Laterality, ...] = ("R", "L")
    for side in sides:
        if any(view.laterality == side for view in subject.exam.views):
            yield _breast(subject, side)
    for view in subject.exam.views:
        shown = sights(subject, view)
        for sight in shown:
            for place, part in enumerate(sight.parts, 1):
                yield _finding(subject, part, place if len(sight.parts) > 1 else None)
        own = [
            (sight, speck) for sight in shown if not sight.finding.benign for speck in sight.calcifications
        ]
        for sight, speck in own[:MOST_SPECKS]:
            yield _calcification(subject, sight, speck)


def _breast(subject: Subject, side: Laterality) -> Group:
    """Category of a breast and what should happen next; the only thing said of one without findings."""
    exam = subject.exam
    category = exam.assessment.right if side == "R" else exam.assessment.left
    evaluations = []
    if category is not None:
        evaluations.append(QualitativeEvaluation(_name("assessment"), _category(category)))
    told = [f"{step.text}" for step in exam.next_steps]
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            uid=subject.uid("breast", side), identifier=lexicon.terms().sides[side].phrase
        ),
        finding_sites=[FindingSite(concept(lexicon.terms().sides[side].codes[0]))],
        algorithm_id=_algorithm(),
        qualitative_evaluations=evaluations,
    )
    _comment(group, " ".join([*told, lexicon.notices().research_use]))
    return group


def _finding(subject: Subject, sight: Sight, place: int | None) -> Group:
    """A finding in one view, or the ``place``-th of its lone calcifications there."""
    finding, view = sight.finding, sight.view
    name, uid = tracking(subject, finding)
    frames = sight.frames
    group = PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid=uid, identifier=name),
        referenced_region=_region(subject, view, closed(sight.border, view), frames),
        finding_category=_concept("abnormal_structure"),
        finding_type=_concept("calcification_cluster" if sight.group else "individual_calcification"),
        finding_sites=[_site(finding)],
        algorithm_id=_algorithm(),
        measurements=list(_measures(sight)),
        qualitative_evaluations=list(_evaluations(finding)),
    )
    if place in (None, 1):
        basis = subject.report.probability_basis
        told = [finding.sentence, finding.next_step.text, f"Place: {words.place(finding.location)}."]
        if finding.change is not None:
            told += finding.change.words
        _comment(group, " ".join([*told, f"Probabilities are {basis}."]))
    return group


def _calcification(subject: Subject, sight: Sight, speck: Calcification) -> Group:
    finding, view = sight.finding, sight.view
    evaluations = []
    kinds, sizes = lexicon.terms().typical_kinds, lexicon.terms().size_classes
    known = kinds[speck.kind].codes if speck.kind in kinds else sizes[speck.size_class].codes
    if known:
        evaluations.append(QualitativeEvaluation(_name("calcification_type"), concept(known[0])))
    outline = np.array(speck.outline) if len(speck.outline) > 2 else sight.only(speck).border
    name, uid = speck_tracking(subject, view, speck, finding)
    return PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid=uid, identifier=name),
        referenced_region=_region(subject, view, closed(outline, view), sight.only(speck).frames),
        finding_category=_concept("abnormal_structure"),
        finding_type=_concept("individual_calcification"),
        finding_sites=[_site(finding)],
        measurements=[
            Measurement(_concept("diameter"), speck.diameter_mm, _value("millimetre")),
            Measurement(_concept("long_axis"), speck.length_mm, _value("millimetre")),
            Measurement(_name("certainty_of_finding"), _percent(speck.probability), _value("percent")),
        ],
        qualitative_evaluations=evaluations,
    )


def _measures(sight: Sight) -> Iterator[Measurement]:
    """Number and extent as this view shows them, and how probable the finding and a cancer are."""
    if sight.group is not None:
        yield Measurement(_name("number_of_calcifications"), sight.group.count, _value("no_units"))
        yield Measurement(_concept("long_axis"), sight.group.span_mm, _value("millimetre"))
        yield Measurement(_name("certainty_of_finding"), _percent(sight.group.probability), _value("percent"))
    else:
        yield Measurement(_name("number_of_calcifications"), len(sight.calcifications), _value("no_units"))
        largest = max(sight.calcifications, key=lambda one: one.length_mm)
        yield Measurement(_concept("long_axis"), largest.length_mm, _value("millimetre"))
        surest = max(one.probability for one in sight.calcifications)
        yield Measurement(_name("certainty_of_finding"), _percent(surest), _value("percent"))
    malignancy = sight.finding.malignancy
    if malignancy is not None:
        yield Measurement(
            _name("probability_of_cancer"),
            _percent(malignancy.probability),
            _value("percent"),
            properties=MeasurementProperties(
                upper_measurement_uncertainty=_percent(malignancy.high - malignancy.probability),
                lower_measurement_uncertainty=_percent(malignancy.probability - malignancy.low),
            ),
        )


def _evaluations(finding: Finding) -> Iterator[QualitativeEvaluation]:
    """Shape, distribution, category, change and next step, as far as they have codes."""
    terms = lexicon.terms()
    if finding.typical_kind is not None:
        shape = terms.typical_kinds[finding.typical_kind].codes
    else:
        shape = terms.morphology[finding.morphology].codes if finding.morphology is not None else ()
    for code in shape[:1]:
        yield QualitativeEvaluation(_name("calcification_type"), concept(code))
    if finding.distribution is not None:
        for code in terms.distribution[finding.distribution].codes[:1]:
            yield QualitativeEvaluation(_name("calcification_distribution"), concept(code))
    yield QualitativeEvaluation(_name("assessment"), _category(finding.assessment.category))
    for status in finding.change.status if finding.change is not None else ():
        for code in terms.change[status].codes[:1] if status in terms.change else ():
            yield QualitativeEvaluation(_name("impression"), concept(code))
    steps = lexicon.next_steps().steps
    for code in steps[finding.next_step.code].codes[:1] if finding.next_step.code in steps else ():
        yield QualitativeEvaluation(_name("follow_up"), concept(code))


def _category(category: str) -> CodedConcept:
    return concept(lexicon.categories().categories[category].codes[0])


def _site(finding: Finding) -> FindingSite:
    terms, place = lexicon.terms(), finding.location
    quadrant = terms.quadrants[place.quadrant].codes if place.quadrant in terms.quadrants else ()
    return FindingSite(
        concept(terms.sides[finding.laterality].codes[0]),
        topographical_modifier=concept(quadrant[0]) if quadrant else None,
    )


def _region(subject: Subject, view: ViewReport, points: np.ndarray, frames: list[int]) -> ImageRegion:
    return ImageRegion(
        graphic_type=GraphicTypeValues.POLYLINE,
        graphic_data=points,
        source_image=SourceImageForRegion(
            sop_class(subject.image(view)), view.sop_uid, [frame + 1 for frame in frames] or None
        ),
    )


def _algorithm() -> AlgorithmIdentification:
    return AlgorithmIdentification(name=MODEL, version=calcscope.__version__)


def _comment(group: Group, told: str) -> None:
    group[0].ContentSequence.append(
        TextContentItem(_concept("comment"), told, RelationshipTypeValues.CONTAINS)
    )


def _percent(share: float) -> float:
    """Per cent, to a hundredth of one."""
    return round(100 * share, 2)

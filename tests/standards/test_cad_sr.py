from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hospital import EXAMS
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sr._concepts_dict import concepts
from pydicom.uid import SecondaryCaptureImageStorage
from standards_images import film, tomosynthesis

from calcscope import lexicon
from calcscope.report.model import Failure, NextStep
from calcscope.standards.cad_sr import MammographyCadSr, files
from calcscope.standards.cad_sr.content import hull
from calcscope.standards.exporting import Kind, Written
from calcscope.standards.subject import Subject


def walk(item: Dataset) -> Iterator[Dataset]:
    for child in item.get("ContentSequence", []):
        yield child
        yield from walk(child)


def named(document: Dataset, value: str) -> list[Dataset]:
    return [
        item
        for item in walk(document)
        if "ConceptNameCodeSequence" in item and item.ConceptNameCodeSequence[0].CodeValue == value
    ]


def at(document: Dataset, position: list[int]) -> Dataset:
    for place in position[1:]:
        document = document.ContentSequence[place - 1]
    return document


@pytest.fixture(scope="session")
def written(objects: Callable[[str, Kind], Written]) -> dict[str, Dataset]:
    return {name: dcmread(io.BytesIO(objects(name, "cad-sr")["cad-sr.dcm"])) for name in EXAMS}


def test_codes_are_those_of_pydicoms_tables() -> None:
    known = lexicon.cad_sr()
    for code in (*known.names.values(), *known.values.values(), *known.view_modifiers.values()):
        if code.scheme in ("DCM", "SCT"):
            words = {
                meaning.replace("\u200b", "").replace(" / ", "/").casefold()
                for entry in concepts[code.scheme].values()
                for value, (meaning, _) in entry.items()
                if value == code.value
            }
            assert code.meaning.replace(" / ", "/").casefold() in words, code


def test_every_reference_leads_to_an_image_of_the_evidence(written: dict[str, Dataset]) -> None:
    for document in written.values():
        sequences = [
            *document.CurrentRequestedProcedureEvidenceSequence,
            *document.get("PertinentOtherEvidenceSequence", []),
        ]
        evidence = {
            sop.ReferencedSOPInstanceUID
            for study in sequences
            for series in study.ReferencedSeriesSequence
            for sop in series.ReferencedSOPSequence
        }
        references = [item for item in walk(document) if "ReferencedContentItemIdentifier" in item]
        assert references
        for item in references:
            picture = at(document, list(item.ReferencedContentItemIdentifier))
            assert picture.ValueType == "IMAGE"
            assert picture.ReferencedSOPSequence[0].ReferencedSOPInstanceUID in evidence


def test_the_earlier_images_are_pertinent_other_evidence(written: dict[str, Dataset]) -> None:
    other = written["with_prior"].PertinentOtherEvidenceSequence
    assert [study.StudyInstanceUID for study in other] == ["1.2.826.0.1.4711.5"]
    assert "PertinentOtherEvidenceSequence" not in written["normal"]


def test_each_finding_has_its_category_change_and_due_date(written: dict[str, Dataset]) -> None:
    document = written["with_prior"]
    grades = named(document, "111005")
    assert len(grades) == 1 + 12
    changes = {item.ConceptCodeSequence[0].CodeValue for item in named(document, "111023")}
    assert {"129721008", "129726003", "129723006"} <= changes
    assert {item.Date for item in named(document, "111054")} == {"20261124"}
    interval = named(document, "111055")[0].MeasuredValueSequence[0]
    assert (float(interval.NumericValue), interval.MeasurementUnitsCodeSequence[0].CodeValue) == (14, "d")


def test_what_has_no_code_is_said_in_words(written: dict[str, Dataset]) -> None:
    said = " ".join(item.TextValue for item in named(written["with_prior"], "111033"))
    assert "resolved" in said
    said = " ".join(item.TextValue for item in named(written["all_terms"], "111033"))
    assert "Shape: not assessable." in said
    assert "deodorant, no calcification" in said
    assert "not a cleared medical device" in said


def uids(item: Dataset) -> set[str]:
    return {str(child.UID) for child in named(item, "112040")}


def test_what_is_followed_has_one_uid_in_all_objects(
    subjects: dict[str, Subject], written: dict[str, Dataset], objects: Callable[[str, Kind], Written]
) -> None:
    for name in ("all_terms", "with_prior"):
        known = uids(written[name])
        measured = dcmread(io.BytesIO(objects(name, "sr")["measurements.dcm"]))
        breasts = {subjects[name].uid("breast", side) for side in "RL"}
        assert uids(measured) - breasts <= known
        for content in (*objects(name, "seg").values(), *objects(name, "gsps").values()):
            made = dcmread(io.BytesIO(content))
            segments = {str(one.TrackingUID) for one in made.get("SegmentSequence", [])}
            lines = {
                str(line.TrackingUID)
                for note in made.get("GraphicAnnotationSequence", [])
                for line in note.GraphicObjectSequence
                if "TrackingUID" in line
            }
            assert segments | lines
            assert segments | lines <= known


def test_now_and_then_are_one_composite_feature(
    subjects: dict[str, Subject], written: dict[str, Dataset]
) -> None:
    exam = subjects["with_prior"].exam
    pairs = [
        [child for child in item.ContentSequence if child.RelationshipType == "INFERRED FROM"]
        for item in named(written["with_prior"], "111015")
        if any(
            child.ValueType == "CODE" and child.ConceptCodeSequence[0].CodeValue == "111153"
            for child in item.ContentSequence
        )
    ]
    changes = [finding for finding in exam.findings if finding.change is not None]
    seen_then = [f for f in changes if f.change and f.change.status[0] not in ("new", "not_comparable")]
    assert len(pairs) == sum(len(finding.members) for finding in seen_then)
    for now, then in pairs:
        images = [
            at(written["with_prior"], list(item.ReferencedContentItemIdentifier))
            for mark in (now, then)
            for item in walk(mark)
            if "ReferencedContentItemIdentifier" in item
        ]
        shown = [image.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for image in images]
        assert shown[0] in {view.sop_uid for view in exam.views}
        assert shown[-1] in {laid.prior_view for laid in exam.priors[0].views}
        first, second = (
            next(child.UID for child in mark.ContentSequence if child.ValueType == "UIDREF")
            for mark in (now, then)
        )
        assert first == second


def test_marks_in_slices_name_their_frames(subjects: dict[str, Subject]) -> None:
    """By hand: calcifications lie in slices 1 and 3 from 0, frames 2 and 4; clusters in no one frame."""
    subject = tomosynthesis(subjects["all_terms"])
    document = dcmread(io.BytesIO(files(subject)["cad-sr.dcm"]))
    places = {
        (view.sop_uid, round(speck.x, 3), round(speck.y, 3)): speck.slice
        for view in subject.exam.views
        for speck in view.calcifications
    }
    frames = set()
    for mark in named(document, "111059"):
        kind = mark.ConceptCodeSequence[0].CodeValue
        if kind == "111102":
            continue
        centre = next(iter(named(mark, "111010")))
        picture = at(document, list(centre.ContentSequence[0].ReferencedContentItemIdentifier))
        reference = picture.ReferencedSOPSequence[0]
        frame = reference.get("ReferencedFrameNumber")
        if kind == "129769006":
            assert frame is None
            continue
        x, y = (round(float(one) - 0.5, 3) for one in centre.GraphicData)
        assert places[reference.ReferencedSOPInstanceUID, x, y] == frame - 1
        frames.add(frame)
    assert frames == {2, 4}
    library = document.ContentSequence[1].ContentSequence
    held = [item.ReferencedSOPSequence[0].get("ReferencedFrameNumber") for item in library]
    assert held[:3] == [None, 2, 4]


def test_no_mark_points_outside_its_image(subjects: dict[str, Subject]) -> None:
    subject = subjects["all_terms"]
    view = subject.exam.views[0]
    speck = view.calcifications[0].model_copy(
        update={"x": -0.5, "y": view.rows - 0.5, "outline": [(-3, -2), (view.columns + 4, 5), (0, view.rows)]}
    )
    specks = [speck, *view.calcifications[1:]]
    views = [view.model_copy(update={"calcifications": specks}), *subject.exam.views[1:]]
    edge = replace(subject, exam=subject.exam.model_copy(update={"views": views}))
    document = dcmread(io.BytesIO(files(edge)["cad-sr.dcm"]))
    places = [item for item in walk(document) if item.get("ValueType") == "SCOORD"]
    corners = [(item.GraphicData[0::2], item.GraphicData[1::2]) for item in places]
    assert min(min(min(x), min(y)) for x, y in corners) == 0
    assert max(max(x) for x, _ in corners) == view.columns
    assert max(max(y) for _, y in corners) == view.rows


def test_all_next_steps_are_coded(subjects: dict[str, Subject]) -> None:
    subject = subjects["normal"]
    steps = [
        NextStep(code=code, text="Do it.", due_days=14) for code in ("prior_films", "magnification_views")
    ]
    asked = replace(subject, exam=subject.exam.model_copy(update={"next_steps": steps}))
    document = dcmread(io.BytesIO(files(asked)["cad-sr.dcm"]))
    coded = [item.ConceptCodeSequence[0].CodeValue for item in named(document, "111053")]
    assert coded == ["111138", "399163009"]
    interval = named(document, "111055")[0].MeasuredValueSequence[0]
    assert str(interval.NumericValue) == "14"


def test_a_film_of_which_little_is_known_can_be_filed(subjects: dict[str, Subject]) -> None:
    document = dcmread(io.BytesIO(files(film(subjects["all_terms"]))["cad-sr.dcm"]))
    assert document.PatientID == "X-17"
    assert (document.PatientSex, document.PatientName, document.StudyTime) == ("", "", "")
    classes = {
        sop.ReferencedSOPClassUID
        for study in document.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for sop in series.ReferencedSOPSequence
    }
    assert classes == {SecondaryCaptureImageStorage}


def test_subdivided_categories_are_in_the_scheme_bi(written: dict[str, Dataset]) -> None:
    codes = {
        (code.CodingSchemeDesignator, code.CodeValue)
        for item in named(written["all_terms"], "111005")
        for code in item.ConceptCodeSequence
    }
    assert {("BI", "MA.II.A.5.4A"), ("BI", "MA.II.A.5.4B"), ("BI", "MA.II.A.5.4C")} <= codes


def test_header_is_the_images_and_status_is_unverified(
    subjects: dict[str, Subject], written: dict[str, Dataset]
) -> None:
    document = written["normal"]
    assert str(document.PatientName) == "Beispiel^Änne"
    assert document.SpecificCharacterSet == "ISO_IR 192"
    assert document.AccessionNumber == "A-99"
    assert (document.CompletionFlag, document.VerificationFlag) == ("COMPLETE", "UNVERIFIED")
    subject = subjects["normal"]
    beside = Failure(source=subject.exam.views[0].source + ".part", reason="damaged")
    partial = MammographyCadSr(
        replace(subject, report=subject.report.model_copy(update={"failures": [beside]}))
    )
    assert partial.CompletionFlag == "PARTIAL"


def test_the_same_reading_is_the_same_file_and_a_new_one_names_the_old(subjects: dict[str, Subject]) -> None:
    subject = subjects["normal"]
    assert files(subject) == files(subject)
    old = MammographyCadSr(subject)
    new = MammographyCadSr(replace(subject, replaces=old))
    series = new.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0]
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == old.SOPInstanceUID


def test_hull_keeps_the_corners_alone() -> None:
    assert hull([(0, 0), (4, 0), (4, 4), (0, 4), (2, 2), (2, 0)]) == [(0, 0), (4, 0), (4, 4), (0, 4)]
    assert hull([(1, 1)]) == [(1, 1)]

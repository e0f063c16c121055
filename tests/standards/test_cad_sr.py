from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sr._concepts_dict import concepts

from calcscope import lexicon
from calcscope.report.model import Failure
from calcscope.standards.cad_sr import MammographyCadSr, files
from calcscope.standards.cad_sr.content import hull
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
def written(subjects: dict[str, Subject]) -> dict[str, Dataset]:
    return {name: dcmread(io.BytesIO(files(one)["cad-sr.dcm"])) for name, one in subjects.items()}


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

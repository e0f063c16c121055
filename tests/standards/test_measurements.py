"""Measurements come back as they are in the report, each with its line and the image it lies in."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from outside import iod_faults, run
from pydicom import dcmread
from standards_images import film, tomosynthesis

from calcscope import lexicon
from calcscope.standards import measurements
from calcscope.standards.exporting import objects_of
from calcscope.standards.outlines import sights, tracking
from calcscope.standards.subject import Subject

Groups = dict[tuple[str, str], list[Any]]
Places = dict[str, Groups]

EXAMS = ["normal", "all_terms", "with_prior"]


def read(subject: Subject) -> Any:
    """The document as highdicom reads it."""
    from highdicom.sr import Comprehensive3DSR

    content = objects_of(subject, "sr")["measurements.dcm"]
    return Comprehensive3DSR.from_dataset(dcmread(BytesIO(content)))


def values(group: Any) -> dict[str, float]:
    return {one.name.meaning: one.value for one in group.get_measurements()}


def evaluations(group: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in group.get_qualitative_evaluations():
        found.setdefault(one.name.meaning, []).append(one.value.value)
    return found


def by_place(document: Any) -> Groups:
    """The groups by tracking UID and image, in order; highdicom takes its time for each question."""
    found: Groups = defaultdict(list)
    for group in document.content.get_planar_roi_measurement_groups():
        image = group.roi.ContentSequence[0].ReferencedSOPSequence[0]
        found[group.tracking_uid, image.ReferencedSOPInstanceUID].append(group)
    return found


@pytest.fixture(scope="module")
def documents(subjects: dict[str, Subject]) -> dict[str, Any]:
    """The three exams' documents as highdicom reads them."""
    return {name: read(subjects[name]) for name in EXAMS}


@pytest.fixture(scope="module")
def places(documents: dict[str, Any]) -> Places:
    return {name: by_place(document) for name, document in documents.items()}


@pytest.mark.parametrize("name", ["all_terms", "with_prior"])
def test_each_finding_of_each_view_comes_back_with_its_line_and_values(
    subjects: dict[str, Subject], places: Places, name: str
) -> None:
    subject = subjects[name]
    terms = lexicon.terms()
    for view in subject.exam.views:
        for sight in sights(subject, view):
            groups = places[name][tracking(subject, sight.finding)[1], view.sop_uid]
            assert len(groups) == len(sight.parts)
            finding = sight.finding
            for group, part in zip(groups, sight.parts, strict=True):
                line = group.roi.value - 0.5
                assert np.allclose(line[:-1], part.border, atol=1e-3)
                assert np.array_equal(line[0], line[-1])
                if sight.group is not None:
                    found = values(group)
                    assert found["Number of calcifications"] == sight.group.count
                    assert found["Long axis"] == sight.group.span_mm
                    assert found["Certainty of Finding"] == pytest.approx(100 * sight.group.probability)
                told = evaluations(group)
                category = lexicon.categories().categories[finding.assessment.category]
                assert told["Assessment Category"] == [category.codes[0].value]
                if finding.distribution is not None:
                    spread = terms.distribution[finding.distribution].codes[0].value
                    assert told["Calcification Distribution"] == [spread]
                if finding.malignancy is not None:
                    percent = values(group)["Probability of cancer"]
                    assert percent == pytest.approx(100 * finding.malignancy.probability)
                assert group.finding_sites[0].value.value == terms.sides[finding.laterality].codes[0].value


def test_calcifications_of_what_is_not_benign_are_measured_one_by_one(
    subjects: dict[str, Subject], places: Places
) -> None:
    subject = subjects["all_terms"]
    view = subject.exam.views[0]
    for sight in sights(subject, view):
        for speck in sight.calcifications:
            uid = subject.uid("calcification", view.sop_uid, speck.id)
            (group,) = places["all_terms"][uid, view.sop_uid]
            assert values(group)["Diameter"] == speck.diameter_mm
            assert np.allclose(group.roi.value[:-1] - 0.5, speck.outline)


def test_of_hundreds_the_most_probable_are_measured(
    subjects: dict[str, Subject], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measurements, "MOST_SPECKS", 3)
    subject = subjects["all_terms"]
    view = subject.exam.views[0]
    exam = subject.exam.model_copy(update={"views": [view]})
    names = [one[0].ContentSequence[0].TextValue for one in measurements._groups(replace(subject, exam=exam))]
    assert [name for name in names if "RCC" in name] == ["F1 RCC c1", "F1 RCC c2", "F1 RCC c3"]


def test_changes_since_the_earlier_exam_are_told(subjects: dict[str, Subject], places: Places) -> None:
    subject = subjects["with_prior"]
    told: Counter[str] = Counter()
    for view in subject.exam.views:
        for sight in sights(subject, view):
            for group in places["with_prior"][tracking(subject, sight.finding)[1], view.sop_uid]:
                told.update(evaluations(group).get("Differential Diagnosis/Impression", []))
    assert told["129721008"] == 1  # new finding
    assert told["129723006"] == 1  # no significant change
    assert told["129726003"] >= 2  # increase in number


def test_a_normal_exam_says_so_for_each_breast(documents: dict[str, Any]) -> None:
    document = documents["normal"]
    assert document.content.get_planar_roi_measurement_groups() == []
    breasts = document.content.get_image_measurement_groups()
    assert [one.tracking_identifier for one in breasts] == ["right breast", "left breast"]
    for one in breasts:
        assert evaluations(one)["Assessment Category"] == ["397140005"]


def test_every_image_is_in_the_library_with_side_and_view_and_in_the_evidence(
    subjects: dict[str, Subject], documents: dict[str, Any]
) -> None:
    from highdicom.sr.utils import find_content_items

    subject, document = subjects["normal"], documents["normal"]
    assert {one[2] for one in document.get_evidence()} == set(subject.images)
    library = document.content[0]
    told = [
        one.value.meaning
        for one in find_content_items(library, recursive=True)
        if one.name.meaning in ("Image Laterality", "Image View")
    ]
    views = ["cranio-caudal", "medio-lateral oblique"]
    assert told == [one for side in ("Right", "Left") for view in views for one in (side, view)]


@pytest.mark.parametrize("name", EXAMS)
def test_dciodvfy_finds_no_fault_and_dsrdump_renders_it(
    subjects: dict[str, Subject], name: str, tmp_path: Path
) -> None:
    path = tmp_path / "measurements.dcm"
    path.write_bytes(objects_of(subjects[name], "sr")[path.name])
    assert iod_faults(path) == []
    dump = run("dsrdump", "+Pl", path)
    assert dump.returncode == 0
    assert "Imaging Measurement Report" in dump.stdout
    for finding in subjects[name].exam.findings:
        assert f'"{finding.id}"' in dump.stdout
        assert finding.sentence in dump.stdout
    assert lexicon.notices().research_use[:60] in dump.stdout


@pytest.mark.parametrize(("kind", "frames"), [(film, []), (tomosynthesis, [2, 4])])
def test_films_and_slices(
    subjects: dict[str, Subject], kind: Callable[[Subject], Subject], frames: list[int], tmp_path: Path
) -> None:
    whole = subjects["all_terms"]
    exam = whole.exam.model_copy(update={"findings": whole.exam.findings[:1]})
    subject = kind(replace(whole, exam=exam))
    path = tmp_path / "measurements.dcm"
    path.write_bytes(objects_of(subject, "sr")[path.name])
    assert iod_faults(path) == []
    (group,) = by_place(read(subject))[tracking(subject, exam.findings[0])[1], exam.views[0].sop_uid]
    reference = group.roi.ContentSequence[0].ReferencedSOPSequence[0]
    assert list(reference.get("ReferencedFrameNumber", ())) == frames


def test_it_names_the_document_it_takes_the_place_of(subjects: dict[str, Subject]) -> None:
    subject = subjects["normal"]
    before = dcmread(BytesIO(objects_of(subject, "sr")["measurements.dcm"]))
    later = read(replace(subject, replaces=before, made=subject.made.replace(hour=16)))
    item = later.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert item.ReferencedSOPInstanceUID == before.SOPInstanceUID
    assert later.SOPInstanceUID != before.SOPInstanceUID


def test_the_same_report_gives_the_same_file(subjects: dict[str, Subject]) -> None:
    subject = subjects["normal"]
    assert objects_of(subject, "sr") == objects_of(replace(subject), "sr")

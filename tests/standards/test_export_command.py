"""``calcscope export`` as its users meet it: what it refuses, what it says, and what it never says."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from hospital import all_terms, normal
from pydicom import dcmread
from typer.testing import CliRunner

from calcscope.cli import app
from calcscope.report.model import Report
from calcscope.report.writing import write_report


def export(report: Path, kind: str, out: Path, *more: str) -> tuple[int, str]:
    """Exit code and everything said, on one line."""
    words = ["export", str(report), "--to", kind, "--out", str(out), *more]
    done = CliRunner().invoke(app, words, env={"COLUMNS": "300"})
    return done.exit_code, " ".join(done.output.replace("│", " ").split())


@pytest.fixture
def report(tmp_path: Path) -> Path:
    write_report(normal(tmp_path / "images"), tmp_path / "report")
    return tmp_path / "report"


@pytest.mark.parametrize("kind", ["seg", "gsps"])
def test_where_there_is_nothing_to_write_it_says_why(report: Path, tmp_path: Path, kind: str) -> None:
    code, said = export(report, kind, tmp_path / "out")
    assert code == 0
    assert f"no {kind}, since no view" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [None, "", '{"exams": [', '{"patient": "Geheim^Frieda"}'])
def test_what_is_no_report_is_a_wrong_argument(tmp_path: Path, content: str | None) -> None:
    folder = tmp_path / "report"
    folder.mkdir()
    if content is not None:
        (folder / "report.json").write_text(content)
    code, said = export(folder, "fhir", tmp_path / "out")
    assert code == 2
    assert "expected a report" in said
    assert "Frieda" not in said


def test_only_a_document_of_the_same_exam_and_kind_can_be_replaced(report: Path, tmp_path: Path) -> None:
    assert export(report, "cad-sr", tmp_path / "old")[0] == 0
    (old,) = (tmp_path / "old").rglob("*.dcm")
    code, said = export(report, "cad-sr", tmp_path / "new", "--replaces", str(old))
    assert code == 0, said
    (new,) = (tmp_path / "new").rglob("*.dcm")
    named = dcmread(new).PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert named.ReferencedSOPInstanceUID == dcmread(old).SOPInstanceUID
    other = dcmread(old)
    other.StudyInstanceUID += ".9"
    other.save_as(tmp_path / "other.dcm")
    image = next((tmp_path / "images").glob("*.dcm"))
    for kind, earlier, found in (
        ("cad-sr", image, "Digital Mammography X-Ray Image Storage"),
        ("sr", old, "Mammography CAD SR Storage"),
        ("seg", old, "--to seg"),
        ("cad-sr", tmp_path / "other.dcm", "another study"),
        ("cad-sr", report / "report.json", "no DICOM file"),
    ):
        code, said = export(report, kind, tmp_path / "refused", "--replaces", str(earlier))
        assert code == 2
        assert found in said
        assert "Beispiel" not in said
    assert not (tmp_path / "refused").exists()


def test_of_several_exams_one_is_replaced(report: Path, tmp_path: Path) -> None:
    export(report, "cad-sr", tmp_path / "old")
    (old,) = (tmp_path / "old").rglob("*.dcm")
    both: Report = normal(tmp_path / "images")
    second = normal(tmp_path / "second").exams[0]
    images = {}
    for path in (tmp_path / "second").glob("*.dcm"):
        image = dcmread(path)
        image.StudyInstanceUID, image.SOPInstanceUID = "1.2.3.4", image.SOPInstanceUID + ".2"
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        image.save_as(path)
        images[str(path)] = image.SOPInstanceUID
    views = [one.model_copy(update={"sop_uid": images[one.source]}) for one in second.views]
    second = second.model_copy(update={"study_uid": "1.2.3.4", "views": views, "folder": ""})
    exams = [both.exams[0], type(second).model_validate(second.model_dump())]
    write_report(both.model_copy(update={"exams": exams}), tmp_path / "both")
    code, said = export(tmp_path / "both", "cad-sr", tmp_path / "new", "--replaces", str(old))
    assert code == 0, said
    replaced = {
        document.StudyInstanceUID: "PredecessorDocumentsSequence" in document
        for document in map(dcmread, (tmp_path / "new").rglob("*.dcm"))
    }
    assert replaced == {both.exams[0].study_uid: True, "1.2.3.4": False}


@pytest.mark.parametrize("kind", ["seg", "gsps", "sr", "cad-sr"])
def test_no_warning_says_a_name_that_is_written_oddly(tmp_path: Path, kind: str) -> None:
    report = all_terms(tmp_path / "images")
    for path in (tmp_path / "images").glob("*.dcm"):
        image = dcmread(path)
        image.PatientName, image.StudyID = "Geheim_Frieda", "a study's far too long identifier"
        image.save_as(path)
    write_report(report, tmp_path / "report")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        code, said = export(tmp_path / "report", kind, tmp_path / "out")
    assert code == 0, said
    assert "Frieda" not in said
    assert not [one for one in caught if "Frieda" in str(one.message)]


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ('"calcscope_version": "0.1.0"', '"calcscope_version": ""'),
        ('"code": "routine"', '"code": "secret words"'),
        ('"due_days": 365', '"due_days": 99999999999'),
    ],
)
def test_a_report_that_was_changed_by_hand_is_refused_without_its_words(
    tmp_path: Path, was: str, now: str
) -> None:
    file = write_report(normal(tmp_path / "images"), tmp_path / "report")
    text = file.read_text(encoding="utf-8")
    assert was in text
    file.write_text(text.replace(was, now), encoding="utf-8")
    done = CliRunner().invoke(app, ["export", str(file), "--to", "fhir", "--out", str(tmp_path / "out")])
    assert done.exit_code == 1
    assert "Not written" in done.output
    assert "expected a report as it was written" in " ".join(done.output.split())
    assert "secret" not in done.output
    assert not (tmp_path / "out").exists()

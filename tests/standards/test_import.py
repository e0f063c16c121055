from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hospital import EXAMS
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ComprehensiveSRStorage
from typer.testing import CliRunner

from calcscope import lexicon
from calcscope.cli import app
from calcscope.errors import UnreadableInput
from calcscope.report.writing import write_report
from calcscope.standards.exporting import Kind, Written
from calcscope.standards.importing import CadMarks, read_cad_sr
from calcscope.standards.importing_beside import pairs
from calcscope.standards.subject import Subject


@pytest.fixture(scope="session")
def documents(
    objects: Callable[[str, Kind], Written], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("sr")
    for name in EXAMS:
        (folder / f"{name}.dcm").write_bytes(objects(name, "cad-sr")["cad-sr.dcm"])
    return {name: folder / f"{name}.dcm" for name in EXAMS}


def changed(path: Path, out: Path, change: object) -> Path:
    ds = dcmread(path)
    change(ds)  # type: ignore[operator]
    ds.save_as(out, enforce_file_format=True)
    return out


def everything(ds: Dataset) -> list[Dataset]:
    return [ds, *(item for child in ds.get("ContentSequence", []) for item in everything(child))]


@pytest.mark.parametrize("name", ["normal", "all_terms", "with_prior"])
def test_our_own_document_reads_back_equal(
    name: str, subjects: dict[str, Subject], documents: dict[str, Path]
) -> None:
    marks, exam = read_cad_sr(documents[name]), subjects[name].exam
    assert marks.problems == []
    assert marks.complete
    assert marks.maker.manufacturer == "Calcscope"
    assert marks.study_uid == exam.study_uid
    found = {(mark.view, mark.kind, mark.x, mark.y): mark for mark in marks.marks}
    for view in exam.views:
        for kind, parts in (("cluster", view.groups), ("calcification", view.calcifications)):
            for part in parts:
                mark = found[view.sop_uid, kind, part.x, part.y]
                assert mark.outline == part.outline
                assert mark.certainty == pytest.approx(part.probability, abs=1e-12)
        groups = {(group.x, group.y): group for group in view.groups}
        for speck in view.calcifications:
            mark = found[view.sop_uid, "calcification", speck.x, speck.y]
            if mark.within is not None:
                own = marks.marks[mark.within]
                assert groups[own.x, own.y].id == speck.group
                assert own.count == groups[own.x, own.y].count
    named = {(mark.view, mark.identifier) for mark in marks.marks}
    for finding in exam.findings:
        category = lexicon.categories().categories[finding.assessment.category]
        for member in finding.members:
            if member.group is not None:
                assert (member.view, finding.id) in named
        graded = {mark.assessment for mark in marks.marks if mark.identifier == finding.id}
        assert graded <= {code.meaning for code in category.codes}


def test_older_codes_and_a_missing_library_reference_are_understood(
    documents: dict[str, Path], tmp_path: Path
) -> None:
    def older(ds: Dataset) -> None:
        del ds.CurrentRequestedProcedureEvidenceSequence
        for item in everything(ds):
            for code in item.get("ConceptCodeSequence", []):
                if code.CodeValue == "129769006":
                    code.CodeValue, code.CodingSchemeDesignator = "F-01775", "SNM3"
                if code.CodeValue == "129770007":
                    code.CodeValue, code.CodingSchemeDesignator = "F-01776", "99SDM"
                if code.CodeValue == "73056007":
                    code.CodeValue, code.CodingSchemeDesignator = "T-04020", "SRT"

    new = read_cad_sr(documents["with_prior"])
    old = read_cad_sr(changed(documents["with_prior"], tmp_path / "old.dcm", older))
    assert [mark.kind for mark in old.marks] == [mark.kind for mark in new.marks]
    assert old.views[0].laterality == "R"
    assert any("evidence" in problem for problem in old.problems)


def test_a_makers_own_code_keeps_its_words_and_a_lost_place_is_said(
    documents: dict[str, Path], tmp_path: Path
) -> None:
    def own(ds: Dataset) -> None:
        finding = next(
            item for item in everything(ds)
            if item.get("ValueType") == "CODE" and item.ConceptNameCodeSequence[0].CodeValue == "111059"
        )  # fmt: skip
        code = finding.ConceptCodeSequence[0]
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "M1", "99MAKER", "Bright Spot"
        others = [item for item in everything(ds) if item.get("ValueType") == "SCOORD"]
        del others[-1].GraphicData, others[-2].GraphicData

    marks = read_cad_sr(changed(documents["with_prior"], tmp_path / "own.dcm", own))
    assert marks.marks[0].kind == "bright spot"
    assert marks.marks[0].code == "99MAKER M1"
    assert any("without" in problem for problem in marks.problems)


def test_what_is_no_cad_sr_is_named(
    documents: dict[str, Path], subjects: dict[str, Subject], tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("no")
    with pytest.raises(UnreadableInput, match="no DICOM file"):
        read_cad_sr(tmp_path / "a.txt")
    with pytest.raises(UnreadableInput, match="no structured report"):
        read_cad_sr(Path(subjects["normal"].exam.views[0].source))

    def other(ds: Dataset) -> None:
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = ComprehensiveSRStorage
        ds.ConceptNameCodeSequence[0].CodeValue = "126000"

    with pytest.raises(UnreadableInput, match="another structured report"):
        read_cad_sr(changed(documents["normal"], tmp_path / "b.dcm", other))


@pytest.mark.parametrize("undefined", [False, True])
def test_a_file_that_is_cut_short_is_refused(
    documents: dict[str, Path], tmp_path: Path, undefined: bool
) -> None:
    def open_ended(ds: Dataset) -> None:
        for item in everything(ds):
            if "ContentSequence" in item:
                item["ContentSequence"].is_undefined_length = undefined

    whole = changed(documents["all_terms"], tmp_path / "whole.dcm", open_ended)
    assert read_cad_sr(whole).marks
    content = whole.read_bytes()
    for share in (0.3, 0.6, 0.99):
        (tmp_path / "cut.dcm").write_bytes(content[: int(share * len(content))])
        with pytest.raises(UnreadableInput, match=r"cut short|damaged"):
            read_cad_sr(tmp_path / "cut.dcm")


def test_each_mark_of_theirs_is_paired_with_ours_once(
    subjects: dict[str, Subject], documents: dict[str, Path]
) -> None:
    exam, marks = subjects["with_prior"].exam, read_cad_sr(documents["with_prior"])
    found = pairs(exam, marks)
    assert all(pair.theirs and pair.ours and pair.overlap > 0.99 for pair in found)
    alone = pairs(exam, CadMarks(**{**dict(marks), "marks": []}))
    assert len(alone) == len(found)
    assert not any(pair.theirs for pair in alone)


def test_command_writes_marks_and_page_and_nothing_of_the_patient(
    subjects: dict[str, Subject], documents: dict[str, Path], tmp_path: Path
) -> None:
    write_report(subjects["with_prior"].report, tmp_path / "report")
    paths = ["import", str(documents["with_prior"]), "--report", str(tmp_path / "report")]
    done = CliRunner().invoke(app, [*paths, "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    page = (tmp_path / "out" / "beside-1" / "beside.html").read_text()
    assert len(list((tmp_path / "out" / "beside-1").glob("*.png"))) == 4
    for told in (page, (tmp_path / "out" / "marks-1.json").read_text(), done.output):
        assert "Beispiel" not in told
        assert "W-4711" not in told


def test_a_report_of_other_images_is_refused(
    subjects: dict[str, Subject], documents: dict[str, Path], tmp_path: Path
) -> None:
    report = subjects["normal"].report
    views = [v.model_copy(update={"sop_uid": v.sop_uid + ".9"}) for v in report.exams[0].views]
    exam = report.exams[0].model_copy(update={"views": views})
    write_report(report.model_copy(update={"exams": [exam]}), tmp_path / "report")
    paths = ["import", str(documents["all_terms"]), "--report", str(tmp_path / "report")]
    done = CliRunner().invoke(app, [*paths, "--out", str(tmp_path / "out")])
    assert done.exit_code == 1
    assert "of which the report holds none" in done.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [None, "{", '{"exams": []}'])
def test_what_is_no_report_is_a_wrong_argument(
    documents: dict[str, Path], tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "report.json").write_text(content)
    paths = ["import", str(documents["normal"]), "--report", str(tmp_path), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, paths)
    assert done.exit_code == 2
    assert "expected a report" in " ".join(done.output.replace("│", " ").split())
    assert not (tmp_path / "out").exists()

"""De-identified exports: nothing tells whose they are, and everything still belongs together."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hospital import MADE, with_prior
from outside import iod_faults, run
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import SecondaryCaptureImageStorage
from typer.testing import CliRunner

from calcscope.cli import app
from calcscope.errors import UnreadableInput
from calcscope.report.model import LeftOut, Report
from calcscope.report.writing import write_report
from calcscope.standards.deidentify import Deidentifier, deidentifier_of
from calcscope.standards.exporting import KINDS, objects_of
from calcscope.standards.images import copies, doubtful, may_show_text
from calcscope.standards.pseudonyms import Dates, Pseudonyms, read_key
from calcscope.standards.subject import Subject, subject_of

KEY = bytes(range(32))
MODES: tuple[Dates, ...] = ("shift", "remove", "keep")
DAYS = ("20261110", "20241108", "2026-11-10", "2024-11-08", "November 2024", "November 2026", "101500")
SECRETS = (
    "Beispiel", "Änne", "Anne", "W-4711-0815", "Klinik", "SECRETACC", "SECRETSTUDY", "19620301", "1962-03-01",
    "REFERRER", "OPERATOR", "SECRETSTATION", "SERIAL-77", "MRN-OTHER", "SECRETDESC", "SECRETCOMMENT",
    "SECRETREQ", "SECRETPRIVATE", "SECRETOVERLAY", "SECRETTITLE", "SECRETISSUER", "SECRETFOLDER",
    "SECRETDETECTOR", "SECRETUNKNOWN", "SECRETDEEP", "SECRETPREAMBLE", "1.2.826.0.1.4711.",
    "1.2.826.0.1.9999.",
)  # fmt: skip


def told(header: Dataset) -> None:
    """Fill a header with everything that tells whose it is, in every kind of place."""
    header.PatientName, header.PatientID, header.IssuerOfPatientID = "Beispiel^Änne", "W-4711-0815", "Klinik"
    header.OtherPatientIDs = ["MRN-OTHER", "MRN-OTHER-2"]
    header.AccessionNumber, header.StudyID = "SECRETACC", "SECRETSTUDY"
    header.ReferringPhysicianName, header.OperatorsName = "REFERRER^R", ["OPERATOR^A", "OPERATOR^B"]
    header.InstitutionName, header.StationName, header.DeviceSerialNumber = (
        "Klinik",
        "SECRETSTATION",
        "SERIAL-77",
    )
    header.StudyDescription = header.SeriesDescription = "SECRETDESC of Anne"
    header.PatientComments = header.ImageComments = "SECRETCOMMENT"
    header.DetectorID = "SECRETDETECTOR"
    header.AcquisitionDateTime = f"{header.StudyDate}101502.000+0100"
    request, issuer, deep = Dataset(), Dataset(), Dataset()
    request.RequestedProcedureDescription, request.RequestedProcedureID = "SECRETREQ", "SECRETREQ"
    header.RequestAttributesSequence = [request]
    issuer.LocalNamespaceEntityID = "SECRETISSUER"
    header.IssuerOfAccessionNumberSequence = [issuer]
    deep.CodeValue, deep.CodingSchemeDesignator, deep.CodeMeaning = "R-1", "99X", "Whole"
    deep.PatientName, deep.ImageComments = "SECRETDEEP", "SECRETDEEP"
    header.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = [deep]
    source = Dataset()
    source.ReferencedSOPClassUID = header.SOPClassUID
    source.ReferencedSOPInstanceUID = "1.2.826.0.1.9999.1"
    header.SourceImageSequence = [source]
    header.private_block(0x0011, "MAKER", create=True).add_new(1, "LO", "SECRETPRIVATE")
    header.add_new(0x60000010, "US", 8)
    header.add_new(0x60003000, "OW", b"SECRETOVERLAY__\0")
    header.add_new(0x00080FFF, "LO", "SECRETUNKNOWN")
    header.file_meta.SourceApplicationEntityTitle = "SECRETTITLE"
    header.preamble = b"SECRETPREAMBLE".ljust(128, b"\0")
    header.OrganExposed, header.AcquisitionContextSequence = "BREAST", []


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """An exam with an earlier one whose images tell whose they are, and so do the names of their folders."""
    folder = tmp_path_factory.mktemp("whose") / "SECRETFOLDER Beispiel"
    made = with_prior(folder)
    for path in folder.rglob("*.dcm"):
        header = dcmread(path)
        told(header)
        header.save_as(path, enforce_file_format=True)
    exam = made.exams[0]
    first = exam.findings[0]
    gossip = (
        f"{first.sentence} W-4711-0815 on 10 November 2026, {exam.views[0].source}, {exam.views[1].sop_uid}."
    )
    findings = [first.model_copy(update={"sentence": gossip}), *exam.findings[1:]]
    exam = exam.model_copy(update={"patient_id": "W-4711-0815", "findings": findings})
    return made.model_copy(update={"exams": [exam]})


@pytest.fixture(scope="module")
def subject(report: Report) -> Subject:
    return subject_of(report, report.exams[0], MADE)


@pytest.fixture(scope="module")
def exported(subject: Subject, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folder of everything that can be exported, for each treatment of dates."""
    folders = {}
    for mode in MODES:
        folder = folders[mode] = tmp_path_factory.mktemp(mode)
        deidentifier = deidentifier_of(subject, KEY, mode)
        hidden = deidentifier.subject(subject)
        for name, content in copies(subject, deidentifier):
            (folder / name).write_bytes(content)
        for kind in KINDS:
            for name, content in objects_of(hidden, kind).items():
                whole = deidentifier.marked(content) if name.endswith(".dcm") else content
                (folder / name).write_bytes(whole)
    return folders


def objects(folder: Path, pattern: str = "*.dcm") -> list[Dataset]:
    found = [dcmread(path) for path in sorted(folder.glob(pattern))]
    assert found
    return found


def named_uids(dataset: Dataset) -> Iterator[str]:
    """Every instance that an object names."""
    for element in dataset.iterall():
        if element.keyword == "ReferencedSOPInstanceUID":
            yield str(element.value)


def test_the_exam_does_tell_whose_it_is(subject: Subject) -> None:
    told_by = b"".join(Path(source.path).read_bytes() for source in subject.files.values())
    told_by += subject.report.model_dump_json().encode()
    assert [secret for secret in (*SECRETS, *DAYS) if secret.encode() not in told_by] == ["1962-03-01"]


@pytest.mark.parametrize("mode", MODES)
def test_nothing_that_tells_whose_it_is_is_left_in_any_byte(exported: dict[str, Path], mode: str) -> None:
    written = sorted(exported[mode].iterdir())
    assert {path.name for path in written} >= {"cad-sr.dcm", "fhir.json", "measurements.dcm", "image-rcc.dcm"}
    assert any(path.name.startswith("seg-") for path in written)
    assert any(path.name.startswith("gsps-") for path in written)
    assert any(path.name.startswith("prior-1-") for path in written)
    for path in written:
        content = path.read_bytes()
        for secret in SECRETS if mode == "keep" else SECRETS + DAYS:
            assert secret.encode() not in content, f"{secret} is left in {path.name}"
            assert secret.encode("latin-1") not in content, f"{secret} is left in {path.name}"


@pytest.mark.parametrize("mode", MODES)
def test_an_outside_program_sees_nothing_either(exported: dict[str, Path], mode: str) -> None:
    for path in sorted(exported[mode].glob("*.dcm")):
        shown = run("dcmdump", "+U8", path).stdout
        assert "PatientIdentityRemoved" in shown
        assert not [secret for secret in SECRETS if secret in shown]


def test_every_object_says_what_was_done(exported: dict[str, Path]) -> None:
    options = {"shift": {"113107"}, "remove": set(), "keep": {"113106"}}
    told_of_dates = {"shift": "MODIFIED", "remove": "REMOVED", "keep": "UNMODIFIED"}
    for mode in MODES:
        for made in objects(exported[mode]):
            assert made.PatientIdentityRemoved == "YES"
            assert "PS3.15" in made.DeidentificationMethod[1]
            done = {item.CodeValue for item in made.DeidentificationMethodCodeSequence}
            own = {"SR": {"113104"}, "PR": {"113103"}}.get(made.Modality, set())
            assert done == {"113100"} | options[mode] | own
            assert made.LongitudinalTemporalInformationModified == told_of_dates[mode]


def test_objects_name_the_images_of_another_export_with_the_same_key(exported: dict[str, Path]) -> None:
    images = {made.SOPInstanceUID for made in objects(exported["shift"], "image-*.dcm")}
    earlier = {made.SOPInstanceUID for made in objects(exported["shift"], "prior-*.dcm")}
    assert (len(images), len(earlier)) == (4, 4)
    for made in objects(exported["shift"], "seg-*.dcm") + objects(exported["shift"], "gsps-*.dcm"):
        named = set(named_uids(made))
        assert named
        assert named <= images
    studies = {
        made.StudyInstanceUID for made in objects(exported["shift"]) if made.SOPInstanceUID not in earlier
    }
    assert len(studies) == 1
    (cad,) = objects(exported["shift"], "cad-sr.dcm")
    assert images <= set(named_uids(cad)) <= images | earlier
    bundle = json.loads((exported["shift"] / "fhir.json").read_text())
    told_of = [
        each["resource"] for each in bundle["entry"] if each["resource"]["resourceType"] == "ImagingStudy"
    ]
    instances = {one["uid"] for each in told_of for series in each["series"] for one in series["instance"]}
    assert instances == images | earlier


def test_another_key_gives_other_uids_and_no_two_collide(subject: Subject) -> None:
    keys = [KEY, bytes(32)]
    seen = [uid for key in keys for uid in deidentifier_of(subject, key).subject(subject).images]
    assert len(set(seen)) == 8
    many = Pseudonyms(KEY, "a")
    assert len({many.uid(f"1.2.{number}") for number in range(2000)}) == 2000
    assert Pseudonyms(KEY, "a").patient != Pseudonyms(KEY, "b").patient


def test_images_are_what_they_were_but_for_whose_they_are(
    exported: dict[str, Path], subject: Subject
) -> None:
    first = subject.exam.views[0]
    before, after = dcmread(subject.files[first.sop_uid].path), dcmread(exported["shift"] / "image-rcc.dcm")
    np.testing.assert_array_equal(after.pixel_array, before.pixel_array)
    for keyword in (
        "SOPClassUID", "Modality", "Rows", "ImagerPixelSpacing", "WindowCenter", "ViewPosition",
        "Manufacturer", "ImageLaterality", "PatientOrientation", "BurnedInAnnotation",
    ):  # fmt: skip
        assert after[keyword].value == before[keyword].value
    assert after.ViewCodeSequence[0].CodeValue == before.ViewCodeSequence[0].CodeValue
    source = after.SourceImageSequence[0]
    assert source.ReferencedSOPClassUID == after.SOPClassUID
    assert source.ReferencedSOPInstanceUID == deidentifier_of(subject, KEY).names.uid("1.2.826.0.1.9999.1")


def test_moved_dates_keep_what_lies_between_them(exported: dict[str, Path]) -> None:
    now, then = (dcmread(exported["shift"] / name) for name in ("image-rcc.dcm", "prior-1-rcc.dcm"))
    between = date.fromisoformat(now.StudyDate) - date.fromisoformat(then.StudyDate)
    assert between == date(2026, 11, 10) - date(2024, 11, 8)
    assert (now.StudyTime, now.AcquisitionTime) == ("090000", "090001")
    assert now.AcquisitionDateTime == now.StudyDate + "090002"
    (cad,) = objects(exported["shift"], "cad-sr.dcm")
    assert cad.StudyDate == now.StudyDate
    assert 365 <= (date(2026, 11, 10) - date.fromisoformat(now.StudyDate)).days < 3653


def test_dates_taken_out_and_dates_left(exported: dict[str, Path]) -> None:
    gone, kept = (dcmread(exported[mode] / "image-rcc.dcm") for mode in ("remove", "keep"))
    assert not gone.StudyDate
    assert "AcquisitionDateTime" not in gone
    assert (kept.StudyDate, kept.StudyTime) == ("20261110", "101500")
    for made in (gone, kept):
        assert not made.PatientBirthDate
    report = json.loads((exported["remove"] / "fhir.json").read_text())
    assert "1900" not in json.dumps([each["resource"] for each in report["entry"]])


@pytest.mark.parametrize("mode", MODES)
def test_what_was_valid_stays_valid(exported: dict[str, Path], mode: str) -> None:
    folder = exported[mode]
    for name in ("cad-sr", "measurements", "image-rcc", "image-lmlo", "prior-1-rcc", "seg-rcc", "gsps-rcc"):
        assert iod_faults(folder / f"{name}.dcm") == [], name


def tree(item: Dataset) -> list[object]:
    """Kind, name and value type of the content items of a structured report, in order."""
    names = item.get("ConceptNameCodeSequence") or [Dataset()]
    own = (
        item.get("ValueType"),
        item.get("RelationshipType"),
        names[0].get("CodeValue"),
        item.get("NumericValue"),
    )
    return [own, *(tree(each) for each in item.get("ContentSequence", []))]


@pytest.mark.parametrize("name", ["cad-sr", "measurements"])
def test_a_structured_report_keeps_its_content(
    exported: dict[str, Path], subject: Subject, name: str
) -> None:
    kind = {"cad-sr": "cad-sr", "measurements": "sr"}[name]
    (content,) = objects_of(subject, kind).values()  # type: ignore[arg-type]
    assert tree(dcmread(exported["shift"] / f"{name}.dcm")) == tree(dcmread(BytesIO(content)))


def test_the_woman_of_the_bundle_is_a_pseudonym(exported: dict[str, Path], subject: Subject) -> None:
    bundle = json.loads((exported["shift"] / "fhir.json").read_text())
    (woman,) = [each["resource"] for each in bundle["entry"] if each["resource"]["resourceType"] == "Patient"]
    assert set(woman) == {"resourceType", "meta", "identifier"}
    assert woman["identifier"][0] == {"value": deidentifier_of(subject, KEY).names.patient}
    assert woman["meta"]["security"][0]["code"] == "PSEUDED"


def test_a_sentence_is_cleaned_of_what_stands_in_it(subject: Subject) -> None:
    names = deidentifier_of(subject, KEY).names
    exam = Deidentifier(names).exam(subject.exam)
    view = exam.views[1]
    day = names.day(date(2026, 11, 10))
    words = f"{names.patient} on {day.day} {day:%B} {day.year}, RCC, {view.sop_uid}."
    assert exam.findings[0].sentence.endswith(words)
    assert exam.folder != subject.exam.folder
    assert exam.views[0].source == "RCC"


def test_de_identifying_twice_changes_nothing_more(subject: Subject) -> None:
    deidentifier = deidentifier_of(subject, KEY)
    once = deidentifier.dataset(subject.first)
    assert deidentifier.dataset(once) == once
    again = deidentifier.subject(replace(subject, replaces=once))
    assert again.replaces == once


def test_what_cannot_be_read_goes(subject: Subject) -> None:
    header = dcmread(next(iter(subject.files.values())).path)
    raw = header.get_item("SeriesNumber")
    header._dict[raw.tag] = raw._replace(value=b"not a number Beispiel")
    made = deidentifier_of(subject, KEY).dataset(header)
    assert "SeriesNumber" not in made
    assert made.Rows == header.Rows


def film(stated: str | None, conversion: str | None = "DF") -> Dataset:
    header = Dataset()
    header.SOPClassUID = SecondaryCaptureImageStorage
    if stated is not None:
        header.BurnedInAnnotation = stated
    if conversion is not None:
        header.ConversionType = conversion
    return header


def test_an_image_may_show_a_name_unless_it_says_no_and_no_label_is_seen_on_a_film() -> None:
    assert may_show_text(film("NO")) is None
    assert may_show_text(film("NO", None), label_seen=True) is None
    assert "burned into it" in (may_show_text(film("YES")) or "")
    assert "does not say" in (may_show_text(film(None)) or "")
    assert "label" in (may_show_text(film("NO"), label_seen=True) or "")


def test_a_label_seen_in_the_reading_counts(subject: Subject) -> None:
    assert doubtful(subject) == {}
    label = LeftOut(x=5, y=5, kind="label", extent_mm=8, outline=[(0, 0), (9, 0), (9, 9)])
    view = subject.exam.views[0].model_copy(update={"left_out": [label]})
    exam = subject.exam.model_copy(update={"views": [view, *subject.exam.views[1:]]})
    scanned = Dataset()
    scanned.update(subject.image(view))
    scanned.ConversionType = "DF"
    images = {**subject.images, view.sop_uid: scanned}
    assert set(doubtful(replace(subject, exam=exam, images=images))) == {view.sop_uid}


def test_the_key_is_made_once_readable_by_its_owner_alone_and_a_damaged_one_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    key = read_key(path)
    assert read_key(path) == key
    assert len(key) == 32
    assert path.stat().st_mode & 0o077 == 0
    path.write_text("too short")
    with pytest.raises(UnreadableInput, match="hexadecimal"):
        read_key(path)


def command(report: Path, out: Path, *more: str) -> tuple[int, list[Path]]:
    done = CliRunner().invoke(app, ["export", str(report), "--out", str(out), *more])
    return done.exit_code, [Path(line) for line in done.stdout.splitlines()]


def test_the_command_leaves_out_what_may_show_a_name_until_somebody_has_looked(
    report: Report, tmp_path: Path
) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(Path(report.exams[0].views[0].source).parents[1], moved)
    doubted = moved / "current" / "RCC.dcm"
    header = dcmread(doubted)
    header.BurnedInAnnotation = "YES"
    header.save_as(doubted, enforce_file_format=True)
    views = [
        view.model_copy(update={"source": str(moved / "current" / Path(view.source).name)})
        for view in report.exams[0].views
    ]
    findings = [each.model_copy(update={"sentence": ""}) for each in report.exams[0].findings]
    exam = report.exams[0].model_copy(update={"views": views, "findings": findings})
    write_report(report.model_copy(update={"exams": [exam]}), tmp_path / "report")
    images = ("--to", "images", "--deidentify")
    code, written = command(tmp_path / "report", tmp_path / "out", *images)
    assert code == 1
    assert len(written) == 7
    assert not any(path.name == "image-rcc.dcm" for path in written)
    code, written = command(tmp_path / "report", tmp_path / "out", *images, "--looked-at")
    assert code == 0
    assert len(written) == 8
    assert (tmp_path / "report" / "deidentify.key").is_file()
    assert not list((tmp_path / "out").rglob("*.key"))
    code, (bundle,) = command(tmp_path / "report", tmp_path / "out", "--to", "fhir", "--deidentify")
    assert code == 0
    assert bundle.parent == written[0].parent
    assert "Beispiel" not in bundle.read_text()
    code, (other,) = command(
        tmp_path / "report", tmp_path / "other", "--to", "fhir", "--deidentify", "--key", str(tmp_path / "k")
    )
    assert (code, other.parent.name == bundle.parent.name) == (0, False)


def test_images_are_copied_as_they_are_where_nothing_else_is_asked(report: Report, tmp_path: Path) -> None:
    write_report(report, tmp_path / "report")
    code, written = command(tmp_path / "report", tmp_path / "out", "--to", "images")
    assert (code, len(written)) == (0, 8)
    assert written[0].read_bytes() == Path(report.exams[0].views[0].source).read_bytes()
    assert not (tmp_path / "report" / "deidentify.key").exists()


@pytest.mark.parametrize("option", [("--dates", "remove"), ("--looked-at",), ("--key", "k")])
def test_options_of_de_identification_alone_are_wrong(
    report: Report, tmp_path: Path, option: tuple[str, ...]
) -> None:
    write_report(report, tmp_path / "report")
    assert command(tmp_path / "report", tmp_path / "out", "--to", "fhir", *option)[0] == 2

"""The FHIR bundle: valid R4 in the eyes of others, complete, repeatable, and fit for the woman to read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import fhir_judges
import pytest
from fhir.resources.R4B.bundle import Bundle
from hospital import MADE, Exam
from pydicom import dcmread
from pydicom.dataset import Dataset

from calcscope import lexicon
from calcscope.report.model import Report
from calcscope.standards import cad_sr, fhir
from calcscope.standards.subject import Subject

Json = dict[str, Any]

NO_CHANGE = "129723006"


@pytest.fixture(scope="module")
def judges(request: pytest.FixtureRequest) -> Path:
    """Folder of the outside validators."""
    return fhir_judges.install(request.config.cache.mkdir("fhir"))  # type: ignore[union-attr]


def written(subject: Subject) -> Json:
    content: Json = json.loads(fhir.files(subject)["fhir.json"])
    return content


def of_type(bundle: Json, kind: str) -> list[Json]:
    return [each["resource"] for each in bundle["entry"] if each["resource"]["resourceType"] == kind]


def at(bundle: Json, reference: Json) -> Json:
    """The resource that a reference leads to."""
    (found,) = [each["resource"] for each in bundle["entry"] if each["fullUrl"] == reference["reference"]]
    resource: Json = found
    return resource


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def codes(concept: Json) -> set[str]:
    return {each["code"] for each in concept.get("coding", [])}


def components(observation: Json, name: str) -> list[Json]:
    display = lexicon.fhir().components[name].display
    return [each for each in observation["component"] if each["code"]["text"] == display]


def without_images(subject: Subject) -> Subject:
    """As of films that are plain pictures."""
    return replace(subject, images={}, priors={})


def test_others_find_no_fault_with_any_bundle(
    subjects: dict[str, Subject], judges: Path, tmp_path: Path
) -> None:
    everything = dict(subjects) | {"films": without_images(subjects["all_terms"])}
    for name, subject in everything.items():
        (tmp_path / f"{name}.json").write_bytes(fhir.files(subject)["fhir.json"])
    found = fhir_judges.faults(judges, *tmp_path.glob("*.json"))
    assert found == {f"{name}.json": [] for name in everything}


def test_the_judges_would_find_faults(subjects: dict[str, Subject], judges: Path, tmp_path: Path) -> None:
    def no_status(bundle: Json) -> None:
        del of_type(bundle, "Observation")[0]["status"]

    def unknown_status(bundle: Json) -> None:
        of_type(bundle, "DiagnosticReport")[0]["status"] = "signed"

    def wrong_target(bundle: Json) -> None:
        report = of_type(bundle, "DiagnosticReport")[0]
        report["subject"] = report["result"][0]

    def leads_nowhere(bundle: Json) -> None:
        of_type(bundle, "Observation")[0]["device"] = {"reference": "urn:uuid:0"}

    def unknown_field(bundle: Json) -> None:
        of_type(bundle, "ServiceRequest")[0]["colour"] = "blue"

    spoilt = [no_status, unknown_status, wrong_target, leads_nowhere, unknown_field]
    for spoil in spoilt:
        bundle = written(subjects["with_prior"])
        spoil(bundle)
        (tmp_path / f"{spoil.__name__}.json").write_text(json.dumps(bundle))
    found = fhir_judges.faults(judges, *tmp_path.glob("*.json"))
    assert len(found) == len(spoilt)
    assert all(found.values()), found


def test_every_reference_leads_to_an_entry_and_what_is_read_back_is_what_was_written(
    subjects: dict[str, Subject],
) -> None:
    for subject in subjects.values():
        bundle = written(subject)
        entries = [each["fullUrl"] for each in bundle["entry"]]
        assert len(set(entries)) == len(entries)
        assert set(references(bundle)) <= set(entries)
        assert all(
            re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", url) for url in entries
        )
        assert json.loads(Bundle.model_validate(bundle).model_dump_json()) == bundle


class Server:
    """Takes transactions as FHIR R4 has it (3.1.0.11.2): creates what it finds nothing like."""

    def __init__(self) -> None:
        self.held: list[Json] = []

    def take(self, bundle: Json) -> int:
        """Store a transaction; how many resources were created."""
        before = len(self.held)
        for entry in bundle["entry"]:
            kind, asked = entry["request"]["url"], unquote(entry["request"]["ifNoneExist"])
            system, value = asked.removeprefix("identifier=").split("|")
            alike = [
                each
                for each in self.held
                if each["resourceType"] == kind
                for own in each["identifier"]
                if (own.get("system"), own["value"]) == (system, value)
            ]
            assert len(alike) <= 1, "the condition fits several: the server would refuse the whole"
            if not alike:
                self.held.append(entry["resource"])
        return len(self.held) - before


def test_the_same_bundle_sent_twice_repeats_nothing(subjects: dict[str, Subject]) -> None:
    subject, server = subjects["with_prior"], Server()
    bundle = written(subject)
    assert fhir.files(subject) == fhir.files(replace(subject))
    assert server.take(bundle) == len(bundle["entry"])
    assert server.take(bundle) == 0


def test_a_second_reading_shares_the_woman_the_study_and_the_program(subjects: dict[str, Subject]) -> None:
    server = Server()
    server.take(written(subjects["normal"]))
    again = written(replace(subjects["normal"], made=MADE + timedelta(hours=1)))
    assert server.take(again) == len(again["entry"]) - 3


def test_a_number_without_an_issuer_is_nobody_elses(subjects: dict[str, Subject]) -> None:
    server = Server()
    header = Dataset()
    header.update(subjects["normal"].first)
    del header.IssuerOfPatientID
    for study in ("1.2.3", "1.2.4"):
        exam = subjects["normal"].exam.model_copy(update={"study_uid": study})
        server.take(written(replace(subjects["normal"], exam=exam, images={study: header})))
    assert len([each for each in server.held if each["resourceType"] == "Patient"]) == 2


def test_patient_and_study_are_those_of_the_images(subjects: dict[str, Subject]) -> None:
    bundle = written(subjects["with_prior"])
    (woman,) = of_type(bundle, "Patient")
    assert woman["name"] == [{"use": "official", "family": "Beispiel", "given": ["Änne"]}]
    assert (woman["gender"], woman["birthDate"]) == ("female", "1962-03-01")
    assert woman["identifier"][0]["value"] == "W-4711"
    now, then = of_type(bundle, "ImagingStudy")
    assert now["identifier"][0] == {"system": "urn:dicom:uid", "value": "urn:oid:1.2.826.0.1.4711.7"}
    assert (now["started"], then["started"]) == ("2026-11-10", "2024-11-08")
    (series,) = now["series"]
    assert {each["uid"] for each in series["instance"]} == set(subjects["with_prior"].images)
    assert {each["sopClass"]["code"] for each in series["instance"]} == {
        "urn:oid:1.2.840.10008.5.1.4.1.1.1.2"
    }
    assert [each["title"] for each in series["instance"]] == ["RCC", "RMLO", "LCC", "LMLO"]


def test_the_report_is_preliminary_and_coded(subjects: dict[str, Subject]) -> None:
    for name, title, grade in (
        ("normal", "24606-6", "397140005"),
        ("all_terms", "18748-4", "397145000"),
        ("with_prior", "24606-6", "397138000"),
    ):
        (report,) = of_type(written(subjects[name]), "DiagnosticReport")
        assert report["status"] == "preliminary"
        assert codes(report["code"]) == {title, "10193-1"}
        assert grade in codes(report["conclusionCode"][0])
        assert "unsigned" in report["conclusion"]
        assert "Research software" in report["conclusion"]


def test_each_finding_is_an_observation_of_its_breast(subjects: dict[str, Subject]) -> None:
    subject = subjects["all_terms"]
    bundle = written(subject)
    breasts = [each for each in of_type(bundle, "Observation") if "hasMember" in each]
    assert [codes(each["bodySite"]) for each in breasts] == [{"73056007"}, {"80248007"}]
    members = [[at(bundle, each) for each in breast["hasMember"]] for breast in breasts]
    assert [len(each) for each in members] == [
        sum(finding.laterality == side for finding in subject.exam.findings) for side in "RL"
    ]
    words = lexicon.terms()
    for finding, seen in zip(
        [f for side in "RL" for f in subject.exam.findings if f.laterality == side],
        [each for breast in members for each in breast],
        strict=True,
    ):
        assert seen["status"] == "preliminary"
        assert seen["bodySite"]["coding"][0]["code"] == {"R": "73056007", "L": "80248007"}[finding.laterality]
        assert ("129770007" if finding.count == 1 else "129769006") in codes(seen["code"])
        (kind,) = components(seen, "type")
        if finding.typical_kind:
            (code,) = words.typical_kinds[finding.typical_kind].codes
            assert code.value in codes(kind["valueCodeableConcept"])
        elif finding.morphology == "not_assessable":
            assert "dataAbsentReason" in kind
        else:
            (code,) = words.morphology[finding.morphology or ""].codes
            assert code.value in codes(kind["valueCodeableConcept"])
        (count,) = components(seen, "count")
        assert count["valueQuantity"]["value"] == finding.count
        if finding.distribution:
            (spread,) = components(seen, "distribution")
            assert words.distribution[finding.distribution].codes[0].value in codes(
                spread["valueCodeableConcept"]
            )
        if finding.span_mm is not None:
            (span,) = components(seen, "extent")
            assert (span["valueQuantity"]["value"], span["valueQuantity"]["code"]) == (finding.span_mm, "mm")
        else:
            (size,) = components(seen, "size")
            assert size["valueQuantity"]["value"] == 1.4
            assert size["valueQuantity"]["comparator"] == "<="
        assert at(bundle, seen["derivedFrom"][0])["resourceType"] == "ImagingStudy"


def test_a_probability_comes_with_its_interval_and_what_it_rests_on(subjects: dict[str, Subject]) -> None:
    subject = subjects["all_terms"]
    seen = {
        each["identifier"][0]["value"]: each
        for each in of_type(written(subject), "Observation")
        if "component" in each
    }
    with_number = [each for each in seen.values() if components(each, "probability")]
    assert len(with_number) == sum(finding.malignancy is not None for finding in subject.exam.findings) > 0
    for each in with_number:
        (share,), (interval,) = components(each, "probability"), components(each, "interval")
        assert "111047" in codes(share["code"])
        assert (share["valueQuantity"]["value"], share["valueQuantity"]["unit"]) == (22, "%")
        assert interval["valueRange"]["low"]["value"] == 12
        assert interval["valueRange"]["high"]["value"] == 37
        assert any("calibrated on simulation" in note["text"] for note in each["note"])


def test_changes_are_coded_and_what_is_gone_is_absent(subjects: dict[str, Subject]) -> None:
    subject = subjects["with_prior"]
    bundle = written(subject)
    seen = [each for each in of_type(bundle, "Observation") if "component" in each]
    for finding, each in zip([*subject.exam.findings, *subject.exam.earlier_findings], seen, strict=True):
        assert finding.change is not None
        changes = components(each, "change")
        assert len(changes) == len(finding.change.status)
        for status, part in zip(finding.change.status, changes, strict=True):
            if status == "not_comparable":
                assert "dataAbsentReason" in part
                continue
            assert {code.value for code in lexicon.terms().change[status].codes} <= codes(
                part["valueCodeableConcept"]
            )
        started = [at(bundle, reference)["started"] for reference in each["derivedFrom"]]
        assert started[-1] == "2024-11-08"
    (there,) = components(seen[-1], "presence")
    assert codes(there["valueCodeableConcept"]) == {"RDE1556_absent"}


def test_each_next_step_is_a_proposal_with_its_day(subjects: dict[str, Subject]) -> None:
    for subject in subjects.values():
        bundle = written(subject)
        requests = of_type(bundle, "ServiceRequest")
        assert len(requests) == len(subject.exam.next_steps)
        for step, request in zip(subject.exam.next_steps, requests, strict=True):
            assert (request["intent"], request["status"]) == ("proposal", "draft")
            day = date(2026, 11, 10) + timedelta(days=step.due_days or 0)
            assert request["occurrenceDateTime"] == day.isoformat()
            assert {at(bundle, each)["resourceType"] for each in request["reasonReference"]} <= {
                "Observation",
                "DiagnosticReport",
            }
    (biopsy,) = of_type(written(subjects["all_terms"]), "ServiceRequest")
    assert "44578009" in codes(biopsy["code"])
    assert codes(biopsy["orderDetail"][0]) == {"64318009"}
    assert [codes(site) for site in biopsy["bodySite"]] == [{"73056007"}]


def test_films_that_are_no_dicom_images_are_written_without_a_study(subjects: dict[str, Subject]) -> None:
    bundle = written(without_images(subjects["with_prior"]))
    assert not of_type(bundle, "ImagingStudy")
    (woman,) = of_type(bundle, "Patient")
    assert woman["identifier"][0] == {"value": "W-4711"}
    assert "name" not in woman
    assert not any("derivedFrom" in each for each in of_type(bundle, "Observation"))


def test_an_exam_without_a_day_has_no_days(subjects: dict[str, Subject]) -> None:
    exam = subjects["normal"].exam.model_copy(update={"date": None})
    bundle = written(replace(subjects["normal"], exam=exam))
    assert "occurrenceDateTime" not in of_type(bundle, "ServiceRequest")[0]
    assert "effectiveDateTime" not in of_type(bundle, "DiagnosticReport")[0]


def narratives(subjects: dict[str, Subject], folder: Path) -> Iterator[tuple[str, str]]:
    """The woman's text for every category, as plain words."""
    for grade in lexicon.next_steps().by_category:
        exam = Exam(folder / grade)
        exam.group("R", "amorphous", "grouped", grade if grade != "1" else "2")
        report: Report = exam.report(grade, "diagnostic")
        (found,) = of_type(written(replace(subjects["normal"], exam=report.exams[0])), "DiagnosticReport")
        div = ElementTree.fromstring(found["text"]["div"])
        assert div.tag == "{http://www.w3.org/1999/xhtml}div"
        yield grade, " ".join(div.itertext())


def test_what_the_woman_reads_is_plain_and_says_that_nobody_signed_it(
    subjects: dict[str, Subject], tmp_path: Path
) -> None:
    for grade, text in narratives(subjects, tmp_path):
        assert "No doctor has checked or signed" in text
        assert "research software, not a medical device" in text
        assert "not for emergencies" in text
        for unfit in (
            "BI-RADS",
            "malignan",
            "suspicious",
            "amorphous",
            "probability",
            "%",
            "Beispiel",
            "4711",
        ):
            assert unfit.lower() not in text.lower(), f"category {grade}: {unfit}"
        if grade == "3":
            assert "almost certainly harmless" in text
            assert "cancer" not in text


def test_what_may_have_grown_is_not_coded_as_unchanged(subjects: dict[str, Subject]) -> None:
    exam = subjects["with_prior"].exam
    (steady,) = (f for f in exam.findings if f.change and f.change.status == ["unchanged"])
    assert steady.change is not None
    unsure = steady.model_copy(update={"change": steady.change.model_copy(update={"may_have_grown": True})})
    alone = exam.model_copy(update={"findings": [unsure], "earlier_findings": []})
    subject = replace(subjects["with_prior"], exam=alone)
    (seen,) = (each for each in of_type(written(subject), "Observation") if "component" in each)
    (told,) = components(seen, "change")
    assert "valueCodeableConcept" not in told
    assert told["dataAbsentReason"]["text"] == "not certainly changed"
    (content,) = cad_sr.files(subject).values()
    document = dcmread(BytesIO(content))
    assert not [each for each in document.iterall() if each.value == NO_CHANGE]
    (content,) = cad_sr.files(replace(subject, exam=alone.model_copy(update={"findings": [steady]}))).values()
    assert [each for each in dcmread(BytesIO(content)).iterall() if each.value == NO_CHANGE]

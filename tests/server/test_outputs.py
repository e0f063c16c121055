from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from accounts import Account, Enter
from django.urls import reverse
from django.utils import timezone
from exams import exam_read
from pydicom import dcmread
from test_signing import signed

from calcscope.server.outputs import writing
from calcscope.server.outputs.models import Delivery, Object
from calcscope.server.people.models import Site
from calcscope.server.reading.models import Version


@pytest.fixture
def version(site: Site, tmp_path: Path, account: Account) -> Version:
    site.settings = {"send": [{"name": "archive", "to": "folder", "folder": str(tmp_path / "archive")}]}
    site.save()
    return signed(exam_read(site, tmp_path / "exam", "with_prior"), account("radiologist"))


def test_a_signed_report_leaves_as_every_kind_of_object(version: Version, tmp_path: Path) -> None:
    writing.make_objects.call(str(version.uuid))
    kinds = set(Object.objects.values_list("kind", flat=True))
    assert kinds == {"cad-sr", "seg", "gsps", "sr", "fhir"}
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}
    arrived = {path.name for path in (tmp_path / "archive").rglob("*") if path.is_file()}
    assert arrived == set(Object.objects.values_list("name", flat=True))
    report = dcmread(next((tmp_path / "archive").rglob("cad-sr.dcm")))
    assert report.StudyInstanceUID == version.report().study_uid
    bundle = json.loads(next((tmp_path / "archive").rglob("fhir.json")).read_text())
    assert bundle["resourceType"] == "Bundle"


def test_made_twice_they_are_the_same(version: Version) -> None:
    writing.make_objects.call(str(version.uuid))
    before = {made.name: made.path.read_bytes() for made in Object.objects.all()}
    writing.make_objects.call(str(version.uuid))
    assert {made.name: made.path.read_bytes() for made in Object.objects.all()} == before


def test_an_addendum_says_what_it_takes_the_place_of(
    version: Version, signed_in: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MADE", ("cad-sr", "sr"))
    writing.make_objects.call(str(version.uuid))
    addendum = signed(version.exam, version.author, note="The clip was forgotten.")
    writing.make_objects.call(str(addendum.uuid))
    for kind in ("cad-sr", "sr"):
        first, second = (dcmread(one.files.get(kind=kind).path) for one in (version, addendum))
        (study,) = second.PredecessorDocumentsSequence
        (reference,) = study.ReferencedSeriesSequence[0].ReferencedSOPSequence
        assert reference.ReferencedSOPClassUID == first.SOPClassUID
        assert reference.ReferencedSOPInstanceUID == first.SOPInstanceUID
        assert second.SOPInstanceUID != first.SOPInstanceUID
    browser = signed_in(version.author)
    before, now = (
        browser.get(reverse("reading:version", args=[one.uuid])).content.decode()
        for one in (version, addendum)
    )
    assert "A later version takes the place of this one" in before
    assert before.count("superseded</span>") == version.files.count()
    assert "These files take the place of those of the version before" in now
    assert now.count("current</span>") == addendum.files.count()


def test_what_is_superseded_before_it_arrived_is_not_sent_after_what_is_current(
    version: Version, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MADE", ("seg",))
    with monkeypatch.context() as away:
        away.setattr(writing, "_send", lambda *_unused: "not reached")
        writing.make_objects.call(str(version.uuid))
    addendum = signed(version.exam, version.author, note="The clip was forgotten.")
    writing.make_objects.call(str(addendum.uuid))
    Delivery.objects.update(due=timezone.now() - timedelta(seconds=1))
    writing.send_due()
    told = {
        one: set(Delivery.objects.filter(made__version=one).values_list("state", flat=True))
        for one in (version, addendum)
    }
    assert told == {version: {"superseded"}, addendum: {"sent"}}
    arrived = {path.name: path.read_bytes() for path in (tmp_path / "archive").rglob("*.dcm")}
    assert arrived == {made.name: made.path.read_bytes() for made in addendum.files.all()}


def test_what_does_not_arrive_is_tried_again_later_and_never_forgotten(
    version: Version, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.settings = {
        "send": [{"name": "pacs", "to": "dicom", "title": "PACS", "host": "127.0.0.1", "port": 9}]
    }
    site.save()
    writing.make_objects.call(str(version.uuid))
    waiting = Delivery.objects.filter(state="waiting")
    assert waiting.count() == Object.objects.exclude(kind="fhir").count()
    delivery = waiting.first()
    assert delivery is not None
    assert "not reached" in delivery.reason
    assert delivery.due > timezone.now()
    Delivery.objects.update(due=timezone.now() - timedelta(seconds=1))

    def arrived(*_unused: Any) -> None:
        return None

    monkeypatch.setattr(writing, "_send", arrived)
    assert writing.send_due() == waiting.count() + Delivery.objects.filter(state="sent").count()
    assert not Delivery.objects.filter(state="waiting").exists()


def test_the_files_are_for_those_who_work_at_the_site(
    version: Version, site: Site, other_site: Site, account: Account, signed_in: Enter
) -> None:
    writing.make_objects.call(str(version.uuid))
    made = Object.objects.get(kind="cad-sr")
    address = reverse("outputs:download", args=[version.uuid, made.pk])
    browser = signed_in(version.author)
    assert b"".join(browser.get(address)) == made.path.read_bytes()
    assert "cad-sr.dcm" in browser.get(reverse("reading:version", args=[version.uuid])).content.decode()
    assert signed_in(account("radiologist", site=other_site)).get(address).status_code == 404

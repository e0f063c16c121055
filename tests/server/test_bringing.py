"""Bringing exams, and their mode."""

from __future__ import annotations

import io
import json
import uuid
from datetime import date
from pathlib import Path

import pytest
from accounts import Account, Enter
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from exams import exam_read
from hospital import image
from test_signing import decided, signed

from calcscope.server.audit.models import Event
from calcscope.server.exams import arriving, intake, jobs, uploads, views
from calcscope.server.exams.models import Exam, Image, Job, Mode, Reading, State, Upload, Woman
from calcscope.server.exams.uploads import take_in_upload
from calcscope.server.people.models import Site
from calcscope.server.reading.models import Draft
from calcscope.server.reading.signing import Refused, change_mode, keep_draft, open_draft

PAGE = reverse("exams:bring")


def file(name: str = "RCC.dcm", magnified: bool = False, **stated: str) -> SimpleUploadedFile:
    """A small image as a browser sends it; ``stated`` are elements of its header."""
    study = stated.get("StudyInstanceUID", "1.2.3")
    ds = image(name[0], name[1:3] if name[1:3] == "CC" else "MLO", study, len(name) + magnified)
    for keyword, value in stated.items():
        setattr(ds, keyword, value)
    ds.ImageComments = uuid.uuid4().hex  # files of other tests lie in the same folder, by their content
    if magnified:
        ds.EstimatedRadiographicMagnificationFactor = "1.8"
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return SimpleUploadedFile(name, buffer.getvalue())


def brought(browser: Client, *files: SimpleUploadedFile, **more: str) -> Upload:
    """Bring files and have them taken in."""
    browser.post(PAGE, {"site": "north", "files": list(files), **more})
    upload = Upload.objects.latest("pk")
    take_in_upload.func(str(upload.uuid))
    upload.refresh_from_db()
    return upload


def test_the_mode_is_what_the_views_tell_or_somebody_says(
    account: Account, signed_in: Enter, site: Site
) -> None:
    browser = signed_in(account("technologist"))
    brought(browser, file())
    assert (Exam.objects.get().mode, Exam.objects.get().mode_stated) == (Mode.SCREENING, False)
    brought(browser, file("RCC-M.dcm", magnified=True))
    assert Exam.objects.get().mode == Mode.DIAGNOSTIC
    brought(browser, file("RMLO.dcm"), mode="screening")
    assert (Exam.objects.get().mode, Exam.objects.get().mode_stated) == (Mode.SCREENING, True)


def test_a_reader_changes_the_mode_and_the_exam_is_read_anew(
    site: Site, tmp_path: Path, account: Account, signed_in: Enter
) -> None:
    exam = exam_read(site, tmp_path, "with_prior")
    reader = account("radiologist")
    browser = signed_in(reader)
    open_draft(exam, reader)
    address = reverse("reading:mode", args=[exam.uuid])
    assert "Make it a diagnostic exam" in browser.get(address).content.decode()
    browser.post(address, {"mode": "diagnostic"})
    exam.refresh_from_db()
    assert (exam.mode, exam.mode_stated, exam.state) == ("diagnostic", True, State.WAITING)
    assert exam.job is not None
    assert exam.job.state == Job.State.QUEUED
    assert not Draft.objects.exists()
    assert Event.objects.get(action="mode-changed").detail["was"] == "screening"
    # Until it is read anew nobody signs what the other mode said.
    assert browser.get(reverse("reading:read", args=[exam.uuid])).status_code == 409


def test_work_and_signatures_are_not_lost_to_a_change_of_mode(
    site: Site, tmp_path: Path, account: Account
) -> None:
    exam = exam_read(site, tmp_path, "with_prior")
    one, other = account("radiologist", "one"), account("radiologist", "other")
    draft = open_draft(exam, one)
    keep_draft(exam, one, draft.revision, decided(draft.read(), exam))
    with pytest.raises(Refused, match="has begun"):
        change_mode(exam, other, "diagnostic")
    with pytest.raises(Refused, match="may be given up"):
        change_mode(exam, one, "diagnostic")
    signed(exam, other)
    with pytest.raises(Refused, match="is signed"):
        change_mode(exam, one, "diagnostic", give_up=True)
    assert Draft.objects.filter(reader=one).exists()


def test_only_readers_change_the_mode(site: Site, tmp_path: Path, account: Account, signed_in: Enter) -> None:
    address = reverse("reading:mode", args=[exam_read(site, tmp_path).uuid])
    assert signed_in(account("coordinator")).post(address, {"mode": "screening"}).status_code == 403


def test_a_full_disk_takes_nothing_and_says_so(
    account: Account, signed_in: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = signed_in(account("technologist"))
    monkeypatch.setattr(arriving, "free_bytes", lambda: 1000)
    answer = browser.post(PAGE, {"site": "north", "files": [file()]})
    assert answer.status_code == 507
    assert "no room left" in answer.content.decode()
    told = browser.post(PAGE, {"site": "north", "files": [file()]}, headers={"x-requested-with": "fetch"})
    assert "no room left" in json.loads(told.content)["why"]
    assert not Upload.objects.exists()


def test_a_disk_that_fills_while_files_are_kept_takes_nothing(
    account: Account, signed_in: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_unused: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(views, "_keep", full)
    answer = signed_in(account("technologist")).post(PAGE, {"site": "north", "files": [file()]})
    assert answer.status_code == 507
    assert not Upload.objects.exists()


def test_a_disk_that_is_full_when_files_are_taken_in_keeps_them_for_another_try(
    account: Account, signed_in: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_unused: object) -> None:
        raise OSError(28, "No space left on device")

    browser = signed_in(account("technologist"))
    with monkeypatch.context() as patched:
        patched.setattr(intake, "write_atomically", full)
        upload = brought(browser, file())
    assert "No space left" in upload.failures[0]["reason"]
    assert len(list(upload.folder.iterdir())) == 1
    page = reverse("exams:upload", args=[upload.uuid])
    assert "Try again" in browser.get(page).content.decode()
    browser.post(page)
    take_in_upload.func(str(upload.uuid))
    assert Image.objects.count() == 1
    assert "1 exam was taken in." in browser.get(page).content.decode()


def test_a_broken_file_is_named_and_the_others_are_taken(account: Account, signed_in: Enter) -> None:
    whole = file()
    half = SimpleUploadedFile("half.dcm", file("LCC.dcm").read()[:3000])
    upload = brought(signed_in(account("technologist")), half, whole)
    assert [each["source"] for each in upload.failures] == ["half.dcm"]
    assert Image.objects.count() == 1
    assert not upload.folder.exists()


def test_files_of_a_dead_worker_are_taken_in_by_another(account: Account, signed_in: Enter) -> None:
    browser = signed_in(account("technologist"))
    browser.post(PAGE, {"site": "north", "files": [file()]})
    upload = Upload.objects.get()
    Upload.objects.update(worker="here:1", heartbeat=timezone.now())
    take_in_upload.func(str(upload.uuid))  # not its turn
    assert Image.objects.count() == 0
    assert uploads.retake_lost() == 0  # the other lives
    assert uploads.retake_lost(["here:1"]) == 1
    take_in_upload.func(str(upload.uuid))
    assert Image.objects.count() == 1


@pytest.mark.parametrize("how", ["known to be dead", "silent"])
def test_a_job_of_a_dead_worker_is_done_again_and_its_own_result_dropped(
    how: str, site: Site, tmp_path: Path
) -> None:
    exam = exam_read(site, tmp_path)
    job = jobs.ask(exam)
    old = timezone.now() - jobs.LEASE * 2
    Job.objects.filter(pk=job.pk).update(
        state=Job.State.RUNNING, attempt=1, worker="here:1",
        heartbeat=timezone.now() if how == "known to be dead" else old,
        token="6f1f1f0e-0000-4000-8000-000000000001",
    )  # fmt: skip
    assert jobs.requeue_lost(["here:1"] if how == "known to be dead" else []) == 1
    job.refresh_from_db()
    assert (job.state, job.token) == (Job.State.QUEUED, None)
    before = Reading.objects.count()
    report = exam.reading
    assert report is not None
    jobs._finish(job, uuid.UUID("6f1f1f0e-0000-4000-8000-000000000001"), report.report(), [])
    assert Reading.objects.count() == before


def test_a_job_that_its_worker_took_and_never_began_is_asked_for_again(site: Site, tmp_path: Path) -> None:
    job = jobs.ask(exam_read(site, tmp_path))
    old = timezone.now() - jobs.LEASE * 2
    Job.objects.filter(pk=job.pk).update(created_at=old)
    assert jobs.requeue_lost() == 1
    assert jobs.requeue_lost() == 0


def test_an_exam_that_kills_its_workers_is_left_to_people(site: Site, tmp_path: Path) -> None:
    exam = exam_read(site, tmp_path)
    Exam.objects.update(state=State.UNREAD)
    exam.refresh_from_db()
    job = jobs.ask(exam)
    Job.objects.filter(pk=job.pk).update(
        state=Job.State.RUNNING, attempt=jobs.ATTEMPTS, worker="here:1", heartbeat=timezone.now(),
        token="6f1f1f0e-0000-4000-8000-000000000001",
    )  # fmt: skip
    jobs.requeue_lost(["here:1"])
    exam.refresh_from_db()
    assert exam.state == State.FAILED


def test_a_date_of_birth_that_a_later_exam_states_is_kept_of_who_bears_the_same_name(
    account: Account, signed_in: Enter, site: Site
) -> None:
    browser = signed_in(account("technologist"))

    def bring(name: str, number: int, **stated: str) -> None:
        ds = image("R", "CC", f"1.2.{number}", number)
        ds.ImageComments = uuid.uuid4().hex
        for field in ("PatientBirthDate", "PatientName"):
            setattr(ds, field, stated.get(field, getattr(ds, field, "") if field == "PatientName" else ""))
        buffer = io.BytesIO()
        ds.save_as(buffer, enforce_file_format=True)
        brought(browser, SimpleUploadedFile(name, buffer.getvalue()))

    bring("first.dcm", 1)
    woman = Exam.objects.get().woman
    assert woman.birth_date is None
    bring("other.dcm", 2, PatientBirthDate="19700101", PatientName="Somebody^Else")
    woman.refresh_from_db()
    assert woman.birth_date is None
    bring("second.dcm", 3, PatientBirthDate="19620301")
    woman.refresh_from_db()
    assert str(woman.birth_date) == "1962-03-01"
    assert Exam.objects.filter(woman=woman).count() == 3


def test_a_date_of_birth_that_no_image_stated_is_entered_once(
    site: Site, other_site: Site, tmp_path: Path, account: Account, signed_in: Enter
) -> None:
    woman = exam_read(site, tmp_path).woman
    Woman.objects.update(birth_date=None)
    born = reverse("exams:woman-born", args=[woman.uuid])
    stranger = signed_in(account("coordinator", site=other_site))
    assert stranger.post(born, {"birth_date": "1962-03-01"}).status_code == 404
    browser = signed_in(account("coordinator"))
    page = reverse("exams:woman", args=[woman.uuid])
    assert born in browser.get(page).content.decode()
    for wrong in ("", "2962-03-01", "1162-03-01", "1962-13-01"):
        answer = browser.post(born, {"birth_date": wrong})
        assert (answer.status_code, "errorlist" in answer.content.decode()) == (400, True)
    browser.post(born, {"birth_date": "1962-03-01"})
    browser.post(born, {"birth_date": "1970-01-01"})
    assert Woman.objects.get().birth_date == date(1962, 3, 1)
    assert born not in browser.get(page).content.decode()
    entered = Event.objects.get(action="birth-date-entered")
    assert (entered.woman_id, entered.detail) == (woman.pk, {})


def test_images_of_one_id_with_another_name_are_asked_about(
    site: Site, other_site: Site, account: Account, signed_in: Enter
) -> None:
    browser = signed_in(account("technologist"))
    brought(browser, file(PatientName="Beispiel^Änne", PatientBirthDate=""))
    brought(browser, file(StudyInstanceUID="1.2.4", PatientName="BEISPIEL^ANNE^M", PatientBirthDate=""))
    assert not Exam.objects.filter(other_name=True).exists()
    brought(browser, file(StudyInstanceUID="1.2.5", PatientName="Muster^Änne", PatientBirthDate=""))
    exam = Exam.objects.get(study_uid="1.2.5")
    assert (exam.woman, exam.other_name, exam.other_names) == (Woman.objects.get(), True, ["Muster^Änne"])
    page = reverse("exams:woman", args=[exam.woman.uuid])
    for address in (reverse("exams:worklist"), page):
        assert "another name (Muster, Änne): find out" in browser.get(address).content.decode()
    same = reverse("exams:woman-same", args=[exam.uuid])
    assert signed_in(account("coordinator", site=other_site)).post(same).status_code == 404
    browser = signed_in(account("coordinator"))
    # An image with a third name came after the page was loaded: nobody has said anything of that one.
    brought(browser, file("LMLO.dcm", StudyInstanceUID="1.2.5", PatientName="X^Y", PatientBirthDate=""))
    browser.post(same, {"name": "Muster^Änne"})
    exam.refresh_from_db()
    assert (exam.other_name, exam.other_names) == (True, ["Muster^Änne", "X^Y"])
    browser.post(same, {"name": exam.other_names})
    exam.refresh_from_db()
    assert not exam.other_name
    settled = Event.objects.get(action="same-woman")
    assert (settled.woman_id, settled.detail) == (exam.woman_id, {})
    assert "another name" not in browser.get(page).content.decode()
    # Her name since her marriage is not asked about at each exam.
    brought(browser, file(StudyInstanceUID="1.2.6", PatientName="MUSTER^ANNE", PatientBirthDate=""))
    assert not Exam.objects.filter(other_name=True).exists()


def test_another_family_name_is_asked_about_though_the_date_of_birth_agrees(
    site: Site, account: Account, signed_in: Enter
) -> None:
    browser = signed_in(account("technologist"))
    brought(browser, file())
    brought(browser, file(StudyInstanceUID="1.2.4", PatientName="Muster^Änne"))
    assert [each.other_name for each in Exam.objects.order_by("study_uid")] == [False, True]
    # A view with another name among those of an exam is seen too.
    brought(browser, file("LCC.dcm"), file("LMLO.dcm", PatientName="Muster^Berta"))
    assert Exam.objects.get(study_uid="1.2.3").other_names == ["Muster^Berta"]

"""Exams that may be another woman's are compared with none, until somebody has said whose they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from accounts import Account, Enter
from django.test import Client
from django.urls import reverse
from exams import exam_read
from hospital import EXAMS
from test_arbitration import page_of
from test_bringing import brought, file
from test_signing import signed

from calcscope.report.model import Report
from calcscope.server.exams import jobs
from calcscope.server.exams.models import Exam, Job, State, Woman
from calcscope.server.followup.models import Step
from calcscope.server.people.models import Site

Read = Callable[[Exam], list[Path]]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Read:
    """Does the job of an exam without the engine; the files of the earlier exams that it was given."""
    given: list[Path] = []

    def read_paths(
        paths: Sequence[Path], *_: Any, priors: Sequence[Path], **__: Any
    ) -> tuple[Report, list[str]]:
        given[:] = priors
        return EXAMS["normal"](tmp_path / f"made-{len(list(tmp_path.iterdir()))}"), []

    def done(exam: Exam) -> list[Path]:
        job = Job.objects.get(exam=exam, state=Job.State.QUEUED)
        jobs.read_job.func(str(job.uuid))
        job.refresh_from_db()
        assert job.state == Job.State.DONE, job.reason
        return list(given)

    monkeypatch.setattr(jobs, "read_paths", read_paths)
    return done


def taken(browser: Client, study: str, day: str, name: str = "Beispiel^Änne") -> Exam:
    brought(browser, file(StudyInstanceUID=study, StudyDate=day, AcquisitionDate=day, PatientName=name))
    exam: Exam = Exam.objects.get(study_uid=study)
    return exam


def left_out(exam: Exam) -> list[tuple[str | None, str | None]]:
    """Date and reason of what its latest reading was not compared with."""
    assert exam.reading is not None
    return [(prior.date, prior.reason) for prior in exam.reading.report().priors if not prior.used]


def paths(exam: Exam) -> list[Path]:
    return [image.path for image in exam.images.all()]


def test_an_exam_of_another_name_is_compared_with_none_until_it_is_settled(
    site: Site, account: Account, signed_in: Enter, read: Read
) -> None:
    browser = signed_in(account("radiologist"))
    first = taken(browser, "1.2.3", "20240510")
    assert read(first) == []
    other = taken(browser, "1.2.4", "20250510", "Muster^Änne")
    assert read(other) == []
    assert left_out(other) == [("2024-05-10", jobs.OF_THIS_EXAM)]
    page = page_of(browser, other)
    assert len(page["exams"]) == 1
    assert page["not_compared"] == [
        "Her earlier exams are not shown and not compared until it is known whose this one is."
    ]
    # One of hers that comes later is compared with hers alone, and says what it was not compared with.
    later = taken(browser, "1.2.5", "20260510")
    assert read(later) == paths(first)
    assert left_out(later) == [("2025-05-10", jobs.OF_THE_EARLIER_EXAM)]
    page = page_of(browser, later)
    assert [each["date"] for each in page["exams"]] == ["2026-05-10", "2024-05-10"]
    (said,) = page["not_compared"]
    assert said.startswith("The exam of 2025-05-10 is not shown and not compared. The images state another")
    # It is hers, since her marriage: what was read without it is read again.
    browser.post(reverse("exams:woman-same", args=[other.uuid]), {"name": "Muster^Änne"})
    assert read(other) == paths(first)
    assert read(later) == [*paths(other), *paths(first)]
    for exam in (other, later):
        assert left_out(exam) == []
        assert "not_compared" not in page_of(browser, exam)


def test_what_was_compared_with_images_that_turn_out_another_womans_is_read_again(
    site: Site, account: Account, signed_in: Enter, read: Read
) -> None:
    browser = signed_in(account("radiologist"))
    first, now = taken(browser, "1.2.3", "20240510"), taken(browser, "1.2.4", "20260510")
    read(first)
    assert read(now) == paths(first)
    brought(browser, file("LMLO.dcm", StudyDate="20240510", PatientName="Muster^Änne"))
    assert read(now) == []
    assert left_out(now) == [("2024-05-10", jobs.OF_THE_EARLIER_EXAM)]
    # What is signed stays as it was signed.
    Exam.objects.filter(pk=now.pk).update(state=State.SIGNED)
    first.refresh_from_db()
    browser.post(reverse("exams:woman-same", args=[first.uuid]), {"name": first.other_names})
    assert not Job.objects.filter(exam=now, state=Job.State.QUEUED).exists()


def test_the_first_name_that_images_state_is_hers(site: Site, account: Account, signed_in: Enter) -> None:
    browser = signed_in(account("technologist"))
    taken(browser, "1.2.3", "20240510", "")
    assert Woman.objects.get().name == ""
    taken(browser, "1.2.4", "20250510")
    assert (Woman.objects.get().name, Exam.objects.filter(other_name=True).count()) == ("Beispiel^Änne", 0)
    taken(browser, "1.2.5", "20260510", "Muster^Änne")
    assert Exam.objects.get(other_name=True).study_uid == "1.2.5"


def test_an_exam_of_another_name_closes_no_routine_mammogram(
    site: Site, account: Account, tmp_path: Path
) -> None:
    reader = account("radiologist")
    older = exam_read(site, tmp_path / "older", "normal", day=date(2025, 11, 10))
    newer = exam_read(site, tmp_path / "newer", "normal", day=date(2026, 11, 10))
    signed(older, reader)
    Exam.objects.filter(pk=newer.pk).update(other_name=True, other_names=["Muster^Berta"])
    signed(newer, reader, names=["Muster^Berta"])
    routine = Step.objects.get(chain__exam=older, code="routine")
    assert routine.is_open
    Exam.objects.filter(pk=newer.pk).update(other_name=False)
    signed(newer, reader, "It is hers.")
    routine.refresh_from_db()
    assert not routine.is_open

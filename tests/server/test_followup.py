from __future__ import annotations

from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from accounts import Account, Enter
from django.core import mail
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from exams import exam_read
from test_signing import signed

from calcscope import lexicon
from calcscope.server.followup import chains, letters
from calcscope.server.followup.models import Chain, Event, Step
from calcscope.server.patients.approvals import approve
from calcscope.server.patients.passages import load
from calcscope.server.patients.results import appointment_of
from calcscope.server.people.models import Site, User
from calcscope.server.reading.models import Version


@pytest.fixture
def reader(account: Account) -> User:
    return account("radiologist")


@pytest.fixture
def version(site: Site, tmp_path: Path, reader: User) -> Version:
    return signed(exam_read(site, tmp_path, day=timezone.localdate()), reader)


def biopsy(version: Version) -> Step:
    step = Step.objects.filter(chain__exam=version.exam, code="biopsy").first()
    assert step is not None
    return step


def test_every_signed_finding_is_answered_for(version: Version) -> None:
    assert {chain.code for chain in Chain.objects.all()} >= {
        "biopsy",
        "short_interval",
        "magnification_views",
        "routine",
    }
    assert chains.lost() == []


def test_a_normal_exam_is_asked_back_too(site: Site, tmp_path: Path, reader: User) -> None:
    signed(exam_read(site, tmp_path, "normal"), reader)
    step = Step.objects.get()
    assert step.code == "routine"
    assert (step.due - date(2026, 11, 10)).days == 365
    assert chains.lost() == []


@pytest.mark.parametrize(("back", "due"), [(0, 183), (100, 83), (200, 14)])
def test_a_step_is_due_from_the_exam_on_and_never_before_it_can_be_done(
    back: int, due: int, site: Site, tmp_path: Path, reader: User
) -> None:
    today = timezone.localdate()
    signed(exam_read(site, tmp_path, day=today - timedelta(days=back)), reader)
    step = Step.objects.get(code="short_interval", chain__side="R")
    assert (step.due - today).days == due
    # A mammogram half a year after the exam is what it waits for, however late the exam was signed.
    assert step.earliest <= today + timedelta(days=183 - back)


def test_an_older_exam_that_is_signed_later_meets_the_newer_one(
    site: Site, tmp_path: Path, reader: User
) -> None:
    today = timezone.localdate()
    older = exam_read(site, tmp_path, day=today - timedelta(days=400))
    newer = exam_read(site, tmp_path / "newer", day=today - timedelta(days=200))
    signed(newer, reader)
    assert not Event.objects.filter(kind=Event.Kind.PROPOSED).exists()
    signed(older, reader)
    step = Step.objects.get(code="short_interval", chain__side="R", chain__exam=older)
    assert step.events.get(kind=Event.Kind.PROPOSED).exam == newer
    # What the newer one asks for waits for neither.
    own = Event.objects.filter(kind=Event.Kind.PROPOSED, step__chain__exam=newer)
    assert not own.exists()
    newer.other_name = True
    with pytest.raises(chains.Refused, match="another name"):
        chains.fulfil(step, newer, by=reader)


def test_a_finding_whose_chain_is_missing_is_found(site: Site, tmp_path: Path, reader: User) -> None:
    exam = exam_read(site, tmp_path)
    from calcscope.server.followup.receivers import open_chains
    from calcscope.server.signals import report_was_signed

    report_was_signed.disconnect(open_chains)
    try:
        signed(exam, reader)
    finally:
        report_was_signed.connect(open_chains)
    assert len(chains.lost()) == len(exam.versions.get().read().standing)
    with pytest.raises(CommandError):
        call_command("nobody_lost")


def test_a_biopsy_goes_its_way_to_a_benign_concordant_end(version: Version, reader: User) -> None:
    step = biopsy(version)
    for result, then, facts in (
        ("done", "specimen_radiograph", None),
        ("none_seen", "biopsy", None),  # no calcification in the specimen: sampled again
        ("done", "specimen_radiograph", None),
        ("calcifications_seen", "clip", None),
        ("placed", "clip_mammogram", None),
        ("clip_in_place", "histology", None),
        ("benign", "concordance", {"calcifications": "seen"}),
        ("concordant", "follow_up_6_months", None),
    ):
        (step,) = chains.write_result(step, result, by=reader, facts=facts)
        assert step.code == then
    assert (step.due - timezone.localdate()).days == lexicon.chains().steps[
        "follow_up_6_months"
    ].due_days.value  # type: ignore[union-attr]
    assert chains.lost() == []


def test_cancer_goes_to_the_specialist_and_discordance_to_another_sample(
    version: Version, reader: User
) -> None:
    step = biopsy(version)
    for result in ("done", "calcifications_seen", "placed", "clip_in_place"):
        (step,) = chains.write_result(step, result, by=reader)
    with pytest.raises(chains.Refused, match="calcifications"):
        chains.write_result(step, "dcis", by=reader)
    concordance, referral = chains.write_result(step, "dcis", by=reader, facts={"calcifications": "not_seen"})
    assert (concordance.code, referral.code) == ("concordance", "referral")
    (again,) = chains.write_result(concordance, "discordant", by=reader)
    assert again.code == "repeat_or_excision"


def test_a_step_is_finished_once(version: Version, reader: User) -> None:
    step = biopsy(version)
    chains.write_result(step, "done", by=reader)
    with pytest.raises(chains.Refused, match="Somebody has finished"):
        chains.write_result(step, "done", by=reader)
    with pytest.raises(chains.Refused, match="Somebody has finished"):
        chains.close(step, "declined", by=reader)


def test_nothing_is_closed_without_one_of_the_reasons(version: Version, reader: User) -> None:
    with pytest.raises(chains.Refused, match="reason"):
        chains.close(biopsy(version), "no time", by=reader)


def test_three_vain_attempts_make_her_unreachable_and_one_that_reaches_her_undoes_it(
    version: Version, reader: User
) -> None:
    step = biopsy(version)
    for _ in range(3):
        chains.attempt(step, "phone", False, by=reader)
    step.refresh_from_db()
    assert (step.state, step.attempts, step.is_open) == (Step.State.UNREACHABLE, 3, True)
    chains.attempt(step, "phone", True, by=reader)
    step.refresh_from_db()
    assert (step.state, step.attempts) == (Step.State.OPEN, 0)


def test_a_late_step_is_passed_on_once_for_each_stage(version: Version) -> None:
    step = biopsy(version)
    late = step.due + timedelta(days=31)
    chains.escalate(late)
    chains.escalate(late)
    told = [event.data["to"] for event in step.events.filter(kind=Event.Kind.ESCALATED)]
    assert told == ["coordinator", "radiologist"]


def test_an_exam_that_arrives_is_proposed_to_the_step_that_waits_for_it(
    version: Version, site: Site, tmp_path: Path, reader: User
) -> None:
    wait = Step.objects.get(code="short_interval", chain__side="R")
    exam_read(site, tmp_path / "soon", "normal", day=timezone.localdate() + timedelta(days=20))
    assert not wait.events.filter(kind=Event.Kind.PROPOSED).exists()  # far too early
    later = exam_read(site, tmp_path / "later", "normal", day=timezone.localdate() + timedelta(days=180))
    assert wait.events.get(kind=Event.Kind.PROPOSED).exam == later
    stranger = exam_read(site, tmp_path / "x", "normal", patient="W-1", day=later.date)  # type: ignore[arg-type]
    with pytest.raises(chains.Refused, match="another woman"):
        chains.fulfil(wait, stranger, by=reader)
    chains.fulfil(wait, later, by=reader)
    wait.refresh_from_db()
    assert wait.state == Step.State.DONE


def test_an_addendum_closes_what_is_no_longer_recommended(site: Site, tmp_path: Path, reader: User) -> None:
    import uuid

    from calcscope.server.reading.content import followed
    from calcscope.server.reading.signing import keep_draft, open_draft, sign

    exam = exam_read(site, tmp_path)
    signed(exam, reader)
    draft = open_draft(exam, reader)
    content = draft.read()
    findings = [
        each.model_copy(update={"decision": "rejected", "reason": "skin"})
        if each.next_step == "biopsy"
        else each
        for each in content.findings
    ]
    content = content.model_copy(update={"findings": findings, "next_steps": []})
    assert exam.reading is not None
    content = followed(content, exam.reading.report())
    sign(exam, reader, keep_draft(exam, reader, draft.revision, content), 1, uuid.uuid4(), "Tangential view.")
    closed = Step.objects.get(code="biopsy")
    assert (closed.state, closed.events.last().reason) == (Step.State.CLOSED, "addendum")  # type: ignore[union-attr]
    assert chains.lost() == []


def test_a_letter_asks_her_to_come_and_tells_no_result(
    letters_may_leave: None, version: Version, reader: User
) -> None:
    woman = version.exam.woman
    woman.email = "anna@example.org"
    woman.save()
    step = biopsy(version)
    letter = letters.write(step, by=reader)
    assert "4B" not in letter.text
    assert not any(term in letter.text.lower() for term in ("calcif", "cancer", "suspicious", "malign"))
    calendar = letters.calendar_of(step)
    assert calendar.startswith(b"BEGIN:VCALENDAR")
    assert b"Beispiel" not in calendar


APPOINTED = {
    "Europe/Madrid": "DTSTART;TZID=Europe/Madrid:20370309T143000",
    "America/Mexico_City": "DTSTART;TZID=America/Mexico_City:20370309T143000",
    "UTC": "DTSTART:20370309T143000",  # nobody has set a time zone: as the clinic wrote it, wherever she is
}


@pytest.mark.parametrize("zone", APPOINTED)
def test_an_appointment_has_a_time_in_the_time_zone_of_the_clinic(
    zone: str, version: Version, reader: User, signed_in: Enter, settings: Any
) -> None:
    settings.TIME_ZONE = zone
    step, browser = biopsy(version), signed_in(reader)
    act, page = (reverse(f"followup:{name}", args=[step.uuid, *more]) for name, more in (
        ("act", ["schedule"]), ("step", []),
    ))  # fmt: skip
    browser.post(act, {"day": "2037-03-09", "time": "14:30"})
    step.refresh_from_db()
    assert step.events.last().data == {"on": "2037-03-09", "at": "14:30"}  # type: ignore[union-attr]
    shown = browser.get(page).content.decode()
    assert "2037-03-09 14:30" in shown
    assert "on: 2037-03-09, at: 14:30" in shown
    entry, text = letters.calendar_of(step).decode(), letters.letter_of(step).text
    assert APPOINTED[zone] in entry.splitlines()
    assert "DTEND" not in entry
    assert ("BEGIN:VTIMEZONE" in entry) == (zone != "UTC")
    assert "You have an appointment on 9 March 2037 at 14:30." in text
    for language, said in (("es", "9 de marzo de 2037 a las 14:30."), ("tr", "9 Mart 2037, saat 14:30.")):
        step.chain.woman.language = language
        assert said in letters.letter_of(step).text
    # Made anew, without a time: the whole day.
    step.chain.woman.language = "en"
    browser.post(act, {"day": "2037-03-10", "time": ""})
    entry = letters.calendar_of(step).decode()
    assert {"DTSTART;VALUE=DATE:20370310", "DTEND;VALUE=DATE:20370311"} <= set(entry.splitlines())
    assert "on 10 March 2037." in letters.letter_of(step).text
    assert "BEGIN:VTIMEZONE" not in entry


def test_an_appointment_is_not_made_for_an_hour_that_has_passed(version: Version, reader: User) -> None:
    step, now = biopsy(version), timezone.localtime()
    with pytest.raises(chains.Refused, match="in the past"):
        chains.schedule(step, now.date(), at=time(0, 0), by=reader)
    with pytest.raises(chains.Refused, match="in the past"):
        chains.schedule(step, now.date() - timedelta(days=1), by=reader)
    chains.schedule(step, now.date(), by=reader)
    step.refresh_from_db()
    assert appointment_of(step) == (now.date(), None)


@pytest.mark.parametrize("language", ["en", "es", "tr"])
def test_no_letter_leaves_with_a_passage_that_is_not_approved(
    language: str, nothing_held: None, site: Site, version: Version, reader: User, signed_in: Enter
) -> None:
    woman = version.exam.woman
    woman.email, woman.language = "anna@example.org", language
    woman.save()
    step = biopsy(version)
    browser = signed_in(reader)
    page = reverse("followup:letter", args=[step.uuid])
    assert "may not leave" in browser.get(page).content.decode()
    for send in (True, False):
        with pytest.raises(chains.Refused, match="approved"):
            letters.write(step, by=reader, send=send)
    assert letters.remind(step.due - timedelta(days=3))[0] == 0
    approve(site, language, {each.id: each.sha256 for each in load(language)}, reader)
    assert letters.letter_of(step).paragraphs[1] in browser.get(page).content.decode()
    letters.write(step, by=reader, send=True)
    assert letters.letter_of(step).paragraphs[1] in mail.outbox[0].body


def test_a_letter_does_not_say_between_the_lines_what_is_held(
    letters_may_leave: None, site: Site, tmp_path: Path, reader: User
) -> None:
    site.settings = {}
    site.save()
    held = signed(exam_read(site, tmp_path, day=timezone.localdate()), reader)
    with pytest.raises(chains.Refused, match="held"):
        letters.write(biopsy(held), by=reader)


def test_nobody_is_reminded_of_what_is_done_without_her(
    letters_may_leave: None, version: Version, reader: User
) -> None:
    woman = version.exam.woman
    woman.email = "anna@example.org"
    woman.save()
    step = biopsy(version)
    for result in ("done", "calcifications_seen", "placed", "clip_in_place"):
        (step,) = chains.write_result(step, result, by=reader)
    Step.objects.filter(pk=step.pk).update(due=timezone.localdate() + timedelta(days=3))
    Step.objects.exclude(pk=step.pk).update(due=timezone.localdate() + timedelta(days=300))
    assert letters.remind() == (0, 0)
    with pytest.raises(chains.Refused, match="does not come"):
        letters.write(step, by=reader)


@pytest.mark.django_db(transaction=False)
def test_reminders_go_out_once(
    letters_may_leave: None, version: Version, django_capture_on_commit_callbacks: object
) -> None:
    woman = version.exam.woman
    woman.email = "anna@example.org"
    woman.save()
    step = biopsy(version)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        assert letters.remind(step.due - timedelta(days=3))[0] >= 1
    assert letters.remind(step.due - timedelta(days=2)) == (0, 0)
    assert mail.outbox[0].to == ["anna@example.org"]


def test_pages_of_follow_up_show_and_do(version: Version, account: Account, signed_in: Enter) -> None:
    browser = signed_in(account("coordinator"))
    Step.objects.filter(code="biopsy").update(due=timezone.localdate() - timedelta(days=9))
    assert "9 days late" in browser.get(reverse("followup:dashboard")).content.decode()
    step = biopsy(version)
    page = browser.get(reverse("followup:step", args=[step.uuid])).content.decode()
    assert "Write down the result" in page
    browser.post(reverse("followup:act", args=[step.uuid, "attempt"]), {"how": "phone", "reached": "no"})
    browser.post(reverse("followup:act", args=[step.uuid, "result"]), {"result": "done"})
    step.refresh_from_db()
    assert step.state == Step.State.DONE
    assert "specimen" in browser.get(reverse("followup:step", args=[step.uuid])).content.decode()
    wrong = browser.post(reverse("followup:act", args=[step.uuid, "result"]), {"result": "done"}, follow=True)
    assert "Somebody has finished" in wrong.content.decode()


def test_another_sites_steps_are_not_there(
    version: Version, other_site: Site, account: Account, signed_in: Enter
) -> None:
    browser = signed_in(account("coordinator", site=other_site))
    assert browser.get(reverse("followup:step", args=[biopsy(version).uuid])).status_code == 404


def test_each_step_of_the_lexicon_leads_somewhere_in_words() -> None:
    known = lexicon.chains()
    for code, step in known.steps.items():
        results = set(step.results) if step.by == "result" else {"done"}
        assert results == set(step.then), code
    assert set(known.opens) >= set(lexicon.next_steps().steps)


def test_a_long_list_asks_the_database_no_more_often(
    version: Version, account: Account, signed_in: Enter
) -> None:
    browser = signed_in(account("coordinator"))
    browser.post(reverse("followup:dashboard"), {"which": "open"})
    asked = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            page = browser.get(reverse("followup:dashboard"))
        asked.append((page.content.decode().count("<tr>"), len(queries)))
        for step in list(Step.objects.open()):
            Step.objects.create(
                chain=step.chain, code=step.code, due=step.due, owner_role=step.owner_role
            ).events.create(kind=Event.Kind.ATTEMPT)
    (few, before), (many, after) = asked
    assert many > few
    assert after == before

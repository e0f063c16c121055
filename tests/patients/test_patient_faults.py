"""Results that change after they were told, samples that are looked at anew, two people at once."""

from __future__ import annotations

import io
import uuid
import zipfile
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from accounts import PASSWORD, Account, Enter
from django.apps import apps
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from exams import exam_read
from test_patient_results import READY, page, sampled
from test_signing import decided, signed

from calcscope.report.pdf import PdfUnavailable
from calcscope.server.audit.models import Event as Audit
from calcscope.server.audit.recording import record
from calcscope.server.exams.models import Woman
from calcscope.server.followup import chains, daily
from calcscope.server.followup import letters as asking
from calcscope.server.followup.forms import ResultForm
from calcscope.server.followup.models import Step
from calcscope.server.patients import accounts, letters, passages, results
from calcscope.server.patients.facts import facts_of
from calcscope.server.patients.models import Happening, Result
from calcscope.server.patients.receivers import tell_of_biopsy, tell_of_report
from calcscope.server.patients.seen import looks_at
from calcscope.server.people.models import Membership, Site, User
from calcscope.server.reading.content import Edit, followed
from calcscope.server.reading.models import Version
from calcscope.server.reading.signing import Refused, keep_draft, open_draft, sign
from calcscope.server.signals import report_was_signed, result_was_written

Approve = Callable[..., None]


def hold(site: Site, *what: str) -> None:
    site.settings = {"hold": list(what)}
    site.save()


def the_biopsy() -> Result:
    return Result.objects.exclude(concordance=None).get()


# --- what changes after it was told ---------------------------------------------------------------------


def test_a_histology_that_is_corrected_tells_nothing_under_the_old_entry(
    result: Result, site: Site, reader: User, anna: User, signed_in: Enter, approve: Approve
) -> None:
    approve()
    hold(site, "dcis")
    sampled(result, reader, "benign")
    told, browser = the_biopsy(), signed_in(anna)
    assert READY not in page(browser, "result", told.uuid)
    histology = Step.objects.get(code="histology")
    chains.reopen(histology, "The slides were mixed up.", by=reader)
    assert READY in page(browser, "result", told.uuid)
    chains.write_result(histology, "dcis", by=reader, facts={"calcifications": "seen"})
    assert READY in page(browser, "result", told.uuid)
    assert str(told.uuid) not in page(browser, "home")
    assert "specialist" not in page(browser, "steps")
    # The new entry is a result of its own, held as the site asks.
    entry = Step.objects.filter(code="concordance").last()
    assert entry is not None
    chains.write_result(entry, "concordant", by=reader)
    newer = Result.objects.exclude(concordance=None).exclude(pk=told.pk).get()
    assert results.is_held(newer)
    assert results.current(Result.objects.exclude(concordance=None)).get() == newer


def test_a_corrected_biopsy_leaves_no_older_one_to_tell(
    result: Result, site: Site, reader: User, tmp_path: Path
) -> None:
    site.settings = {"hold": [], "profile": "us"}
    site.save()
    sampled(result, reader, "benign")
    first = the_biopsy()
    chains.reopen(Step.objects.get(code="histology"), "Mixed up.", by=reader)
    chains.write_result(
        Step.objects.get(code="histology"), "dcis", by=reader, facts={"calcifications": "seen"}
    )
    entry = Step.objects.filter(code="concordance").last()
    assert entry is not None
    chains.write_result(entry, "concordant", by=reader)
    assert first.telling is not None
    first.telling.refresh_from_db()
    assert not first.telling.is_open


def test_an_addendum_does_not_tell_what_a_held_biopsy_led_to(
    result: Result, site: Site, reader: User, anna: User, signed_in: Enter, approve: Approve
) -> None:
    approve()
    hold(site, "dcis")
    sampled(result, reader, "dcis")
    signed(result.exam, reader, note="A clip was forgotten.")
    newer = Result.objects.filter(concordance=None).order_by("pk").last()
    assert newer is not None
    browser = signed_in(anna)
    assert READY not in page(browser, "result", newer.uuid)
    assert "specialist" not in page(browser, "result", newer.uuid)


def test_a_result_that_a_doctor_held_stays_held_when_an_addendum_takes_its_place(
    result: Result, reader: User, anna: User, signed_in: Enter, approve: Approve
) -> None:
    approve()
    results.hold(result, reader, "I call her tomorrow.")
    signed(result.exam, reader, note="A clip was forgotten.")
    newer = results.current(Result.objects.all()).get()
    assert newer != result
    assert READY in page(signed_in(anna), "result", newer.uuid)


def added(result: Result, reader: User, category: str) -> Version:
    """An addendum that gives every finding of the right breast another category and next step."""
    draft = open_draft(result.exam, reader)
    content = decided(draft.read(), result.exam)
    for finding in content.findings:
        if finding.laterality == "R":
            finding.category, finding.next_step = category, "biopsy"
            finding.typical_kind, finding.sentence_edited = None, True
            finding.edits += [
                Edit(field=field, now=now, reason="Seen again.")
                for field, now in (("category", category), ("next_step", "biopsy"))
            ]
    content = followed(content, draft.based_on.report())
    revision = keep_draft(result.exam, reader, draft.revision, content)
    seen = result.exam.versions.count()
    return sign(result.exam, reader, revision, seen, uuid.uuid4(), "Seen again.")


def test_the_page_of_a_biopsy_says_what_the_report_says_now(
    result: Result, site: Site, reader: User, anna: User, signed_in: Enter, approve: Approve
) -> None:
    approve()
    sampled(result, reader, "benign")
    biopsy = the_biopsy()
    before = results.facts(biopsy)
    version = added(result, reader, "5")
    now = results.facts(biopsy)
    assert {each.id: each.category for each in now.findings} == {
        each.id: each.assessment.category for each in version.report().findings
    }
    assert now.findings != before.findings


def test_a_biopsy_is_held_with_the_report_that_was_added_since(
    result: Result, site: Site, reader: User, anna: User, signed_in: Enter, approve: Approve
) -> None:
    approve()
    sampled(result, reader, "benign")
    biopsy, browser = the_biopsy(), signed_in(anna)
    assert READY not in page(browser, "result", biopsy.uuid)
    hold(site, "5")
    added(result, reader, "5")
    assert READY in page(browser, "result", biopsy.uuid)
    newest = results.current(Result.objects.filter(concordance=None)).get()
    results.release(newest, reader)
    assert READY not in page(browser, "result", biopsy.uuid)


def test_a_biopsy_of_findings_that_the_report_no_longer_has_is_told_in_person(
    result: Result, reader: User, approve: Approve, monkeypatch: pytest.MonkeyPatch
) -> None:
    approve()
    sampled(result, reader, "benign")
    biopsy = the_biopsy()
    assert biopsy.concordance is not None
    report = biopsy.version.report()
    others = report.model_copy(
        update={"findings": [each.model_copy(update={"id": f"X{each.id}"}) for each in report.findings]}
    )
    monkeypatch.setattr(Version, "report", lambda _self: others)
    gate = results.gate(biopsy, "en")
    assert (gate.open, gate.explanation) == (False, None)


def test_a_letter_that_takes_the_place_of_another_says_so(
    result: Result, reader: User, approve: Approve, monkeypatch: pytest.MonkeyPatch
) -> None:
    approve()
    words = "added to this result since it was first signed"
    set_: list[str] = []
    import weasyprint

    whole = weasyprint.HTML
    monkeypatch.setattr(weasyprint, "HTML", lambda **given: set_.append(given["string"]) or whole(**given))
    letters.print_letter(result, reader)
    signed(result.exam, reader, note="A clip was forgotten.")
    letters.print_letter(results.current(Result.objects.all()).get(), reader)
    assert [words in each for each in set_] == [False, True]


# --- samples --------------------------------------------------------------------------------------------


def test_of_a_sample_that_was_too_small_she_is_told_and_asked_to_come_again(
    result: Result, reader: User, anna: User, account: Account, signed_in: Enter, approve: Approve
) -> None:
    approve()
    step = Step.objects.filter(chain__exam=result.exam, code="biopsy").first()
    assert step is not None
    for each in ("done", "calcifications_seen", "placed", "clip_in_place"):
        (step,) = chains.write_result(step, each, by=reader)
    (again,) = chains.write_result(
        step, "insufficient", by=account("coordinator"), facts={"calcifications": "not_seen"}
    )
    small, browser = the_biopsy(), signed_in(anna)
    # Nobody who may say what it means has seen it yet.
    assert results.is_held(small)
    assert asking.against(again, asking.letter_of(again)) != []
    results.release(small, reader)
    assert passages.load("en")["is_insufficient"].text.split(".")[0] in page(browser, "result", small.uuid)
    assert small.signer == reader
    assert asking.against(again, asking.letter_of(again)) == []
    assert "Biopsy" in page(browser, "steps")


def test_biopsies_compared_before_the_upgrade_are_results_too(
    result: Result, site: Site, reader: User, approve: Approve
) -> None:
    approve()
    result_was_written.disconnect(tell_of_biopsy)
    try:
        sampled(result, reader, "benign")
    finally:
        result_was_written.connect(tell_of_biopsy)
    later = Step.objects.get(code="follow_up_6_months")
    assert results.against_asking(later) != []
    before = import_module("calcscope.server.patients.migrations.0004_biopsies_compared_before")
    before.forwards(apps, None)
    assert results.against_asking(later) == []
    assert the_biopsy().telling is None
    before.forwards(apps, None)
    assert Result.objects.count() == 2


# --- telling --------------------------------------------------------------------------------------------


@pytest.fixture
def us(site: Site) -> Site:
    site.settings = {"hold": [], "profile": "us"}
    site.save()
    return site


def test_of_an_exam_without_a_date_the_time_runs_from_its_reading(
    us: Site, reader: User, tmp_path: Path
) -> None:
    exam = exam_read(us, tmp_path, "normal")
    exam.date = None
    exam.save()
    signed(exam, reader)
    result = Result.objects.get()
    assert result.telling is not None
    assert (result.telling.due - timezone.localdate()).days == 30


@pytest.mark.parametrize("said", ["letter", "page"])
def test_nobody_writes_down_a_letter_that_did_not_leave(
    said: str, us: Site, result: Result, account: Account
) -> None:
    step = Step.objects.get(code="tell_result")
    with pytest.raises(chains.Refused):
        chains.write_result(step, said, by=account("coordinator"))
    offered = dict(ResultForm(step).fields["result"].choices)  # type: ignore[attr-defined]
    assert said not in offered
    assert "spoken" in offered
    step.refresh_from_db()
    assert step.is_open
    assert results.untold(Result.objects.all()).get() == result


def test_what_is_held_is_told_by_a_radiologist_alone(
    us: Site, result: Result, account: Account, reader: User
) -> None:
    results.hold(result, reader)
    step = Step.objects.get(code="tell_result")
    with pytest.raises(chains.Refused):
        chains.write_result(step, "spoken", by=account("coordinator"))
    assert results.untold(Result.objects.all()).exists()
    chains.write_result(step, "spoken", by=reader)
    assert not results.untold(Result.objects.all()).exists()
    assert not results.is_held(result)


def test_a_doctor_who_has_told_her_says_so_without_a_countrys_rules(
    result: Result, reader: User, account: Account, signed_in: Enter
) -> None:
    assert result.telling is None
    address = reverse("patients:staff-act", args=[result.uuid, "spoken"])
    assert signed_in(account("coordinator")).post(address).status_code == 403
    browser = signed_in(reader)
    assert "count as told" in page(browser, "staff-result", result.uuid)
    browser.post(address, {"note": "At her visit."})
    assert not results.untold(Result.objects.all()).exists()
    browser.post(address)
    assert result.happenings.filter(kind="spoken").count() == 1


def test_settings_at_fault_are_said_to_who_signs(site: Site, reader: User, tmp_path: Path) -> None:
    hold(site, "4")
    exam = exam_read(site, tmp_path)
    with pytest.raises(Refused, match="north: hold"):
        signed(exam, reader)
    with pytest.raises(CommandError, match="north: hold"):
        call_command("site", "north", set=['hold=["4"]'])


def test_a_double_click_prints_once(result: Result, reader: User, signed_in: Enter, approve: Approve) -> None:
    approve()
    browser = signed_in(reader)
    for _ in range(2):
        answer = browser.post(reverse("patients:staff-act", args=[result.uuid, "print"]))
        assert answer.content.startswith(b"%PDF")
    assert result.happenings.filter(kind="printed").count() == 1


def test_an_approval_taken_back_while_the_letter_is_set_keeps_it_here(
    result: Result, site: Site, reader: User, approve: Approve, monkeypatch: pytest.MonkeyPatch
) -> None:
    from calcscope.server.patients import approvals

    approve()
    made = letters.pdf_of

    def slowly(*given: Any, **more: Any) -> bytes:
        approvals.withdraw(site, "en", ["emergency"], reader)
        return made(*given, **more)

    monkeypatch.setattr(letters, "pdf_of", slowly)
    with pytest.raises(results.Refused, match="approved"):
        letters.print_letter(result, reader)
    assert not Happening.objects.exists()


# --- letters that ask her to come -----------------------------------------------------------------------


def test_a_letter_for_a_day_that_has_passed_does_not_ask_for_a_day_before_it(
    result: Result, reader: User
) -> None:
    step = Step.objects.filter(chain__exam=result.exam, code="biopsy").first()
    assert step is not None
    texts = passages.load("en")
    for due, own in (
        (timezone.localdate(), "letter_overdue"),
        (timezone.localdate() + timedelta(1), "letter_due"),
    ):
        step.due = due
        step.save()
        assert texts.fill(own, date=texts.date(due)) in asking.letter_of(step).paragraphs
    chains.schedule(step, timezone.localdate() + timedelta(days=1), by=reader)
    step.refresh_from_db()
    assert "letter_appointment" in asking.letter_of(step).passages
    chains.close(step, "error", by=reader)
    chains.reopen(step, "Closed by mistake.", by=reader)
    step.refresh_from_db()
    assert "letter_appointment" not in asking.letter_of(step).passages


def test_the_calendar_file_is_in_her_language(result: Result) -> None:
    Woman.objects.update(language="es")
    step = Step.objects.filter(chain__exam=result.exam, code="biopsy").first()
    assert step is not None
    made = asking.calendar_of(step).decode()
    assert "Su cita" in made
    assert "Appointment" not in made


def test_a_language_at_fault_keeps_no_other_reminder_back(
    site: Site, reader: User, tmp_path: Path, approve: Approve, monkeypatch: pytest.MonkeyPatch,
    mailoutbox: list[Any],
) -> None:  # fmt: skip
    approve()
    for number, language in (("W-1", "tr"), ("W-2", "en")):
        exam = exam_read(site, tmp_path / number, patient=number, day=timezone.localdate())
        signed(exam, reader)
        Woman.objects.filter(pk=exam.woman_id).update(language=language, email=f"{number}@example.org")
    Step.objects.filter(code="biopsy").update(due=timezone.localdate() + timedelta(days=20))
    load = passages.load

    def faulty(language: str) -> Any:
        if language == "tr":
            raise passages.PassageError("tr: a passage is missing")
        return load(language)

    monkeypatch.setattr(passages, "load", faulty)
    sent, unsent = asking.remind(timezone.localdate() + timedelta(days=17))
    assert (sent > 0, unsent > 0) == (True, True)
    assert {each.to[0] for each in mailoutbox} == {"W-2@example.org"}


# --- whose it is ----------------------------------------------------------------------------------------


def test_a_code_opens_no_account_of_the_staff(
    woman: Woman, anna: User, site: Site, reader: User, client: Client
) -> None:
    _made, code = accounts.make_code(woman, reader)
    Membership.objects.create(user=anna, site=site, role="administrator")
    with pytest.raises(accounts.Refused):
        accounts.make_code(woman, reader)
    client.post(reverse("patients:begin"), {"code": code, "birth_date": "1962-03-01"})
    other = "quite another password"
    client.post(reverse("patients:account"), {"password": other, "again": other, "language": "en"})
    anna.refresh_from_db()
    assert anna.check_password(PASSWORD)
    assert client.get("/my/").status_code == 302


def test_who_looked_and_has_left_stays_in_her_list_and_a_wrong_date_is_no_look(
    woman: Woman, anna: User, account: Account, signed_in: Enter
) -> None:
    cora = account("coordinator", "cora")
    signed_in(cora).get(reverse("exams:woman", args=[woman.uuid]))
    record("code-refused", woman)
    record("refused-to-another-woman", woman, user=account("patient", "berta"))
    for each in cora.memberships.all():
        each.end()
    looks = looks_at(woman)
    assert "Sam coordinator" in {each.who for each in looks}
    assert "Sam patient" not in {each.who for each in looks}
    assert "worked on your record" not in {each.what for each in looks}


def unpacked(browser: Client) -> zipfile.ZipFile:
    answer = browser.get(reverse("patients:everything"))
    return zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))  # type: ignore[attr-defined]


def test_the_archive_keeps_both_exams_of_a_day(
    result: Result, site: Site, reader: User, anna: User, signed_in: Enter, tmp_path: Path
) -> None:
    signed(exam_read(site, tmp_path / "again", day=timezone.localdate()), reader)
    names = unpacked(signed_in(anna)).namelist()
    assert len(set(names)) == len(names)


def test_the_archive_is_whole_where_no_letter_can_be_set(
    result: Result, anna: User, signed_in: Enter, approve: Approve, monkeypatch: pytest.MonkeyPatch
) -> None:
    approve()

    def missing(*_given: Any, **_more: Any) -> bytes:
        raise PdfUnavailable("no pango")

    monkeypatch.setattr(letters, "pdf_of", missing)
    with unpacked(signed_in(anna)) as archive:
        assert archive.testzip() is None
        (text,) = (
            name for name in archive.namelist() if name.startswith("results/") and name.endswith(".txt")
        )
        assert "What was found" in archive.read(text).decode()


# --- several samples, several exams ---------------------------------------------------------------------


def sampled_again(step: Step, reader: User, histology: str) -> Result:
    """The biopsy that a step asks for once more, to the radiologist's entry; its result."""
    for each in ("repeat_biopsy", "done", "calcifications_seen", "placed", "clip_in_place"):
        (step,) = chains.write_result(step, each, by=reader)
    opened = chains.write_result(step, histology, by=reader, facts={"calcifications": "seen"})
    entry = next(each for each in opened if each.code == "concordance")
    chains.write_result(entry, "concordant", by=reader)
    return Result.objects.get(concordance__step=entry)


def test_a_later_sample_that_she_knows_of_takes_the_place_of_an_earlier_one(
    result: Result, reader: User, approve: Approve
) -> None:
    approve()
    entry = sampled(result, reader, "benign", "discordant")
    one = the_biopsy()
    two = sampled_again(Step.objects.get(after=entry), reader, "benign")

    def said(of: Result) -> list[tuple[str, bool | None]]:
        return [(each.result, each.concordant) for each in results.facts(of).biopsies]

    assert (said(one), said(two)) == ([("benign", False)], [("benign", True)])
    results.spoken(one, reader)
    results.spoken(two, reader)
    assert said(one) == said(two) == [("benign", True)]


def test_the_page_of_a_biopsy_knows_that_of_other_findings(
    result: Result, reader: User, approve: Approve
) -> None:
    approve()
    sampled(result, reader, "benign")
    one = the_biopsy()
    other = added(result, reader, "5")
    fresh = Step.objects.open().get(code="biopsy", chain__side="R")
    for each in ("done", "calcifications_seen", "placed", "clip_in_place"):
        (fresh,) = chains.write_result(fresh, each, by=reader)
    opened = chains.write_result(fresh, "dcis", by=reader, facts={"calcifications": "seen"})
    entry = next(each for each in opened if each.code == "concordance")
    chains.write_result(entry, "concordant", by=reader)
    two = Result.objects.get(concordance__step=entry)
    assert two.version == other
    assert [each.result for each in results.facts(one).biopsies] == ["benign"]
    results.spoken(two, reader)
    assert [each.result for each in results.facts(one).biopsies] == ["benign", "dcis"]


def test_what_an_addendum_adds_beside_a_sample_is_followed_by_itself(result: Result, reader: User) -> None:
    sampled(result, reader, "benign")
    chain = Step.objects.get(code="concordance").chain
    assert not Step.objects.open().filter(code="biopsy", chain__side="R").exists()
    known = set(chain.answers.values_list("finding", flat=True))
    version = added(result, reader, "5")
    new = {each.id for each in version.read().standing if each.laterality == "R"} - known
    assert new
    step = Step.objects.open().get(code="biopsy", chain__side="R")
    assert set(step.chain.answers.filter(version=version).values_list("finding", flat=True)) == new
    assert set(chain.answers.filter(version=version).values_list("finding", flat=True)) == known
    # Signed once more nothing is opened or closed.
    before = list(Step.objects.open().values_list("pk", flat=True))
    signed(result.exam, reader, note="A word was missing.")
    assert list(Step.objects.open().values_list("pk", flat=True)) == before
    assert chains.lost() == []


def test_the_day_of_the_signature_is_that_of_the_report_and_not_of_the_upgrade(
    result: Result, approve: Approve
) -> None:
    approve()
    result.made_at += timedelta(days=400)  # taken over from a time before there were results
    explanation = results.gate(result, "en").explanation
    assert explanation is not None
    signed_on = letters.shown(result, "en", explanation)["signed"]
    assert signed_on == passages.load("en").date(timezone.localdate(result.version.signed_at))


def test_the_report_for_other_computers_is_in_the_archive_once(
    result: Result, reader: User, anna: User, signed_in: Enter, approve: Approve
) -> None:
    approve()
    sampled(result, reader, "benign")
    names = unpacked(signed_in(anna)).namelist()
    assert len([name for name in names if name.startswith("results/") and name.endswith(".pdf")]) == 2
    assert len([name for name in names if name.endswith(".fhir.json")]) == 1


def test_her_front_page_asks_once_of_each_result(
    result: Result, anna: User, signed_in: Enter, approve: Approve, monkeypatch: pytest.MonkeyPatch
) -> None:
    approve()
    asked: list[Result] = []
    gate = results.gate
    monkeypatch.setattr(results, "gate", lambda each, language: asked.append(each) or gate(each, language))
    page(signed_in(anna), "home")
    assert asked == [result]


def test_another_code_forgets_the_wrong_passwords(
    woman: Woman, anna: User, reader: User, client: Client
) -> None:
    sign_in = reverse("people:sign-in")
    for _ in range(12):
        client.post(sign_in, {"username": "anna", "password": "wrong"})
    _made, code = accounts.make_code(woman, reader)
    other = Client()
    other.post(reverse("patients:begin"), {"code": code, "birth_date": "1962-03-01"})
    new = "quite another password"
    other.post(reverse("patients:account"), {"password": new, "again": new, "language": "en"})
    answer = Client().post(sign_in, {"username": "anna", "password": new})
    assert answer.status_code == 302


def test_a_corrected_histology_closes_what_the_wrong_one_led_to(
    result: Result, reader: User, anna: User, signed_in: Enter, approve: Approve
) -> None:
    approve()
    sampled(result, reader, "dcis")
    browser = signed_in(anna)
    assert "specialist" in page(browser, "steps")
    histology = Step.objects.get(code="histology")
    chains.reopen(histology, "The slides were mixed up.", by=reader)
    (entry,) = chains.write_result(histology, "benign", by=reader, facts={"calcifications": "seen"})
    referral = Step.objects.get(code="referral")
    assert (referral.state, referral.events.last().reason) == ("closed", "newer_result")
    (later,) = chains.write_result(entry, "concordant", by=reader)
    assert "specialist" not in page(browser, "steps")
    # Opened again and written down as before, what goes on already goes on.
    chains.schedule(later, later.due, by=reader)
    chains.reopen(entry, "A word was missing.", by=reader)
    assert chains.write_result(entry, "concordant", by=reader) == []
    later.refresh_from_db()
    assert later.state == "scheduled"
    chains.reopen(entry, "It does not fit.", by=reader)
    (more,) = chains.write_result(entry, "discordant", by=reader)
    later.refresh_from_db()
    assert (later.state, more.code) == ("closed", "repeat_or_excision")
    assert chains.lost() == []


def test_a_signed_report_that_is_no_result_to_tell_is_found_at_night(
    result: Result, site: Site, reader: User, account: Account, tmp_path: Path
) -> None:
    assert results.lost() == []
    entry = sampled(result, reader, "benign", "")
    chains.write_result(entry, "concordant", by=account("coordinator"))
    assert results.lost() == [f"step {entry.uuid}: is done, and what the biopsy showed is no result to tell"]
    chains.reopen(entry, "A radiologist says what it means.", by=reader)
    chains.write_result(entry, "concordant", by=reader)
    assert results.lost() == []
    report_was_signed.disconnect(tell_of_report)
    try:
        exam = exam_read(site, tmp_path / "new", patient="W-3")
        signed(exam, reader)
    finally:
        report_was_signed.connect(tell_of_report)
    assert results.lost() == [f"exam {exam.uuid}: version 1 is no result to tell"]
    assert daily.run_now().lost == 1


def test_one_calcification_is_one_spot_however_it_is_said_to_lie(result: Result) -> None:
    report = result.version.report()
    one = report.findings[0].model_copy(update={"count": 1, "distribution": "grouped"})
    found = facts_of(report.model_copy(update={"findings": [one]})).findings
    assert [each.form for each in found] == ["single"]


def test_a_double_click_sends_one_email(
    result: Result, anna: User, reader: User, signed_in: Enter, approve: Approve, mailoutbox: list[Any]
) -> None:
    approve()
    browser = signed_in(reader)
    for _ in range(2):
        browser.post(reverse("patients:staff-act", args=[result.uuid, "email"]))
    assert len(mailoutbox) == 1


def test_that_she_chose_another_language_for_her_letters_is_in_the_audit(
    woman: Woman, anna: User, signed_in: Enter
) -> None:
    anna.language = "tr"
    anna.save()
    browser = signed_in(anna)
    page(browser, "home")
    page(browser, "home")
    woman.refresh_from_db()
    assert woman.language == "tr"
    assert Audit.objects.filter(action="contact-changed", user=anna, woman_id=woman.pk).count() == 1

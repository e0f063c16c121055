from __future__ import annotations

import uuid
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from accounts import Account, Enter
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from exams import exam_read
from test_signing import signed

from calcscope.server.audit.models import Event
from calcscope.server.exams.models import Woman
from calcscope.server.followup import chains
from calcscope.server.followup.models import Step
from calcscope.server.patients import approvals, letters, passages, results
from calcscope.server.patients.models import Approval, Happening, Message, Result
from calcscope.server.people.models import Site, User
from calcscope.server.reading.signing import keep_draft, open_draft, sign


def page(browser: Client, name: str, *arguments: object, **query: str) -> str:
    answer = browser.get(reverse(f"patients:{name}", args=arguments), query)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


READY = "Your result is ready at the clinic"


# --- the gate -------------------------------------------------------------------------------------------


def test_nothing_shows_before_the_signature(
    site: Site, anna: User, woman: Woman, signed_in: Enter, approve: Any, tmp_path: Path
) -> None:
    approve()
    exam_read(site, tmp_path / "later", "normal", day=date.today())
    browser = signed_in(anna)
    assert page(browser, "home").count('href="/my/results/') == 1  # the one that is signed
    assert Result.objects.filter(woman=woman).count() == 1


def test_until_every_passage_is_approved_page_and_letter_say_only_that_she_is_to_call(
    result: Result, anna: User, reader: User, signed_in: Enter, approve: Any
) -> None:
    browser = signed_in(anna)
    told = page(browser, "result", result.uuid)
    assert READY in told
    assert "+1 555 0100" in told
    assert "calci" not in told.lower().replace("calcscope", "")
    assert browser.get(reverse("patients:letter", args=[result.uuid])).status_code == 404
    with pytest.raises(results.Refused, match="approved"):
        letters.print_letter(result, reader)
    approve()
    assert READY not in page(browser, "result", result.uuid)
    assert browser.get(reverse("patients:letter", args=[result.uuid])).content.startswith(b"%PDF")


def test_one_passage_that_is_not_approved_is_enough(
    result: Result, anna: User, signed_in: Enter, approve: Any
) -> None:
    approve(without="words")
    assert READY in page(signed_in(anna), "result", result.uuid)


def test_a_changed_text_needs_another_approval(
    result: Result, site: Site, reader: User, approve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    approve()
    assert results.gate(result, "en").open
    known = passages.load("en")
    changed = known["emergency"].model_copy(update={"text": "Other words."})
    monkeypatch.setitem(known._passages, "emergency", changed)
    gate = results.gate(result, "en")
    assert (gate.open, gate.missing) == (False, ["emergency"])
    assert [each.changed for each in approvals.listed(site, "en") if each.passage.id == "emergency"] == [True]
    # What was shown when she approved it counts, not what it is by now.
    assert approvals.approve(site, "en", {"emergency": known["words"].sha256}, reader) == 0
    assert approvals.approve(site, "en", {"emergency": changed.sha256}, reader) == 1
    assert results.gate(result, "en").open


def test_an_approval_that_is_taken_back_closes_page_and_letter(
    result: Result, site: Site, reader: User, approve: Any
) -> None:
    approve()
    assert approvals.withdraw(site, "en", ["emergency"], reader) == 1
    assert results.gate(result, "en").missing == ["emergency"]
    assert Approval.objects.filter(passage="emergency").count() == 2


@pytest.mark.parametrize(
    "table", ["patients_approval", "patients_result", "patients_happening", "patients_message"]
)
def test_nothing_of_it_is_changed_later(table: str, result: Result, approve: Any, anna: User) -> None:
    approve()
    results.happen(result, Happening.Kind.HELD, by=None)
    Message.objects.create(site=result.site, woman=result.woman, kind="question", by=anna, text="?")
    for statement in (f"UPDATE {table} SET id = 0", f"DELETE FROM {table}"):
        with (
            pytest.raises(DatabaseError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)


def test_a_bad_result_waits_until_the_doctor_has_spoken(
    site: Site, account: Account, reader: User, anna: User, signed_in: Enter, approve: Any, tmp_path: Path
) -> None:
    site.settings = {}
    site.save()
    approve()
    exam = exam_read(site, tmp_path / "bad", day=date.today() - timedelta(days=1))
    signed(exam, reader)
    held = Result.objects.get(exam=exam)
    assert held.version.read().assessment.overall in ("4A", "4B", "4C", "5")
    browser = signed_in(anna)
    assert READY in page(browser, "result", held.uuid)
    assert str(exam.date) not in page(browser, "steps")  # its biopsy would tell her between the lines
    address = reverse("patients:staff-act", args=[held.uuid, "release"])
    assert signed_in(account("coordinator")).post(address).status_code == 403
    signed_in(reader).post(address, {"note": "Called her at noon."})
    assert READY not in page(browser, "result", held.uuid)
    told = [each.kind for each in held.happenings.all()]
    assert told == ["held", "released", "opened"]
    with pytest.raises(results.Refused, match="knows"):
        results.hold(held, reader)


def test_settings_that_cannot_be_used_are_named(site: Site) -> None:
    from calcscope.server.patients.rules import FaultyRules, rules_of

    site.settings = {"hold": ["4"]}
    with pytest.raises(FaultyRules, match="north: hold"):
        rules_of(site)
    site.settings = {"profile": "atlantis"}
    with pytest.raises(FaultyRules, match="atlantis"):
        rules_of(site)


def test_an_addendum_takes_the_place_of_the_result(
    result: Result, anna: User, reader: User, signed_in: Enter, approve: Any
) -> None:
    approve()
    signed(result.exam, reader, note="A clip was forgotten.")
    newer = Result.objects.exclude(pk=result.pk).get()
    browser = signed_in(anna)
    listed = page(browser, "home")
    assert str(newer.uuid) in listed
    assert str(result.uuid) not in listed
    assert READY in page(browser, "result", result.uuid)
    assert "added to this result" in page(browser, "result", newer.uuid)


# --- whose it is ----------------------------------------------------------------------------------------


def test_another_womans_result_is_not_there_and_that_she_asked_is_in_the_audit(
    result: Result, stranger: Result, anna: User, signed_in: Enter, approve: Any
) -> None:
    approve()
    browser = signed_in(anna)
    for name in ("result", "letter"):
        assert browser.get(reverse(f"patients:{name}", args=[stranger.uuid])).status_code == 404
    step = Step.objects.filter(chain__exam=stranger.exam).first()
    assert step is not None
    for address in (
        reverse("patients:say", args=[step.uuid, "other-day"]),
        reverse("patients:say", args=[uuid.uuid4(), "other-day"]),
    ):
        assert browser.post(address).status_code == 404
    tries = Event.objects.filter(action="refused-to-another-woman", user=anna)
    assert {each.woman_id for each in tries} == {stranger.woman_id}
    assert tries.count() == 3
    asked = Event.objects.filter(action="patients:result", status=404, user=anna).get()
    assert asked.detail == {"result_uuid": str(stranger.uuid)}
    assert not Message.objects.exists()


def test_she_enters_no_page_of_the_clinic(result: Result, anna: User, signed_in: Enter) -> None:
    browser = signed_in(anna)
    for name, arguments in (
        ("staff-results", []), ("staff-result", [result.uuid]), ("passages", []), ("staff-messages", []),
        ("code", [result.woman.uuid]),
    ):  # fmt: skip
        assert browser.get(reverse(f"patients:{name}", args=arguments)).status_code == 403
    assert browser.get("/", follow=True).redirect_chain[-1][0] == reverse("patients:home")


def test_another_sites_clinic_sees_nothing(
    result: Result, other_site: Site, account: Account, signed_in: Enter
) -> None:
    browser = signed_in(account("radiologist", site=other_site))
    assert browser.get(reverse("patients:staff-result", args=[result.uuid])).status_code == 404
    assert result.woman.display not in page(browser, "staff-results")
    assert browser.get(reverse("patients:code", args=[result.woman.uuid])).status_code == 404
    shas = [f"{each.id}:{each.sha256}" for each in passages.load("en")]
    given = {"site": "north", "language": "en", "passage": shas}
    assert browser.post(reverse("patients:approve"), given).status_code == 404
    assert not Approval.objects.exists()


# --- telling her, and by when ---------------------------------------------------------------------------


@pytest.fixture
def us(site: Site) -> Site:
    site.settings = {"hold": [], "profile": "us"}
    site.save()
    return site


def test_a_countrys_time_limit_is_a_step_that_stays_open_until_she_is_told(
    us: Site, reader: User, tmp_path: Path, approve: Any
) -> None:
    approve()
    today = timezone.localdate()
    signed(exam_read(us, tmp_path / "clear", "normal", day=today), reader)
    signed(exam_read(us, tmp_path / "bad", day=today - timedelta(days=2), patient="W-9"), reader)
    clear, bad = Result.objects.order_by("pk")
    assert (clear.telling.due - today).days == 30
    assert (bad.telling.due - today).days == 7
    assert chains.lost() == []
    for each in (clear, bad):
        each.woman.language = "en"
        with pytest.raises(results.Refused, match="density"):
            letters.print_letter(each, reader)
        results.state_density(each, "c", reader)
        told = results.gate(each, "en").explanation
        assert told is not None
        assert told.section("density") is not None
        letters.print_letter(each, reader)
        each.telling.refresh_from_db()
        assert each.telling.state == Step.State.DONE
    assert list(results.untold(Result.objects.all())) == []
    kept = Happening.objects.filter(kind="printed").last()
    assert kept.path.read_bytes().startswith(b"%PDF")
    assert chains.lost() == []


def test_a_report_signed_late_is_due_at_once_and_listed_as_late_the_day_after(
    us: Site, reader: User, tmp_path: Path, account: Account, signed_in: Enter, monkeypatch: Any
) -> None:
    signed(exam_read(us, tmp_path, "normal", day=timezone.localdate() - timedelta(days=90)), reader)
    result = Result.objects.get()
    assert result.telling.due == timezone.localdate()
    Step.objects.filter(pk=result.telling_id).update(due=timezone.localdate() - timedelta(days=1))
    browser = signed_in(account("coordinator"))
    assert result.woman.display in page(browser, "staff-results", show="late")
    assert "tell her the result" in browser.get(reverse("followup:dashboard")).content.decode()


def test_an_addendum_moves_the_telling_to_the_newer_result(us: Site, reader: User, tmp_path: Path) -> None:
    exam = exam_read(us, tmp_path, day=timezone.localdate())
    signed(exam, reader)
    first = Result.objects.get()
    signed(exam, reader, note="Second look.")
    first.telling.refresh_from_db()
    assert (first.telling.state, first.telling.events.last().reason) == ("closed", "newer_result")
    newer = Result.objects.exclude(pk=first.pk).get()
    assert newer.telling.is_open
    assert chains.lost() == []


def test_reading_it_on_her_page_counts_as_told(
    us: Site, reader: User, result: Result, anna: User, signed_in: Enter, approve: Any
) -> None:
    approve()
    results.state_density(result, "b", reader)
    browser = signed_in(anna)
    assert results.untold(Result.objects.all()).exists()
    page(browser, "result", result.uuid)
    page(browser, "result", result.uuid)
    assert not results.untold(Result.objects.all()).exists()
    assert result.happenings.filter(kind="opened").count() == 1
    step = Step.objects.get(code="tell_result")
    assert (step.state, step.events.last().result, step.events.last().by) == ("done", "page", anna)


def test_what_the_doctor_writes_down_in_follow_up_counts_too(us: Site, result: Result, reader: User) -> None:
    chains.write_result(Step.objects.get(code="tell_result"), "spoken", by=reader)
    assert not results.untold(Result.objects.all()).exists()
    assert result.happenings.get().kind == "spoken"


def test_the_email_says_that_something_is_there_and_not_what(
    result: Result, anna: User, reader: User, signed_in: Enter, approve: Any, mailoutbox: list[Any]
) -> None:
    browser = signed_in(reader)
    address = reverse("patients:staff-act", args=[result.uuid, "email"])
    browser.post(address)
    assert mailoutbox == []  # nothing is approved
    approve()
    browser.post(address)
    (mail,) = mailoutbox
    assert mail.to == ["anna@example.org"]
    said = (mail.subject + mail.body).lower()
    assert not any(word in said for word in ("result", "mammogr", "breast", "biops", "calci", "beispiel"))
    assert str(result.uuid) not in said
    # She is told when she has opened it, not when an email left.
    assert results.untold(Result.objects.all()).exists()


def test_what_was_signed_before_is_a_result_without_a_limit_and_held_where_it_is_bad(
    site: Site, reader: User, tmp_path: Path
) -> None:
    from importlib import import_module

    from django.apps import apps

    from calcscope.server.patients.receivers import tell_of_report
    from calcscope.server.signals import report_was_signed

    site.settings = {"profile": "us"}
    site.save()
    report_was_signed.disconnect(tell_of_report)
    try:
        signed(exam_read(site, tmp_path / "bad"), reader)
        signed(exam_read(site, tmp_path / "clear", "normal", patient="W-2"), reader)
    finally:
        report_was_signed.connect(tell_of_report)
    assert not Result.objects.exists()
    import_module("calcscope.server.patients.migrations.0003_reports_signed_before").forwards(apps, None)
    bad, clear = Result.objects.order_by("pk")
    assert (bad.telling, clear.telling) == (None, None)
    assert (results.is_held(bad), results.is_held(clear)) == (True, False)


# --- biopsy ---------------------------------------------------------------------------------------------


def sampled(result: Result, reader: User, histology: str, concordance: str = "concordant") -> Step:
    """A biopsy to the radiologist's entry; the step of that entry."""
    step = Step.objects.filter(chain__exam=result.exam, code="biopsy").first()
    assert step is not None
    for each in ("done", "calcifications_seen", "placed", "clip_in_place"):
        (step,) = chains.write_result(step, each, by=reader)
    opened = chains.write_result(step, histology, by=reader, facts={"calcifications": "seen"})
    step = next(each for each in opened if each.code == "concordance")
    if concordance:
        chains.write_result(step, concordance, by=reader)
    return step


AFTER = ("after_benign", "after_discordant", "after_high_risk", "after_dcis", "after_invasive")


@pytest.mark.parametrize(
    ("histology", "concordance", "situation"),
    [
        ("benign", "concordant", "after_benign"), ("benign", "discordant", "after_discordant"),
        ("high_risk", "concordant", "after_high_risk"), ("dcis", "concordant", "after_dcis"),
        ("invasive", "concordant", "after_invasive"),
    ],
)  # fmt: skip
def test_a_biopsy_is_told_after_the_radiologists_entry(
    histology: str, concordance: str, situation: str, result: Result, reader: User, anna: User,
    signed_in: Enter, approve: Any,
) -> None:  # fmt: skip
    approve()
    sampled(result, reader, histology, concordance)
    biopsy = Result.objects.exclude(concordance=None).get()
    gate = results.gate(biopsy, "en")
    assert gate.explanation is not None
    shown = page(signed_in(anna), "result", biopsy.uuid)
    assert "small sample was taken" in shown
    verdicts = {each: passages.load("en").word(f"verdict.{each}") + "</li>" for each in AFTER}
    assert [each for each in AFTER if verdicts[each] in shown] == [situation]


def test_what_a_sample_led_to_shows_only_with_its_result(
    result: Result, site: Site, reader: User, anna: User, signed_in: Enter, approve: Any
) -> None:
    approve()
    browser = signed_in(anna)
    entry = sampled(result, reader, "dcis", "")
    referral = Step.objects.get(code="referral")
    for name, arguments in (("steps", []), ("home", []), ("result", [result.uuid])):
        assert "specialist" not in page(browser, name, *arguments)
    assert results.against_asking(referral) != []
    assert browser.post(reverse("patients:say", args=[referral.uuid, "other-day"])).status_code == 404
    site.settings = {"hold": ["dcis"]}
    site.save()
    chains.write_result(entry, "concordant", by=reader)
    biopsy = Result.objects.exclude(concordance=None).get()
    assert READY in page(browser, "result", biopsy.uuid)
    assert "specialist" not in page(browser, "steps")
    results.release(biopsy, reader)
    assert "specialist" in page(browser, "steps")
    assert "DCIS" in page(browser, "result", biopsy.uuid)
    assert results.against_asking(referral) == []


def test_what_happens_next_is_what_follow_up_has_open_now(
    site: Site, reader: User, anna: User, signed_in: Enter, approve: Any, tmp_path: Path, woman: Woman
) -> None:
    approve()
    exam = exam_read(site, tmp_path / "next", "with_prior", day=timezone.localdate())
    signed(exam, reader)
    result, browser = Result.objects.get(exam=exam), signed_in(anna)

    def told() -> str:
        found = results.gate(result, "en").explanation
        assert found is not None
        part = found.section("next")
        assert part is not None
        return part.text

    texts = passages.load("en")
    for step in Step.objects.filter(chain__exam=exam, state__in=Step.OPEN):
        assert texts.date(step.due) in told()
        chains.schedule(step, step.due - timedelta(days=1), by=reader)
        if step.code != "prior_films":
            assert f"appointment for this on {texts.date(step.due - timedelta(days=1))}" in told()
        chains.close(step, "fulfilled_elsewhere", by=reader)
    assert told() == texts["next_none"].text
    # What she came for has been taken and is being read: she has nothing to do.
    exam_read(site, tmp_path / "newer", "normal", day=timezone.localdate() + timedelta(days=1))
    assert told() == texts["next_wait"].text
    assert texts["next_wait"].text in page(browser, "result", result.uuid)


def test_while_a_sample_is_looked_at_she_is_told_to_wait(
    site: Site, reader: User, approve: Any, tmp_path: Path
) -> None:
    approve()
    exam = exam_read(site, tmp_path, day=timezone.localdate())
    signed(exam, reader)
    result = Result.objects.get()
    for step in Step.objects.filter(chain__exam=exam, state__in=Step.OPEN).exclude(code="biopsy"):
        chains.close(step, "fulfilled_elsewhere", by=reader)
    sampled(result, reader, "dcis", "")
    found = results.gate(result, "en").explanation
    assert found is not None
    assert found.section("next").text == passages.load("en")["next_wait"].text  # type: ignore[union-attr]


def test_an_entry_that_was_undone_is_no_result(
    result: Result, reader: User, anna: User, signed_in: Enter, approve: Any
) -> None:
    approve()
    entry = sampled(result, reader, "benign")
    biopsy = Result.objects.exclude(concordance=None).get()
    browser = signed_in(anna)
    assert READY not in page(browser, "result", biopsy.uuid)
    chains.reopen(entry, "The wrong woman's slide.", by=reader)
    assert READY in page(browser, "result", biopsy.uuid)
    assert str(biopsy.uuid) not in page(browser, "home")


def test_a_coordinators_entry_is_none(result: Result, account: Account, reader: User) -> None:
    entry = sampled(result, reader, "benign", "")
    chains.write_result(entry, "concordant", by=account("coordinator"))
    assert not Result.objects.exclude(concordance=None).exists()


def test_signing_again_needs_nothing_of_this_room(result: Result, reader: User) -> None:
    draft = open_draft(result.exam, reader)
    revision = keep_draft(result.exam, reader, draft.revision, draft.read())
    sign(result.exam, reader, revision, 1, uuid.uuid4(), "Once more.")
    assert results.current(Result.objects.all()).count() == 1

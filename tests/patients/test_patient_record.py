from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from datetime import time, timedelta
from importlib import import_module

import pytest
from accounts import Account, Enter
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from test_patient_results import READY, page

from calcscope.server.audit.models import Event
from calcscope.server.audit.recording import record
from calcscope.server.exams.models import Exam, Woman
from calcscope.server.followup import chains
from calcscope.server.followup.models import Step
from calcscope.server.patients import approvals, letters, passages, results
from calcscope.server.patients.models import Approval, Message, Result
from calcscope.server.patients.seen import WORDS, looks_at, words_of
from calcscope.server.people.models import Membership, Site, User

Approve = Callable[..., None]

# --- what comes next ------------------------------------------------------------------------------------


@pytest.fixture
def step(result: Result, reader: User) -> Step:
    """An appointment for a biopsy."""
    found = Step.objects.filter(chain__exam=result.exam, code="biopsy").first()
    assert found is not None
    chains.schedule(found, found.due, by=reader)
    return found


def test_she_confirms_her_appointment(
    step: Step, anna: User, signed_in: Enter, approve: Approve, account: Account
) -> None:
    browser = signed_in(anna)
    say = reverse("patients:say", args=[step.uuid, "comes"])
    assert "I will come" not in page(browser, "steps")  # nothing of it before the texts are approved
    assert browser.post(say).status_code == 404
    approve()
    assert "I will come" in page(browser, "steps")
    browser.post(say)
    assert "You have said that you will come." in page(browser, "steps")
    step.refresh_from_db()
    assert (step.state, step.events.last().kind, step.events.last().by) == ("scheduled", "reached", anna)
    # Of another day she has said nothing yet.
    chains.schedule(step, step.due, by=account("coordinator"))
    assert "You have said" not in page(browser, "steps")


def test_what_she_asks_for_waits_at_the_clinic_until_it_is_answered(
    step: Step, anna: User, signed_in: Enter, approve: Approve, account: Account
) -> None:
    approve()
    browser, clinic = signed_in(anna), signed_in(account("coordinator"))
    browser.post(reverse("patients:say", args=[step.uuid, "other-day"]), {"text": "Fridays <b>only</b>"})
    browser.post(reverse("patients:questions"), {"text": "May I eat before?"})
    assert "2 messages" in clinic.get(reverse("followup:dashboard")).content.decode()
    waiting = page(clinic, "staff-messages")
    assert "Fridays &lt;b&gt;only" in waiting
    question = Message.objects.get(kind="question")
    answer = reverse("patients:answer", args=[question.uuid])
    clinic.post(answer, {"text": ""})
    clinic.post(answer, {"text": "Yes, as usual."})
    clinic.post(answer, {"text": "Twice?"})
    clinic.post(
        reverse("patients:answer", args=[Message.objects.get(kind="other_day").uuid]), {"text": "Ok."}
    )
    assert "Nothing waits" in page(clinic, "staff-messages")
    assert Message.objects.filter(kind="answer").count() == 2
    told = page(browser, "questions")
    assert "Yes, as usual." in told
    assert "Twice?" not in told
    assert [each.kind for each in step.events.all()][-2:] == ["reached", "reached"]


def test_messages_have_their_limits(anna: User, signed_in: Enter) -> None:
    browser = signed_in(anna)
    for text in ("", "   ", "x" * 2001):
        assert browser.post(reverse("patients:questions"), {"text": text}).status_code == 422
    for number in range(25):
        browser.post(reverse("patients:questions"), {"text": f"Question {number}"})
    assert Message.objects.count() == 20


def test_the_calendar_file_is_of_her_own_appointment(
    step: Step, anna: User, signed_in: Enter, approve: Approve
) -> None:
    approve()
    answer = signed_in(anna).get(reverse("patients:calendar", args=[step.uuid]))
    assert answer.content.startswith(b"BEGIN:VCALENDAR")


def test_she_sees_when_she_is_expected(
    step: Step, reader: User, anna: User, signed_in: Enter, approve: Approve
) -> None:
    approve()
    browser = signed_in(anna)
    day = step.due
    assert f"your appointment is on {day:%-d %B %Y}" in page(browser, "steps")
    chains.schedule(step, day, at=time(8, 5), by=reader)
    for name in ("steps", "home"):
        assert f"your appointment is on {day:%-d %B %Y} at 08:05" in page(browser, name)
    calendar = browser.get(reverse("patients:calendar", args=[step.uuid])).content.decode()
    assert f"DTSTART:{day:%Y%m%d}T080500" in calendar.splitlines()


# --- who looked -----------------------------------------------------------------------------------------


def test_she_sees_who_looked_at_her_record_and_not_her_own_views(
    result: Result, woman: Woman, anna: User, reader: User, stranger: Result, account: Account,
    signed_in: Enter,
) -> None:  # fmt: skip
    signed_in(reader).get(reverse("exams:woman", args=[woman.uuid]))
    clinic = signed_in(account("coordinator", "cora"))
    for _ in range(3):
        clinic.get(reverse("exams:woman", args=[woman.uuid]))
    clinic.get(reverse("exams:woman", args=[stranger.woman.uuid]))
    other = User.objects.create_user("berta", first_name="Berta", last_name="Stranger")
    Membership.objects.create(user=other, site=result.site, role="patient")
    stranger.woman.account = other
    stranger.woman.save()
    signed_in(other).get(reverse("patients:result", args=[result.uuid]))
    browser = signed_in(anna)
    page(browser, "home")
    told = page(browser, "seen")
    assert "Sam radiologist" in told
    assert "(3 times that day)" in re.sub(r"\s+", " ", told)
    assert "Berta" not in told  # who was refused saw nothing, and is another woman
    opened = [each for each in looks_at(woman) if each.what == "opened your record"]
    assert {(each.who, each.roles, each.times) for each in opened} == {
        ("Sam radiologist", "radiologist", 1), ("Sam coordinator", "coordinator", 3),
    }  # fmt: skip
    assert not any(each.who == "Anna Beispiel" for each in looks_at(woman))


@pytest.mark.parametrize("room", ["exams", "reading", "outputs", "sources", "followup", "patients"])
def test_every_page_of_the_clinic_has_words_for_her(room: str) -> None:
    patterns = import_module(f"calcscope.server.{room}.urls").urlpatterns
    assert patterns
    for pattern in patterns:
        assert words_of(f"{room}:{pattern.name}") != WORDS[""]
    assert words_of("something-new") == WORDS[""]


# --- everything to take with her ------------------------------------------------------------------------


def unpacked(browser: Client) -> zipfile.ZipFile:
    answer = browser.get(reverse("patients:everything"))
    assert answer.status_code == 200
    return zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))  # type: ignore[attr-defined]


def test_everything_of_hers_in_one_archive_and_nothing_she_may_not_be_told(
    result: Result, stranger: Result, anna: User, reader: User, signed_in: Enter, approve: Approve
) -> None:
    browser = signed_in(anna)
    names = unpacked(browser).namelist()
    assert not any(name.startswith("results/") for name in names)
    approve()
    letters.print_letter(Result.objects.get(pk=result.pk), reader)
    browser.post(reverse("patients:questions"), {"text": "May I eat before?"})
    with unpacked(browser) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        (fhir,) = (name for name in names if name.endswith(".fhir.json"))
        (letter,) = (name for name in names if re.match(r"results/.*\.pdf", name))
        images = [name for name in names if name.endswith(".dcm")]
        assert json.loads(archive.read(fhir))["resourceType"] == "Bundle"
        assert archive.read(letter).startswith(b"%PDF")
        assert len(images) == result.exam.images.count() > 0
        assert archive.read(images[0]) == result.exam.images.all()[0].path.read_bytes()
        assert "May I eat before?" in archive.read("messages.txt").decode()
        assert any(name.startswith("sent/") for name in names)
    assert str(stranger.exam.date) not in "".join(names)
    assert Event.objects.filter(action="downloaded-everything", woman_id=result.woman_id).count() == 2


# --- what the clinic approves and previews --------------------------------------------------------------


def test_passages_are_approved_by_radiologists_as_they_were_shown(
    site: Site, reader: User, account: Account, signed_in: Enter
) -> None:
    shown = page(signed_in(reader), "passages", language="es")
    assert "not medically reviewed" in shown
    assert "not approved" in shown
    one = passages.load("es")["emergency"]
    given = {"site": "north", "language": "es", "passage": f"{one.id}:{one.sha256}", "part": "contact"}
    assert signed_in(account("coordinator")).post(reverse("patients:approve"), given).status_code == 403
    browser = signed_in(reader)
    answer = browser.post(reverse("patients:approve"), given)
    assert answer.headers["Location"].endswith("?site=north&language=es#contact")
    approval = Approval.objects.get()
    assert (approval.by, approval.language, approval.sha256) == (reader, "es", one.sha256)
    assert "approved by Sam radiologist" in page(browser, "passages", language="es")
    whole = re.findall(r'name="passage" value="(.*?)"', page(browser, "passages", language="es"))
    browser.post(reverse("patients:approve"), {"site": "north", "language": "es", "passage": whole})
    assert all(each.approval for each in approvals.listed(site, "es"))
    assert not any(each.approval for each in approvals.listed(site, "tr"))
    browser.post(reverse("patients:approve"), {"site": "north", "language": "es", "withdraw": "emergency"})
    assert approvals.missing(site, "es", {one.id: one.sha256}) == ["emergency"]


def test_the_clinic_sees_what_she_would_read_before_it_leaves(
    result: Result, reader: User, signed_in: Enter, approve: Approve
) -> None:
    browser = signed_in(reader)
    assert "passages are not approved" in page(browser, "staff-results")
    shown = page(browser, "staff-result", result.uuid)
    assert "Neither letter nor page tells her yet" in shown
    assert "not medically reviewed" in shown
    assert "Qué se encontró" in page(browser, "staff-result", result.uuid, language="es")
    preview = browser.get(reverse("patients:staff-letter", args=[result.uuid]))
    assert preview.content.startswith(b"%PDF")
    approve()
    assert "not approved" not in page(browser, "staff-results")
    assert "She may be told" in page(browser, "staff-result", result.uuid)
    printed = browser.post(reverse("patients:staff-act", args=[result.uuid, "print"]))
    assert printed.content.startswith(b"%PDF")
    assert result.happenings.get().kind == "printed"
    assert not results.untold(Result.objects.all()).exists()


@pytest.mark.parametrize("language", ["en", "es", "tr"])
def test_page_and_letter_in_each_language(
    language: str, result: Result, woman: Woman, anna: User, signed_in: Enter, approve: Approve
) -> None:
    anna.language = language
    anna.save()
    browser = signed_in(anna)
    for other in ("en", "es", "tr"):
        if other != language:
            approve(other)
    assert page(browser, "result", result.uuid).count('class="part ') == 0  # never in another language
    approve(language)
    shown = page(browser, "result", result.uuid)
    assert f'<html lang="{language}"' in shown
    gate = results.gate(result, language)
    assert gate.explanation is not None
    for section in gate.explanation.sections:
        assert section.title in shown
    assert READY not in shown
    woman.refresh_from_db()
    assert woman.language == language
    assert browser.get(reverse("patients:letter", args=[result.uuid])).content.startswith(b"%PDF")


def test_notes_of_the_audit_name_no_woman(result: Result, anna: User, signed_in: Enter) -> None:
    record("tested", result)
    signed_in(anna).get(reverse("patients:result", args=[result.uuid]))
    assert not any("Beispiel" in str(each.detail) for each in Event.objects.all())


def test_of_images_that_state_another_name_she_is_told_nothing(
    step: Step, anna: User, signed_in: Enter, approve: Approve, result: Result, account: Account
) -> None:
    approve()
    browser, clinic = signed_in(anna), signed_in(account("coordinator"))
    letters.print_letter(result, account("radiologist", "doctor"))
    Exam.objects.update(other_name=True, other_names=["Muster^Anna"])
    result = Result.objects.get()
    assert not results.gate(result, "en").open
    for refused in (results.spoken, letters.print_letter):
        with pytest.raises((results.Refused, letters.Refused), match="another name"):
            refused(result, anna)
    assert results.against_asking(step)
    address = reverse("patients:result", args=[result.uuid])
    assert browser.get(address).status_code == 404
    assert str(result.uuid) not in page(browser, "home")
    assert str(step.uuid) not in page(browser, "steps")
    assert set(unpacked(browser).namelist()) <= {"README.txt", "messages.txt"}
    assert not Event.objects.filter(action="refused-to-another-woman").exists()
    for name, of in (("patients:staff-result", result), ("reading:version", result.version)):
        assert "another name" in clinic.get(reverse(name, args=[of.uuid])).content.decode()
    clinic.post(reverse("exams:woman-same", args=[result.exam.uuid]), {"name": ["Muster^Anna"]})
    assert browser.get(address).status_code == 200
    assert any(name.endswith(".dcm") for name in unpacked(browser).namelist())


def test_what_is_overdue_is_asked_for_as_soon_as_possible(
    result: Result, anna: User, signed_in: Enter, approve: Approve
) -> None:
    approve()
    Step.objects.filter(code="biopsy").update(due=timezone.localdate() - timedelta(days=1))
    browser = signed_in(anna)
    assert "as soon as possible; no appointment yet" in page(browser, "steps")
    assert ", as soon as possible" in page(browser, "result", result.uuid)

"""Who is let in where: every page for every role, other sites, what browsers keep, who came and went."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from pathlib import Path

import pytest
from accounts import PASSWORD, Account, Enter
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone
from exams import exam_read

from calcscope.server.audit.models import Event
from calcscope.server.exams.models import Exam, SavedList, Upload
from calcscope.server.followup import chains
from calcscope.server.followup.models import Chain, Step
from calcscope.server.people.models import Membership, Role, Site, User
from calcscope.server.reading.signing import open_draft

OWN = {
    "people:sign-in",
    "people:sign-out",
    "people:code",
    "people:enrol",
    "people:language",
    "health",
    "metrics",
    "patients:begin",
    "patients:account",
}
"""Pages of everybody: they show nobody's data but one's own."""


OPEN_ROOMS = ("library:", "risks:")
"""They hold nothing about anybody."""
MINE = {f"patients:{page}" for page in ("home", "steps", "questions", "seen", "everything")}


def _named(resolver: URLResolver | None = None, prefix: str = "") -> list[tuple[str, URLPattern]]:
    found = []
    for each in (resolver or get_resolver()).url_patterns:
        if isinstance(each, URLResolver):
            space = f"{prefix}{each.namespace}:" if each.namespace else prefix
            found += _named(each, space)
        elif each.name:
            found.append((f"{prefix}{each.name}", each))
    return found


def _about(exam: Exam, step: Step, upload: Upload, kept: SavedList) -> dict[str, object]:
    reader = upload.by
    return {
        "number": reader.pk, "membership": reader.memberships.get().pk,
        "exam_uuid": exam.uuid, "step_uuid": step.uuid, "what": "close", "upload_uuid": upload.uuid,
        "woman_uuid": exam.woman.uuid, "image_uuid": exam.images.all()[0].uuid,
        "version_uuid": uuid.uuid4(), "pk": kept.pk, "result_uuid": uuid.uuid4(),
        "message_uuid": uuid.uuid4(), "slug": "nothing",
    }  # fmt: skip


@pytest.fixture
def step(site: Site, tmp_path: Path) -> Step:
    exam = exam_read(site, tmp_path)
    chain = Chain.objects.create(site=site, woman=exam.woman, exam=exam, code="biopsy", category="4B")
    return chains._open(chain, "biopsy", timezone.localdate() + timedelta(days=14), None)


def test_nothing_of_a_site_is_there_for_another_one_or_for_a_patient(
    step: Step, site: Site, other_site: Site, account: Account, signed_in: Enter
) -> None:
    """Every page with a record in its address, asked for and written to."""
    reader = account("radiologist")
    upload = Upload.objects.create(site=site, by=reader)
    kept = SavedList.objects.create(user=reader, name="mine")
    known = _about(step.chain.exam, step, upload, kept)
    stranger = account("radiologist", "stranger", other_site)
    for role in ("coordinator", "technologist", "administrator"):
        Membership.objects.create(user=stranger, site=other_site, role=role)
    walked = 0
    for user in (stranger, account("patient", "anna")):
        browser = signed_in(user)
        for name, pattern in _named():
            needed = pattern.pattern.converters
            if name in OWN or not needed:
                continue
            address = reverse(name, kwargs={key: known[key] for key in needed})
            for method in ("get", "post", "put"):
                answer = getattr(browser, method)(address, {} if method != "put" else b"{}")
                assert answer.status_code in (403, 404, 405), (
                    user.username,
                    method,
                    name,
                    answer.status_code,
                )
                walked += 1
    assert walked > 60
    assert Step.objects.get(pk=step.pk).is_open


def test_a_patient_sees_no_page_of_the_staff(account: Account, signed_in: Enter) -> None:
    browser = signed_in(account("patient", "anna"))
    for name, pattern in _named():
        if name in OWN or name == "home" or pattern.pattern.converters or name.startswith("people:"):
            continue
        if name.startswith(OPEN_ROOMS):
            continue
        # She has no record here: her own pages show nothing.
        expected = (404,) if name in MINE else (403, 405)
        assert browser.get(reverse(name)).status_code in expected, name


def test_who_reads_at_one_hospital_only_coordinates_at_another(
    step: Step, site: Site, other_site: Site, account: Account, signed_in: Enter
) -> None:
    user = account("radiologist", "rosa", other_site)
    Membership.objects.create(user=user, site=site, role=Role.COORDINATOR)
    browser = signed_in(user)
    exam = step.chain.exam
    assert browser.get(reverse("reading:read", args=[exam.uuid])).status_code == 404
    assert browser.post(reverse("reading:sign", args=[exam.uuid])).status_code == 404
    assert browser.get(reverse("followup:step", args=[step.uuid])).status_code == 200
    assert browser.get(reverse("exams:woman", args=[exam.woman.uuid])).status_code == 200


def test_what_a_biopsy_means_is_a_radiologists_to_say(step: Step, account: Account, signed_in: Enter) -> None:
    judged = chains._open(step.chain, "concordance", date.today(), step)
    address = reverse("followup:act", args=[judged.uuid, "result"])
    result = next(iter(judged.kind.results))
    browser = signed_in(account("coordinator"))
    assert browser.post(address, {"result": result}).status_code == 403
    assert 'name="result"' not in browser.get(reverse("followup:step", args=[judged.uuid])).content.decode()
    exam = step.chain.exam
    Exam.objects.create(site=exam.site, woman=exam.woman, study_uid="1.2.3")  # no way round by an exam
    assert "Done by an exam" not in browser.get(reverse("followup:step", args=[judged.uuid])).content.decode()
    later = {"exam": Exam.objects.latest("pk").uuid}
    browser.post(reverse("followup:act", args=[judged.uuid, "fulfil"]), later)
    assert Step.objects.get(pk=judged.pk).is_open
    signed_in(account("radiologist")).post(address, {"result": result})
    assert not Step.objects.get(pk=judged.pk).is_open


def test_browsers_keep_no_page(account: Account, signed_in: Enter) -> None:
    browser = signed_in(account("radiologist"))
    for page in ("exams:worklist", "followup:dashboard", "reading:statistics"):
        assert "no-store" in browser.get(reverse(page)).headers["Cache-Control"]


def test_every_form_asks_for_its_token(account: Account, step: Step) -> None:
    user = account("radiologist")
    known = _about(
        step.chain.exam, step, Upload.objects.create(site=step.chain.site, by=user),
        SavedList.objects.create(user=user, name="mine"),
    )  # fmt: skip
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    for name, pattern in _named():
        address = reverse(name, kwargs={key: known[key] for key in pattern.pattern.converters} or None)
        for method in ("post", "put"):
            assert getattr(browser, method)(address).status_code == 403, (method, name)


def test_an_account_is_locked_from_wherever_the_wrong_passwords_come(
    client: Client, account: Account
) -> None:
    user, other = account("radiologist"), account("coordinator")
    asked = {"username": user.username, "password": "wrong"}
    for number in range(8):
        client.post(reverse("people:sign-in"), asked, REMOTE_ADDR=f"192.0.2.{number}")
    right = {"username": user.username, "password": PASSWORD}
    answer = client.post(reverse("people:sign-in"), right, REMOTE_ADDR="192.0.2.99")
    assert answer.status_code == 429
    others = {"username": other.username, "password": PASSWORD}
    assert client.post(reverse("people:sign-in"), others, REMOTE_ADDR="192.0.2.1").status_code == 302


def test_who_comes_and_goes_is_in_the_audit(client: Client, account: Account) -> None:
    user = account("radiologist")
    for name, password in (
        (user.username, "wrong"),
        ("a password typed here", "x"),
        (user.username, PASSWORD),
    ):
        client.post(reverse("people:sign-in"), {"username": name, "password": password})
    client.post(reverse("people:sign-out"))
    told = [(each.action, each.user) for each in Event.objects.order_by("pk") if "sign" in each.action]
    assert told == [
        ("sign-in-refused", user), ("sign-in-refused", None), ("signed-in", user), ("signed-out", user),
    ]  # fmt: skip
    assert not any("typed" in str(each.detail) for each in Event.objects.all())


def test_an_administrator_does_not_see_what_people_of_another_site_do(
    account: Account, signed_in: Enter, other_site: Site
) -> None:
    there: User = account("radiologist", "far-away", other_site)
    Event.objects.create(action="signed-in", user=there)
    page = signed_in(account("administrator")).get(reverse("audit:search")).content.decode()
    assert "far-away" not in page


@pytest.mark.parametrize("typed", ["²", "9" * 40, "'; --"])
def test_what_people_type_breaks_no_search(typed: str, account: Account, signed_in: Enter) -> None:
    user = account("administrator")
    Membership.objects.create(user=user, site=Site.objects.get(), role=Role.RADIOLOGIST)
    browser = signed_in(user)
    assert browser.get(reverse("audit:search"), {"woman": typed, "who": typed}).status_code == 200
    browser.post(reverse("exams:worklist"), {"search": typed, "days": typed, "order": typed, "more": typed})
    assert browser.get(reverse("exams:worklist"), {"page": typed}).status_code == 200
    assert "more" not in browser.session["worklist"]


def test_a_zero_character_is_refused_before_any_search(account: Account, signed_in: Enter) -> None:
    browser = signed_in(account("administrator"))
    assert browser.get(reverse("audit:search"), {"woman": "a\0b"}).status_code == 400


def test_a_wrong_address_of_hers_is_said_and_not_kept(step: Step, account: Account, signed_in: Enter) -> None:
    browser = signed_in(account("coordinator"))
    answer = browser.post(reverse("exams:woman", args=[step.chain.woman.uuid]), {"email": "anna at home"})
    assert answer.status_code == 400
    assert "valid email" in answer.content.decode()
    step.chain.woman.refresh_from_db()
    assert step.chain.woman.email == ""


def test_an_exam_that_is_none_is_no_fault_of_the_server(
    step: Step, account: Account, signed_in: Enter
) -> None:
    browser = signed_in(account("coordinator"))
    for what in ("fulfil", "not-it"):
        assert browser.post(reverse("followup:act", args=[step.uuid, what]), {"exam": "x"}).status_code == 302


def test_an_exam_in_work_is_not_another_readers_draft(step: Step, account: Account) -> None:
    assert open_draft(step.chain.exam, account("radiologist")).reader.username == "radiologist-north"

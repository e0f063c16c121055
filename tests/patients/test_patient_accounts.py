from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta

import pytest
from accounts import PASSWORD, Account, Enter
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from calcscope.server.audit.models import Event
from calcscope.server.exams.models import Woman
from calcscope.server.patients import accounts, results
from calcscope.server.patients.models import Invitation, Result
from calcscope.server.people.management.commands import demo
from calcscope.server.people.models import Site, User

BORN = "1962-03-01"
BEGIN, ACCOUNT = reverse("patients:begin"), reverse("patients:account")


@pytest.fixture
def code(woman: Woman, account: Account, signed_in: Enter) -> str:
    """A code as the letter shows it."""
    browser = signed_in(account("coordinator"))
    page = browser.post(reverse("patients:code", args=[woman.uuid])).content.decode()
    found = re.search(r"(?:[A-Z2-9]{4}-){3}[A-Z2-9]{4}", page)
    assert found is not None
    assert BORN not in page
    return found[0]


def choose(browser: Client, **given: str) -> str:
    """Choose a name and a password; where it led."""
    asked = {"username": "anna", "password": PASSWORD, "again": PASSWORD, "language": "es", **given}
    answer = browser.post(ACCOUNT, asked)
    return answer.headers.get("Location", str(answer.status_code))


def test_from_the_letter_to_her_own_pages(code: str, woman: Woman, client: Client) -> None:
    typed = code.replace("-", " ").lower()  # however it is typed
    assert client.post(BEGIN, {"code": typed, "birth_date": BORN}).headers["Location"] == ACCOUNT
    assert choose(client) == reverse("patients:home")
    woman.refresh_from_db()
    assert woman.account is not None
    assert woman.account.has_role("patient", site=woman.site)
    assert not woman.account.is_member
    assert (woman.language, woman.account.language) == ("es", "es")
    assert client.get("/").headers["Location"] == reverse("patients:home")
    other = Client()
    other.post(reverse("people:sign-in"), {"username": "anna", "password": PASSWORD})
    assert other.get(reverse("patients:home")).status_code == 200  # no second factor is asked of her


def test_a_code_lets_in_once(code: str, client: Client) -> None:
    client.post(BEGIN, {"code": code, "birth_date": BORN})
    other = Client()
    other.post(BEGIN, {"code": code, "birth_date": BORN})
    assert choose(client) == reverse("patients:home")
    assert choose(other, username="berta") == BEGIN
    assert other.post(BEGIN, {"code": code, "birth_date": BORN}).status_code == 422
    assert not User.objects.filter(username="berta").exists()


def test_the_code_alone_is_not_enough_and_is_void_after_some_wrong_dates(code: str, client: Client) -> None:
    for number in range(accounts.WRONG_DATES):
        wrong = client.post(BEGIN, {"code": code, "birth_date": f"1970-01-0{number + 1}"})
        assert wrong.status_code == 422
        assert client.get(ACCOUNT).headers["Location"] == BEGIN
    assert client.post(BEGIN, {"code": code, "birth_date": BORN}).status_code == 422
    assert Invitation.objects.get().void_at is not None


def test_wrong_codes_are_refused_in_the_same_words_and_limited(
    code: str, client: Client, woman: Woman
) -> None:
    told = client.post(BEGIN, {"code": code, "birth_date": "1970-01-01"}).content.decode()
    guessed = client.post(BEGIN, {"code": "AAAA-AAAA-AAAA-AAAA", "birth_date": BORN}).content.decode()
    errors = [re.findall(r'<ul class="errorlist nonfield".*?</ul>', each, re.S) for each in (told, guessed)]
    assert errors[0] == errors[1] != []
    for _ in range(accounts.TRIES):
        last = client.post(BEGIN, {"code": "BBBB", "birth_date": BORN})
    assert last.status_code == 429
    assert client.post(BEGIN, {"code": code, "birth_date": BORN}).status_code == 429
    elsewhere = client.post(BEGIN, {"code": code, "birth_date": BORN}, REMOTE_ADDR="192.0.2.7")
    assert elsewhere.headers["Location"] == ACCOUNT
    assert set(Event.objects.filter(action="code-refused").values_list("woman_id", flat=True)) == {
        woman.pk, None,
    }  # fmt: skip


def test_a_code_ends_and_another_one_takes_its_place(code: str, woman: Woman, reader: User) -> None:
    browser = Client()
    Invitation.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    assert browser.post(BEGIN, {"code": code, "birth_date": BORN}).status_code == 422
    _made, first = accounts.make_code(woman, reader)
    _made, second = accounts.make_code(woman, reader)
    assert browser.post(BEGIN, {"code": first, "birth_date": BORN}).status_code == 422
    assert browser.post(BEGIN, {"code": second, "birth_date": BORN}).headers["Location"] == ACCOUNT


def test_the_code_is_kept_nowhere(code: str) -> None:
    plain = code.replace("-", "")
    kept = Invitation.objects.get()
    assert plain not in kept.digest.upper()
    assert accounts.digest_of(code) == kept.digest
    assert not any(code in str(each.detail) or plain in str(each.detail) for each in Event.objects.all())


def test_a_lost_password_is_another_code(code: str, woman: Woman, client: Client, reader: User) -> None:
    client.post(BEGIN, {"code": code, "birth_date": BORN})
    choose(client)
    woman.refresh_from_db()
    _made, again = accounts.make_code(woman, reader)
    other = Client()
    other.post(BEGIN, {"code": again, "birth_date": BORN})
    assert "anna" in other.get(ACCOUNT).content.decode()
    assert choose(other, password="quite another password", again="quite another password") == reverse(
        "patients:home"
    )
    assert User.objects.filter(memberships__role="patient").count() == 1
    assert client.get(reverse("patients:home")).status_code == 302  # the first browser is signed out


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"again": "something else here"}, "differ"), ({"password": "short", "again": "short"}, "12"),
        ({"username": "radiologist-north"}, "already"), ({"username": "a b"}, "valid"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_name_or_password_is_said(
    given: dict[str, str], why: str, code: str, client: Client
) -> None:
    client.post(BEGIN, {"code": code, "birth_date": BORN})
    asked = {"username": "anna", "password": PASSWORD, "again": PASSWORD, "language": "en", **given}
    answer = client.post(ACCOUNT, asked)
    assert answer.status_code == 422
    assert why in answer.content.decode()
    assert not User.objects.filter(username="anna").exists()


def test_without_her_date_of_birth_there_is_no_code(woman: Woman, reader: User, signed_in: Enter) -> None:
    Woman.objects.update(birth_date=None)
    page = signed_in(reader).post(reverse("patients:code", args=[woman.uuid])).content.decode()
    assert "date of birth is not known" in page
    assert not Invitation.objects.exists()


def test_the_letter_with_the_code_is_in_her_language(woman: Woman, reader: User, signed_in: Enter) -> None:
    Woman.objects.update(language="tr")
    page = signed_in(reader).post(reverse("patients:code", args=[woman.uuid])).content.decode()
    assert 'lang="tr"' in page
    assert str(date.today().year) in page


def test_her_choice_of_language_is_that_of_her_letters(woman: Woman, anna: User, signed_in: Enter) -> None:
    browser = signed_in(anna)
    browser.post(reverse("people:language"), {"language": "tr"})
    assert '<html lang="tr"' in browser.get(reverse("patients:home")).content.decode()
    woman.refresh_from_db()
    assert woman.language == "tr"


def test_the_demonstration_approves_for_itself_and_says_so(
    site: Site, woman: Woman, signed_in: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    User.objects.create_user("radiologist")
    demo._approve(site)
    assert demo._her_account(site) == demo._her_account(site) == woman
    result = Result.objects.get()
    assert results.gate(result, "tr").open
    monkeypatch.setattr(settings, "CONFIG", replace(settings.CONFIG, demo=True))
    page = signed_in(User.objects.get(username="patient")).get(reverse("patients:result", args=[result.uuid]))
    assert "for the demonstration only" in page.content.decode()

"""Administrators and the accounts of their sites."""

from __future__ import annotations

import re
from datetime import timedelta
from smtplib import SMTPServerDisconnected

import pytest
from accounts import PASSWORD, Account, Enter, code_of
from axes.models import AccessAttempt
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from calcscope.server.audit.models import Event
from calcscope.server.people.models import Membership, Role, Site, User

OWN = "another long enough password"


def told(page: bytes) -> str:
    """The one-time password on the page."""
    found = re.search(r'<code class="big"[^>]*>([a-z0-9-]+)</code>', page.decode())
    assert found is not None
    return found[1]


def add(browser: Client, site: Site, **more: str) -> bytes:
    """An account for Rosa."""
    given = {"first_name": "Rosa", "last_name": "Reader", "username": "rosa", "role": "radiologist",
             "site": str(site.pk), **more}  # fmt: skip
    return browser.post(reverse("people:accounts"), given).content


def events(action: str) -> list[Event]:
    return list(Event.objects.filter(action=action))


def test_an_account_is_added_and_its_password_is_shown_once_and_changed_at_the_first_sign_in(
    site: Site, account: Account, signed_in: Enter
) -> None:
    administrator = account("administrator")
    browser = signed_in(administrator)
    password = told(add(browser, site))
    rosa = User.objects.get(username="rosa")
    assert rosa.has_role("radiologist", site=site)
    assert password not in browser.get(reverse("people:account", args=[rosa.pk])).content.decode()
    (made,) = events("account-made")
    assert (made.user, made.site_id, made.detail) == (
        administrator, site.pk, {"account": "rosa", "role": "radiologist"},
    )  # fmt: skip
    assert password not in str(list(Event.objects.values()))

    own = Client()
    assert own.post(reverse("people:sign-in"), {"username": "rosa", "password": password}).status_code == 302
    own.get(reverse("people:enrol"))
    own.post(reverse("people:enrol"), {"code": code_of(TOTPDevice.objects.get(user=rosa))})
    worklist = reverse("exams:worklist")
    assert own.get(worklist).headers["Location"] == reverse("people:password") + "?next=%2Fexams%2F"
    assert own.get(reverse("exams:progress"), headers={"x-requested-with": "fetch"}).status_code == 401
    same = {"old_password": password, "new_password1": "short", "new_password2": "short"}
    assert own.post(reverse("people:password"), same).status_code == 200
    chosen = {"old_password": password, "new_password1": OWN, "new_password2": OWN, "next": worklist}
    assert own.post(reverse("people:password"), chosen).headers["Location"] == worklist
    assert own.get(worklist).status_code == 200
    rosa.refresh_from_db()
    assert rosa.one_time_until is None
    assert rosa.check_password(OWN)
    assert len(events("password-changed")) == 1


def test_a_one_time_password_expires(site: Site, account: Account, signed_in: Enter, client: Client) -> None:
    password = told(add(signed_in(account("administrator")), site))
    User.objects.filter(username="rosa").update(one_time_until=timezone.now() - timedelta(minutes=1))
    answer = Client().post(reverse("people:sign-in"), {"username": "rosa", "password": password})
    assert b"has expired" in answer.content


def test_a_password_by_email_is_not_shown_and_names_no_account(
    site: Site, account: Account, signed_in: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = signed_in(account("administrator"))
    add(browser, site, email="rosa@north.example.org", by_email="on")
    (message,) = mail.outbox
    assert message.to == ["rosa@north.example.org"]
    assert "rosa" not in message.body
    found = re.search(r"[a-z2-9]{5}(-[a-z2-9]{5}){3}", message.body)
    assert found is not None
    rosa = User.objects.get(username="rosa")
    assert rosa.check_password(found[0])

    def broken(*_: object) -> None:
        raise SMTPServerDisconnected

    monkeypatch.setattr("calcscope.server.people.accounts.send_mail", broken)
    page = browser.post(reverse("people:change-account", args=[rosa.pk, "new-password"]), {"by_email": "on"})
    assert b"could not be sent" in page.content
    rosa.refresh_from_db()
    assert rosa.check_password(told(page.content))


def test_what_is_wrong_with_a_new_account_is_said(
    site: Site, other_site: Site, account: Account, signed_in: Enter
) -> None:
    account("radiologist", "Rosa", other_site)
    browser = signed_in(account("administrator"))
    page = add(browser, other_site, by_email="on").decode()
    assert "Somebody signs in with this name already" in page
    assert "Give the address" in page
    assert "Select a valid choice" in page  # a site of somebody else's
    assert "South Hospital" not in page
    assert not events("account-made")


def test_roles_are_given_and_taken_away(site: Site, account: Account, signed_in: Enter) -> None:
    administrator = account("administrator")
    user = account("radiologist")
    browser = signed_in(administrator)
    given = {"role": "coordinator", "site": site.pk}
    for _twice in range(2):
        browser.post(reverse("people:give-role", args=[user.pk]), given)
    assert set(user.memberships.values_list("role", flat=True)) == {"radiologist", "coordinator"}
    for membership in user.memberships.all():
        browser.post(reverse("people:take-role", args=[user.pk, membership.pk]))
    assert not user.memberships.exists()
    # Who has no role left is still there, and can be given one again.
    assert "no role now" in browser.get(reverse("people:accounts")).content.decode()
    assert browser.get(reverse("people:account", args=[user.pk])).status_code == 200
    browser.post(reverse("people:give-role", args=[user.pk]), given)
    assert user.has_role("coordinator", site=site)
    user.memberships.get().end()
    assert [each.detail["role"] for each in events("role-given")] == ["coordinator"] * 2
    assert {each.site_id for each in events("role-taken")} == {site.pk}
    # Nobody takes her own administrator's role.
    own = administrator.memberships.get()
    browser.post(reverse("people:take-role", args=[administrator.pk, own.pk]))
    assert administrator.memberships.exists()


def test_an_account_is_locked_and_opened_again(site: Site, account: Account, signed_in: Enter) -> None:
    user = account("radiologist")
    own = Client()
    own.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    browser = signed_in(account("administrator"))
    browser.post(reverse("people:change-account", args=[user.pk, "lock"]))
    assert own.get(reverse("people:enrol")).headers["Location"].startswith(reverse("people:sign-in"))
    assert "locked" in browser.get(reverse("people:accounts")).content.decode()
    browser.post(reverse("people:change-account", args=[user.pk, "open"]))
    user.refresh_from_db()
    assert user.is_active
    assert [len(events(f"account-{what}")) for what in ("lock", "open")] == [1, 1]


def test_wrong_passwords_and_the_second_factor_are_forgotten(account: Account, signed_in: Enter) -> None:
    user = account("radiologist")
    own = Client()
    for _ in range(8):
        own.post(reverse("people:sign-in"), {"username": user.username, "password": "wrong"})
    TOTPDevice.objects.create(user=user, name="lost", confirmed=True)
    StaticDevice.objects.create(user=user, name="backup", confirmed=True)
    browser = signed_in(account("administrator"))
    page = browser.get(reverse("people:account", args=[user.pk])).content.decode()
    assert "too many wrong passwords" in page
    browser.post(reverse("people:change-account", args=[user.pk, "unlock"]))
    assert not AccessAttempt.objects.filter(username=user.username).exists()
    right = own.post(reverse("people:sign-in"), {"username": user.username, "password": PASSWORD})
    assert right.status_code == 302
    browser.post(reverse("people:change-account", args=[user.pk, "forget-factor"]))
    assert not TOTPDevice.objects.filter(user=user).exists()
    assert not StaticDevice.objects.filter(user=user).exists()
    assert own.get("/exams/").headers["Location"].startswith(reverse("people:enrol"))


def test_another_sites_account_is_not_there(
    site: Site, other_site: Site, account: Account, signed_in: Enter
) -> None:
    stranger = account("radiologist", "stranger", other_site)
    administrator = account("administrator")
    # Being radiologist elsewhere makes nobody administrator there.
    Membership.objects.create(user=administrator, site=other_site, role=Role.RADIOLOGIST)
    browser = signed_in(administrator)
    assert "stranger" not in browser.get(reverse("people:accounts")).content.decode()
    number, role = stranger.pk, stranger.memberships.get().pk
    assert browser.get(reverse("people:account", args=[number])).status_code == 404
    posts = [("people:give-role", [number]), ("people:take-role", [number, role])]
    posts += [("people:change-account", [number, what]) for what in
              ("lock", "open", "unlock", "forget-factor", "new-password")]  # fmt: skip
    given = {"role": "administrator", "site": str(site.pk)}
    for name, args in posts:
        assert browser.post(reverse(name, args=args), given).status_code == 404, name
        assert browser.get(reverse(name, args=args)).status_code == 405, name
    stranger.refresh_from_db()
    assert stranger.check_password(PASSWORD)
    assert [each.role for each in stranger.memberships.all()] == ["radiologist"]
    assert not Event.objects.filter(action__startswith="account-").exists()
    # Nor is a role at the other site given to one's own.
    mine = account("technologist")
    refused = {"role": "administrator", "site": str(other_site.pk)}
    assert browser.post(reverse("people:give-role", args=[mine.pk]), refused).status_code == 422
    assert not mine.has_role("administrator")


def test_an_account_that_also_works_elsewhere_keeps_its_password(
    site: Site, other_site: Site, account: Account, signed_in: Enter
) -> None:
    user = account("radiologist")
    elsewhere = Membership.objects.create(user=user, site=other_site, role=Role.RADIOLOGIST)
    browser = signed_in(account("administrator"))
    for what in ("lock", "open", "forget-factor", "new-password"):
        page = browser.post(reverse("people:change-account", args=[user.pk, what]), follow=True)
        assert b"nothing was changed" in page.content
    user.refresh_from_db()
    assert user.is_active
    assert user.check_password(PASSWORD)
    assert b"South Hospital" not in browser.get(reverse("people:account", args=[user.pk])).content
    taken = browser.post(reverse("people:take-role", args=[user.pk, elsewhere.pk]))
    assert taken.status_code == 404
    assert user.has_role("radiologist", site=other_site)
    # Nor after the last role there: who set her password now would have it when she works there again.
    elsewhere.end()
    page = browser.post(reverse("people:change-account", args=[user.pk, "new-password"]), follow=True)
    assert b"nothing was changed" in page.content
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


@pytest.mark.parametrize("role", ["radiologist", "coordinator", "technologist", "patient"])
def test_accounts_are_for_administrators(role: str, account: Account, signed_in: Enter) -> None:
    user = account(role)
    browser = signed_in(user)
    assert browser.get(reverse("people:accounts")).status_code == 403
    assert browser.get(reverse("people:account", args=[user.pk])).status_code == 403
    assert browser.post(reverse("people:give-role", args=[user.pk]), {}).status_code == 403

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from accounts import PASSWORD, Account, Enter, code_of
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.urls import URLResolver, get_resolver, reverse
from django_otp.plugins.otp_totp.models import TOTPDevice

from calcscope.server.audit.models import Event
from calcscope.server.people.models import Site, User

OPEN = {"/health", "/metrics", *(f"/account/{page}" for page in ("sign-in", "code", "sign-out", "language"))}

OPEN_ROOMS = ("/library/", "/risk/")
"""They hold nothing about anybody."""

ONWARD = "?next=%2Faudit%2F"


def test_signing_in_takes_password_then_second_factor(client: Client, account: Account) -> None:
    user = account("administrator")
    answer = client.post(reverse("people:sign-in"), {"username": user.username, "password": PASSWORD})
    assert answer.status_code == 302
    # The password alone opens nothing but the setting up of the second factor.
    assert client.get(reverse("audit:search")).headers["Location"] == reverse("people:enrol") + ONWARD
    page = client.get(reverse("people:enrol"))
    device = TOTPDevice.objects.get(user=user)
    assert not device.confirmed
    wrong = client.post(reverse("people:enrol"), {"code": "000000"})
    assert b"wrong" in wrong.content
    TOTPDevice.objects.update(throttling_failure_count=0)
    codes = client.post(reverse("people:enrol"), {"code": code_of(device)})
    assert b"Backup codes" in codes.content
    assert client.get(reverse("audit:search")).status_code == 200
    assert b"svg" in page.content or b"image" in page.content


def test_a_device_that_is_set_up_is_asked_for_and_cannot_be_replaced_without_it(
    client: Client, account: Account
) -> None:
    user = account("administrator")
    device = TOTPDevice.objects.create(user=user, name="mine", confirmed=True)
    client.post(reverse("people:sign-in"), {"username": user.username, "password": PASSWORD})
    assert client.get(reverse("audit:search")).headers["Location"] == reverse("people:code") + ONWARD
    assert client.get(reverse("people:enrol")).headers["Location"] == reverse("people:code")
    answer = client.post(reverse("people:code"), {"code": code_of(device), "next": "/audit/"})
    assert answer.headers["Location"] == "/audit/"
    assert client.get("/audit/").status_code == 200


def test_a_code_does_not_lead_to_another_server(client: Client, account: Account) -> None:
    user = account("administrator")
    device = TOTPDevice.objects.create(user=user, name="mine", confirmed=True)
    client.post(reverse("people:sign-in"), {"username": user.username, "password": PASSWORD})
    answer = client.post(
        reverse("people:code"), {"code": code_of(device), "next": "https://elsewhere.example/"}
    )
    assert answer.headers["Location"] == reverse("home")


def test_wrong_passwords_lock_the_account(client: Client, account: Account) -> None:
    user = account("radiologist")
    for _ in range(8):
        answer = client.post(reverse("people:sign-in"), {"username": user.username, "password": "wrong"})
    assert answer.status_code == 429
    right = client.post(reverse("people:sign-in"), {"username": user.username, "password": PASSWORD})
    assert right.status_code == 429


def test_every_page_asks_to_sign_in_first(client: Client, db: None) -> None:
    shut = 0
    for name in _pages():
        answer = client.get(name)
        if answer.status_code == 302 and answer.headers["Location"].startswith(reverse("people:sign-in")):
            shut += 1
        else:
            assert name in {
                "/health",
                "/metrics",
                "/account/sign-in",
                "/account/code",
                "/account/sign-out",
                "/account/language",
                "/my/begin",
                "/my/account",
            } or name.startswith(OPEN_ROOMS)
    assert shut >= 3


def _pages() -> list[str]:
    """Addresses without parts to fill in."""

    def walk(patterns: list[Any], before: str) -> Iterator[str]:
        for each in patterns:
            route = before + str(each.pattern)
            if isinstance(each, URLResolver):
                yield from walk(each.url_patterns, route)
            elif "<" not in route:
                yield route

    return list(walk(get_resolver().url_patterns, "/"))


@pytest.mark.parametrize("role", ["radiologist", "coordinator", "technologist", "patient"])
def test_the_audit_is_for_administrators(role: str, account: Account, signed_in: Enter) -> None:
    assert signed_in(account(role)).get(reverse("audit:search")).status_code == 403


def test_an_account_sees_the_sites_it_works_at(account: Account, site: Site, other_site: Site) -> None:
    user = account("radiologist")
    assert list(user.sites()) == [site]
    assert user.has_role("radiologist", site=site)
    assert not user.has_role("radiologist", site=other_site)
    assert not account("patient").is_member


def test_a_setting_that_nobody_asks_for_is_refused_and_nothing_is_made(db: None) -> None:
    for given in ('holdd=["5"]', 'readers="2"'):
        with pytest.raises(CommandError, match="expected"):
            call_command("site", "north", "--set", given)
    assert not Site.objects.exists()


def test_accounts_and_sites_are_made_by_commands(
    client: Client, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    call_command("site", "north", "--set", "readers=2", name="North Hospital")
    assert Site.objects.get().settings == {"readers": 2}
    monkeypatch.setattr("sys.stdin", io.StringIO("password123456\n"))
    with pytest.raises(CommandError, match="too common"):
        call_command("account", "rosa", role="radiologist", site="north")
    with pytest.raises(CommandError, match="expected one of: north"):
        call_command("account", "rosa", role="radiologist", site="south")
    assert not User.objects.exists()
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    call_command("account", "rosa", given="Rosa", family="Reader", role="radiologist", site="north")
    user = User.objects.get()
    assert user.has_role("radiologist", site=Site.objects.get())
    TOTPDevice.objects.create(user=user, name="lost", confirmed=True)
    call_command("account", "rosa", forget_second_factor=True)
    assert not TOTPDevice.objects.exists()
    call_command("account", "rosa", off=True)
    client.post(reverse("people:sign-in"), {"username": "rosa", "password": PASSWORD})
    assert "_auth_user_id" not in client.session
    assert Event.objects.filter(action="account-changed").count() == 2

"""Accounts and sites for the tests of the server."""

from __future__ import annotations

import pytest
from accounts import PASSWORD, Account, Enter
from django.test import Client
from django_otp.plugins.otp_totp.models import TOTPDevice

from calcscope.server.patients.approvals import approve
from calcscope.server.patients.passages import load
from calcscope.server.people.models import Membership, Site, User


@pytest.fixture
def site(db: None) -> Site:
    return Site.objects.create(code="north", name="North Hospital", phone="+1 555 0100")


@pytest.fixture
def other_site(db: None) -> Site:
    return Site.objects.create(code="south", name="South Hospital")


@pytest.fixture
def account(site: Site) -> Account:
    """Makes an account: ``account("radiologist")``, ``account("coordinator", site=other_site)``."""

    def make(role: str, name: str = "", site: Site = site) -> User:
        user = User.objects.create_user(
            name or f"{role}-{site.code}", password=PASSWORD, first_name="Sam", last_name=role
        )
        Membership.objects.create(user=user, site=site, role=role)
        return user

    return make


@pytest.fixture
def nothing_held(site: Site) -> None:
    """No result waits for the doctor to speak first."""
    site.settings = {"hold": []}
    site.save()


@pytest.fixture
def letters_may_leave(nothing_held: None, site: Site) -> None:
    """The site's radiologist has approved the passages of letters, and no result is held."""
    doctor = User.objects.create_user("approving")
    Membership.objects.create(user=doctor, site=site, role="radiologist")
    shas = {each.id: each.sha256 for each in load("en")}
    approve(site, "en", shas, doctor)


@pytest.fixture
def signed_in(client: Client) -> Enter:
    """A browser in which an account has signed in with both factors."""

    def enter(user: User) -> Client:
        device, _ = TOTPDevice.objects.get_or_create(user=user, name="test", confirmed=True)
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        session = client.session
        session["otp_device_id"] = device.persistent_id
        session.save()
        return client

    return enter

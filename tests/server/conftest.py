"""Accounts and sites for the tests of the server."""

from __future__ import annotations

from functools import partial

import pytest
from accounts import Account, Enter, accounts_of, enter
from django.test import Client

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
    """Makes an account: ``account("radiologist")``."""
    return accounts_of(site)


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
    return partial(enter, client)

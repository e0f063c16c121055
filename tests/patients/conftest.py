"""A woman with signed exams, and the clinic's people, for the tests of her pages."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone, translation

sys.path.append(str(Path(__file__).parents[1] / "server"))

from accounts import PASSWORD, Account, Enter, accounts_of, enter
from exams import exam_read
from test_signing import signed

from calcscope.server.exams.models import Woman
from calcscope.server.patients import approvals
from calcscope.server.patients.models import Result
from calcscope.server.patients.passages import load
from calcscope.server.people.models import Membership, Site, User

Approve = Callable[..., None]


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """What a page was shown in does not stay for the next test."""
    yield
    translation.activate("en")


@pytest.fixture
def site(db: None) -> Site:
    """A hospital that holds nothing back by itself."""
    return Site.objects.create(
        code="north", name="North Hospital", phone="+1 555 0100", email="breast@north.example.org",
        address="1 North Street", settings={"hold": []},
    )  # fmt: skip


@pytest.fixture
def other_site(db: None) -> Site:
    return Site.objects.create(code="south", name="South Hospital")


@pytest.fixture
def account(site: Site) -> Account:
    """Makes an account: ``account("radiologist")``."""
    return accounts_of(site)


@pytest.fixture
def signed_in() -> Enter:
    """A browser of its own in which an account has signed in, with both factors where two are asked for."""
    return lambda user: enter(Client(), user)


@pytest.fixture
def reader(account: Account) -> User:
    return account("radiologist")


@pytest.fixture
def result(site: Site, tmp_path: Path, reader: User) -> Result:
    """A woman's signed exam with findings of every kind."""
    signed(exam_read(site, tmp_path, day=timezone.localdate()), reader)
    return Result.objects.get()


@pytest.fixture
def woman(result: Result) -> Woman:
    return result.woman


@pytest.fixture
def anna(woman: Woman, site: Site) -> User:
    """The woman's own account."""
    user = User.objects.create_user("anna", password=PASSWORD, first_name="Anna", last_name="Beispiel")
    Membership.objects.create(user=user, site=site, role="patient")
    woman.account, woman.email = user, "anna@example.org"
    woman.save()
    return user


@pytest.fixture
def approve(site: Site, reader: User) -> Approve:
    """Approves every passage of a language: ``approve("es")``."""

    def do(language: str = "en", *, without: str = "") -> None:
        shas = {each.id: each.sha256 for each in load(language) if each.id != without}
        approvals.approve(site, language, shas, reader)

    return do


@pytest.fixture
def stranger(site: Site, tmp_path: Path, reader: User) -> Result:
    """Another woman's result at the same site."""
    exam = exam_read(site, tmp_path / "other", "normal", patient="W-2", day=date.today() - timedelta(days=3))
    signed(exam, reader)
    return Result.objects.get(exam=exam)

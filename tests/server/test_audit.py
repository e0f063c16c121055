from __future__ import annotations

import pytest
from accounts import Account, Enter
from django.db import DatabaseError, connection, transaction
from django.urls import reverse

from calcscope.server.audit.models import Event
from calcscope.server.audit.recording import record
from calcscope.server.people.models import Site


def test_every_page_somebody_sees_is_an_event(account: Account, signed_in: Enter) -> None:
    user = account("administrator")
    signed_in(user).get(reverse("audit:search"))
    event = Event.objects.get(action="audit:search")
    assert (event.user, event.method, event.status, event.address) == (user, "GET", 200, "127.0.0.1")


def test_what_was_refused_is_an_event_too(account: Account, signed_in: Enter) -> None:
    signed_in(account("radiologist")).get(reverse("audit:search"))
    assert Event.objects.get(action="audit:search").status == 403


@pytest.mark.django_db
def test_neither_python_nor_the_database_changes_an_event() -> None:
    event = record("tested")
    with pytest.raises(TypeError):
        event.save()
    with pytest.raises(TypeError):
        Event.objects.update(action="other")
    with pytest.raises(TypeError):
        event.delete()
    for statement in ("UPDATE audit_event SET action = 'other'", "DELETE FROM audit_event"):
        with (
            pytest.raises(DatabaseError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
    assert Event.objects.get().action == "tested"


def test_an_administrator_finds_events_of_her_own_sites(
    account: Account, signed_in: Enter, site: Site, other_site: Site
) -> None:
    record("at-home", site)
    record("elsewhere", other_site)
    page = signed_in(account("administrator")).get(reverse("audit:search"), {"what": "e"}).content.decode()
    assert "at-home" in page
    assert "elsewhere" not in page


def test_a_date_that_is_none_is_passed_over(account: Account, signed_in: Enter) -> None:
    answer = signed_in(account("administrator")).get(reverse("audit:search"), {"since": "yesterday"})
    assert answer.status_code == 200

"""No browser sends a zero character, and no field takes one: PostgreSQL could not hold it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from django.urls import reverse
from hospitals import browser, hospital


@pytest.mark.django_db
def test_a_zero_character_is_refused_in_addresses_forms_and_drafts(tmp_path: Path) -> None:
    place = hospital("north", "Nordfrau^Annegret", "NW-4711-77", date(1962, 3, 1), tmp_path)
    client = browser(place.people["radiologist"])
    woman = reverse("exams:woman", args=place.records["woman_uuid"])
    assert client.post(woman, {"phone": "+1 555\0"}).status_code == 400
    assert client.get(reverse("reading:statistics"), {"since": "2026\0"}).status_code == 400
    draft = place.draft | {"note": "a\0b"}
    address = reverse("reading:sign", args=[place.records["exam_uuid"][1]])
    for sent in (draft, place.draft | {"note": "\ud800"}):
        answer = client.post(address, sent, content_type="application/json")
        assert answer.status_code == 422
    assert client.post(woman, {"phone": "+1 555"}).status_code == 302

"""The pages of the library: for everybody, in each language, for each hospital."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from own_articles import article

from calcscope.server.audit.models import Event
from calcscope.server.backups import KEPT
from calcscope.server.library import index
from calcscope.server.library.models import Entry
from calcscope.server.people.models import Membership, Site, User

pytestmark = pytest.mark.django_db
PAGES = ["index", "a-z", "questions", "search", "hospitals"]


def page(client: Client, name: str = "index", *args: str, **query: str) -> str:
    answer = client.get(reverse(f"library:{name}", args=args), query)
    assert answer.status_code == 200
    return answer.content.decode()


def read(client: Client, slug: str, **query: str) -> str:
    return page(client, "article", slug, **query)


def test_anybody_may_read_and_no_one_is_told(client: Client) -> None:
    for name in PAGES:
        assert "call your local emergency number" in page(client, name)
    assert "Most of them are harmless" not in read(client, "dcis")
    assert Event.objects.count() == 0
    assert "sessionid" not in client.cookies
    assert client.post(reverse("library:index")).status_code == 405


def test_an_article_shows_its_review_its_sources_and_what_is_near(client: Client) -> None:
    told = read(client, "stereotactic-biopsy")
    assert "Not medically reviewed." in told
    assert "Past its review date" not in told
    assert "Vacuum-assisted biopsy" in told
    assert 'href="#source-S2"' in told
    assert "MedlinePlus, U.S. National Library of Medicine" in told
    assert reverse("library:article", args=["biopsy-results"]) in told
    assert 'aria-current="page">Stereotactic core biopsy' in told
    assert "data-print" in told


def test_it_is_shared_by_address_and_email_without_anybody_between(client: Client, north: Site) -> None:
    told = read(client, "dcis")
    assert 'value="http://testserver/library/articles/dcis?language=en"' in told
    mail = told.split('href="mailto:?', 1)[1].split('"', 1)[0]
    assert "http://testserver/library/articles/dcis?language=en" in unquote(mail)
    assert " " not in mail
    assert "//" not in told.split("<head>")[1].split("</head>")[0].replace("http://testserver", "")


def test_a_shared_address_keeps_its_language_and_the_switch_keeps_the_article(client: Client) -> None:
    address = reverse("library:article", args=["dcis"])
    answer = client.get(address, {"language": "es"})
    assert answer.status_code == 302
    assert answer.headers["Location"] == address
    assert 'lang="es"' in read(client, "dcis")
    client.post(reverse("people:language"), {"language": "tr", "next": address})
    assert 'lang="tr"' in read(client, "dcis")
    client.get(address, {"language": "xx"})
    assert 'lang="tr"' in read(client, "dcis")


def test_the_size_of_the_text_is_chosen_and_kept(client: Client) -> None:
    assert "text-normal" in page(client)
    answer = client.get(reverse("library:search"), {"q": "cyst", "text": "larger"})
    assert answer.headers["Location"] == reverse("library:search") + "?q=cyst"
    assert "text-larger" in read(client, "dcis")
    client.get(reverse("library:index"), {"text": "huge"})
    assert "text-larger" in page(client)
    cookie = client.cookies["library-text"]
    assert (cookie["httponly"], cookie["path"], cookie["samesite"]) == (True, "/library/", "Lax")


def test_each_hospital_has_its_own_name_and_number(client: Client, north: Site, south: Site) -> None:
    assert "Find your hospital" in read(client, "dcis")
    assert "North Hospital" in page(client, "hospitals")
    client.get(reverse("library:index"), {"site": "south"})
    told = read(client, "dcis")
    assert "South Hospital" in told
    assert 'href="tel:+15550200"' in told
    assert "North Hospital" not in told
    client.get(reverse("library:index"), {"site": "nowhere"})
    assert "South Hospital" in read(client, "dcis")
    Site.objects.filter(code="south").update(settings={"library": False})
    assert "South Hospital" not in page(client, "hospitals")
    assert "North Hospital" in read(client, "dcis"), "the only one that is left"


def test_who_is_signed_in_sees_her_own_hospital(client: Client, north: Site, south: Site) -> None:
    anna = User.objects.create_user("anna")
    Membership.objects.create(user=anna, site=north, role="patient")
    client.get(reverse("library:index"), {"site": "south"})
    client.force_login(anna, backend="django.contrib.auth.backends.ModelBackend")
    told = read(client, "dcis")
    assert "North Hospital" in told
    assert "South Hospital" not in told


def test_the_index_has_every_name_under_its_letter(client: Client) -> None:
    told = page(client, "a-z")
    fat = told.index("Fat necrosis")
    assert told.index(">F</h2>") < fat < told.index(">G</h2>" if ">G</h2>" in told else ">H</h2>")
    assert "see Injury, surgery and fat necrosis" in told
    turkish = Client(headers={"accept-language": "tr"}).get(reverse("library:a-z")).content.decode()
    letters = [turkish.index(f">{letter}</") for letter in "CÇDGĞHIİ"]
    assert letters == sorted(letters)


def test_questions_lead_to_articles(client: Client) -> None:
    told = page(client, "questions")
    assert f'<a href="{reverse("library:article", args=["emergency"])}">I found a lump.' in told


def test_the_page_of_a_search(client: Client) -> None:
    told = page(client, "search", q="milk of calcium")
    assert "<mark>milk</mark>" in told
    assert "Nothing was found" in page(client, "search", q="xyzzyplugh")
    assert "Type a word" in page(client, "search")
    hostile = page(client, "search", q="<script>alert(1)</script>")
    assert "<script>alert" not in hostile
    assert "&lt;script&gt;" in hostile


def test_an_article_that_is_not_there_says_what_is(client: Client, own: Path) -> None:
    nowhere = client.get(reverse("library:article", args=["nowhere"]))
    assert nowhere.status_code == 404
    assert b"There is no such article" in nowhere.content
    article(own, "parking", "es", title="Aparcar")
    index.renew()
    answer = client.get(reverse("library:article", args=["parking"]))
    assert answer.status_code == 404
    assert b"Aparcar" in answer.content
    assert b"?language=es" in answer.content


# --- review ---------------------------------------------------------------------------------------------


def overdue(slug: str) -> None:
    """Its review was due yesterday."""
    entry = Entry.objects.get(language="en", slug=slug)
    due = entry.article.next_review_due.isoformat()
    yesterday = (timezone.localdate() - timedelta(days=1)).isoformat()
    entry.text = entry.text.replace(due, yesterday)
    entry.save()


def test_past_its_review_date_an_article_is_flagged(client: Client, north: Site) -> None:
    overdue("dcis")
    assert "Past its review date." in read(client, "dcis")
    assert "Past its review date." not in read(client, "birads")


def test_and_drops_out_where_a_setting_says_so(client: Client, north: Site, settings: Any) -> None:
    for slug in ("dcis", "emergency"):
        overdue(slug)
    settings.CONFIG = replace(settings.CONFIG, library_hide_overdue=True)
    gone = client.get(reverse("library:article", args=["dcis"]))
    assert gone.status_code == 404
    assert b"is being checked" in gone.content
    link = f'href="{reverse("library:article", args=["dcis"])}"'
    for name in ("index", "a-z", "questions"):
        assert link not in page(client, name)
    assert link not in page(client, "search", q="DCIS")
    assert link not in read(client, "birads")
    # What to do in an emergency is never left out.
    assert "Past its review date." in read(client, "emergency")
    Site.objects.update(settings={"library_hide_overdue": False})
    assert "Past its review date." in read(client, "dcis")
    settings.CONFIG = replace(settings.CONFIG, library_hide_overdue=False)
    Site.objects.update(settings={"library_hide_overdue": True})
    assert client.get(reverse("library:article", args=["dcis"])).status_code == 404


# --- a hospital's own articles --------------------------------------------------------------------------


def test_a_hospital_adds_changes_and_removes_an_article(client: Client, own: Path) -> None:
    path = article(own, "parking")
    assert index.renew().added == ["en/parking"]
    assert "Park behind the house." in read(client, "parking")
    assert "Where do I park?" in page(client, "questions")
    assert index.renew() == index.Renewed()
    article(own, "parking", body="Park in front.")
    assert index.renew().changed == ["en/parking"]
    assert "Park in front." in read(client, "parking")
    path.unlink()
    assert index.renew().removed == ["en/parking"]
    assert client.get(reverse("library:article", args=["parking"])).status_code == 404


def test_a_reviewed_copy_stands_in_for_ours_until_it_is_taken_away(client: Client, own: Path) -> None:
    path = article(own, "dcis", title="DCIS here", reviewer="Dr. R. Reader", reviewed="2026-10-01")
    assert index.renew().changed == ["en/dcis"]
    told = read(client, "dcis")
    assert "DCIS here" in told
    assert "medically reviewed by Dr. R. Reader on 1 October 2026" in told
    assert "Not medically reviewed" not in told
    path.unlink()
    assert index.renew().changed == ["en/dcis"]
    assert "Not medically reviewed" in read(client, "dcis")


def test_an_article_at_fault_is_named_and_nothing_else_suffers(client: Client, own: Path) -> None:
    article(own, "parking")
    bad = article(own, "visiting")
    bad.write_text(bad.read_text().replace("topic: care", "topic: sports"))
    unsourced = article(own, "eating")
    unsourced.write_text(unsourced.read_text().replace("S0", "cookbook"))
    with pytest.raises(CommandError) as said:
        call_command("library", "index", stdout=io.StringIO())
    assert "en/visiting.md" in str(said.value)
    assert "en/eating.md: found sources cookbook" in str(said.value)
    assert "Park behind the house." in read(client, "parking")
    (own / "library" / "sources.yaml").write_text("sources: {cookbook: {reference: Our cook}}")
    assert "en/eating" in index.renew().added
    assert "Our cook" in read(client, "eating")
    (own / "library" / "sources.yaml").write_text("no: sources")
    assert "sources.yaml" in index.renew().faults[0]
    assert "Facts are from here." in read(client, "eating")


def test_a_reviewed_copy_at_fault_stays_as_it_was(client: Client, own: Path) -> None:
    path = article(own, "dcis", title="DCIS here")
    index.renew()
    path.write_text(path.read_text().replace("topic: care", "topic: sports"))
    assert index.renew().changed == []
    assert "DCIS here" in read(client, "dcis")


def test_a_link_to_nowhere_leads_to_a_page_that_says_so(client: Client, own: Path) -> None:
    article(own, "parking", body="[a](article:nowhere) [b](article:../x?y=1) [c](article:)")
    index.renew()
    assert 'href="/library/articles/nowhere"' in read(client, "parking")


def test_a_hospitals_own_articles_are_in_its_backups(own: Path) -> None:
    assert index.own_folder() == own / "library"
    assert index.own_folder().name in KEPT


def test_the_command_lists_who_reviewed_what(own: Path) -> None:
    article(own, "parking", reviewer="Dr. R. Reader", reviewed="2026-10-01", due="2026-10-02")
    call_command("library", "index", stdout=(out := io.StringIO()))
    assert "added: en/parking" in out.getvalue()
    call_command("library", "review", stdout=(out := io.StringIO()))
    assert "en/parking: reviewed by Dr. R. Reader, 2026-10-01; due 2026-10-02 (overdue)" in out.getvalue()
    assert "en/dcis: reviewed by nobody; due" in out.getvalue()
    assert date(2026, 10, 2) < timezone.localdate()

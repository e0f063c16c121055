"""The library as anybody reads it: in each language, by keyboard, on a telephone, on either database.

    CALCSCOPE_SCREENSHOTS=docs/images/server pytest tests/acceptance/test_library_pages.py

also takes the pictures of the guide.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from reading_room import ROOT, Person, Room, faults_of, postgresql, running, shot, tab_to

from calcscope.server import languages

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow
SOUTH = """
from calcscope.server.people.models import Site
Site.objects.create(code="south", name="Hospital del Sur", phone="+34 900 555 020")
"""
PAGES = {
    "library": "/library/",
    "library-letters": "/library/a-z",
    "library-questions": "/library/questions",
    "library-hospitals": "/library/hospitals",
    "library-article": "/library/articles/stereotactic-biopsy",
    "library-emergency": "/library/articles/emergency",
    "library-missing": "/library/articles/nowhere",
    "library-nothing-found": "/library/search?q=xyzzyplugh",
}
WORDS = {"en": "milk of calcium", "es": "leche de calcio", "tr": "kalsiyum sütü"}
TITLES = {
    "en": "Cysts and milk of calcium",
    "es": "Quistes y leche de calcio",
    "tr": "Kistler ve kalsiyum sütü",
}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with running(tmp_path_factory.mktemp("room") / "data", workers=0) as found:
        found.shell(SOUTH)
        yield found


@pytest.mark.parametrize("code", languages.available())
def test_no_page_of_the_library_has_a_fault_in_any_language(code: str, room: Room, browser: Browser) -> None:
    reader = Person(browser, room, "reader", locale=code)
    page, faults = reader.page, []
    pages = {**PAGES, "library-search": f"/library/search?q={WORDS[code]}"}
    for name, address in pages.items():
        page.goto(address)
        assert page.evaluate("document.documentElement.lang") == code
        faults += faults_of(page, f"{code} {name}")
        if name in ("library", "library-article", "library-search") and code == "en":
            shot(page, name)
    page.goto("/library/articles/stereotactic-biopsy?text=larger")
    faults += faults_of(page, f"{code} very large")
    assert faults == []
    reader.leave()


@pytest.mark.parametrize("code", languages.available())
def test_an_article_is_found_and_read_by_keyboard_alone(code: str, room: Room, browser: Browser) -> None:
    reader = Person(browser, room, "reader", locale=code)
    page = reader.page
    page.goto("/library/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # to the content
    tab_to(page, "q", most=8)
    page.keyboard.type(WORDS[code])
    page.keyboard.press("Enter")
    page.wait_for_url("**/library/search?q=*")
    assert page.locator(".lib-hits mark").count() > 0
    tab_to(page, TITLES[code], "textContent")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=TITLES[code], level=1).wait_for()
    reader.leave()


def test_language_size_and_hospital_stay_while_reading(room: Room, browser: Browser) -> None:
    reader = Person(browser, room, "reader", locale="en")
    page = reader.page
    page.goto("/library/hospitals")
    page.get_by_role("link", name=re.compile("my hospital.*Hospital del Sur")).click()
    page.goto("/library/articles/dcis")
    help_box = page.get_by_role("complementary", name="Help")
    assert "Hospital del Sur" in help_box.inner_text()
    assert help_box.get_by_role("link", name="+34 900 555 020").get_attribute("href") == "tel:+34900555020"
    page.get_by_role("link", name="very large", exact=True).click()
    assert page.url.endswith("/library/articles/dcis")
    height = page.evaluate("getComputedStyle(document.querySelector('article p')).fontSize")
    page.get_by_role("button", name="Türkçe").click()
    page.get_by_role("heading", name="DKİS (DCIS)", level=1).wait_for()
    assert page.url.endswith("/library/articles/dcis")
    assert page.evaluate("getComputedStyle(document.querySelector('article p')).fontSize") == height
    assert "Hospital del Sur" in page.locator(".lib-side").inner_text()
    assert page.locator("#address").input_value().endswith("/library/articles/dcis?language=tr")
    # Whom the address is sent to reads it in its language, and may change it.
    friend = Person(browser, room, "friend", locale="en")
    friend.page.goto(page.locator("#address").input_value())
    friend.page.get_by_role("heading", name="DKİS (DCIS)", level=1).wait_for()
    friend.page.get_by_role("button", name="English").click()
    friend.page.get_by_role("heading", name="DCIS", level=1, exact=True).wait_for()
    assert "Hospital del Sur" not in friend.page.content()
    reader.leave()
    friend.leave()


def test_an_address_is_copied_and_a_printed_article_is_the_text_alone(room: Room, browser: Browser) -> None:
    reader = Person(browser, room, "reader", locale="en")
    page = reader.page
    page.goto("/library/articles/dcis")
    page.get_by_role("button", name="Copy the address").click()
    page.get_by_text("The address is copied.").wait_for()
    page.evaluate("window.print = () => { window.printed = true; }")
    page.get_by_role("button", name="Print").click()
    assert page.evaluate("window.printed")
    page.emulate_media(media="print")
    for hidden in ("#q", "header.top", "#share", "#related", ".lib-crumbs"):
        assert not page.locator(hidden).is_visible()
    for shown in ("#title", ".lib-mark", "#sources", ".lib-box.urgent", ".lib-printed"):
        assert page.locator(shown).is_visible()
    reader.leave()


def test_the_library_does_the_same_on_postgresql() -> None:
    with postgresql() as url:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist",
             "tests/library/test_library_search.py", "tests/library/test_library_site.py"],
            cwd=ROOT, env={**os.environ, "CALCSCOPE_DATABASE_URL": url}, capture_output=True, text=True,
            timeout=400,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]

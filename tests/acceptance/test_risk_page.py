"""A woman works out her risk: in a browser, by keyboard, on a telephone, in each language."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from reading_room import Room, axe, running, shot, tab_to

from calcscope.server.languages import available

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with running(tmp_path_factory.mktemp("risk") / "data", workers=0) as found:
        yield found


@pytest.fixture
def page(browser: Browser, room: Room) -> Iterator[Page]:
    """Of somebody who has not signed in."""
    context = browser.new_context(base_url=room.url, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(30_000)
    opened = context.new_page()
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda said: faults.append(said.text) if said.type in ("error", "warning") else None)
    yield opened
    context.close()
    assert faults == []


def answered(page: Page) -> None:
    """Fill in the questions and ask."""
    page.fill("#id_age", "45")
    page.select_option("#id_race", "white")
    page.fill("#id_menarche", "11")
    page.select_option("#id_children", "yes")
    page.fill("#id_first_birth", "31")
    page.select_option("#id_relatives", "1")
    page.select_option("#id_biopsies", "1")
    page.select_option("#id_atypia", "yes")
    page.locator("#main form button").click()


def fits(page: Page) -> bool:
    """Whether nothing of the page lies beside the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_a_woman_works_out_her_risk_and_nothing_is_kept(page: Page) -> None:
    page.goto("/risk/")
    assert axe(page) == []
    answered(page)
    page.get_by_role("heading", name="Your result").wait_for()
    assert page.url.partition("#")[0].endswith("/risk/"), "no answer is in the address"
    told = " ".join(page.inner_text("#result").split())
    assert "about 55 get breast cancer" in told
    assert "5.5 % for you, 1.0 % for her" in told
    assert "A risk is no diagnosis" in told
    assert page.get_by_role("img", name="You: about 55 of 1,000 women").is_visible()
    assert page.get_by_role("img", name="The average woman: about 10 of 1,000 women").is_visible()
    assert axe(page) == []
    shot(page, "risk")
    page.get_by_role("link", name="Start again").click()
    assert page.input_value("#id_age") == ""
    assert page.context.cookies() == [] or {each["name"] for each in page.context.cookies()} == {"csrftoken"}


def test_for_whom_it_is_not_is_told_so_and_gets_no_number(page: Page) -> None:
    page.goto("/risk/")
    page.fill("#id_age", "50")
    page.check("#id_mutation")
    page.get_by_role("button", name="Work out my risk").click()
    told = page.get_by_role("alert")
    assert "genetics clinic" in told.inner_text()
    assert axe(page) == []
    told.get_by_role("link").click()
    assert page.evaluate("document.activeElement.id") == "id_mutation"
    assert "of 1,000 women" not in page.inner_text("main")


def test_by_keyboard_alone(page: Page) -> None:
    page.goto("/risk/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # to the content
    tab_to(page, "id_age", most=20)
    page.keyboard.type("62")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Your result").wait_for()


@pytest.mark.parametrize("code", available())
def test_on_a_telephone_in_each_language(page: Page, code: str) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto("/risk/")
    page.locator(f".languages button[value={code}]").click()
    page.wait_for_selector(f"html[lang={code}]")
    assert fits(page)
    answered(page)
    page.wait_for_selector("#result .dots")
    assert fits(page)
    assert axe(page) == []
    shot(page, f"risk-{code}-360")

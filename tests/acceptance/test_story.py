"""A woman's whole story in real browsers: from the first exam to a closed chain, with nobody lost.

On SQLite and on PostgreSQL; the only difference is the setting CALCSCOPE_DATABASE_URL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from reading_room import Person, Room, axe, postgresql, running, settled, shot

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow
HALF_A_YEAR_AGO = date.today() - timedelta(days=183)
READ_MS = 240_000
"""For the engine to read two views, on a machine that does other things too."""


@pytest.fixture(params=["sqlite", "postgresql"])
def room(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Room]:
    with (
        postgresql() if request.param == "postgresql" else nullcontext("") as url,
        running(tmp_path / "data", url) as found,
    ):
        yield found


def totp(secret: str) -> str:
    """What an authenticator shows now, from the key as the page tells it."""
    import base64

    from django_otp.oath import TOTP

    return f"{TOTP(base64.b32decode(secret)).token():06d}"


def sign_in_for_the_first_time(person: Person) -> None:
    """Password, then setting up the second factor; what she would have to do by phone is done here."""
    page = person.page
    page.goto("/")
    person.password()
    page.get_by_role("heading", name="Set up the second factor").wait_for()
    assert axe(page) == []
    shot(page, "second-factor")
    page.get_by_label("Code").fill(totp(page.locator("#secret").inner_text()))
    page.get_by_role("button", name="Confirm").click()
    page.get_by_role("heading", name="Backup codes").wait_for()
    assert axe(page) == []
    page.get_by_role("link", name="Go on").click()
    page.get_by_role("heading", name="Worklist").wait_for()


def bring(page: Page, exam: Path, mode: str) -> None:
    """Bring an exam's files and wait until it has been read."""
    page.get_by_role("link", name="Bring exams").click()
    page.get_by_label("These exams are").select_option(mode)
    page.get_by_label("Files").set_input_files(sorted(exam.glob("*.dcm")))
    page.get_by_role("button", name="Bring").click()
    page.get_by_text("1 exam was taken in.").wait_for(timeout=READ_MS)
    page.get_by_role("link", name="To the worklist").click()
    page.get_by_role("link", name=re.compile("^Read ")).wait_for(timeout=READ_MS)


def choose(page: Page, field: str, value: str, why: str) -> None:
    """Change a term of F1, where it is another, and say why."""
    if page.locator(f"#F1-{field}").input_value() != value:
        page.locator(f"#F1-{field}").select_option(value)
        page.locator(f"#F1-because-{field}").fill(why)


def sign(page: Page) -> None:
    """Sign in the viewer and see the signed report."""
    page.get_by_role("button", name="Sign …").click()
    page.get_by_role("dialog").get_by_role("button", name="Sign", exact=True).click()
    page.get_by_role("heading", name="Signed report").wait_for()


def step(page: Page, name: str) -> None:
    """Open a step from the list of all open ones."""
    page.get_by_role("link", name="Follow-up").first.click()
    page.get_by_label("Show", exact=True).select_option("open")
    page.get_by_role("button", name="Show", exact=True).click()
    page.get_by_role("link", name=re.compile(f"^{name}")).click()


def result(page: Page, name: str, chosen: str, **facts: str) -> None:
    """Write down the result of a step."""
    step(page, name)
    page.get_by_label("Result", exact=True).select_option(chosen)
    for fact, value in facts.items():
        page.get_by_label(fact.capitalize()).select_option(value)
    page.get_by_role("button", name="Keep the result").click()
    page.get_by_text("The result is kept").wait_for()


def test_from_the_first_exam_to_the_end_of_the_chain(
    room: Room, browser: Browser, pair: tuple[Path, Path]
) -> None:
    earlier, current = pair
    rosa, cora = Person(browser, room, "rosa"), Person(browser, room, "cora")
    page = rosa.page
    sign_in_for_the_first_time(rosa)

    # The first exam is brought, read by the engine, edited and signed as category 3.
    bring(page, earlier, "diagnostic")
    page.get_by_role("link", name=re.compile("^Read ")).click()
    settled(page)
    page.get_by_role("button", name="F1", exact=True).click()
    choose(page, "category", "3", "Solitary group of alike round calcifications; worked up elsewhere.")
    choose(page, "next_step", "short_interval", "As category 3 asks.")
    settled(page)
    shot(page, "viewer")
    assert "accepted" in page.locator("article.finding-card").first.inner_text()
    sign(page)
    report = page.locator("article.report").inner_text()
    assert "BI-RADS category 3" in report
    assert "category 0" not in report

    # The six-month step is open; the coordinator writes to the woman, who is told nothing of the result.
    cora.enter()
    step(cora.page, "mammogram at short interval")
    cora.page.get_by_role("link", name="See and print").click()
    shot(cora.page, "letter")
    letter = cora.page.locator("article.letter").inner_text()
    assert "mammogram that was planned" in letter
    assert not re.search("calcif|suspicious|cancer|category", letter.lower())
    cora.page.get_by_role("link", name="Back").click()
    cora.page.get_by_role("button", name="Printed and sent").click()
    cora.page.get_by_text("The letter is written.").wait_for()

    # She comes: the exam is proposed to the step, and the coordinator says that it is it.
    bring(page, current, "diagnostic")
    cora.page.goto("/follow-up/")
    cora.page.get_by_label("Show", exact=True).select_option("proposed")
    cora.page.get_by_role("button", name="Show", exact=True).click()
    cora.page.get_by_role("link", name=re.compile("^mammogram at short interval")).click()
    shot(cora.page, "proposed")
    cora.page.get_by_role("button", name="This is it").click()
    cora.page.get_by_text("The step is done.").wait_for()

    # Earlier and current views hang together, and the change is told; a biopsy is recommended.
    page.reload()
    page.get_by_role("link", name=re.compile("^Read ")).click()
    settled(page)
    hangings = page.locator("#hanging option").all_inner_texts()
    assert any("prior" in each.lower() or "earlier" in each.lower() for each in hangings), hangings
    page.get_by_role("button", name="F1", exact=True).click()
    settled(page)
    shot(page, "compare")
    page.locator(".pane.earlier").first.wait_for()
    assert str(HALF_A_YEAR_AGO) in page.locator(".pane.earlier").first.inner_text()
    page.keyboard.press("b")
    settled(page)
    paragraph = page.locator("#F1-sentence").input_value()
    assert "6 months ago" in paragraph, paragraph
    choose(page, "category", "4C", "More calcifications than half a year ago.")
    choose(page, "next_step", "biopsy", "As category 4 asks.")
    settled(page)
    # What the engine says of the change, the reader says in her own words.
    said = page.locator("#F1-sentence").input_value()
    own = re.sub(r"[^.]* 6 months ago[^.]*\.", " More than in the mammogram of 6 months ago.", said)
    assert own != said, said
    page.locator("#F1-sentence").fill(own)
    settled(page)
    sign(page)
    assert own in page.locator("article.report").inner_text()
    shot(page, "report")

    # The biopsy, to its end.
    result(cora.page, "stereotactic", "done")
    result(page, "radiograph of the specimen", "calcifications_seen")
    result(page, "marker clip", "placed")
    result(page, "mammogram after the clip", "clip_in_place")
    result(cora.page, "histology", "high_risk", calcifications="seen")
    result(page, "radiology and pathology compared", "concordant")
    result(cora.page, "surgical opinion", "excision")
    result(cora.page, "histology", "benign", calcifications="not_seen")
    result(page, "radiology and pathology compared", "concordant")
    shot(page, "chain")
    step(cora.page, "mammogram six months after")
    cora.page.get_by_label("Reason").select_option("moved_away")
    cora.page.get_by_role("button", name="Close").click()
    cora.page.get_by_text("The step is closed.").wait_for()
    cora.page.get_by_role("link", name="Follow-up").first.click()
    cora.page.get_by_text("Nothing here.").wait_for()

    told = room.manage("nobody_lost")
    assert (told.returncode, told.stdout.strip()) == (0, "Nobody is lost."), told.stderr
    assert "Sample" not in room.log.read_text()  # no patient data in the log
    rosa.leave()
    cora.leave()

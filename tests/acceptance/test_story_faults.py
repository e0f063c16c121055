"""What goes wrong in a reading room, in real browsers and processes: clear words, and nothing lost."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hospital_network import wait_for
from reading_room import ROOT, Person, Room, running, settled

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow
BY_HAND = f"""
import sys, tempfile, datetime
sys.path[:0] = [{str(ROOT / "tests")!r}, {str(ROOT / "tests/server")!r}]
from pathlib import Path
from exams import exam_read
from calcscope.server.people.models import Site
exam = exam_read(Site.objects.get(), Path(tempfile.mkdtemp()), {{kind!r}}, patient={{patient!r}})
print(exam.uuid)
"""


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with running(tmp_path_factory.mktemp("room") / "data") as found:
        yield found


def exam_of(room: Room, patient: str, kind: str = "with_prior") -> str:
    """The address of an exam that is read already."""
    made = room.shell(BY_HAND.format(kind=kind, patient=patient)).splitlines()[-1]
    return f"/exams/{made}"


def accept_all(page: Page) -> None:
    """Open the dialog of the signature with every finding accepted."""
    settled(page, 0)
    page.get_by_role("button", name="Sign …").click()
    accept = page.get_by_role("button", name="Accept all that are to be decided")
    if accept.count():
        accept.click()
    page.get_by_role("dialog").get_by_role("button", name="Sign", exact=True).wait_for()


def versions(room: Room, address: str) -> int:
    """How many versions of an exam are signed."""
    uuid = address.rsplit("/", 1)[-1]
    return int(
        room.shell(
            "from calcscope.server.reading.models import Version;"
            f"print(Version.objects.filter(exam__uuid={uuid!r}).count())"
        )
    )


def test_a_double_click_signs_once_and_going_back_signs_nothing(room: Room, browser: Browser) -> None:
    address = exam_of(room, "W-1")
    simon = Person(browser, room, "simon").enter(f"{address}/read")
    page = simon.page
    accept_all(page)
    page.get_by_role("dialog").get_by_role("button", name="Sign", exact=True).dblclick(no_wait_after=True)
    page.get_by_role("heading", name="Signed report").wait_for()
    assert versions(room, address) == 1
    page.go_back()
    settled(page)
    # The page is the exam as it is now: a further signature would be an addendum, which says why.
    page.get_by_role("button", name="Sign …").click()
    page.get_by_label("Why is this addendum made?").wait_for()
    page.get_by_role("dialog").get_by_role("button", name="Sign", exact=True).click()
    assert versions(room, address) == 1
    page.keyboard.press("Escape")
    simon.leave()


def test_of_two_readers_at_once_the_second_is_told_and_keeps_her_work(room: Room, browser: Browser) -> None:
    address = exam_of(room, "W-2")
    simon = Person(browser, room, "simon").enter(f"{address}/read")
    ada = room.shell(
        "from calcscope.server.people.models import *; Membership.objects.create("
        "user=User.objects.get(username='ada'), site=Site.objects.get(), role='radiologist')"
    )
    assert ada == ""
    other = Person(browser, room, "ada").enter(f"{address}/read")
    other.page.get_by_label("Comment").fill("Compare with the films of 2019.")
    for person in (simon, other):
        accept_all(person.page)
    simon.page.get_by_role("dialog").get_by_role("button", name="Sign", exact=True).click()
    simon.page.get_by_role("heading", name="Signed report").wait_for()
    other.page.get_by_role("dialog").get_by_role("button", name="Sign", exact=True).click()
    told = other.page.get_by_role("dialog", name="Simon Second has signed this exam meanwhile.")
    told.wait_for()
    assert "still in this page" in told.inner_text()
    assert versions(room, address) == 1
    assert other.page.locator("#comment").input_value() == "Compare with the films of 2019."
    simon.leave()
    other.context.close()


def test_work_is_kept_when_the_session_ends(room: Room, browser: Browser) -> None:
    address = exam_of(room, "W-3")
    simon = Person(browser, room, "simon").enter(f"{address}/read")
    page = simon.page
    settled(page)
    room.shell("from django.contrib.sessions.models import Session; Session.objects.all().delete()")
    page.get_by_label("Comment").fill("Typed after the session had ended.")
    page.get_by_role("alert").get_by_text("You are signed out.").wait_for()
    assert page.locator("#comment").input_value() == "Typed after the session had ended."
    with simon.context.expect_page() as opened:
        page.get_by_role("link", name="Sign in (new tab)").click()
    tab = opened.value
    simon.password(tab)
    tab.get_by_label("Code").fill(f"abcdefgh{Person.used}")
    Person.used += 1
    tab.get_by_role("button", name="Go on").click()
    tab.get_by_role("heading", name="Worklist").wait_for()
    tab.close()
    if page.get_by_role("button", name="Go on").is_visible():
        page.get_by_role("button", name="Go on").click()
    settled(page)
    page.reload()
    settled(page)
    assert page.locator("#comment").input_value() == "Typed after the session had ended."
    simon.leave()


@pytest.mark.skipif(sys.platform != "linux", reason="finds the reader's process in /proc")
def test_an_exam_whose_reader_is_killed_is_read_again_and_once(
    room: Room, browser: Browser, pair: tuple[Path, Path]
) -> None:
    simon = Person(browser, room, "simon").enter("/exams/bring")
    page = simon.page
    page.get_by_label("Files").set_input_files(sorted(pair[0].glob("*.dcm")))
    page.get_by_role("button", name="Bring").click()
    running_now = (
        "from calcscope.server.exams.models import *; j = Job.objects.last(); "
        "print(*(j.state, j.attempt) if j else ['none yet'])"
    )
    wait_for(lambda: room.shell(running_now) == "running 1", 120, "the analysis")
    for reader in room.readers():
        os.kill(reader, signal.SIGKILL)
    page.goto("/exams/")
    page.get_by_role("row", name="P-1001").get_by_role("link", name="Read Sample").wait_for(timeout=240_000)
    assert room.shell(running_now) == "done 2"
    assert (
        room.shell(
            "from calcscope.server.exams.models import *;"
            "print(Reading.objects.filter(exam__woman__patient_id='P-1001').count())"
        )
        == "1"
    )
    simon.leave()


def test_a_broken_upload_is_told_and_can_be_repeated(
    room: Room, browser: Browser, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    simon = Person(browser, room, "simon").enter("/exams/bring")
    page = simon.page
    page.route(
        "**/exams/bring", lambda route: route.abort() if route.request.method == "POST" else route.continue_()
    )
    page.get_by_label("Files").set_input_files(sorted(pair[1].glob("*.dcm")))
    page.get_by_role("button", name="Bring").click()
    page.get_by_text("The connection broke before everything had arrived, so nothing was taken.").wait_for()
    page.unroute("**/exams/bring")
    # Half an image among whole ones is named; the others are taken.
    half = tmp_path / "half.dcm"
    half.write_bytes(next(pair[1].glob("*.dcm")).read_bytes()[:5000])
    page.get_by_label("Files").set_input_files([half])
    page.get_by_role("button", name="Bring").click()
    page.get_by_role("heading", name="Not taken").wait_for(timeout=60_000)
    assert "half.dcm" in page.locator("main ul").last.inner_text()
    simon.leave()

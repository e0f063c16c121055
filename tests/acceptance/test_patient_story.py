"""The woman it is about, in real browsers: from the signature to her own pages, in each language.

    CALCSCOPE_SCREENSHOTS=docs/images/server pytest tests/acceptance -k patient

also takes the pictures of the guide.
"""

from __future__ import annotations

import io
import re
import subprocess
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import reading_room
from reading_room import PASSWORD, ROOT, Person, Room, axe, reached_by_tab, running, settled, shot

from calcscope.server.languages import available
from calcscope.server.patients.passages import load

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow
LANGUAGES = list(available())
EXAM = f"""
import sys, tempfile
sys.path[:0] = [{str(ROOT / "tests")!r}, {str(ROOT / "tests/server")!r}]
from pathlib import Path
from exams import exam_read
from calcscope.server.exams.models import Woman
from calcscope.server.people.models import Site
exam = exam_read(Site.objects.get(), Path(tempfile.mkdtemp()), "all_terms", patient={{patient!r}})
Woman.objects.filter(pk=exam.woman_id).update(name={{name!r}}, language={{language!r}})
print(exam.uuid, exam.woman.uuid)
"""
SIGNED = f"""
import sys, tempfile, uuid, datetime
sys.path[:0] = [{str(ROOT / "tests")!r}, {str(ROOT / "tests/server")!r}]
from pathlib import Path
from django.utils import timezone
from exams import exam_read
from test_signing import signed
from calcscope.server.exams.models import Woman
from calcscope.server.followup import chains
from calcscope.server.followup.models import Step
from calcscope.server.patients import messages, results
from calcscope.server.patients.models import Result
from calcscope.server.people.models import *
site, rosa, cora = Site.objects.get(), User.objects.get(username="rosa"), User.objects.get(username="cora")
folder, today = Path(tempfile.mkdtemp()), timezone.localdate()
exam = exam_read(site, folder / "a", "all_terms", patient="P-1", day=today - datetime.timedelta(days=40))
signed(exam, rosa)
first = Result.objects.get(exam=exam)
results.release(first, rosa)
step = Step.objects.filter(chain__exam=exam, code="biopsy").first()
for each in ("done", "calcifications_seen", "placed", "clip_in_place"):
    (step,) = chains.write_result(step, each, by=rosa)
opened = chains.write_result(step, "high_risk", by=cora, facts={{"calcifications": "seen"}})
step = next(each for each in opened if each.code == "concordance")
chains.write_result(step, "concordant", by=rosa)
biopsy = Result.objects.get(concordance__step=step)
results.release(biopsy, rosa)
held = exam_read(site, folder / "b", "all_terms", patient="P-1", day=today - datetime.timedelta(days=2))
signed(held, rosa)
shut = Result.objects.get(exam=held)
other = exam_read(site, folder / "c", "normal", patient="P-2", day=today)
signed(other, rosa)
woman = Woman.objects.get(patient_id="P-1")
user = User.objects.create_user("anna", password={PASSWORD!r}, first_name="Anna", last_name="Beispiel")
Membership.objects.create(user=user, site=site, role="patient")
woman.account, woman.email = user, "anna@example.org"
woman.save()
visit = Step.objects.get(chain__exam=exam, code="surgical_opinion")
chains.schedule(visit, today + datetime.timedelta(days=9), at=datetime.time(9, 30), by=cora)
asked = messages.say(woman, user, "question", "May I eat before the biopsy?")
messages.answer(asked, cora, "Yes, as usual.")
messages.say(woman, user, "other_day", "Fridays suit me best.", visit)
print("|".join(map(str, [first.uuid, biopsy.uuid, shut.uuid, Result.objects.get(exam=other).uuid, woman.uuid,
                         visit.uuid])))
"""


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with running(tmp_path_factory.mktemp("room") / "data", workers=0) as found:
        yield found


@pytest.fixture(scope="module")
def known(room: Room) -> dict[str, str]:
    """A woman with results of every standing, and another woman's."""
    given = room.shell(SIGNED).splitlines()[-1].split("|")
    return dict(zip(("first", "biopsy", "shut", "strange", "woman", "visit"), given, strict=True))


class Woman(Person):
    """A woman at her telephone."""

    def __init__(self, browser: Browser, room: Room, name: str = "anna", width: int = 360) -> None:
        super().__init__(browser, room, name, viewport={"width": width, "height": 740})

    def sign_in(self, at: str = "/") -> Woman:
        """Name and password alone."""
        self.page.goto(at)
        self.page.locator("#id_username").fill(self.name)
        self.page.locator("#id_password").fill(PASSWORD)
        self.page.locator("main form button").click()
        self.page.wait_for_url(re.compile("/my/"))
        return self


faults_of = partial(reading_room.faults_of, large=1280)


def text_of(pdf: bytes, folder: Path) -> str:
    """The words of a PDF, and that none of its pages is empty."""
    path = folder / "letter.pdf"
    path.write_bytes(pdf)
    said = subprocess.run(
        ["pdftotext", "-layout", path, "-"], capture_output=True, text=True, check=True
    ).stdout
    assert all(each.strip() for each in said.split("\f")[:-1])
    return " ".join(said.split())


@pytest.mark.parametrize("language", LANGUAGES)
def test_sign_code_by_letter_read_in_each_language(
    language: str, room: Room, browser: Browser, tmp_path: Path
) -> None:
    exam, woman = (
        room.shell(EXAM.format(patient=f"W-{language}", name="Yılmaz^Ayşe", language=language))
        .splitlines()[-1]
        .split()
    )
    texts = load(language)
    # A radiologist signs; the result is held until she has spoken with the woman, and says so.
    rosa = Person(browser, room, "simon").enter(f"/exams/{exam}/read")
    page = rosa.page
    settled(page, 0)
    page.get_by_role("button", name="Sign …").click()
    page.get_by_role("button", name="Accept all that are to be decided").click()
    page.get_by_role("dialog").get_by_role("button", name="Sign", exact=True).click()
    page.get_by_role("heading", name="Signed report").wait_for()
    page.get_by_role("link", name="Results to tell").click()
    page.get_by_role("link", name=re.compile("Ayşe")).first.click()
    page.get_by_text("It is held until a radiologist says").wait_for()
    assert axe(page) == []
    if language == "en":
        shot(page, "result-held")

    # The coordinator gives her a code in a letter.
    cora = Person(browser, room, "cora").enter(f"/exams/women/{woman}")
    cora.page.get_by_role("link", name="Letter with a code").click()
    cora.page.get_by_role("button", name="Make the letter").click()
    code = cora.page.locator("#code").inner_text()
    assert axe(cora.page) == []
    if language == "en":
        shot(cora.page, "code-letter")

    # She begins on her telephone, with the keyboard alone.
    hers = Woman(browser, room, "ayse" + language)
    page = hers.page
    page.goto("/my/begin")
    faults = faults_of(page, "begin")
    page.locator("#id_code").focus()
    page.keyboard.type(code.lower())
    page.keyboard.press("Tab")
    page.keyboard.type("03011962")  # a date field of an English browser: month, day, year
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/my/account"))
    assert code not in page.url
    faults += faults_of(page, "account")
    page.locator("#id_username").focus()
    for typed in (hers.name, PASSWORD, PASSWORD):
        page.keyboard.type(typed)
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    if page.url.endswith("/my/account"):  # Enter on a list of choices opens it in some browsers
        page.locator("main form button").click()
    page.wait_for_url(re.compile("/my/$"))
    assert page.locator("html").get_attribute("lang") == language

    # Held: her page says no more than that she is to call.
    page.locator(".results a").first.click()
    page.locator("h1").wait_for()
    assert page.locator(".part").count() == 0
    assert "+1 555 0100" in page.locator("main").inner_text()
    faults += faults_of(page, "held")
    rosa.page.get_by_role("button", name="I have spoken with her: release").click()
    rosa.page.get_by_text("Released").first.wait_for()

    # She reads it, in her language, as the passages say it.
    page.reload()
    told = page.locator("article").inner_text()
    for section in ("found", "what_it_is", "what_it_is_not", "odds", "next", "how_it_goes", "prepare",
                    "questions", "whom_to_call", "emergency"):  # fmt: skip
        assert page.get_by_role("heading", name=texts.word(f"title.{section}"), exact=True).count() == 1
    assert page.locator("svg.breasts").count() == page.locator("svg.icons").count() == 1
    assert page.locator(".unreviewed").count() == 1
    assert texts["emergency"].text.split(".")[0] in " ".join(told.split())
    faults += faults_of(page, "result")
    shot(page, f"my-result-{language}")

    # The letter, in her language too.
    with page.expect_download() as download:
        page.locator("a[href$='letter.pdf']").click()
    words = text_of(Path(download.value.path()).read_bytes(), tmp_path)
    assert "Ayşe Yılmaz" in words
    assert texts.word("title.what_it_is_not") in words
    assert "North Hospital" in words

    # She comes back later with name and password, to her own pages.
    page.goto("/my/")
    hers.leave()
    again = Woman(browser, room, "ayse" + language).sign_in()
    assert again.page.url.endswith("/my/")
    faults += faults_of(again.page, "home")
    assert faults == []
    for each in (rosa, cora, again):
        each.leave()
    assert room.manage("nobody_lost").returncode == 0


def test_another_womans_pages_are_not_there_and_that_is_in_the_audit(
    room: Room, browser: Browser, known: dict[str, str]
) -> None:
    anna = Woman(browser, room).sign_in()
    for address in (
        f"/my/results/{known['strange']}", f"/my/results/{known['strange']}/letter.pdf",
        f"/exams/women/{known['woman']}", f"/my/staff/results/{known['first']}",
    ):  # fmt: skip
        answer = anna.page.goto(address)
        assert answer is not None
        assert answer.status == (404 if address.startswith("/my/results") else 403), address
    anna.leave()
    ada = Person(browser, room, "ada").enter("/audit/")
    ada.page.get_by_label("What").fill("refused-to-another-woman")
    with ada.page.expect_navigation():
        ada.page.get_by_role("button", name="Search").click()
    assert ada.page.get_by_role("row", name=re.compile("anna refused-to-another-woman result")).count() == 2
    ada.page.get_by_label("What").fill("patients:result")
    ada.page.get_by_label("Who").fill("anna")
    with ada.page.expect_navigation():
        ada.page.get_by_role("button", name="Search").click()
    assert ada.page.get_by_role("row", name=re.compile("GET 404")).count() >= 1
    ada.leave()


def test_no_page_of_hers_has_a_fault_in_any_language(
    room: Room, browser: Browser, known: dict[str, str]
) -> None:
    anna = Woman(browser, room).sign_in()
    pages = {
        "home": "/my/", "result": f"/my/results/{known['first']}", "biopsy": f"/my/results/{known['biopsy']}",
        "held": f"/my/results/{known['shut']}", "next": "/my/next", "questions": "/my/questions",
        "record": "/my/record", "nothing": f"/my/results/{known['strange']}",
        "password": "/account/password",
    }  # fmt: skip
    faults = []
    for language in LANGUAGES:
        anna.page.goto("/my/")
        anna.page.locator(f".languages button[value={language}]").click()
        anna.page.wait_for_selector(f"html[lang={language}]")
        for name, address in pages.items():
            anna.page.goto(address)
            faults += faults_of(anna.page, f"{name} ({language})")
            if language == "en" and name not in ("nothing", "password"):
                shot(anna.page, f"my-{name}")
    assert faults == []
    anna.leave()


def test_she_needs_no_mouse(room: Room, browser: Browser, known: dict[str, str]) -> None:
    anna = Woman(browser, room).sign_in()
    page = anna.page
    page.locator(".languages button[value=en]").click()
    for address in ("/my/", f"/my/results/{known['first']}", "/my/next", "/my/questions", "/my/record"):
        page.goto(address)
        reached_by_tab(page, address, 20)
    # A question, and an appointment confirmed, by keyboard.
    page.goto("/my/questions")
    page.locator("#text").focus()
    page.keyboard.type("Where do I park?")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("Your question is with the clinic.").wait_for()
    page.goto("/my/next")
    assert "at 09:30" in page.inner_text("main")
    page.get_by_role("button", name=re.compile("I will come")).focus()
    page.keyboard.press("Enter")
    page.get_by_text("You have said that you will come.").wait_for()
    anna.leave()


def test_the_clinics_pages_about_her_have_no_fault(
    room: Room, browser: Browser, known: dict[str, str]
) -> None:
    simon = Person(browser, room, "simon").enter()
    pages = {
        "results-to-tell": "/my/staff/results", "told": "/my/staff/results?show=told",
        "what-she-is-told": f"/my/staff/results/{known['first']}",
        "in-spanish": f"/my/staff/results/{known['first']}?language=es",
        "biopsy": f"/my/staff/results/{known['biopsy']}", "held": f"/my/staff/results/{known['shut']}",
        "passages": "/my/staff/passages?language=tr", "messages": "/my/staff/messages",
        "messages-all": "/my/staff/messages?show=all", "code": f"/my/staff/women/{known['woman']}/code",
        "woman": f"/exams/women/{known['woman']}", "letter": f"/follow-up/steps/{known['visit']}/letter",
        "follow-up": "/follow-up/",
    }  # fmt: skip
    faults = []
    for name, address in pages.items():
        answer = simon.page.goto(address)
        assert answer is not None
        assert answer.status == 200, name
        if name in ("results-to-tell", "what-she-is-told", "passages", "messages"):
            shot(simon.page, name)
        faults += faults_of(simon.page, name)
    assert faults == []
    simon.leave()


def test_she_takes_everything_with_her(room: Room, browser: Browser, known: dict[str, str]) -> None:
    anna = Woman(browser, room).sign_in("/my/record")
    with anna.page.expect_download() as download:
        anna.page.locator("a[href$='everything.zip']").click()
    archive = zipfile.ZipFile(io.BytesIO(Path(download.value.path()).read_bytes()))
    names = archive.namelist()
    assert archive.testzip() is None
    # An exam and its biopsy, of which the exam's report tells; the held one is not among them.
    assert sum(name.startswith("results/") and name.endswith(".pdf") for name in names) == 2
    assert sum(name.endswith(".fhir.json") for name in names) == 1
    assert sum(name.endswith(".dcm") for name in names) == 8
    told = anna.page.locator("tbody").inner_text()
    assert "Rosa Reader" in told
    assert "Anna" not in told
    anna.leave()
    assert "Beispiel" not in room.log.read_text()

"""Every page of the reading room, as each role sees it: no fault of WCAG 2.2 AA, and readable on a telephone.

    CALCSCOPE_SCREENSHOTS=docs/images/server pytest tests/acceptance -k "story and not faults"

also takes the pictures of the guide.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.urls import URLResolver, get_resolver, resolve
from reading_room import (
    PASSWORD,
    ROOT,
    Person,
    Room,
    axe,
    faults_of,
    postgresql,
    reached_by_tab,
    running,
    shot,
    tab_to,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow
FILL = f"""
import sys, tempfile, uuid, datetime
sys.path[:0] = [{str(ROOT / "tests")!r}, {str(ROOT / "tests/server")!r}]
from pathlib import Path
from django.utils import timezone
from exams import exam_read
from test_arbitration import read
from test_signing import decided
from calcscope.server.exams.models import *
from calcscope.server.followup import chains
from calcscope.server.followup.models import Step
from calcscope.server.people.models import *
from calcscope.server.outputs import writing
from calcscope.server.reading.signing import keep_draft, open_draft, sign
site, rosa, cora = Site.objects.get(), User.objects.get(username="rosa"), User.objects.get(username="cora")
folder, today = Path(tempfile.mkdtemp()), timezone.localdate()
NAMES = ("Abel^Berta Cole^Dora Ernst^Frida Gold^Hanna Ives^Jana Klein^Lea Moor^Nora Nagy^Olga "
         "Ott^Paula").split()
for number, name in enumerate(NAMES):
    Woman.objects.create(site=site, patient_id=f"P-{{2000 + number}}", name=name,
                         birth_date=datetime.date(1950 + 3 * number, 1 + number, 7))
KINDS = [("all_terms", 300), ("with_prior", 90), ("all_terms", 20), ("with_prior", 2), ("normal", 1),
         ("all_terms", 1), ("with_prior", 0), ("with_prior", 1)]
exams = [exam_read(site, folder / str(number), kind, patient=f"P-{{2000 + number}}",
                   day=today - datetime.timedelta(days=back)) for number, (kind, back) in enumerate(KINDS)]
def signed(exam, seen=0, note=""):
    draft = open_draft(exam, rosa)
    revision = keep_draft(exam, rosa, draft.revision, decided(draft.read(), exam))
    return sign(exam, rosa, revision, seen, uuid.uuid4(), note)
versions = [signed(exam) for exam in exams[:4]]
writing.MADE = ("cad-sr",)
for version in (versions[1], signed(exams[1], 1, "The films of 2019 have arrived.")):
    writing.make_objects.call(str(version.uuid))
remy = User.objects.create_user("remy", first_name="Remy", last_name="Other")
Membership.objects.create(user=remy, site=site, role="radiologist")
former = User.objects.create_user("fay", first_name="Fay", last_name="Former")
Membership.objects.create(user=former, site=site, role="technologist").end()
site.settings["readers"] = 2
site.save()
exams[7].refresh_from_db()
read(exams[7], rosa)
read(exams[7], remy, rejected=True)
site.settings["readers"] = 1
site.save()
for late, step in enumerate(Step.objects.filter(chain__exam=exams[0]).exclude(code="routine")):
    Step.objects.filter(pk=step.pk).update(due=today - datetime.timedelta(days=3 + 9 * late))
reach = Step.objects.filter(chain__exam=exams[0], code="short_interval").first()
for _ in range(3):
    chains.attempt(reach, "phone", False, by=cora, note="No answer.")
first = Step.objects.filter(code="biopsy").order_by("-pk").first()
(second,) = chains.write_result(first, "done", by=cora)
chains.schedule(second, today + datetime.timedelta(days=9), at=datetime.time(14, 30), by=cora)
exam_read(site, folder / "new", "normal", patient="P-2000", day=today)
Exam.objects.filter(pk=exams[5].pk).update(other_name=True, other_names=["Kaya^Frida"])
Exam.objects.filter(pk=exams[6].pk).update(state="failed")
job = Job.objects.filter(exam=exams[6]).first(); job.reason = "the analysis failed (MemoryError)"; job.save()
waiting = Exam.objects.create(site=site, woman=Woman.objects.last(), study_uid="1.2.3", date=today)
upload = Upload.objects.create(site=site, by=rosa, files=5, done_at=timezone.now(),
    failures=[{{"source": "half.dcm", "reason": "found half a file; expected a whole one; send it again"}}])
upload.exams.add(exams[6])
proposed = Step.objects.filter(chain__exam=exams[0], events__kind="proposed").first() or reach
print("|".join(map(str, [exams[5].uuid, versions[0].uuid, exams[0].woman.uuid, second.uuid, reach.uuid,
                         upload.uuid, waiting.uuid, proposed.uuid, versions[1].uuid, exams[7].uuid,
                         remy.pk])))
"""


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with running(tmp_path_factory.mktemp("room") / "data", workers=0) as found:
        yield found


VIEWERS = {"read", "arbitration"}
FOR_ADMINISTRATORS = {"audit", "accounts", "account"}
OF_THE_READING_ROOM = VIEWERS | {"mode", "not-yet"}
REFUSED = {
    "simon": FOR_ADMINISTRATORS,
    "cora": {*OF_THE_READING_ROOM, "outcomes", *FOR_ADMINISTRATORS},
    "tom": {*OF_THE_READING_ROOM, "report", "superseded", "outcomes", *FOR_ADMINISTRATORS},
    "ada": {*OF_THE_READING_ROOM, "worklist", "bring", "upload", "woman", "report", "superseded", "follow-up",
            "step", "unreachable", "proposal", "step-letter", "archive"},
}  # fmt: skip
"""Which pages are not for whom."""
BEFORE = {"people:sign-in", "people:code", "home"}
"""Pages of those who have not signed in, or have no role: tested by name below."""
NO_PAGES = {
    **dict.fromkeys(["health", "metrics", "exams:progress"], "JSON or text for programs"),
    **dict.fromkeys(["exams:pixels", "exams:preview"], "an image"),
    **dict.fromkeys(["followup:calendar", "outputs:download"], "a file to be saved"),
    **dict.fromkeys(["people:sign-out", "people:language", "people:give-role", "people:take-role",
                     "exams:list", "exams:again", "exams:woman-born", "exams:woman-same", "followup:act"],
                    "changes something and shows another page"),
    "people:change-account": "changes something; its page with a one-time password is tested below",
    **dict.fromkeys(["reading:draft", "reading:preview", "reading:sign", "reading:release"],
                    "asked by the viewer; frontend/test and test_story.py test what it shows"),
}  # fmt: skip
ELSEWHERE = {"library", "patients", "risks"}
"""Rooms whose pages are tested in test_patient_story.py, test_library_pages.py and test_risk_page.py."""
PICTURES = {"worklist", "bring", "upload", "woman", "mode", "outcomes", "follow-up"}
"""Of the guide; the others come from the story, whose findings are simulated and not made by hand."""


@pytest.fixture(scope="module")
def pages(room: Room) -> dict[str, str]:
    return filled(room)


def filled(room: Room) -> dict[str, str]:
    """Pages with a name for their picture, on a hospital with some weeks of work."""
    given = room.shell(FILL).splitlines()[-1].split("|")
    exam, version, woman, step, unreachable, upload, waiting, proposed, superseded, differing, remy = given
    return {
        "worklist": "/exams/",
        "bring": "/exams/bring",
        "upload": f"/exams/uploads/{upload}",
        "woman": f"/exams/women/{woman}",
        "mode": f"/exams/{exam}/mode",
        "read": f"/exams/{exam}/read",
        "not-yet": f"/exams/{waiting}/read",
        "arbitration": f"/exams/{differing}/read",
        "report": f"/exams/versions/{version}",
        "superseded": f"/exams/versions/{superseded}",
        "outcomes": "/exams/outcomes",
        "follow-up": "/follow-up/",
        "step": f"/follow-up/steps/{step}",
        "unreachable": f"/follow-up/steps/{unreachable}",
        "proposal": f"/follow-up/steps/{proposed}",
        "step-letter": f"/follow-up/steps/{unreachable}/letter",
        "archive": "/archive/",
        "audit": "/audit/",
        "accounts": "/account/accounts",
        "account": f"/account/accounts/{remy}",
        "password": "/account/password",
        "second-factor": "/account/second-factor",
    }


def patterns(resolver: URLResolver, within: str = "") -> Iterator[str]:
    """Names of all addresses of the server, as ``reverse`` takes them."""
    for each in resolver.url_patterns:
        if isinstance(each, URLResolver):
            yield from patterns(each, f"{within}{each.namespace}:" if each.namespace else within)
        else:
            yield f"{within}{each.name}"


def test_every_page_is_tested_here_or_is_none(pages: dict[str, str]) -> None:
    names = {name for name in patterns(get_resolver()) if name.split(":")[0] not in ELSEWHERE}
    tested = {resolve(address).view_name for address in pages.values()} | BEFORE
    assert names - tested - NO_PAGES.keys() == set(), "add them to `pages`, or to NO_PAGES with the reason"
    assert (tested | NO_PAGES.keys()) - names == set(), "these are no longer there"
    assert tested & NO_PAGES.keys() == set()


def status_of(name: str, who: str) -> int:
    """What a page answers to somebody."""
    return 403 if name in REFUSED[who] else 409 if name == "not-yet" else 200


@pytest.mark.parametrize(
    ("who", "picture"), [("simon", True), ("cora", False), ("tom", False), ("ada", False)]
)
def test_no_page_of_any_role_has_a_fault(
    who: str, picture: bool, room: Room, browser: Browser, pages: dict[str, str]
) -> None:
    person = Person(browser, room, who).enter()
    page, faults = person.page, []
    for name, address in pages.items():
        answer = page.goto(address)
        assert answer is not None
        expected = status_of(name, who)
        assert answer.status == expected, name
        if name in VIEWERS and expected == 200:
            page.wait_for_selector(".finding-card")
            assert page.get_by_text("The two readings").count() == (name == "arbitration")
        if name == "read" and expected == 200:
            asked = page.get_by_text("another name (Kaya, Frida): find out whose they are")
            assert asked.is_visible()
            for button in ("Keys", "Sign … "):
                page.get_by_role("button", name=button).click()
                page.get_by_role("dialog").wait_for()
                faults += [f"dialog of {button}: {each}" for each in axe(page)]
                page.keyboard.press("Escape")
        if expected != 403 and name in (
            PICTURES if picture else {"audit", "accounts"} if who == "ada" else ()
        ):
            shot(page, name)
        if picture and name == "follow-up":
            page.set_viewport_size({"width": 360, "height": 740})
            shot(page, "follow-up-small")
            page.set_viewport_size({"width": 1440, "height": 900})
        faults += faults_of(page, name)
        if expected == 403:
            assert page.get_by_role("heading", name="That is not for you").count() == 1
    assert faults == []
    person.leave()


def test_pages_before_and_beside_a_role_have_no_fault(room: Room, browser: Browser) -> None:
    room.shell(f"""
from calcscope.server.people.models import User
User.objects.create_user("nina", password={PASSWORD!r})
""")
    nina = Person(browser, room, "nina")
    page, faults = nina.page, []
    page.goto("/")
    shot(page, "sign-in")
    faults += faults_of(page, "sign-in")
    page.get_by_role("button", name="Sign in").click()
    nina.password()
    page.get_by_role("heading", name="Welcome").wait_for()
    faults += faults_of(page, "welcome")
    page.goto("/nowhere")
    faults += faults_of(page, "not found")
    simon = Person(browser, room, "simon")
    simon.page.goto("/exams/bring")
    simon.password()
    simon.page.get_by_label("Code").fill("wrong")
    simon.page.get_by_role("button", name="Go on").click()
    simon.page.get_by_text("That code is wrong").wait_for()
    faults += faults_of(simon.page, "code")
    assert faults == []
    nina.leave()
    simon.leave()


@pytest.mark.parametrize("who", ["simon", "ada"])
def test_every_control_is_reached_by_tab_and_is_seen_to_be(
    who: str, room: Room, browser: Browser, pages: dict[str, str]
) -> None:
    person = Person(browser, room, who).enter()
    page = person.page
    for name, address in pages.items():
        # The viewer has tests of its own; of the administrator's pages those that no reader sees.
        if (
            name in VIEWERS
            or status_of(name, who) == 403
            or (who == "ada" and name not in FOR_ADMINISTRATORS)
        ):
            continue
        page.goto(address)
        reached_by_tab(page, name, 40)
    person.leave()


def test_a_result_is_written_down_by_keyboard_alone(
    room: Room, browser: Browser, pages: dict[str, str]
) -> None:
    simon = Person(browser, room, "simon").enter(pages["step"])
    page = simon.page
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # to the content
    tab_to(page, "ResultForm_result")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.type("Written by keyboard.")
    page.keyboard.press("Enter")
    page.get_by_text("The result is kept.").wait_for()
    simon.leave()


def test_an_administrator_makes_an_account_and_it_chooses_its_own_password(
    room: Room, browser: Browser, pages: dict[str, str]
) -> None:
    ada = Person(browser, room, "ada").enter("/account/accounts")
    page, faults = ada.page, []
    assert "no role now" in page.get_by_role("row", name="Fay Former").inner_text()
    for field, given in (("Given name", "Nia"), ("Family name", "New"), ("Name to sign in with", "nia")):
        page.get_by_label(field).fill(given)
    page.get_by_role("button", name="Add").click()
    page.get_by_role("heading", name="One-time password").wait_for()
    faults += faults_of(page, "one-time password")
    one_time = page.locator("code.big").inner_text().strip()
    nia = Person(browser, room, "nia")
    nia.page.goto("/")
    nia.password(given=one_time)
    nia.page.get_by_role("heading", name="Set up the second factor").wait_for()
    faults += faults_of(nia.page, "second factor, the first time")
    assert faults == []
    nia.leave()
    ada.leave()


def test_every_page_answers_each_role_the_same_on_postgresql(browser: Browser, tmp_path: Path) -> None:
    with postgresql() as url, running(tmp_path / "data", url, workers=0) as room:
        pages = filled(room)
        for who in REFUSED:
            person = Person(browser, room, who).enter()
            for name, address in pages.items():
                answer = person.page.goto(address)
                assert answer is not None
                assert answer.status == status_of(name, who), name
            person.leave()

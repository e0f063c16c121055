"""Every page of the reading room, as each role sees it: no fault of WCAG 2.2 AA, and readable on a telephone.

    CALCSCOPE_SCREENSHOTS=docs/images/server pytest tests/acceptance -k "story and not faults"

also takes the pictures of the guide.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from reading_room import ROOT, Person, Room, axe, running, shot

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow
FILL = f"""
import sys, tempfile, uuid, datetime
sys.path[:0] = [{str(ROOT / "tests")!r}, {str(ROOT / "tests/server")!r}]
from pathlib import Path
from django.utils import timezone
from exams import exam_read
from test_signing import decided
from calcscope.server.exams.models import *
from calcscope.server.followup import chains
from calcscope.server.followup.models import Step
from calcscope.server.people.models import *
from calcscope.server.reading.signing import keep_draft, open_draft, sign
site, rosa, cora = Site.objects.get(), User.objects.get(username="rosa"), User.objects.get(username="cora")
folder, today = Path(tempfile.mkdtemp()), timezone.localdate()
NAMES = "Abel^Berta Cole^Dora Ernst^Frida Gold^Hanna Ives^Jana Klein^Lea Moor^Nora Ott^Paula".split()
for number, name in enumerate(NAMES):
    Woman.objects.create(site=site, patient_id=f"P-{{2000 + number}}", name=name,
                         birth_date=datetime.date(1950 + 3 * number, 1 + number, 7))
KINDS = [("all_terms", 300), ("with_prior", 90), ("all_terms", 20), ("with_prior", 2), ("normal", 1),
         ("all_terms", 1), ("with_prior", 0)]
exams = [exam_read(site, folder / str(number), kind, patient=f"P-{{2000 + number}}",
                   day=today - datetime.timedelta(days=back)) for number, (kind, back) in enumerate(KINDS)]
def signed(exam):
    draft = open_draft(exam, rosa)
    revision = keep_draft(exam, rosa, draft.revision, decided(draft.read(), exam))
    return sign(exam, rosa, revision, 0, uuid.uuid4())
versions = [signed(exam) for exam in exams[:4]]
for late, step in enumerate(Step.objects.filter(chain__exam=exams[0]).exclude(code="routine")):
    Step.objects.filter(pk=step.pk).update(due=today - datetime.timedelta(days=3 + 9 * late))
reach = Step.objects.filter(chain__exam=exams[0], code="short_interval").first()
for _ in range(3):
    chains.attempt(reach, "phone", False, by=cora, note="No answer.")
first = Step.objects.filter(code="biopsy").order_by("-pk").first()
(second,) = chains.write_result(first, "done", by=cora)
exam_read(site, folder / "new", "normal", patient="P-2000", day=today)
Exam.objects.filter(pk=exams[6].pk).update(state="failed")
job = Job.objects.filter(exam=exams[6]).first(); job.reason = "the analysis failed (MemoryError)"; job.save()
waiting = Exam.objects.create(site=site, woman=Woman.objects.last(), study_uid="1.2.3", date=today)
User.objects.create_user("nina", password={"a long enough password"!r})
upload = Upload.objects.create(site=site, by=rosa, files=5, done_at=timezone.now(),
    failures=[{{"source": "half.dcm", "reason": "found half a file; expected a whole one; send it again"}}])
upload.exams.add(exams[6])
proposed = Step.objects.filter(chain__exam=exams[0], events__kind="proposed").first() or reach
print("|".join(map(str, [exams[5].uuid, versions[0].uuid, exams[0].woman.uuid, second.uuid, reach.uuid,
                         upload.uuid, waiting.uuid, proposed.uuid])))
"""


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with running(tmp_path_factory.mktemp("room") / "data", workers=0) as found:
        yield found


PICTURES = {"worklist", "bring", "upload", "woman", "mode", "outcomes", "follow-up"}
"""Of the guide; the others come from the story, whose findings are simulated and not made by hand."""


@pytest.fixture(scope="module")
def pages(room: Room) -> dict[str, str]:
    """Pages with a name for their picture, on a hospital with some weeks of work."""
    given = room.shell(FILL).splitlines()[-1].split("|")
    exam, version, woman, step, unreachable, upload, waiting, proposed = given
    return {
        "worklist": "/exams/",
        "bring": "/exams/bring",
        "upload": f"/exams/uploads/{upload}",
        "woman": f"/exams/women/{woman}",
        "mode": f"/exams/{exam}/mode",
        "read": f"/exams/{exam}/read",
        "not-yet": f"/exams/{waiting}/read",
        "report": f"/exams/versions/{version}",
        "outcomes": "/exams/outcomes",
        "follow-up": "/follow-up/",
        "step": f"/follow-up/steps/{step}",
        "unreachable": f"/follow-up/steps/{unreachable}",
        "proposal": f"/follow-up/steps/{proposed}",
        "step-letter": f"/follow-up/steps/{unreachable}/letter",
        "archive": "/archive/",
        "audit": "/audit/",
    }


def without_fault(page: Page, name: str, picture: bool = False) -> list[str]:
    """Faults of a page, large and on a telephone, where it must not be wider than the screen."""
    found = [f"{name}: {each}" for each in axe(page)]
    page.set_viewport_size({"width": 360, "height": 740})
    found += [f"{name} at 360 px: {each}" for each in axe(page)]
    wide = page.evaluate("document.documentElement.scrollWidth")
    if wide > 360:
        found.append(f"{name}: is {wide} px wide on a screen of 360")
    if picture and name == "follow-up":
        shot(page, "follow-up-small")
    page.set_viewport_size({"width": 1440, "height": 900})
    return found


@pytest.mark.parametrize(
    ("who", "picture", "refused"),
    [
        ("simon", True, {"audit"}),
        ("cora", False, {"mode", "read", "not-yet", "outcomes", "audit"}),
        ("tom", False, {"mode", "read", "not-yet", "report", "outcomes", "audit"}),
        ("ada", False, {"worklist", "bring", "upload", "woman", "mode", "read", "not-yet", "report",
                        "follow-up", "step", "unreachable", "proposal", "step-letter",
                        "archive"}),
    ],
)  # fmt: skip
def test_no_page_of_any_role_has_a_fault(
    who: str, picture: bool, refused: set[str], room: Room, browser: Browser, pages: dict[str, str]
) -> None:
    person = Person(browser, room, who).enter()
    page, faults = person.page, []
    for name, address in pages.items():
        answer = page.goto(address)
        assert answer is not None
        expected = 403 if name in refused else 409 if name == "not-yet" else 200
        assert answer.status == expected, name
        if name == "read" and expected == 200:
            page.wait_for_selector(".finding-card")
            for button in ("Keys", "Sign … "):
                page.get_by_role("button", name=button).click()
                page.get_by_role("dialog").wait_for()
                faults += [f"dialog of {button}: {each}" for each in axe(page)]
                page.keyboard.press("Escape")
        if expected != 403 and name in (PICTURES if picture else {"audit"}):
            shot(page, name)
        faults += without_fault(page, name, picture)
        if expected == 403:
            assert page.get_by_role("heading", name="That is not for you").count() == 1
    assert faults == []
    person.leave()


def test_pages_before_and_beside_a_role_have_no_fault(room: Room, browser: Browser) -> None:
    nina = Person(browser, room, "nina")
    page, faults = nina.page, []
    page.goto("/")
    shot(page, "sign-in")
    faults += without_fault(page, "sign-in")
    page.get_by_role("button", name="Sign in").click()
    nina.password()
    page.get_by_role("heading", name="Welcome").wait_for()
    faults += without_fault(page, "welcome")
    page.goto("/nowhere")
    faults += without_fault(page, "not found")
    simon = Person(browser, room, "simon")
    simon.page.goto("/exams/bring")
    simon.password()
    simon.page.get_by_label("Code").fill("wrong")
    simon.page.get_by_role("button", name="Go on").click()
    simon.page.get_by_text("That code is wrong").wait_for()
    faults += without_fault(simon.page, "code")
    assert faults == []
    nina.leave()
    simon.leave()


CONTROLS = ("a[href]", "button", "input", "select", "textarea", "summary")
FOCUSED = """() => {
  const one = document.activeElement, style = getComputedStyle(one);
  return [one.tagName, [...document.querySelectorAll("*")].indexOf(one),
          style.outlineStyle !== "none" || one.type === "date" || one.type === "file"];
}"""


def test_every_control_is_reached_by_tab_and_is_seen_to_be(
    room: Room, browser: Browser, pages: dict[str, str]
) -> None:
    simon = Person(browser, room, "simon").enter()
    page = simon.page
    for name, address in pages.items():
        if name in ("audit", "read"):  # not for readers; the viewer has tests of its own
            continue
        page.goto(address)
        controls = page.locator(", ".join(f"{each}:visible" for each in CONTROLS))
        expected = controls.evaluate_all("all => all.filter(one => one.type !== 'hidden').length")
        page.evaluate("document.activeElement.blur()")
        reached = set()
        for _ in range(expected + 40):  # date fields have several stops each
            page.keyboard.press("Tab")
            tag, number, seen = page.evaluate(FOCUSED)
            if tag == "BODY":
                break
            assert seen, f"{name}: {tag} has the focus and does not show it"
            reached.add(number)
        assert len(reached) >= expected, f"{name}: {len(reached)} of {expected} controls are reached by Tab"
    simon.leave()


def test_a_result_is_written_down_by_keyboard_alone(
    room: Room, browser: Browser, pages: dict[str, str]
) -> None:
    simon = Person(browser, room, "simon").enter(pages["step"])
    page = simon.page
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # to the content
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "ResultForm_result":
            break
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.type("Written by keyboard.")
    page.keyboard.press("Enter")
    page.get_by_text("The result is kept.").wait_for()
    simon.leave()

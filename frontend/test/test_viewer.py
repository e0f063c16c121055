"""The reading page in a real browser, over the harness: no server, no patient data, no request outside.

.venv/bin/pytest frontend/test -q     # needs the built viewer: make frontend
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).parent))
from harness import CHROMIUM, STATIC, Harness, arbitrated, dicom, drawn_breast, drawn_exam

AXE = Path(__file__).parents[1] / "node_modules/axe-core/axe.min.js"
FAULT = re.compile("Content Security|brings no words")
"""What no page may say to its console."""
READY = """() => { const s = document.querySelector("#viewer").stage;
  const done = p => ["ready", "failed"].includes(s.store.get(p.view.image).state);
  return s && s.panes.length && s.panes.every(done) }"""

pytestmark = pytest.mark.skipif(
    not (STATIC / "viewer/viewer.js").exists() or not Path(CHROMIUM[0]).exists(),
    reason="the viewer is not built (make frontend), or there is no Chromium",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM[0], args=CHROMIUM[1:])
        yield started
        started.close()


@pytest.fixture(scope="module")
def made() -> tuple[dict[str, Any], dict[str, bytes]]:
    return drawn_exam()


@pytest.fixture
def harness(made: tuple[dict[str, Any], dict[str, bytes]]) -> Iterator[Harness]:
    exam, files = made
    with Harness(json.loads(json.dumps(exam)), dict(files)) as it:
        yield it


@pytest.fixture
def page(browser: Browser, harness: Harness) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened = context.new_page()
    faults: list[str] = []
    outside: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda line: faults.append(line.text) if FAULT.search(line.text) else None)
    opened.on("request", lambda r: outside.append(r.url) if "127.0.0.1" not in r.url else None)
    yield opened
    context.close()
    assert faults == []
    assert [url for url in outside if not url.startswith(("blob:", "data:"))] == []


def ready(page: Page, harness: Harness) -> None:
    page.goto(harness.url)
    page.wait_for_function(READY, timeout=30_000)
    drawn(page)


def drawn(page: Page) -> None:
    page.evaluate("document.querySelector('#viewer').stage.drawn()")


def stage(page: Page, what: str) -> Any:
    return page.evaluate(f"(() => {{ const s = document.querySelector('#viewer').stage; return {what} }})()")


def grey(page: Page, pane: int, at: tuple[float, float]) -> int:
    """Brightness on the screen of an image point of a pane."""
    drawn(page)
    x, y = page.evaluate(
        """([k, at]) => { const p = document.querySelector("#viewer").stage.panes[k];
        const [[a,b,c],[d,e,f]] = p.map;
        const box = p.element.getBoundingClientRect();
        return [box.left + a * at[0] + b * at[1] + c, box.top + d * at[0] + e * at[1] + f] }""",
        [pane, list(at)],
    )
    shot = Image.open(io.BytesIO(page.screenshot())).convert("L")
    return int(shot.getpixel((int(x), int(y))))


def test_breasts_hang_back_to_back_at_one_scale(page: Page, harness: Harness) -> None:
    ready(page, harness)
    assert stage(page, "s.panes.map(p => p.view.label)") == ["RCC", "LCC", "RMLO", "LMLO"]
    zooms = stage(page, "s.panes.map(p => p.place.zoom / p.view.pixel_mm)")
    assert max(zooms) - min(zooms) < 1e-9
    walls = stage(
        page,
        """s.panes.map(p => { const [[a,,c]] = p.map;
        const x = p.view.laterality === "R" ? p.view.columns - .5 : -.5;
        return p.element.getBoundingClientRect().left + a * x + c })""",
    )
    assert walls[1] - walls[0] == pytest.approx(2, abs=1)
    assert walls[3] - walls[2] == pytest.approx(2, abs=1)


def test_one_key_steps_through_the_hangings(page: Page, harness: Harness) -> None:
    ready(page, harness)
    seen = []
    for _ in range(stage(page, "s.hangings.length")):
        seen.append(stage(page, "s.panes.map(p => p.name).join(' | ')"))
        page.keyboard.press("Space")
    assert seen[:3] == ["R CC | L CC | R MLO | L MLO", "R CC | R MLO", "L CC | L MLO"]
    assert any("prior 2024-02-20" in each for each in seen)
    assert stage(page, "s.at") == 0
    page.keyboard.press("Shift+Space")
    assert stage(page, "s.at") == len(seen) - 1


def test_the_window_is_applied_as_the_standard_says(page: Page, harness: Harness) -> None:
    """Grey on the screen against PS3.3 C.11.2 worked out from the pixels: linear, sigmoid, table, inverse."""
    views = harness.exam["exams"][0]["views"]
    pixels, _outline = drawn_breast(1024, 832, 3, mirror=False)
    pixels[400:600, 350:480] = 1500
    lut = np.clip(np.arange(4096) // 8, 0, 255).astype("<u2")
    from pydicom.dataset import Dataset

    table = Dataset()
    table.LUTDescriptor, table.LUTData = [4096, 0, 8], lut.tobytes()
    table["LUTDescriptor"].VR, table["LUTData"].VR = "US", "OW"
    cases: list[tuple[dict[str, Any], float]] = [
        ({}, (1500 - 1799.5) / 3199 + 0.5),
        ({"VOILUTFunction": "SIGMOID"}, 1 / (1 + np.exp(-4 * (1500 - 1800) / 3200))),
        ({"WindowCenter": None, "WindowWidth": None, "VOILUTSequence": [table]}, lut[1500] / 255),
        ({"PhotometricInterpretation": "MONOCHROME1"}, 1 - ((1500 - 1799.5) / 3199 + 0.5)),
    ]
    for view, (attributes, _) in zip(views, cases, strict=True):
        harness.files[view["uid"]] = dicom(pixels, "L", "CC", 0.07, **attributes)
    ready(page, harness)
    page.keyboard.press("a")
    for pane, (_, expected) in enumerate(cases):
        assert grey(page, pane, (416, 500)) == pytest.approx(255 * expected, abs=2), f"case {pane}"
    page.keyboard.press("i")
    assert grey(page, 0, (416, 500)) == pytest.approx(255 * (1 - cases[0][1]), abs=2)


def test_an_image_that_fails_says_why_and_the_others_go_on(page: Page, harness: Harness) -> None:
    views = harness.exam["exams"][0]["views"]
    harness.files[views[0]["uid"]] = b"no image at all" * 20
    harness.files[views[1]["uid"]] = harness.files[views[1]["uid"]][:-5000]
    del harness.files[views[2]["uid"]]
    ready(page, harness)
    alerts = page.locator(".pane [role=alert]").all_inner_texts()
    assert len(alerts) == 3
    assert "no DICOM file" in alerts[0]
    assert "cut off" in alerts[1]
    assert "404" in alerts[2]
    assert grey(page, 3, (300, 512)) > 20
    page.get_by_role("button", name="Load again").first.click()
    page.wait_for_function(READY)


def test_the_images_come_back_when_the_graphics_card_was_lost(page: Page, harness: Harness) -> None:
    ready(page, harness)
    before = grey(page, 1, (300, 512))
    page.evaluate(
        """async () => { const gl = document.querySelector(".stage canvas").getContext("webgl2");
        const card = gl.getExtension("WEBGL_lose_context"), wait = ms => new Promise(r => setTimeout(r, ms));
        card.loseContext(); await wait(200); card.restoreContext(); await wait(500); }"""
    )
    assert before > 20
    assert grey(page, 1, (300, 512)) == before


def test_findings_are_marked_and_stepped_to(page: Page, harness: Harness) -> None:
    ready(page, harness)
    assert page.locator(".marks .label.finding").count() == 4
    page.keyboard.press("n")
    drawn(page)
    at = stage(
        page,
        """s.panes.map(p => { const m = p.view.groups[0].outline, [[a,b,c],[d,e,f]] = p.map;
        const x = (m[0][0] + m[2][0]) / 2, y = (m[0][1] + m[2][1]) / 2;
        return [a*x + b*y + c - p.size.width/2, d*x + e*y + f - p.size.height/2, p.view.laterality] })""",
    )
    assert len(at) == 4  # CC and MLO, each with its prior at the same place
    assert stage(page, "s.panes.filter(p => p.exam.current).length") == 2
    for x, y, side in at:
        assert side == "L"
        assert abs(x) < 30
        assert abs(y) < 30
    assert page.locator(".line").inner_text() == "F1, 1 of 2"
    scales = stage(page, "s.panes.map(p => p.place.zoom / p.view.pixel_mm)")
    assert max(scales) == pytest.approx(min(scales))
    page.keyboard.press("a")
    assert page.locator(".marks path.finding").count() == 0
    page.keyboard.press("a")
    before = page.locator(".marks path.calcification").first.get_attribute("d")
    for _ in range(16):
        page.keyboard.press(".")
    drawn(page)
    slider = page.get_by_role("slider", name="Marks from probability")
    assert slider.input_value() == "0.8"
    expect(slider).to_have_accessible_description(re.compile("calibrated on simulation"))
    after = page.locator(".marks path.calcification").first.get_attribute("d")
    assert after is not None
    assert before is not None
    assert after.count("M") < before.count("M")


def test_edits_reach_the_server_and_follow_the_rules(page: Page, harness: Harness) -> None:
    ready(page, harness)
    page.get_by_role("button", name="F1", exact=True).click()
    card = page.get_by_role("article", name="Finding F1")
    card.get_by_label("Typically benign kind").select_option("vascular")
    card.get_by_label("Typically benign kind: vascular in place of –. Why?").fill("along a vessel")
    expect(page.locator(".save")).to_contain_text("Draft saved ", timeout=8000)
    finding = harness.draft["content"]["findings"][0]
    assert finding["typical_kind"] == "vascular"
    assert finding["decision"] == "accepted"
    assert (finding["category"], finding["next_step"], finding["due_days"]) == ("2", "routine", 365)
    assert finding["sentence"] == "9 calcifications, vascular, L."
    assert finding["edits"] == [
        {"field": "typical_kind", "was": "", "is": "vascular", "reason": "along a vessel"}
    ]
    assert harness.draft["content"]["assessment"]["left"] == "2"
    page.keyboard.press("Escape")
    page.locator(".pane").first.focus()
    page.keyboard.press("c")
    expect(page.locator(".line")).to_have_text("Paragraph of F1 copied.")
    assert page.evaluate("navigator.clipboard.readText()") == finding["sentence"]


def test_what_is_changed_back_is_as_the_rules_have_it(page: Page, harness: Harness) -> None:
    ready(page, harness)
    page.get_by_role("button", name="F1", exact=True).click()
    card = page.get_by_role("article", name="Finding F1")
    kind, paragraph = card.get_by_label("Typically benign kind", exact=True), card.get_by_label("Paragraph")
    kind.select_option("vascular")
    expect(paragraph).to_have_value(re.compile("vascular"))
    kind.select_option("")
    expect(paragraph).not_to_have_value(re.compile("vascular"))
    finding = kept(page, harness, "F1")
    assert (finding["edits"], finding["category"], finding["next_step"]) == ([], "0", "magnification_views")
    assert "vascular" not in finding["sentence"]


def test_drawing_splitting_and_merging_by_keyboard(page: Page, harness: Harness) -> None:
    ready(page, harness)
    page.keyboard.press("5")  # the left CC alone
    page.locator(".pane").focus()
    page.keyboard.press("e")
    for keys in (
        "ArrowUp ArrowUp ArrowUp Space",
        "ArrowRight ArrowRight ArrowRight Space",
        "ArrowDown ArrowDown ArrowDown Space",
    ):
        for key in keys.split():
            page.keyboard.press(key)
    page.keyboard.press("Enter")
    expect(page.locator(".finding-card")).to_have_count(3)
    expect(page.locator(".line")).to_contain_text("F3 added")
    page.locator("#F3-merge").select_option("F1")
    page.get_by_role("button", name="Merge", exact=True).locator("visible=true").click()
    expect(page.locator(".finding-card")).to_have_count(2)
    expect(page.locator(".save")).to_contain_text("Draft saved ", timeout=8000)
    assert [f["id"] for f in harness.draft["content"]["findings"]] == ["F2", "F3"]
    merged = harness.draft["content"]["findings"][1]
    assert len(merged["members"]) == 2
    x = sorted(c["x"] for c in harness.exam["exams"][0]["views"][1]["calcifications"])
    middle = (x[4] + x[3]) / 2
    page.locator(".pane").focus()
    page.keyboard.press("s")
    corners = page.evaluate(
        """m => { const p = document.querySelector('#viewer').stage.panes[0], [[a,,c],[,e,f]] = p.map;
        const b = p.element.getBoundingClientRect();
        return [[0,0],[m,0],[m,1000],[0,1000]].map(([x,y]) => [Math.max(b.left + a*x + c, b.left + 2),
          Math.min(Math.max(b.top + e*y + f, b.top + 2), b.bottom - 2)]) }""",
        middle,
    )
    for x_at, y_at in corners:
        page.mouse.click(x_at, y_at)
    page.keyboard.press("Enter")
    expect(page.locator(".finding-card")).to_have_count(3)
    expect(page.locator(".line")).to_contain_text("split off")


def test_a_drawn_finding_takes_the_place_that_its_view_tells_unless_she_chooses_another(
    page: Page, harness: Harness
) -> None:
    ready(page, harness)
    page.keyboard.press("5")
    page.locator(".pane").focus()
    page.keyboard.press("e")
    for key in ("Space", *["ArrowRight"] * 4, "Space", *["ArrowDown"] * 4, "Space", "Enter"):
        page.keyboard.press(key)
    card = page.get_by_role("article", name="Finding F3")
    half = card.get_by_label("Half", exact=True)
    expect(half).to_have_value("outer")
    expect(card.locator(".summary")).to_contain_text("Left outer")
    assert kept(page, harness, "F3")["edits"] == []
    half.select_option("inner")
    card.get_by_label("Number", exact=True).fill("7")
    page.keyboard.press("Tab")
    finding = kept(page, harness, "F3")
    assert (finding["count"], finding["location"]["half"], finding["location"]["depth"]) == (
        7, "inner", "middle",
    )  # fmt: skip


def test_another_ones_changes_are_merged_or_shown(page: Page, harness: Harness) -> None:
    ready(page, harness)
    other = json.loads(json.dumps(harness.draft["content"]))
    other["findings"][1]["morphology"] = "round"
    other["findings"][0]["decision"] = "rejected"
    harness.draft = {"revision": 7, "content": other}
    page.get_by_label("Decision on F1").get_by_role("button", name="Accept").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Dr. Other changed this draft meanwhile", timeout=8000)
    expect(dialog).to_contain_text("accepted")
    expect(dialog).to_contain_text("rejected")
    dialog.get_by_role("button", name="Take these").click()
    expect(page.locator(".save")).to_contain_text("Draft saved ", timeout=8000)
    kept = harness.draft["content"]["findings"]
    assert (kept[0]["decision"], kept[1]["morphology"]) == ("accepted", "round")


def test_a_signed_exam_keeps_what_was_typed_in_sight(page: Page, harness: Harness) -> None:
    ready(page, harness)
    harness.signed_by = "Dr. Other"
    page.get_by_label("Comment").fill("Typed while another signed.")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Dr. Other has signed this exam meanwhile", timeout=8000)
    dialog.get_by_role("button", name="Close").click()
    assert page.get_by_label("Comment").input_value() == "Typed while another signed."


def test_work_outlives_the_session(page: Page, harness: Harness) -> None:
    ready(page, harness)
    harness.signed_in = False
    page.get_by_label("Comment").fill("Seen before the session ended.")
    expect(page.get_by_text("You are signed out.")).to_be_visible(timeout=8000)
    assert harness.draft["content"]["comment"] == ""
    assert page.evaluate("JSON.stringify([localStorage, sessionStorage])") == "[{},{}]"
    harness.signed_in, harness.token = True, "token-2"  # as after signing in again elsewhere
    page.get_by_role("button", name="Go on").click()
    expect(page.locator(".save")).to_contain_text("Draft saved ", timeout=8000)
    assert harness.draft["content"]["comment"] == "Seen before the session ended."


def test_a_silent_server_is_asked_again(page: Page, harness: Harness) -> None:
    ready(page, harness)
    harness.faults = [503]
    page.get_by_label("Comment").fill("Once more.")
    expect(page.get_by_text("The server does not answer.")).to_be_visible(timeout=8000)
    expect(page.locator(".save")).to_contain_text("Draft saved ", timeout=10_000)
    assert harness.draft["content"]["comment"] == "Once more."


def test_signing_asks_once_and_signs_once(page: Page, harness: Harness) -> None:
    ready(page, harness)
    page.locator(".sign").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Not ready to sign")
    dialog.get_by_role("button", name="Accept all").click()
    expect(dialog).to_contain_text("Sign this report?")
    dialog.get_by_role("button", name="Sign").dblclick()
    page.wait_for_url("**/signed", timeout=10_000)
    assert len(harness.signatures) == 1
    assert harness.signatures[0]["revision"] == harness.draft["revision"]
    assert {f["decision"] for f in harness.draft["content"]["findings"]} == {"accepted"}


def test_an_exam_of_another_name_says_so_beside_the_images_and_before_the_signature(
    page: Page, harness: Harness
) -> None:
    asked = "The images state another name (Muster, Berta): find out whose they are."
    harness.exam["doubt"] = {"text": asked, "names": ["Muster^Berta"], "page": "woman", "to_page": "Her page"}
    ready(page, harness)
    assert page.get_by_role("note").count() == 1
    note = page.locator(".panel header").get_by_role("note")
    expect(note).to_contain_text(asked)
    assert note.get_by_role("link", name="Her page").get_attribute("href") == "woman"
    page.get_by_label("Comment").scroll_into_view_if_needed()
    expect(note).to_be_in_viewport()
    page.locator(".sign").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Accept all").click()
    expect(dialog.get_by_role("note")).to_have_text(asked)
    dialog.get_by_role("button", name="Sign").click()
    page.wait_for_url("**/signed", timeout=10_000)
    assert harness.signatures[0]["names"] == ["Muster^Berta"]


def test_earlier_exams_that_may_be_another_womans_are_named(page: Page, harness: Harness) -> None:
    said = "The exam of 2022-01-08 is not shown and not compared. The images state another name."
    harness.exam["not_compared"] = [said]
    ready(page, harness)
    expect(page.locator(".panel").get_by_role("note")).to_have_text(said)


def test_keys_belong_to_the_images_after_a_click(page: Page, harness: Harness) -> None:
    ready(page, harness)
    accept = page.get_by_label("Decision on F1").get_by_role("button", name="Accept")
    accept.click()
    page.keyboard.press("Space")
    assert stage(page, "s.at") == 1
    expect(accept).to_have_attribute("aria-pressed", "true")
    accept.focus()
    page.keyboard.press("Space")
    expect(accept).to_have_attribute("aria-pressed", "false")
    page.get_by_label("Decision on F2").get_by_role("button", name="Reject").click()
    page.keyboard.type("a fold of the skin")
    expect(page.locator(".save")).to_contain_text("Draft saved ", timeout=8000)
    assert harness.draft["content"]["findings"][1]["reason"] == "a fold of the skin"


def test_measuring_in_mm(page: Page, harness: Harness) -> None:
    ready(page, harness)
    page.keyboard.press("5")
    drawn(page)
    page.keyboard.press("d")
    mm = stage(page, "100 / s.panes[0].place.zoom * s.panes[0].view.pixel_mm")
    page.mouse.click(300, 400)
    page.mouse.click(400, 400)
    drawn(page)
    assert page.locator(".marks .measured").text_content() == f"{mm:.1f} mm"


def test_a_reason_is_kept_for_any_change(page: Page, harness: Harness) -> None:
    ready(page, harness)
    page.get_by_role("button", name="F1", exact=True).click()
    card = page.get_by_role("article", name="Finding F1")
    card.get_by_label("Morphology", exact=True).select_option("round")
    card.get_by_label("Clock").fill("4")
    card.get_by_label(re.compile("^Morphology: round in place of .*may be left out")).fill("alike and smooth")
    card.get_by_label("Category", exact=True).select_option("3")
    why = card.get_by_label(re.compile("^Category: 3 in place of 0"))
    assert why.evaluate("field => field.required")
    why.fill("worked up")
    finding = kept(page, harness, "F1")
    assert (finding["next_step"], finding["due_days"]) == ("short_interval", 183)
    assert any(each["code"] == "short_interval" for each in harness.draft["content"]["next_steps"])
    edits = {each["field"]: each["reason"] for each in finding["edits"]}
    assert edits == {"morphology": "alike and smooth", "location.clock": "", "category": "worked up"}


def test_the_magnifier_shows_every_pixel_of_the_image(page: Page, harness: Harness) -> None:
    ready(page, harness)
    page.keyboard.press("a")
    speck = harness.exam["exams"][0]["views"][1]["calcifications"][0]

    def bright() -> int:
        drawn(page)
        x, y = page.evaluate(
            """at => { const p = document.querySelector("#viewer").stage.panes[1], [[a,,c],[,e,f]] = p.map;
            const box = p.element.getBoundingClientRect();
            return [box.left + a * at[0] + c, box.top + e * at[1] + f] }""",
            [speck["x"], speck["y"]],
        )
        page.mouse.move(x + 1, y)
        page.mouse.move(x, y)
        drawn(page)
        shot = (
            Image.open(io.BytesIO(page.screenshot()))
            .convert("L")
            .crop((round(x) - 4, round(y) - 4, round(x) + 5, round(y) + 5))
        )
        return int((np.asarray(shot) > 215).sum())

    small = bright()
    page.keyboard.press("m")
    assert stage(page, "s.panes[1].place.zoom") < 0.5
    assert bright() >= max(10, 2 * small)  # a disc of 15 pixels


def test_a_key_goes_round_the_four_quarters(page: Page, harness: Harness) -> None:
    ready(page, harness)
    page.keyboard.press("5")
    whole = stage(page, "[s.panes[0].place.x, s.panes[0].place.y, s.panes[0].place.zoom]")
    seen = []
    for number in range(1, 5):
        page.keyboard.press("q")
        assert page.locator(".line").inner_text() == f"Quarter {number} of 4"
        x, y, zoom = stage(page, "[s.panes[0].place.x, s.panes[0].place.y, s.panes[0].place.zoom]")
        assert zoom > 1.5 * whole[2]
        seen.append((x > whole[0], y > whole[1]))
    assert len(set(seen)) == 4
    page.keyboard.press("q")
    x, y, _zoom = stage(page, "[s.panes[0].place.x, s.panes[0].place.y, s.panes[0].place.zoom]")
    assert [x, y] == pytest.approx(whole[:2], abs=2)


def test_slices_of_a_tomosynthesis_scroll(browser: Browser) -> None:
    with Harness(*drawn_exam(tomosynthesis=True)) as harness:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        ready(page, harness)
        page.keyboard.press("7")
        page.locator(".pane").focus()
        dark = [grey(page, 0, (300, 300))]
        assert "slice 4 of 7" in page.locator(".pane-facts").inner_text()
        for _ in range(3):
            page.keyboard.press("PageDown")
        dark.append(grey(page, 0, (300, 300)))
        assert "slice 7 of 7" in page.locator(".pane-facts").inner_text()
        assert dark[1] > dark[0] + 8
        # The wheel scrolls, one slice a notch; with Ctrl it enlarges, as in a single image.
        page.mouse.move(600, 450)
        for _ in range(5):
            page.mouse.wheel(0, -100)
        expect(page.locator(".pane-facts")).to_contain_text("slice 2 of 7")
        assert (
            page.locator(".marks path.calcification").count() == 1
        )  # of the slice in the middle, still near
        zoom = stage(page, "s.panes[0].place.zoom")
        page.keyboard.down("Control")
        page.mouse.wheel(0, -100)
        page.keyboard.up("Control")
        expect(page.locator(".pane-facts")).to_contain_text("slice 2 of 7")
        assert stage(page, "s.panes[0].place.zoom") > zoom
        page.keyboard.press("PageUp")
        expect(page.locator(".pane-facts")).to_contain_text("slice 1 of 7")
        assert page.locator(".marks path.calcification").count() == 0
        page.get_by_role("slider", name="Slice").focus()
        page.keyboard.press("End")
        expect(page.locator(".pane-facts")).to_contain_text("slice 7 of 7")
        page.close()


def test_the_prior_blinks_in_the_place_of_the_current_view(page: Page, harness: Harness) -> None:
    ready(page, harness)
    page.wait_for_function(
        """() => { const s = document.querySelector("#viewer").stage;
        return s.page.exams[1].views.every(v => s.store.picture(v.image)) }"""
    )
    page.keyboard.press("b")
    drawn(page)
    assert page.locator(".pane.blinking").count() == 4
    assert page.locator(".pane-title").first.inner_text() == "PRIOR R CC 2024-02-20"
    page.keyboard.press("b")
    drawn(page)
    assert page.locator(".pane.blinking").count() == 0


def test_a_prior_that_no_finding_registered_blinks_by_chest_wall_and_nipple(
    page: Page, harness: Harness
) -> None:
    harness.exam["maps"] = []
    for finding in harness.draft["content"]["findings"]:
        finding["change"] = None
    ready(page, harness)
    page.keyboard.press("b")
    drawn(page)
    titles = page.locator(".pane.blinking .pane-title").all_inner_texts()
    assert len(titles) == 4
    assert titles[0] == "PRIOR R CC 2024-02-20 · by chest wall and nipple, not registered"


def kept(page: Page, harness: Harness, what: str) -> Any:
    """A part of the draft, once the page has saved it."""
    expect(page.locator(".save")).to_have_text(re.compile("Draft saved"), timeout=10_000)
    return {each["id"]: each for each in harness.draft["content"]["findings"]}.get(what)


def test_a_third_reader_sees_both_readings_and_takes_over_what_is_right(page: Page, harness: Harness) -> None:
    harness.exam = arbitrated(harness.exam)
    ready(page, harness)
    pairs = page.locator(".pair")
    assert pairs.count() == 3
    assert page.locator(".pair.differs").count() == 3
    told = [pairs.nth(k).locator(".head .tag").inner_text() for k in range(3)]
    assert told == [
        "differs: Category, Next step, Due in days, Typically benign kind",
        "differs: one rejects it",
        "differs: only one has it",
    ]
    # Both are marked, in two styles, beside the draft's own marks; what a reader rejected is not.
    marks = {
        kind: page.locator(f".marks path.{kind}:not(.halo)").count() for kind in ("reading-1", "reading-2")
    }
    assert marks == {"reading-1": 4, "reading-2": 3}
    dashes = [
        page.evaluate(
            "k => getComputedStyle(document.querySelector(k)).strokeDasharray",
            f".marks path.{kind}:not(.halo)",
        )
        for kind in marks
    ]
    assert len(set(dashes)) == 2

    page.get_by_role("button", name="Take over this one: F1 of Dr. One").click()
    one = kept(page, harness, "F1")
    assert (one["category"], one["decision"], one["edits"][0]["reason"]) == (
        "2",
        "accepted",
        "parallel tracks",
    )
    page.get_by_role("button", name="Take over this one: F2 of Dr. Two").focus()
    page.keyboard.press("Enter")
    assert kept(page, harness, "F2")["decision"] == "rejected"
    page.get_by_role("button", name="Take over this one: F3 of Dr. Two").click()
    page.get_by_role("button", name="Take over this one: F3 of Dr. Two").click()
    page.get_by_label("Comment", exact=True).fill("Compared with 2024.")
    page.get_by_role("button", name="Take over the comment of Dr. One").click()
    assert page.get_by_label("Comment", exact=True).input_value() == "Compared with 2024.\nStable."
    kept(page, harness, "F3")
    assert [each["id"] for each in harness.draft["content"]["findings"]] == ["F1", "F2", "F3"]
    page.locator(".sign").click()
    page.get_by_role("dialog").get_by_role("button", name="Sign").click()
    page.wait_for_url("**/signed")
    assert harness.draft["content"]["assessment"] == {"left": "2", "right": "0", "overall": "0"}


def test_without_both_readings_the_page_says_nothing_of_them(page: Page, harness: Harness) -> None:
    ready(page, harness)
    assert page.get_by_text("The two readings").count() == 0
    assert page.locator(".marks path.reading-1, .marks path.reading-2").count() == 0
    assert page.get_by_text("Only in an earlier exam").count() == 0


def test_what_only_an_earlier_exam_shows_is_listed_and_shown_there(page: Page, harness: Harness) -> None:
    harness.exam = arbitrated(harness.exam)
    (gone,) = harness.exam["earlier_findings"]
    ready(page, harness)
    assert "6 found in February 2024, none now." in page.locator(".earlier-findings").inner_text()
    page.get_by_role("button", name="E1: show it in the exam of 2024-02-20").click()
    page.wait_for_function(READY)
    drawn(page)
    assert stage(page, "s.panes.map(p => [p.view.label, p.exam.current])") == [["RCC", False], ["RCC", True]]
    place = gone["places"][0]
    before, now = stage(page, "s.panes.map(p => [p.place.x, p.place.y, p.place.zoom])")
    assert before[:2] == pytest.approx([place["x"], place["y"]], abs=1)
    assert [now[0] + 3, now[1] - 4] == pytest.approx(before[:2], abs=1)
    assert now[2] == pytest.approx(before[2])
    assert page.locator(".marks path.gone:not(.halo)").count() == 2


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed (npm install in frontend/)")
def test_no_fault_of_wcag_22_aa(browser: Browser, harness: Harness) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, bypass_csp=True)
    page = context.new_page()
    ready(page, harness)

    def faults() -> list[str]:
        page.evaluate(AXE.read_text())
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
        found = page.evaluate("tags => axe.run(document, { runOnly: tags })", tags)
        return [f"{v['id']}: {v['nodes'][0]['html'][:160]}" for v in found["violations"]]

    assert faults() == []
    harness.exam = arbitrated(harness.exam)
    harness.exam["doubt"] = {"text": "Another name.", "names": [], "page": "woman", "to_page": "Her page"}
    harness.exam["not_compared"] = ["Another one."]
    ready(page, harness)
    assert faults() == []
    page.keyboard.press("n")
    page.locator("summary").first.click()
    page.get_by_label("Decision on F2").get_by_role("button", name="Reject").click()
    page.get_by_label("Category", exact=True).first.select_option("2")
    assert faults() == []
    page.locator(".pane").first.focus()
    page.keyboard.press("?")
    assert faults() == []
    page.keyboard.press("Escape")
    page.locator(".sign").click()
    assert faults() == []
    context.close()

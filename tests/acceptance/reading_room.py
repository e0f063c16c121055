"""The reading room as a hospital runs it: ``calcscope serve`` in its own process, and people at browsers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hospital_network import free_port, wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

ROOT = Path(__file__).parents[2]
VIEWER = ROOT / "src/calcscope/server/static/viewer/viewer.js"
AXE = ROOT / "frontend/node_modules/axe-core/axe.min.js"
PASSWORD = "a long enough password"
KEY = "3132333435363738393031323334353637383930"
"""Of every authenticator but the first radiologist's own, hexadecimal (RFC 6238's example)."""
BACKUP_CODE = "abcdefgh"
PEOPLE = {
    "rosa": ("Rosa", "Reader", "radiologist"),
    "simon": ("Simon", "Second", "radiologist"),
    "cora": ("Cora", "Coordinator", "coordinator"),
    "tom": ("Tom", "Technologist", "technologist"),
    "ada": ("Ada", "Administrator", "administrator"),
}
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
CHROMIUM_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
"""For a machine without a screen and without a graphics card."""
ACCOUNTS = f"""
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice
from calcscope.server.people.models import Membership, Site, User
north = Site.objects.create(code="north", name="North Hospital", phone="+1 555 0100",
                            email="breast@north.example.org", address="1 North Street")
for name, (given, family, role) in {PEOPLE!r}.items():
    user = User.objects.create_user(name, password={PASSWORD!r}, first_name=given, last_name=family)
    Membership.objects.create(user=user, site=north, role=role)
    if name != "rosa":
        TOTPDevice.objects.create(user=user, name="authenticator", key={KEY!r}, confirmed=True)
        backup = StaticDevice.objects.create(user=user, name="backup", confirmed=True)
        StaticToken.objects.bulk_create(
            StaticToken(device=backup, token=f"{BACKUP_CODE}{{n}}") for n in range(40))
from calcscope.server.languages import available
from calcscope.server.patients.approvals import approve
from calcscope.server.patients.passages import load
for language in available():
    shas = {{each.id: each.sha256 for each in load(language)}}
    approve(north, language, shas, User.objects.get(username="rosa"))
"""


def needed(path: Path, how: str) -> Path:
    """A file that the tests need; the test is skipped where it is missing, and fails for it on CI."""
    if not path.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{path.name} is missing; {how}")
        pytest.skip(f"{path.name} is not here ({how})")
    return path


class Room:
    """A server with its own data folder, and people's accounts."""

    def __init__(self, data: Path, database_url: str = "", workers: int = 1) -> None:
        self.data, self.workers = data, workers
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("CALCSCOPE_")},
            "CALCSCOPE_DATA": str(data), "CALCSCOPE_EMAIL_URL": f"file:{data / 'mail'}",
            "OMP_NUM_THREADS": "1", "DJANGO_SETTINGS_MODULE": "calcscope.server.settings",
        }  # fmt: skip
        if database_url:
            self.environment["CALCSCOPE_DATABASE_URL"] = database_url
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = data.parent / f"{data.name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """``calcscope manage`` to its end."""
        command = [sys.executable, "-m", "calcscope.cli", "manage", *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120)

    def shell(self, code: str) -> str:
        """Run code in the server's own Python; what it printed."""
        done = self.manage("shell", "-v", "0", "-c", code)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [sys.executable, "-m", "calcscope.cli", "serve", "--port", str(self.port),
                   "--workers", str(self.workers)]  # fmt: skip
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        wait_for(self.well, 120, "the server")

    def well(self) -> bool:
        """Whether it answers."""
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=20) as answer:
                return bool(json.load(answer)["database"])
        except urllib.error.HTTPError as error:
            return bool(json.load(error)["database"])
        except OSError:
            return False

    def stop(self) -> None:
        """Stop it as systemd does."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)

    def readers(self) -> list[int]:
        """Processes that read exams."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(each) for path in children for each in path.read_text().split()]


@contextmanager
def running(data: Path, database_url: str = "", workers: int = 1) -> Iterator[Room]:
    """A server with accounts, stopped at the end."""
    needed(VIEWER, "make frontend")
    data.mkdir(mode=0o700)
    room = Room(data, database_url, workers)
    migrated = room.manage("migrate", "-v", "0")
    assert migrated.returncode == 0, migrated.stderr
    room.shell(ACCOUNTS)
    try:
        room.start()
        yield room
    finally:
        room.stop()


@contextmanager
def postgresql() -> Iterator[str]:
    """A PostgreSQL of its own on the loopback address; the address of an empty database.

    Skipped where PostgreSQL is not installed; on CI that is a fault.
    """
    folders = [str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    path = os.pathsep.join([*folders, os.environ.get("PATH", "")])
    initdb, server, createdb = (shutil.which(name, path=path) for name in ("initdb", "postgres", "createdb"))
    if not (initdb and server and createdb):
        needed(Path("/usr/lib/postgresql"), "make system-packages")
        pytest.fail("PostgreSQL is there, but initdb, postgres or createdb is missing")
    # PostgreSQL refuses to run as root; its own folder, then, for a user without rights.
    user = "nobody" if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="calcscope-postgresql-"))
    if user:
        shutil.chown(folder, user)
    given: dict[str, Any] = {"user": user, "cwd": folder, "stdout": subprocess.DEVNULL}
    data, port = folder / "data", free_port()
    process = None
    try:
        initialise = [initdb, "-D", data, "-U", "calcscope", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(initialise, check=True, timeout=120, **given)
        serve = [server, "-D", data, "-p", str(port), "-k", folder, "-h", "127.0.0.1", "-F"]
        process = subprocess.Popen(serve, stderr=subprocess.DEVNULL, **given)
        create = [createdb, "-h", "127.0.0.1", "-p", str(port), "-U", "calcscope", "calcscope"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        wait_for(lambda: subprocess.run(create, timeout=60, **quiet).returncode == 0, 60, "PostgreSQL")
        yield f"postgresql://calcscope@127.0.0.1:{port}/calcscope"
    finally:
        if process is not None:
            process.terminate()
            process.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    sync_api = pytest.importorskip("playwright.sync_api")
    needed(Path(CHROMIUM), "make system-packages")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


class Person:
    """Somebody at a browser."""

    used = 0
    """Backup codes: each works once."""

    def __init__(self, browser: Browser, room: Room, name: str, **context: Any) -> None:
        given: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}, **context}
        self.room, self.name = room, name
        self.context: BrowserContext = browser.new_context(base_url=room.url, **given)
        self.context.set_default_timeout(30_000)
        self.page: Page = self.context.new_page()
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", self._stays_here)

    def _stays_here(self, request: Any) -> None:
        if not request.url.startswith((self.room.url, "data:", "blob:")):
            self.faults.append(f"asked for {request.url}")

    def enter(self, at: str = "/") -> Person:
        """Sign in with the password and a backup code."""
        self.page.goto(at)
        self.password()
        self.page.get_by_label("Code").fill(f"{BACKUP_CODE}{Person.used}")
        Person.used += 1
        self.page.get_by_role("button", name="Go on").click()
        self.page.get_by_role("button", name="Sign out").wait_for()
        return self

    def password(self, page: Page | None = None, given: str = PASSWORD) -> None:
        """Fill in the first form."""
        page = page or self.page
        page.get_by_label("Username").fill(self.name)
        page.get_by_label("Password").fill(given)
        page.get_by_role("button", name="Sign in").click()

    def leave(self) -> None:
        """Close the browser; nothing may have gone wrong in its pages."""
        self.context.close()
        assert self.faults == []


def axe(page: Page) -> list[str]:
    """What axe-core finds against WCAG 2.2, levels A and AA, a line each; empty where nothing."""
    page.evaluate(needed(AXE, "make frontend").read_text())
    found = page.evaluate(
        """() => axe.run(document, {runOnly: {type: "tag", values:
           ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
           rules: {"target-size": {enabled: true}}})"""
    )
    return [
        f"{each['id']}: {each['help']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


def faults_of(page: Page, name: str, large: int = 1440) -> list[str]:
    """Faults of a page on a telephone and on a screen ``large`` pixels wide; its width is as before then.

    It must not be wider than the telephone's screen.
    """
    before = page.viewport_size
    page.set_viewport_size({"width": 360, "height": 740})
    found = [f"{name} at 360 px: {each}" for each in axe(page)]
    wide = page.evaluate("document.documentElement.scrollWidth")
    if wide > 360:
        found.append(f"{name}: is {wide} px wide on a screen of 360")
    page.set_viewport_size({"width": large, "height": 900})
    found += [f"{name}: {each}" for each in axe(page)]
    if before is not None:
        page.set_viewport_size(before)
    return found


def tab_to(page: Page, wanted: str, what: str = "id", most: int = 30) -> None:
    """Press Tab until what has the focus is the one wanted, by its id or another property."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate(f"document.activeElement.{what}") == wanted:
            return
    raise AssertionError(f"{wanted} is not reached by {most} steps of Tab")


CONTROLS = ("a[href]", "button", "input", "select", "textarea", "summary")
FOCUSED = """() => {
  const one = document.activeElement, style = getComputedStyle(one);
  return [one.tagName, [...document.querySelectorAll("*")].indexOf(one),
          style.outlineStyle !== "none" || ["date", "time", "file"].includes(one.type)];
}"""


def reached_by_tab(page: Page, name: str, spare: int) -> None:
    """Each control of a page is reached by Tab from its beginning, and is seen to have the focus.

    ``spare``: steps beyond one a control, since date fields have several stops each.
    """
    controls = page.locator(", ".join(f"{each}:visible" for each in CONTROLS))
    expected = controls.evaluate_all("all => all.filter(one => one.type !== 'hidden').length")
    # From the beginning, also where the page puts the focus into its first field.
    page.evaluate("document.body.tabIndex = -1; document.body.focus()")
    reached = set()
    for _ in range(expected + spare):
        page.keyboard.press("Tab")
        tag, number, seen = page.evaluate(FOCUSED)
        if tag == "BODY":
            break
        assert seen, f"{name}: {tag} has the focus and does not show it"
        reached.add(number)
    assert len(reached) >= expected, f"{name}: {len(reached)} of {expected} controls are reached by Tab"


def simulated_pair(folder: Path, days: tuple[date, date], name: str = "Sample^Anna") -> tuple[Path, Path]:
    """An exam of a woman who does not exist and an earlier one, in which there were fewer calcifications.

    Two views of 0.1 mm a pixel each: what a test can afford. Dates are set to those given, earlier first.
    """
    import pydicom

    made = folder / "made"
    command = [
        sys.executable, "-m", "calcscope.cli", "phantom", "--out", made, "--views", "LCC,LMLO", "--lesion",
        "round:grouped:L", "--clear", "--prior", "more", "--years", "1", "--pixel-mm", "0.1", "--density",
        "b", "--mimic", "none", "--seed", "8010",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    exams = []
    for kind, day in zip(("exam-008010-prior", "exam-008010"), days, strict=True):
        target = folder / kind
        target.mkdir()
        for path in sorted((made / kind).glob("*.dcm")):
            dataset = pydicom.dcmread(path)
            dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = name, "P-1001", "19640509"
            for field in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
                setattr(dataset, field, day.strftime("%Y%m%d"))
            dataset.save_as(target / path.name)
        exams.append(target)
    shutil.rmtree(made)
    return exams[0], exams[1]


def settled(page: Page, milliseconds: int = 600) -> None:
    """Wait until the viewer has drawn and the draft is saved."""
    page.wait_for_selector(".save[data-state=saved]")
    time.sleep(milliseconds / 1000)


LONG = ("audit", "passages", "what-she-is-told")
"""Pages of which a picture shows the beginning."""


def shot(page: Page, name: str) -> None:
    """A picture of the whole page for the guide, where CALCSCOPE_SCREENSHOTS names a folder to put it in.

    Of 256 colours, or as JPEG where it shows mammograms, whose grain takes much room.
    """
    folder = os.environ.get("CALCSCOPE_SCREENSHOTS")
    if not folder:
        return
    from PIL import Image

    path = Path(folder) / f"{name}.png"
    page.screenshot(path=path, full_page=name not in LONG)
    picture = Image.open(path).convert("RGB")
    if path.stat().st_size > 500_000:
        path.unlink()
        picture.save(path.with_suffix(".jpg"), quality=85)
    else:
        picture.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)

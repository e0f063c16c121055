"""Simulated users at the reading room: how long pages take while many work at once.

    python benchmarks/load.py --users 50 --seconds 300
    CALCSCOPE_DATABASE_URL=postgresql://… python benchmarks/load.py

Starts ``calcscope serve`` with a data folder of its own and fills it with a hospital: women, exams with
hand-made reports, signed reports and their follow-up. Each user has signed in, then asks for pages as people
do: readers the worklist, exams and drafts; coordinators follow-up and steps; with a pause of one to six
seconds between. Prints how many requests of each kind there were and their median, 95th percentile and
longest; exit code 1 when a 95th percentile is over the limit or an answer was wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import defaultdict
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests/acceptance"), str(ROOT / "tests")]

from reading_room import Room  # noqa: E402

FILL = """
import sys, tempfile, uuid, datetime, json, random
sys.path[:0] = [TESTS, TESTS + "/server"]
from importlib import import_module
from pathlib import Path
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice
from exams import exam_read
from test_signing import decided
from calcscope.server.exams.models import *
from calcscope.server.followup import chains
from calcscope.server.followup.models import Step
from calcscope.server.people.models import *
from calcscope.server.reading.models import Version
from calcscope.server.reading.signing import keep_draft, open_draft, sign
site = Site.objects.create(code="north", name="North Hospital")
store = import_module(settings.SESSION_ENGINE).SessionStore
def user(name, role):
    made = User.objects.create(username=name, first_name=name)
    Membership.objects.create(user=made, site=site, role=role)
    device = TOTPDevice.objects.create(user=made, confirmed=True, name="x")
    session = store()
    session[SESSION_KEY], session[HASH_SESSION_KEY] = str(made.pk), made.get_session_auth_hash()
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session["otp_device_id"] = device.persistent_id
    session.create()
    return made, session.session_key
people = [(role, *user(f"{role}-{n}", role)) for role, count in
          (("radiologist", RADIOLOGISTS), ("coordinator", COORDINATORS)) for n in range(count)]
rosa, today, folder = people[0][1], timezone.localdate(), Path(tempfile.mkdtemp())
first = [exam_read(site, folder / kind, kind, patient=kind) for kind in ("all_terms", "with_prior", "normal")]
Woman.objects.bulk_create(
    Woman(site=site, patient_id=f"P-{n:05d}", name=f"Sample^{n:05d}") for n in range(WOMEN))
women = list(Woman.objects.filter(patient_id__startswith="P-"))
Exam.objects.bulk_create(Exam(
    site=site, woman=woman, study_uid=f"1.2.{n}", date=today - datetime.timedelta(days=n % 700),
    state="signed" if n % 10 else "unread", category=random.choice("0122"), urgency=random.randrange(90))
    for n, woman in enumerate(women))
chained = []
for exam in Exam.objects.filter(woman__in=women[:WOMEN // 10]):
    chain = chains.Chain.objects.create(
        site=site, woman=exam.woman, exam=exam, code="short_interval", category="3")
    chained.append(chains._open(chain, "short_interval",
                                today + datetime.timedelta(days=random.randrange(-30, 300)), None))
draft = open_draft(first[1], rosa)
version = sign(first[1], rosa, keep_draft(first[1], rosa, draft.revision, decided(draft.read(), first[1])), 0,
               uuid.uuid4())
print(json.dumps({
    "people": [[role, key] for role, _user, key in people], "read": f"/exams/{first[0].uuid}/read",
    "version": f"/exams/versions/{version.uuid}",
    "women": [f"/exams/women/{w.uuid}" for w in women[:200]],
    "steps": [f"/follow-up/steps/{s.uuid}" for s in chained[:200]]}))
"""
PAUSE_S = (1.0, 6.0)


class User(threading.Thread):
    """Somebody at a browser that keeps its connection."""

    def __init__(self, port: int, role: str, key: str, world: dict, until: float, seen: dict) -> None:
        super().__init__(daemon=True)
        self.port, self.role, self.world, self.until, self.seen = port, role, world, until, seen
        self.cookies = {"sessionid": key}
        self.connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self.random = random.Random(key)

    def ask(self, kind: str, method: str, path: str, body: str | None = None, **headers: str) -> str:
        """One request, timed; its text."""
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        began = time.perf_counter()
        try:
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
        except OSError as error:
            self.connection.close()
            self.seen["faults"].append(f"{kind}: {error}")
            return ""
        took = 1000 * (time.perf_counter() - began)
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _equals, rest = value.partition("=")
                self.cookies[key] = rest.split(";")[0]
        self.seen[kind].append(took)
        if answer.status not in (200, 302):
            self.seen["faults"].append(f"{kind}: {answer.status}")
        return text

    def run(self) -> None:
        """Until the time is over."""
        time.sleep(self.random.uniform(0, PAUSE_S[1]))
        while time.time() < self.until:
            (self.read if self.role == "radiologist" else self.follow)()
            time.sleep(self.random.uniform(*PAUSE_S))

    def read(self) -> None:
        """What a reader does next."""
        match self.random.choices(("worklist", "exam", "woman", "report"), (40, 35, 15, 10))[0]:
            case "worklist":
                self.ask("worklist", "GET", "/exams/")
            case "woman":
                self.ask("woman", "GET", self.random.choice(self.world["women"]))
            case "report":
                self.ask("report", "GET", self.world["version"])
            case "exam":
                page = self.ask("reading page", "GET", self.world["read"])
                if 'id="exam"' not in page:
                    return
                given = json.loads(page.split('id="exam" type="application/json">')[1].split("</script>")[0])
                sent = json.dumps({"revision": given["revision"], "content": given["content"]})
                headers = {"Content-Type": "application/json", "X-CSRFToken": given["csrf"],
                           "X-Requested-With": "fetch"}  # fmt: skip
                self.ask("preview", "POST", given["urls"]["preview"], sent, **headers)
                time.sleep(self.random.uniform(*PAUSE_S))
                self.ask("draft", "PUT", given["urls"]["draft"], sent, **headers)

    def follow(self) -> None:
        """What a coordinator does next."""
        match self.random.choices(("list", "step", "attempt", "woman"), (40, 35, 10, 15))[0]:
            case "list":
                self.ask("follow-up", "GET", "/follow-up/")
            case "woman":
                self.ask("woman", "GET", self.random.choice(self.world["women"]))
            case "step":
                self.ask("step", "GET", self.random.choice(self.world["steps"]))
            case "attempt":
                step = self.random.choice(self.world["steps"])
                page = self.ask("step", "GET", step)
                token = page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
                body = urlencode({"csrfmiddlewaretoken": token, "how": "phone", "reached": "yes"})
                form = {"Content-Type": "application/x-www-form-urlencoded"}
                self.ask("attempt noted", "POST", f"{step}/attempt", body, **form)


def main() -> int:
    """Fill, run, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--women", type=int, default=5000)
    parser.add_argument("--limit-ms", type=float, default=500, help="of the 95th percentile of each page")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir(mode=0o700)
        room = Room(data, os.environ.get("CALCSCOPE_DATABASE_URL", ""), workers=0)
        migrated = room.manage("migrate", "-v", "0")
        assert migrated.returncode == 0, migrated.stderr
        readers = given.users * 3 // 5
        numbers = f"RADIOLOGISTS, COORDINATORS, WOMEN = {readers}, {given.users - readers}, {given.women}\n"
        fill = f"TESTS = {str(ROOT / 'tests')!r}\n{numbers}{FILL}"
        world = json.loads(room.shell(fill).splitlines()[-1])
        try:
            room.start()
            seen: dict[str, list] = defaultdict(list)
            until = time.time() + given.seconds
            users = [User(room.port, role, key, world, until, seen) for role, key in world["people"]]
            for user in users:
                user.start()
            for user in users:
                user.join()
        finally:
            room.stop()
    faults = seen.pop("faults", [])
    wrong = bool(faults)
    total = sum(map(len, seen.values()))
    rate = total / given.seconds
    print(f"{given.users} users, {given.seconds:g} s, {given.women} women: {rate:.1f} requests a second")
    print(f"load of the machine in the last minute: {os.getloadavg()[0]:.1f}")
    print(f"{'page':16} {'n':>6} {'median':>8} {'95 %':>8} {'longest':>8}  ms")
    for kind, times in sorted(seen.items()):
        most = statistics.quantiles(times, n=20)[-1] if len(times) > 1 else times[0]
        wrong |= most > given.limit_ms
        print(f"{kind:16} {len(times):6} {statistics.median(times):8.0f} {most:8.0f} {max(times):8.0f}")
    for fault in sorted(set(faults)):
        print(f"{faults.count(fault)} × {fault}")
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())

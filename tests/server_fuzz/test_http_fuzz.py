"""Whatever is sent to the server: no 500, no record of another hospital, nobody's data in an address.

The addresses are those of the server's own table, so that a new one is tried too; the fields are those that
its source asks for. The requests are the same each time.
"""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
from collections import Counter
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse
from fuzz.mutations import damaged, json_values
from hospitals import ROLES, Hospital, browser, hospital, state_of

import calcscope.server

REQUESTS = int(os.environ.get("CALCSCOPE_FUZZ_REQUESTS", "400"))
RUN = int(os.environ.get("CALCSCOPE_FUZZ_RUN", "7"))
SOURCE = Path(calcscope.server.__file__).parent
METHODS = (*["get"] * 8, *["post"] * 9, "put", "head", "delete", "options", "patch")
HOSTILE = (
    "", " ", "\0", "0", "-1", "1", "9" * 30, "9" * 400, "1e999", "nan", "0001-01-01", "9999-12-31",
    "2026-02-30",
    "2026-11-10", "10:30", "true", "on", "' OR 1=1 --", "<script>alert(1)</script>", "../../etc/passwd",
    "x" * 5000,
    "Ä\u202eß\U0001f600", "\ud800", "00000000-0000-0000-0000-000000000000", "not-a-uuid", "[]", "{}", "null",
    "en", "xx", "screening", "radiologist", "4B", "biopsy", "done", "refused", "%00%ff", "//example.org/",
    "2026",
    "javascript:alert(1)", "north", "south", "accepted",
)  # fmt: skip
ADDRESS = re.compile(r"""(?:href|src|action|data-address)=["']([^"']*)""")
Rng = np.random.Generator


def patterns(resolver: URLResolver | None = None, space: str = "") -> list[tuple[str, URLPattern]]:
    """Every address of the server by its name."""
    found = []
    for each in (resolver or get_resolver()).url_patterns:
        if isinstance(each, URLResolver):
            found += patterns(each, f"{space}{each.namespace}:" if each.namespace else space)
        elif each.name:
            found.append((f"{space}{each.name}", each))
    return found


@cache
def fields(room: Path = SOURCE) -> list[str]:
    """Names that the source of a room of the server asks a request for, or that its forms have."""
    found: set[str] = set()
    for path in room.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        found |= set(re.findall(r"""(?:POST|GET|FILES)(?:\.get|\.getlist)?[(\[]["'](\w+)["']""", text))
        found |= set(re.findall(r"""["'](\w+)["'] in request\.(?:POST|GET)""", text))
        found |= set(re.findall(r"(?m)^    (\w+) = forms\.", text))
    for path in room.rglob("*.html"):
        found |= set(re.findall(r'name="(\w+)"', path.read_text(encoding="utf-8")))
    return sorted(found)


@dataclass
class Sent:
    """A request: who sends what to where."""

    role: str
    method: str
    name: str
    address: str
    body: Any = None
    kind: str | None = None
    headers: dict[str, str] | None = None

    def __str__(self) -> str:
        return (
            f"{self.role} {self.method} {self.name} {self.address[:120]} {self.kind} {str(self.body)[:300]}"
        )


class Sender:
    """Makes requests by chance, half of them of known records, half of them of somebody else's or none."""

    def __init__(self, own: Hospital, other: Hospital, rng: Rng) -> None:
        self.own, self.other, self.rng = own, other, rng
        self.patterns, self.fields = patterns(), fields()

    def _one(self, given: Any) -> Any:
        return given[int(self.rng.integers(len(given)))]

    def _value(self) -> str:
        kind = self.rng.random()
        if kind < 0.6:
            return str(self._one(HOSTILE))
        place = self.own if kind < 0.85 else self.other
        return str(self._one(self._one(list(place.records.values()))))

    def form(self) -> dict[str, Any]:
        """Some fields with values for them."""
        return {
            self._one(self.fields): self._value().replace("\ud800", "")
            for _ in range(int(self.rng.integers(0, 8)))
        }

    def _address(self, name: str, pattern: URLPattern) -> str:
        place = self.own if self.rng.random() < 0.6 else self.other
        given: dict[str, Any] = {}
        for key, converter in pattern.pattern.converters.items():
            kind = type(converter).__name__
            if key in place.records and self.rng.random() < 0.9:
                given[key] = self._one(place.records[key])
            elif kind == "IntConverter":
                given[key] = self._one((0, 1, 2**31, 2**63, 2**64, 10**30))
            elif kind == "SlugConverter":
                given[key] = self._one(
                    (
                        "hold", "release", "density", "print", "email", "schedule", "attempt", "move",
                        "close",
                        "reopen", "result", "give", "fulfil", "not-it", "write", "comes", "other-day", "lock",
                        "open", "unlock", "forget-factor", "new-password", "x" * 300, "calcifications", "-",
                    )
                )  # fmt: skip
            else:
                given[key] = "00000000-0000-0000-0000-000000000000"
        address = reverse(name, kwargs=given or None)
        if self.rng.random() < 0.3:
            from django.http import QueryDict

            query = QueryDict(mutable=True)
            query.update(self.form())
            address += f"?{query.urlencode()}"
        return address

    def request(self) -> Sent:
        """The next one."""
        name, pattern = self._one(self.patterns)
        module = sys.modules[pattern.callback.__module__].__file__ or ""
        own = Path(module).parent
        near = own != SOURCE and SOURCE in own.parents and self.rng.random() < 0.85
        self.fields = (fields(own) if near else []) or fields()
        # Most of the time somebody whom the page is for.
        meant = getattr(pattern.callback, "roles", ROLES) if self.rng.random() < 0.8 else (*ROLES, "nobody")
        sent = Sent(str(self._one(meant)), self._one(METHODS), name, self._address(name, pattern))
        if self.rng.random() < 0.3:
            sent.headers = {"X-Requested-With": "fetch"}
        if sent.method in ("get", "head", "options"):
            return sent
        kind = self.rng.random()
        if name.startswith("reading:") and kind < 0.7:
            content = json.dumps(self.own.draft).encode()
            sent.body, sent.kind = json_values(content, self.rng), "application/json"
            if sent.method == "post" and name == "reading:draft":
                sent.method = "put"
        elif kind < 0.7 and sent.method == "post":
            sent.body = self.form()
            if "bring" in name or kind < 0.1:
                made = damaged(RUN, int(self.rng.integers(100_000)))
                title = str(self._one(("a.dcm", "../../x.dcm", "x" * 400 + ".zip", "\u202ea.png", "-rf")))
                sent.body["files"] = SimpleUploadedFile(title, made.content or b"x")
                sent.body["site"] = self._one(("north", "south", ""))
        else:
            sent.body, sent.kind = self._one(
                (
                    (b"", "application/json"), (b"\xff\xfe\0", "application/json"), (b"[" * 100_000,
                    "application/json"),
                    (b"{}", "application/json"), (b"null", "application/json"), (b'{"revision": 1e999}',
                    "text/plain"),
                    (b"a=1&a=2;b=%ff%00", "application/x-www-form-urlencoded"), (b"--x\r\n",
                    "multipart/form-data; boundary=x"),
                    (b"x", "multipart/form-data"), (b"x=1",
                    "application/x-www-form-urlencoded; charset=nonsense"),
                    (b"&".join(b"f%d=1" % n for n in range(3000)), "application/x-www-form-urlencoded"),
                )
            )  # fmt: skip
        return sent


@dataclass
class Answer:
    """What came back."""

    status: int
    location: str
    told: str
    changed_another: bool = False


def answered(sent: Sent, people: Hospital, other: Hospital, before: list[object]) -> Answer:
    """Send it, see whether it changed anything of the other hospital, and take back what it changed."""
    user = None if sent.role == "nobody" else people.people[sent.role]
    client = browser(user)
    given: dict[str, Any] = {"headers": sent.headers} if sent.headers else {}
    with transaction.atomic():
        if sent.kind is not None:
            answer = client.generic(sent.method.upper(), sent.address, sent.body, sent.kind, **given)
        elif sent.method == "post":
            answer = client.post(sent.address, sent.body, **given)
        else:
            answer = getattr(client, sent.method)(sent.address, **given)
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        # Asking for a page changes nothing; what is sent and taken might.
        changed = sent.method not in ("head", "options") and answer.status_code < 400
        changed = changed and state_of(other.site) != before
        transaction.set_rollback(True)
    told = content.decode("utf-8", "replace")
    return Answer(answer.status_code, answer.headers.get("Location", ""), told, changed)


def faults_of(sent: Sent, answer: Answer, own: Hospital, other: Hospital) -> list[str]:
    """What an answer must not be or hold."""
    found = []
    if answer.status >= 500 and sent.name != "health":
        found.append(f"{answer.status}")
    if answer.changed_another:
        found.append("another hospital's record is changed")
    told = answer.told
    # What was typed may be shown again to who typed it.
    typed = f"{sent.address} {sent.body}"
    held = [secret for secret in other.secrets if secret in told and secret not in typed]
    if held:
        found.append(f"another hospital's record: {held}")
    addresses = [answer.location, *ADDRESS.findall(told)]
    for secret in (*own.secrets, *other.secrets):
        for address in addresses:
            if secret in address and not address.startswith(("mailto:", "tel:")):
                found.append(f"{secret} in the address {address[:120]}")
    return found


@pytest.mark.django_db
def test_no_request_breaks_the_server_or_shows_what_is_anothers(tmp_path: Path) -> None:
    own = hospital("north", "Nordfrau^Annegret", "NW-4711-77", date(1962, 3, 1), tmp_path / "north")
    other = hospital("south", "Sudfrau^Brunhilde", "SW-8150-66", date(1957, 8, 23), tmp_path / "south")
    before = state_of(other.site)
    sender = Sender(own, other, np.random.default_rng(RUN))
    faults: dict[str, str] = {}
    statuses: Counter[int] = Counter()
    tried: set[str] = set()
    for _ in range(REQUESTS):
        try:
            sent = sender.request()
        except NoReverseMatch:
            continue
        try:
            answer = answered(sent, own, other, before)
            if answer.status == 405 and sent.method in ("get", "post"):
                sent.method = "post" if sent.method == "get" else "get"
                sent.body = sender.form() if sent.method == "post" and sent.body is None else sent.body
                answer = answered(sent, own, other, before)
        except Exception as error:
            where = [line for line in traceback.format_exc().splitlines() if "/calcscope/" in line]
            key = f"{type(error).__name__} {where[-1].strip() if where else ''}"
            faults.setdefault(key, f"{sent}\n{traceback.format_exc()[-3000:]}")
            continue
        statuses[answer.status] += 1
        tried.add(sent.name)
        for fault in faults_of(sent, answer, own, other):
            faults.setdefault(f"{sent.name} {fault}", str(sent))
    for key, words in faults.items():
        print("=====", key, words, sep="\n")
    print(statuses)
    assert list(faults) == []
    # Requests that reach nothing would show nothing.
    assert statuses[200] > REQUESTS / 20
    assert len(tried) > 0.8 * len(sender.patterns)


def test_the_watch_sees_what_it_is_for() -> None:
    own = Hospital(None, {}, ("Nordfrau",), {}, {})  # type: ignore[arg-type]
    other = Hospital(None, {}, ("Sudfrau",), {}, {})  # type: ignore[arg-type]
    sent = Sent("radiologist", "get", "exams:worklist", "/exams/")
    fine = Answer(200, "", "<a href='/exams/women/1'>Nordfrau</a>")
    assert faults_of(sent, fine, own, other) == []
    for wrong in (
        Answer(500, "", ""),
        Answer(200, "", "Sudfrau"),
        Answer(302, "/exams/?search=Nordfrau", ""),
        Answer(200, "", '<a href="/exams/Nordfrau">'),
        Answer(302, "/", "", changed_another=True),
    ):
        assert len(faults_of(sent, wrong, own, other)) == 1
    typed = Sent("radiologist", "post", "exams:worklist", "/exams/", {"search": "Sudfrau"})
    assert faults_of(typed, Answer(200, "", "Sudfrau"), own, other) == []

"""Whatever is sent to the server: no 500, no record of another hospital, nobody's data in an address.

schemathesis makes the requests from the document of the server's own addresses (:mod:`openapi`), some that
fit it and some that do not, and what fails is shrunk. What it cannot know is put in by chance: records of
one's own and of another hospital, words that a page knows, hostile texts, damaged files and drafts, bodies
that are none. They are sent by WSGI, by somebody of each role, and are the same each time.
"""

from __future__ import annotations

import io
import json
import logging
import os
import re
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import schemathesis
from django.core.signals import got_request_exception, request_finished, request_started
from django.db import close_old_connections, connection, transaction
from fuzz.mutations import damaged, json_values
from hospitals import RECORDS, ROLES, Hospital, browser, hospital, state_of
from hypothesis import HealthCheck, Phase, core, given, seed, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture import engine
from hypothesis.strategies._internal import collections
from openapi import BODIES, Schema, addresses, document
from schemathesis import Case, GenerationMode, Response
from schemathesis import checks as of_schemathesis
from schemathesis.core.failures import FailureGroup
from werkzeug.test import encode_multipart

from calcscope.server.library.index import renew
from calcscope.server.library.models import Entry
from calcscope.server.people.middleware import OPEN
from calcscope.server.wsgi import application

REQUESTS = int(os.environ.get("CALCSCOPE_FUZZ_REQUESTS", "250"))
RUN = int(os.environ.get("CALCSCOPE_FUZZ_RUN", "7"))
HOSTILE = (
    "", " ", "\0", "0", "-1", "1", "9" * 30, "9" * 400, "1e999", "nan", "0001-01-01", "9999-12-31",
    "2026-02-30", "2026-11-10", "10:30", "true", "on", "' OR 1=1 --", "<script>alert(1)</script>",
    "../../etc/passwd", "x" * 5000, "Ä\u202eß\U0001f600", "00000000-0000-0000-0000-000000000000",
    "not-a-uuid", "[]", "{}", "null", "en", "xx", "screening", "radiologist", "4B", "biopsy", "done",
    "refused", "%00%ff",
    "//example.org/", "2026", "javascript:alert(1)", "north", "south", "accepted",
)  # fmt: skip
NUMBERS = (0, 1, 2**31, 2**63, 2**64, 10**30)
NO_BODIES = (
    (b"", "application/json"), (b"\xff\xfe\0", "application/json"), (b"[" * 100_000, "application/json"),
    (b"{}", "application/json"), (b"null", "application/json"), (b'{"revision": 1e999}', "text/plain"),
    (b"a=1&a=2;b=%ff%00", "application/x-www-form-urlencoded"),
    (b"x=1", "application/x-www-form-urlencoded; charset=nonsense"),
    (b"&".join(b"f%d=1" % n for n in range(3000)), "application/x-www-form-urlencoded"),
    (b"--x\r\n", "multipart/form-data; boundary=x"), (b"x", "multipart/form-data"),
)  # fmt: skip
FITTING = {
    "date": f"{date.today() + timedelta(days=9)}",
    "email": "new@example.org",
    "birth_date": "1962-03-01",
}
NAMES_OF_FILES = ("a.dcm", "../../x.dcm", "x" * 400 + ".zip", "\u202ea.png", "-rf")
QUIETLY = settings(
    database=None, deadline=None, phases=[Phase.generate, Phase.shrink], report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
ADDRESS = re.compile(r"""(?:href|src|action|data-address)=["']([^"']*)""")
CHECKS = [
    of_schemathesis.not_a_server_error, of_schemathesis.status_code_conformance,
    of_schemathesis.content_type_conformance, of_schemathesis.response_schema_conformance,
    of_schemathesis.unsupported_method, of_schemathesis.allow_header_conformance,
]  # fmt: skip
STAFF = {"radiologist", "technologist", "coordinator"}
MAY_CHANGE = {
    "Woman": STAFF | {"patient"}, "Exam": STAFF, "Upload": STAFF, "Job": STAFF, "Draft": {"radiologist"},
    "Version": {"radiologist"}, "Chain": STAFF, "Step": STAFF | {"patient"}, "Event": STAFF | {"patient"},
    "Result": STAFF | {"patient"}, "Happening": STAFF | {"patient"}, "Invitation": STAFF - {"technologist"},
    "Approval": {"radiologist"}, "Message": STAFF | {"patient"}, "Membership": {"administrator"},
    "User": set(ROLES),
}  # fmt: skip
"""Who may change what of her own hospital."""


@dataclass
class Sent:
    """A request, and who sends it."""

    role: str
    case: Case
    name: str
    raw: tuple[bytes, str] | None = None
    by_script: bool = False

    @property
    def typed(self) -> str:
        """All that who sends it has typed."""
        path = self.case.path_parameters
        return f"{path} {self.case.query} {self.case.headers} {self.case.body} {self.raw}"


class Requests:
    """Makes requests to one operation of the document."""

    def __init__(
        self, operation: Any, documented: Schema, words: dict[str, set[str]], own: Hospital, other: Hospital
    ) -> None:
        self.operation, self.words, self.own, self.other = operation, words, own, other
        self.name = documented["operationId"].partition(" ")[2]
        forms = documented.get("requestBody", {}).get("content", {}) if self.name not in BODIES else {}
        self.fields = {
            key: each for form in forms.values() for key, each in form["schema"]["properties"].items()
        }
        self.parameters = {each["name"]: each for each in documented["parameters"]}
        view = next(each.view for each in addresses() if each.name == self.name)
        open_ = self.name in OPEN or getattr(view, "open_to_all", False)
        self.meant = getattr(view, "roles", (*ROLES, *["nobody"] * 5) if open_ else ROLES)
        kinds = [operation.as_strategy(generation_mode=each) for each in GenerationMode]
        self.generated, self.edges = st.one_of(kinds), self._edges()
        self.records = st.sampled_from(
            [each for place in (own, own, other) for each in place.records.values()]
        ).flatmap(st.sampled_from)

    def _edges(self) -> list[Case]:
        """What schemathesis takes for the edges of what is documented, and beyond; of known records."""
        schema = self.operation.schema
        cases = schema.iter_coverage_cases(
            self.operation,
            generation_modes=list(GenerationMode),
            generation_config=schema.config.generation_for(operation=self.operation),
        )
        found, records = [], self.own.records
        for case in cases:
            known = {key: str(records[key][0]) for key in case.path_parameters if key in records}
            case.path_parameters = case.path_parameters | known
            found.append(case)
        return found

    def other_methods(self) -> Iterator[Sent]:
        """By a method that the address does not take: another one in each run."""
        cases = [each for each in self.edges if each.method.lower() != self.operation.method.lower()]
        for case in cases[RUN % len(cases) :][:1] if cases else ():
            yield Sent(self.meant[-1], case, self.name)

    def plain(self, role: str) -> Iterator[Sent]:
        """As a page would send it, of one's own records; for who may, one for each act of the address."""
        acts = self.parameters.get("what", {"schema": {}})["schema"].get("examples", [""])
        for act in acts if role in self.meant else acts[:1]:
            # The last exam is the one that is not signed.
            path = {
                key: act if key == "what" else str(self.own.records[key][-1 if key == "exam_uuid" else 0])
                for key, each in self.parameters.items()
                if each["in"] == "path"
            }
            body: dict[str, Any] = {key: self._fitting(key, each) for key, each in self.fields.items()}
            sent = Sent(role, self.operation.Case(path_parameters=path), self.name)
            if self.name in BODIES:
                sent.raw = json.dumps(self.own.draft).encode(), "application/json"
            elif "files" in self.fields:
                boundary, made = encode_multipart(body | {"files": (io.BytesIO(b"x"), "a.dcm")})
                sent.raw = made, f'multipart/form-data; boundary="{boundary}"'
            elif body:
                sent.case.body, sent.case.media_type = body, "application/x-www-form-urlencoded"
            yield sent

    def _fitting(self, key: str, schema: Schema) -> str:
        """What a field takes."""
        if key == "exam":
            return str(self.own.records["exam_uuid"][-1])
        if key == "site":
            return str(self.own.site.pk if schema["type"] == "integer" else self.own.site.code)
        usual = "40" if schema["type"] == "integer" else max(self.words[key], default="new")
        return FITTING.get(key) or FITTING.get(schema.get("format", ""), usual)

    def any(self) -> st.SearchStrategy[Sent]:
        """The next one."""
        return st.composite(lambda draw: self._request(draw))()

    def _request(self, draw: Callable[..., Any]) -> Sent:
        def often(percent: int) -> bool:
            return bool(draw(st.integers(0, 99)) < percent)

        if often(25):
            case = draw(st.sampled_from(self.edges))
            stated = case.method.lower() == self.operation.method.lower()
            roles = (*ROLES, "nobody") if stated and often(20) else self.meant
            return Sent(draw(st.sampled_from(roles)), case, self.name)
        case = draw(self.generated)
        roles = (*ROLES, "nobody") if often(20) else self.meant
        sent = Sent(draw(st.sampled_from(roles)), case, self.name, by_script=often(30))
        case.path_parameters = {
            key: self._part(draw, key) if often(85) else value for key, value in case.path_parameters.items()
        }
        asked_for = [key for key, each in self.parameters.items() if each["in"] == "query"]
        if asked_for and often(70):
            case.query = {key: self._text(draw, key) for key in asked_for if not often(75)}
        if case.method == "GET":
            return sent
        if self.name in BODIES and often(70):
            rng = np.random.default_rng(draw(st.integers(0, 2**32)))
            content = json.dumps(self.own.draft).encode()
            sent.raw = content if often(30) else json_values(content, rng), "application/json"
        elif "files" in self.fields and often(50):
            sent.raw = self._files(draw)
        elif often(8):
            sent.raw = draw(st.sampled_from(NO_BODIES))
        elif self.fields and isinstance(case.body, dict) and often(80):
            case.body = {
                key: self._text(draw, key)
                for key, each in self.fields.items()
                if each["type"] != "array" and often(60)
            }
        return sent

    def _part(self, draw: Callable[..., Any], key: str) -> str:
        """Of an address."""
        place = self.own if draw(st.integers(0, 9)) < 6 else self.other
        schema = self.parameters[key]["schema"]
        if key in place.records:
            return str(draw(st.sampled_from(place.records[key])))
        known = schema.get("examples") or (NUMBERS if schema["type"] == "integer" else ("-", "x" * 300))
        return str(draw(st.sampled_from(known)))

    def _text(self, draw: Callable[..., Any], key: str) -> str:
        """What is typed into a field."""
        known = st.sampled_from(sorted(self.words[key])) if self.words[key] else st.sampled_from(HOSTILE)
        anything = st.text(st.characters(codec="utf-8"), max_size=20)
        return str(draw(st.one_of(known, known, st.sampled_from(HOSTILE), self.records.map(str), anything)))

    def _files(self, draw: Callable[..., Any]) -> tuple[bytes, str]:
        content = damaged(RUN, draw(st.integers(0, 99_999))).content or b"x"
        title = draw(st.sampled_from(NAMES_OF_FILES))
        site = draw(st.sampled_from(("north", "south", "")))
        boundary, made = encode_multipart({"site": site, "files": (io.BytesIO(content), title)})
        return made, f'multipart/form-data; boundary="{boundary}"'


def words_of(within: Any) -> defaultdict[str, set[str]]:
    """The words that fields take somewhere in a document, by the fields' names."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    if isinstance(within, dict):
        for name, each in within.get("properties", {}).items():
            found[name] |= {str(one) for one in each.get("enum", ())}
    for each in within.values() if isinstance(within, dict) else within if isinstance(within, list) else ():
        for name, words in words_of(each).items():
            found[name] |= words
    return found


class Watch:
    """Notes which tables are written to."""

    WRITES = re.compile(r'(?:INSERT(?: OR \w+)? INTO|UPDATE|DELETE FROM)\s+"(\w+)"')

    def __init__(self) -> None:
        self.tables: set[str] = set()
        self.known = {model._meta.db_table for model in RECORDS}

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        """Run a statement."""
        self.tables |= set(self.WRITES.findall(sql)) & self.known
        return execute(sql, params, many, context)


class Server:
    """Sends requests to the server, and says what is wrong with an answer."""

    def __init__(self, own: Hospital, other: Hospital) -> None:
        self.own, self.other = own, other
        self.before = state_of(own.site), state_of(other.site)
        self.statuses: Counter[int] = Counter()
        self.reached: defaultdict[str, Counter[int]] = defaultdict(Counter)
        self.cookies = {"nobody": {}} | {
            role: {name: each.value for name, each in browser(own.people[role]).cookies.items()}
            for role in ROLES
        }
        self.raised: list[str] = []
        got_request_exception.connect(self._raised)

    def _raised(self, **_given: Any) -> None:
        self.raised.append(traceback.format_exc())

    def send(self, sent: Sent) -> tuple[Response, set[str], set[str]]:
        """The answer, and the kinds of record that it changed of one's own and of another hospital.

        What it changed is taken back.
        """
        watch = Watch()
        headers = {"X-CSRFToken": "c" * 32} | ({"X-Requested-With": "fetch"} if sent.by_script else {})
        given: dict[str, Any] = {"environ_overrides": {"REMOTE_ADDR": "127.0.0.1"}}
        if sent.raw is not None:
            given["data"], headers["Content-Type"] = sent.raw
        self.raised.clear()
        with transaction.atomic():
            with connection.execute_wrapper(watch):
                cookies = {"csrftoken": "c" * 32, **self.cookies[sent.role]}
                answer = sent.case.call(headers=headers, cookies=cookies, **given)
            changed = [
                {kind for kind, rows in state_of(place.site, watch.tables).items() if rows != before[kind]}
                if watch.tables
                else set()
                for place, before in zip((self.own, self.other), self.before, strict=True)
            ]
            transaction.set_rollback(True)
        self.statuses[answer.status_code] += 1
        self.reached[sent.name][answer.status_code] += 1
        return answer, changed[0], changed[1]

    def judge(self, sent: Sent) -> None:
        """Send it.

        Raises
        ------
        Failed, FailureGroup : for an answer that must not be
        """
        answer, changed, changed_another = self.send(sent)
        if self.raised:
            pytest.fail(f"{sent}\n{self.raised[0][-3000:]}", pytrace=False)
        found = faults_of(sent, answer, self.own, self.other)
        found += [f"{kind} of another hospital is changed" for kind in sorted(changed_another)]
        found += [
            f"{kind} is changed by a {sent.role}"
            for kind in sorted(changed)
            if sent.role not in MAY_CHANGE[kind]
        ]
        if found:
            pytest.fail(f"{sent}\n{'; '.join(found)}", pytrace=False)
        sent.case.validate_response(answer, checks=CHECKS)


def faults_of(sent: Sent, answer: Response, own: Hospital, other: Hospital) -> list[str]:
    """What an answer must not hold."""
    told = answer.content.decode("utf-8", "replace")
    # What was typed may be shown again to who typed it.
    held = [secret for secret in other.secrets if secret in told and secret not in sent.typed]
    found = [f"another hospital's record: {held}"] if held else []
    secrets = (*own.secrets, *other.secrets)
    for address in (*answer.headers.get("location", []), *ADDRESS.findall(told)):
        if not address.startswith(("mailto:", "tel:")):
            found += [f"{each} in {address[:120]}" for each in secrets if each in address]
    return found


@pytest.fixture
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """schemathesis changes hypothesis for its own use, and every later test of the process with it."""
    for module in (core, engine, collections):
        monkeypatch.setattr(module, "BUFFER_SIZE", module.BUFFER_SIZE)  # type: ignore[attr-defined]
    monkeypatch.setattr(core, "RepresentationPrinter", core.RepresentationPrinter)


@pytest.fixture
def _one_connection() -> Iterator[None]:
    """A request does not end the test's transaction, as the one of Django's own client does not."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.mark.django_db
@pytest.mark.usefixtures("_as_it_was", "_one_connection")
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")  # schemathesis numbers its cases
def test_no_request_breaks_the_server_or_shows_what_is_anothers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "django")
    own = hospital("north", "Nordfrau^Annegret", "NW-4711-77", date(1962, 3, 1), tmp_path / "north")
    other = hospital("south", "Sudfrau^Brunhilde", "SW-8150-66", date(1957, 8, 23), tmp_path / "south")
    renew()
    own.records["slug"] = list(Entry.objects.order_by("slug").values_list("slug", flat=True)[:3])
    made = document()
    words = words_of(made) | {"site": {own.site.code, other.site.code}}
    schema = schemathesis.openapi.from_dict(deepcopy(made), config=schemathesis.Config())
    schema.app = application
    server = Server(own, other)
    operations = [each.ok() for each in schema.get_all_operations()]
    faults = []
    for operation in operations:
        documented = made["paths"][operation.path][operation.method.lower()]
        requests = Requests(operation, documented, words, own, other)

        changes = operation.method.lower() != "get"
        known = [each for role in (*ROLES, "nobody") if changes for each in requests.plain(role)]
        for sent in (*known, *requests.other_methods()):
            try:
                server.judge(sent)
            except (pytest.fail.Exception, FailureGroup) as fault:
                faults.append(f"===== {operation.label}\n{fault}")

        @seed(RUN)
        @settings(QUIETLY, max_examples=-(-REQUESTS // len(operations)))
        @given(requests.any())
        def judged(sent: Sent) -> None:
            server.judge(sent)

        try:
            judged()
        except (pytest.fail.Exception, FailureGroup) as fault:
            faults.append(f"===== {operation.label}\n{fault}")
    print(server.statuses)
    if faults:
        pytest.fail("\n".join(faults), pytrace=False)
    # Requests that reach nothing would show nothing.
    assert server.statuses[200] > REQUESTS / 4
    answered = [name for name, statuses in server.reached.items() if min(statuses) < 400]
    assert len(answered) > 0.9 * len(list(addresses()))


def test_the_watch_sees_what_it_is_for() -> None:
    own = Hospital(None, {}, ("Nordfrau",), {}, {})  # type: ignore[arg-type]
    other = Hospital(None, {}, ("Sudfrau",), {}, {})  # type: ignore[arg-type]
    schema = schemathesis.openapi.from_dict(document(), config=schemathesis.Config())
    typed = schema["/exams/"]["POST"].Case(body={"search": "Sudfrau"})
    case = schema["/exams/"]["GET"].Case()

    def faults(told: str, location: str = "", of: Case = case) -> list[str]:
        answer = Response(200, {"location": [location]}, told.encode(), request=None, elapsed=0, verify=False)  # type: ignore[arg-type]
        return faults_of(Sent("radiologist", of, "exams:worklist"), answer, own, other)

    assert faults("<a href='/exams/women/1'>Nordfrau</a>") == []
    assert faults("Sudfrau", of=typed) == []
    for told in ("Sudfrau", '<a href="/exams/Nordfrau">'):
        assert len(faults(told)) == 1
    assert len(faults("", "/exams/?search=Nordfrau")) == 1
    watch = Watch()
    for statement in ('SELECT "people_user"', 'UPDATE "exams_exam" SET', 'INSERT INTO "django_session"'):
        watch(lambda *_given: None, statement, (), False, {})
    assert watch.tables == {"exams_exam"}

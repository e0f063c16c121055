"""Two blind readings, and the third reader who sees both."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path
from typing import Any

import pytest
from accounts import Account, Enter
from django.test import Client
from django.urls import reverse
from exams import exam_read
from test_signing import decided

from calcscope.server.exams.models import Exam, State
from calcscope.server.people.models import Site, User
from calcscope.server.reading.content import followed
from calcscope.server.reading.models import Version
from calcscope.server.reading.signing import keep_draft, open_draft, sign

SECRET = "opaque-words-of-the-first-reader"


@pytest.fixture
def exam(site: Site, tmp_path: Path) -> Exam:
    site.settings = {"readers": 2}
    site.save()
    return exam_read(site, tmp_path, "with_prior")


def read(exam: Exam, reader: User, rejected: bool = False) -> Version:
    """One reading: everything accepted, or everything rejected, with words to look for."""
    draft = open_draft(exam, reader)
    content = decided(draft.read(), exam)
    if rejected:
        update = {"decision": "rejected", "reason": f"{SECRET} {reader.username}"}
        findings = [each.model_copy(update=update) for each in content.findings]
        content = content.model_copy(update={"findings": findings})
        assert exam.reading is not None
        content = followed(content, exam.reading.report())
    content = content.model_copy(update={"comment": f"{SECRET} {reader.username}"})
    revision = keep_draft(exam, reader, draft.revision, content)
    return sign(exam, reader, revision, 0, uuid.uuid4())


def page_of(browser: Client, exam: Exam) -> dict[str, Any]:
    """What the reading page is given."""
    page = browser.get(reverse("reading:read", args=[exam.uuid])).content.decode()
    found = re.search(r'<script id="exam" type="application/json">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return dict(json.loads(found[1]))


def test_nothing_of_the_first_reading_leaves_the_server_before_the_second(
    exam: Exam, account: Account, signed_in: Enter
) -> None:
    one = account("radiologist", "one")
    version = read(exam, one, rejected=True)
    exam.refresh_from_db()
    assert exam.state == State.SECOND
    browser = signed_in(account("radiologist", "other"))
    given = page_of(browser, exam)
    assert "readings" not in given
    assert given["versions"] == 0
    assert given["reader"]["may_sign"] is True
    sent = json.dumps({"revision": given["revision"], "content": given["content"]})
    undecided = {"revision": given["revision"], "versions": 0, "request": str(uuid.uuid4())}
    answers = [
        browser.get(reverse("reading:read", args=[exam.uuid])),
        browser.put(given["urls"]["draft"], sent, content_type="application/json"),
        browser.put(given["urls"]["draft"], json.dumps({"revision": 99, "content": given["content"]}),
                    content_type="application/json"),
        browser.post(given["urls"]["preview"], sent, content_type="application/json"),
        browser.post(given["urls"]["sign"], json.dumps(undecided), content_type="application/json"),
        browser.get(reverse("reading:version", args=[version.uuid])),
        browser.get(reverse("reading:mode", args=[exam.uuid])),
        browser.get(reverse("exams:worklist")),
        browser.get(reverse("exams:progress")),
        browser.get(reverse("exams:woman", args=[exam.woman.uuid])),
        browser.get(reverse("followup:dashboard")),
        browser.get(reverse("reading:statistics")),
    ]  # fmt: skip
    for answer in answers:
        text = answer.content.decode()
        assert SECRET not in text, answer.request["PATH_INFO"]
        assert str(version.uuid) not in text, answer.request["PATH_INFO"]
    assert [answer.status_code for answer in answers[:6]] == [200, 200, 409, 200, 422, 404]


def test_the_third_reader_sees_both_and_the_first_two_do_not_sign_again(
    exam: Exam, account: Account, signed_in: Enter
) -> None:
    one, other, third = (account("radiologist", name) for name in ("one", "other", "third"))
    read(exam, one)
    read(exam, other, rejected=True)
    exam.refresh_from_db()
    assert exam.state == State.ARBITRATION
    for reader in (one, other):
        given = page_of(signed_in(reader), exam)
        assert given["reader"]["may_sign"] is False
        assert "readings" not in given
    given = page_of(signed_in(third), exam)
    assert given["reader"]["may_sign"] is True
    assert [set(each) for each in given["readings"]] == [{"who", "findings", "assessment", "comment"}] * 2
    assert [each["comment"] for each in given["readings"]] == [f"{SECRET} one", f"{SECRET} other"]
    assert given["readings"][0]["assessment"] != given["readings"][1]["assessment"]
    # A finding of a reading fits into the draft as it stands.
    content = {**given["content"], "findings": given["readings"][0]["findings"]}
    body = json.dumps({"revision": given["revision"], "content": content})
    kept = signed_in(third).put(given["urls"]["draft"], body, content_type="application/json")
    assert kept.status_code == 200
    draft = open_draft(exam, third)
    revision = keep_draft(exam, third, draft.revision, decided(draft.read(), exam))
    assert sign(exam, third, revision, 0, uuid.uuid4()).kind == "report"
    exam.refresh_from_db()
    assert exam.state == State.SIGNED
    assert "readings" not in page_of(signed_in(third), exam)


def test_what_only_an_earlier_exam_shows_is_given_to_the_viewer(
    exam: Exam, account: Account, signed_in: Enter
) -> None:
    (gone,) = page_of(signed_in(account("radiologist")), exam)["earlier_findings"]
    assert (gone["id"], gone["laterality"], gone["count"]) == ("E1", "L", 5)
    assert gone["status"] == ["resolved"]
    assert gone["date"] == "2024-11-08"
    for place in gone["places"]:
        assert set(place) == {"view", "prior_view", "x", "y", "error_mm", "map", "outlines"}

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from accounts import Account, Enter
from django.contrib.sessions.models import Session
from django.db import DatabaseError, connection, transaction
from django.urls import reverse
from django.utils import timezone
from exams import exam_read
from hospital import EXAMS
from reading.pairs import current

from calcscope import lexicon
from calcscope.assess import AssessSettings
from calcscope.assess.wording import next_step
from calcscope.reading import ReadSettings, read_paths
from calcscope.report.writing import write_report
from calcscope.server.exams.models import Exam, Job, Reading, State
from calcscope.server.people.models import Site, User
from calcscope.server.reading.content import (
    Edit,
    ReadFinding,
    ReadingContent,
    Step,
    as_report,
    faults_of,
    followed,
    previewed,
    suggested,
)
from calcscope.server.reading.models import Draft, Version
from calcscope.server.reading.signing import Changed, Refused, keep_draft, open_draft, sign


def decided(content: ReadingContent, exam: Exam, categories: str = "") -> ReadingContent:
    """Every finding accepted; those of category 3 given another where the mode asks for it."""
    findings = [each.model_copy(update={"decision": "accepted"}) for each in content.findings]
    assert exam.reading is not None
    return followed(content.model_copy(update={"findings": findings}), exam.reading.report())


def signed(exam: Exam, reader: User, note: str = "", names: Sequence[str] = ()) -> Version:
    """Open, accept everything, keep, sign."""
    draft = open_draft(exam, reader)
    revision = keep_draft(exam, reader, draft.revision, decided(draft.read(), exam))
    seen = exam.versions.exclude(kind="reading").count()
    return sign(exam, reader, revision, seen, uuid.uuid4(), note, names)


@pytest.fixture
def exam(site: Site, tmp_path: Path) -> Exam:
    return exam_read(site, tmp_path)


def test_what_is_undecided_cannot_be_signed(exam: Exam, account: Account) -> None:
    reader = account("radiologist")
    draft = open_draft(exam, reader)
    with pytest.raises(Refused, match="not decided"):
        sign(exam, reader, draft.revision, 0, uuid.uuid4())
    assert not Version.objects.exists()
    assert Draft.objects.get().content == draft.content


def test_a_signature_is_a_version_and_the_exam_is_signed(exam: Exam, account: Account) -> None:
    version = signed(exam, account("radiologist"))
    exam.refresh_from_db()
    assert (exam.state, exam.held_by, version.number, version.kind) == (State.SIGNED, None, 1, "report")
    report = version.report()
    assert {finding.id for finding in report.findings} == {finding.id for finding in version.read().standing}


def test_sending_a_signature_twice_signs_once(exam: Exam, account: Account) -> None:
    reader, request = account("radiologist"), uuid.uuid4()
    draft = open_draft(exam, reader)
    revision = keep_draft(exam, reader, draft.revision, decided(draft.read(), exam))
    first = sign(exam, reader, revision, 0, request)
    assert sign(exam, reader, revision, 0, request) == first
    assert Version.objects.count() == 1


def test_of_two_readers_who_sign_at_once_the_second_is_told_who_was_first(
    exam: Exam, account: Account
) -> None:
    one, other = account("radiologist", "one"), account("radiologist", "other")
    draft = open_draft(exam, other)
    revision = keep_draft(exam, other, draft.revision, decided(draft.read(), exam))
    signed(exam, one)
    with pytest.raises(Changed) as change:
        sign(exam, other, revision, 0, uuid.uuid4())
    assert change.value.signed
    assert change.value.who == one.display
    assert Draft.objects.filter(reader=other).exists()  # her work is not lost


def test_an_older_page_does_not_overwrite_a_newer_draft(exam: Exam, account: Account) -> None:
    reader = account("radiologist")
    draft = open_draft(exam, reader)
    content = draft.read()
    keep_draft(exam, reader, 1, content.model_copy(update={"comment": "newer"}))
    with pytest.raises(Changed) as change:
        keep_draft(exam, reader, 1, content.model_copy(update={"comment": "older"}))
    assert change.value.content["comment"] == "newer"
    assert Draft.objects.get().read().comment == "newer"


def test_an_addendum_says_why_and_leaves_the_report_as_it_was(exam: Exam, account: Account) -> None:
    reader = account("radiologist")
    report = signed(exam, reader)
    before = json.dumps(report.content)
    with pytest.raises(Refused, match="why"):
        signed(exam, reader)
    addendum = signed(exam, reader, note="The clip was forgotten.")
    assert (addendum.kind, addendum.number) == ("addendum", 2)
    assert json.dumps(Version.objects.get(number=1).content) == before


@pytest.mark.parametrize(
    "statement", ["UPDATE reading_version SET note = 'x'", "DELETE FROM reading_version"]
)
def test_the_database_refuses_to_change_a_version(statement: str, exam: Exam, account: Account) -> None:
    signed(exam, account("radiologist"))
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


def test_two_blind_readers_who_agree_make_a_report(exam: Exam, site: Site, account: Account) -> None:
    site.settings = {"readers": 2}
    site.save()
    exam = Exam.objects.get()
    one, other = account("radiologist", "one"), account("radiologist", "other")
    first = signed(exam, one)
    exam.refresh_from_db()
    assert (first.kind, exam.state) == ("reading", State.SECOND)
    with pytest.raises(Refused, match="somebody else"):
        signed(exam, one)
    # The second reader's draft starts from the engine, not from what the first one made of it.
    assert {each.decision for each in open_draft(exam, other).read().findings} == {"open", "accepted"}
    signed(exam, other)
    exam.refresh_from_db()
    assert exam.state == State.SIGNED
    assert [one.kind for one in exam.versions.all()] == ["reading", "reading", "report"]


def test_readers_who_differ_go_to_arbitration(exam: Exam, site: Site, account: Account) -> None:
    site.settings = {"readers": 2}
    site.save()
    exam = Exam.objects.get()
    signed(exam, account("radiologist", "one"))
    other = account("radiologist", "other")
    draft = open_draft(exam, other)
    content = draft.read()
    findings = [
        each.model_copy(update={"decision": "rejected", "reason": "artefact"}) for each in content.findings
    ]
    content = content.model_copy(update={"findings": findings})
    assert exam.reading is not None
    content = followed(content, exam.reading.report())
    sign(exam, other, keep_draft(exam, other, draft.revision, content), 0, uuid.uuid4())
    exam.refresh_from_db()
    assert exam.state == State.ARBITRATION
    signed(exam, account("radiologist", "third"))
    exam.refresh_from_db()
    assert exam.state == State.SIGNED
    assert exam.versions.last().kind == "report"  # type: ignore[union-attr]


def test_the_page_gives_the_viewer_what_it_needs(exam: Exam, account: Account, signed_in: Enter) -> None:
    browser = signed_in(account("radiologist"))
    page = browser.get(reverse("reading:read", args=[exam.uuid]))
    given = json.loads(
        page.content.decode().split('id="exam" type="application/json">')[1].split("</script>")[0]
    )
    assert len(given["exams"][0]["views"]) == 4
    for view in given["exams"][0]["views"]:
        image = browser.get(view["image"])
        assert image["Content-Type"] == "application/dicom"
        assert b"Beispiel" not in b"".join(image)
    sent = {"revision": given["revision"], "content": {**given["content"], "comment": "Seen."}}
    kept = browser.put(given["urls"]["draft"], json.dumps(sent), content_type="application/json")
    assert kept.json() == {"revision": 2}
    again = browser.put(given["urls"]["draft"], json.dumps(sent), content_type="application/json")
    assert again.status_code == 409
    shown = browser.post(given["urls"]["preview"], json.dumps(sent), content_type="application/json").json()
    assert {each["id"] for each in shown["findings"]} == {each["id"] for each in given["content"]["findings"]}


def test_another_sites_exam_is_not_there(
    exam: Exam, other_site: Site, account: Account, signed_in: Enter
) -> None:
    browser = signed_in(account("radiologist", site=other_site))
    image = exam.images.first()
    assert image is not None
    for name, args in (
        ("reading:read", [exam.uuid]), ("exams:pixels", [image.uuid]), ("exams:preview", [image.uuid]),
        ("exams:woman", [exam.woman.uuid]),
    ):  # fmt: skip
        assert browser.get(reverse(name, args=args)).status_code == 404


def test_an_exam_without_a_date_is_signed_too(site: Site, tmp_path: Path, account: Account) -> None:
    exam = exam_read(site, tmp_path, "normal", day=None)  # type: ignore[arg-type]
    assert signed(exam, account("radiologist")).kind == "report"


def test_a_paragraph_follows_the_category_that_the_reader_gives(exam: Exam, account: Account) -> None:
    reader = account("radiologist")
    content = open_draft(exam, reader).read()
    assert exam.reading is not None
    report = exam.reading.report()
    first = content.findings[0]
    edits = [
        Edit(field="category", was=first.category, now="4C"),
        Edit(field="next_step", was="", now="biopsy"),
    ]
    changed = first.model_copy(
        update={"category": "4C", "next_step": "biopsy", "due_days": 5, "edits": edits, "sentence": ""}
    )
    content = content.model_copy(update={"findings": [changed, *content.findings[1:]]})
    shown = previewed(content, report)
    sentence = shown.findings[0].sentence
    assert "BI-RADS category 4C" in sentence
    assert "biopsy of the" in sentence
    assert "within 5 days" in sentence
    assert any("within 5 days" in step.text for step in shown.next_steps)
    wrong = changed.model_copy(update={"sentence": sentence.replace("4C", "0")})
    content = content.model_copy(update={"findings": [wrong, *content.findings[1:]]})
    assert any("gives another category" in fault for fault in faults_of(content, report))
    own = wrong.model_copy(update={"sentence_edited": True})
    content = content.model_copy(update={"findings": [own, *content.findings[1:]]})
    assert not any("gives another category" in fault for fault in faults_of(content, report))


def test_the_step_follows_the_category_that_the_reader_gives(exam: Exam, account: Account) -> None:
    content = open_draft(exam, account("radiologist")).read()
    assert exam.reading is not None
    report = exam.reading.report()
    report = report.model_copy(update={"mode": "diagnostic"})  # category 3 is given in it alone
    kept = content.findings[0].model_copy(update={"next_step": "magnification_views", "due_days": 14})

    def refused(category: str, *own: Edit, **more: object) -> bool:
        edits = [Edit(field="category", was="0", now=category, reason="seen before"), *own]
        finding = kept.model_copy(update={"category": category, "edits": edits, "sentence": "", **more})
        whole = content.model_copy(update={"findings": [finding]})
        (shown,) = previewed(whole, report).findings
        days = lexicon.next_steps().steps[shown.next_step].due_days.value
        expected = next_step(shown.next_step, AssessSettings(), finding.laterality)
        assert shown.due_days == days
        assert expected.text in shown.sentence
        steps.append(shown.next_step)
        return any("asks for another next step" in fault for fault in faults_of(whole, report))

    steps: list[str] = []
    asked = lexicon.next_steps().by_category
    for category in ("2", "3", "4A"):
        assert refused(category)
        assert not refused(category, next_step=asked[category])
    assert steps == ["routine"] * 2 + ["short_interval"] * 2 + ["biopsy"] * 2
    own = Edit(field="next_step", was="routine", now="magnification_views", reason="the film is blurred")
    assert not refused("2", own)
    assert not refused("6")
    assert steps[-2:] == ["magnification_views"] * 2


def test_no_report_is_signed_whose_steps_do_not_follow_from_its_findings(
    site: Site, tmp_path: Path, account: Account
) -> None:
    # Of a real reading: what nobody changed is as the rules have it.
    report = read_paths([current(tmp_path)], None, settings=ReadSettings(mode="diagnostic"))[0].exams[0]
    whole = suggested(report)
    first = whole.findings[0].model_copy(update={"decision": "accepted"})

    def against(*findings: ReadFinding, **exam: object) -> list[str]:
        content = whole.model_copy(update={"findings": list(findings), **exam})
        return faults_of(content if exam else followed(content, report), report)

    def renewed(finding: ReadFinding) -> ReadFinding:
        (shown,) = previewed(whole.model_copy(update={"findings": [finding]}), report).findings
        ruled = shown.model_dump(include={"category", "next_step", "due_days", "sentence"})
        own = {"category": finding.category} if finding.edits[:1] == [biopsy] else {}
        return finding.model_copy(update=ruled | own)

    assert len(whole.findings) == 1
    assert against(first) == []
    reason = "compared with the films of 2019"
    biopsy = Edit(field="category", was=first.category, now="4B", reason=reason)
    suspicious = renewed(first.model_copy(update={"category": "4B", "edits": [biopsy]}))
    assert (suspicious.category, suspicious.next_step) == ("4B", "biopsy")
    assert against(suspicious) == []
    # Steps of the exam that are those of before, those of nothing, or told to be later.
    follows = followed(whole.model_copy(update={"findings": [suspicious]}), report)
    routine = Step(code="routine", text="Routine mammogram.", due_days=365)
    late = follows.next_steps[0].model_copy(update={"due_days": 900})
    for steps in ([routine], [], [late], [*follows.next_steps, routine]):
        (fault,) = against(suspicious, assessment=follows.assessment, next_steps=steps)
        assert "do not follow from the findings" in fault
    # A finding of category 4 that says routine without the reader's own word, or with one of something else.
    said = {"next_step": "routine", "due_days": 365, "sentence_edited": True}
    slipped = suspicious.model_copy(update=said)
    for edits in ([], [Edit(field="next_step", was="biopsy", now="ultrasound", reason=reason)]):
        (fault,) = against(slipped.model_copy(update={"edits": [biopsy, *edits]}))
        assert "asks for another next step" in fault
    own = Edit(field="next_step", was="biopsy", now="routine", reason="")
    (fault,) = against(slipped.model_copy(update={"edits": [biopsy, own]}))
    assert "changed without a reason" in fault
    own.reason = "she has a metastatic cancer and wants none"
    chosen = slipped.model_copy(update={"edits": [biopsy, own]})
    assert against(chosen) == []
    kept = as_report(followed(whole.model_copy(update={"findings": [chosen]}), report), report)
    assert any(own.reason in each.text for each in kept.findings[0].reasons)
    # A category that nobody chose; one of other terms than those it was judged by; other days.
    (fault, *_) = against(first.model_copy(update={"category": "2", "sentence": ""}))
    assert f"the rules make it category {first.category}" in fault
    branching = first.model_copy(update={"morphology": "fine_linear_branching", "sentence": ""})
    assert renewed(branching).category != first.category
    assert any("the rules make it category" in each for each in against(branching))
    assert against(renewed(branching)) == []
    (fault,) = against(suspicious.model_copy(update={"due_days": 300}))
    assert f"{suspicious.due_days} days" in fault
    # One that is gone, and one that is part of another.
    (fault,) = against()
    assert "no longer in the draft" in fault
    edits = [Edit(field="merged", was="F9", now=f"F9 + {first.id}")]
    merged = first.model_copy(update={"id": "F9", "origin": "reader", "edits": edits})
    assert against(renewed(merged)) == []


def test_the_reading_page_of_an_exam_of_another_name_asks_whose_it_is_before_it_is_signed(
    exam: Exam, account: Account, signed_in: Enter
) -> None:
    reader, read = account("radiologist"), reverse("reading:read", args=[exam.uuid])
    browser = signed_in(reader)

    def doubt(language: str) -> dict[str, object] | None:
        browser.post(reverse("people:language"), {"language": language, "next": read})
        page = browser.get(read).content.decode()
        given = json.loads(re.findall(r'id="exam" type="application/json">(.*?)</script>', page)[0])
        told: dict[str, object] | None = given.get("doubt")
        return told

    assert doubt("en") is None
    Exam.objects.filter(pk=exam.pk).update(other_name=True, other_names=["Muster^Berta"])
    address = reverse("exams:woman", args=[exam.woman.uuid])
    for language, said in (
        ("es", "Las imágenes indican otro nombre (Muster, Berta): averigüe de quién son."),
        ("tr", "Görüntülerde başka bir ad yazıyor (Muster, Berta): kime ait olduklarını araştırın."),
        ("en", "The images state another name (Muster, Berta): find out whose they are."),
    ):
        told = doubt(language)
        assert told is not None
        assert (told["text"], told["page"], told["names"]) == (said, address, ["Muster^Berta"])
    # It was not there, or was another one, when the page was loaded.
    draft = open_draft(exam, reader)
    keep_draft(exam, reader, draft.revision, decided(draft.read(), exam))
    sent = {"revision": 2, "versions": 0, "request": str(uuid.uuid4())}
    sign_at = reverse("reading:sign", args=[exam.uuid])
    for names in ([], ["X^Y"]):
        answer = browser.post(sign_at, {**sent, "names": names}, content_type="application/json")
        assert (answer.status_code, "another name" in answer.json()["why"][0]) == (422, True)
    sent["names"] = ["Muster^Berta"]
    assert browser.post(sign_at, sent, content_type="application/json").status_code == 200


def test_a_draft_is_judged_against_the_reading_that_it_is_about(
    exam: Exam, account: Account, signed_in: Enter, tmp_path: Path
) -> None:
    reader = account("radiologist")
    draft = open_draft(exam, reader)
    content = decided(draft.read(), exam)
    revision = keep_draft(exam, reader, draft.revision, content)
    # More images have come meanwhile, and the engine has read the exam again.
    job = Job.objects.create(exam=exam, state=Job.State.DONE)
    newer = Reading.objects.create(exam=exam, job=job, overall="1", findings=0)
    write_report(EXAMS["normal"](tmp_path / "newer"), newer.folder)
    sent = {"revision": revision, "content": content.model_dump(by_alias=True, mode="json")}
    address = reverse("reading:preview", args=[exam.uuid])
    shown = signed_in(reader).post(address, sent, content_type="application/json").json()
    assert shown["next_steps"] == sent["content"]["next_steps"]  # type: ignore[index]
    assert sign(exam, reader, revision, 0, uuid.uuid4()).based_on == draft.based_on


def test_after_a_signature_the_next_exam_of_the_worklist_is_offered(
    exam: Exam, account: Account, signed_in: Enter, tmp_path: Path
) -> None:
    reader, other = account("radiologist"), account("radiologist", "second")
    taken = exam_read(exam.site, tmp_path / "taken", "normal", "W-2")
    version = signed(exam, reader)
    page = reverse("reading:version", args=[version.uuid])
    browser, link = signed_in(reader), reverse("reading:read", args=[taken.uuid])
    assert link in browser.get(page).content.decode()
    open_draft(taken, other)  # somebody else reads it now
    assert link not in browser.get(page).content.decode()
    free = exam_read(exam.site, tmp_path / "free", "normal", "W-3")
    assert reverse("reading:read", args=[free.uuid]) in browser.get(page).content.decode()
    assert "Read the next exam" not in signed_in(other).get(page).content.decode()


def test_an_open_page_alone_does_not_keep_somebody_signed_in(
    exam: Exam, account: Account, signed_in: Enter
) -> None:
    browser = signed_in(account("radiologist"))
    page = browser.get(reverse("reading:read", args=[exam.uuid])).content.decode()
    given = json.loads(page.split('id="exam" type="application/json">')[1].split("</script>")[0])
    sent = {"revision": given["revision"], "content": given["content"]}
    old = timezone.now() + timedelta(minutes=3)
    Session.objects.update(expire_date=old)

    def keep(content: dict[str, object]) -> int:
        body = json.dumps({**sent, "content": content})
        answer = browser.put(given["urls"]["draft"], body, content_type="application/json")
        return int(answer.json()["revision"])

    assert keep(given["content"]) == given["revision"]  # a sign of life
    browser.get(reverse("exams:progress"), headers={"x-requested-with": "fetch"})
    assert Session.objects.get().expire_date == old
    assert keep({**given["content"], "comment": "Seen."}) == given["revision"] + 1
    assert Session.objects.get().expire_date > old + timedelta(minutes=20)


@pytest.mark.parametrize(
    "sent",
    [
        b"[" * 100_000,
        b"[]",
        b'{"content": null, "revision": null}',
        b'{"revision": 1e999, "versions": 0, "request": "x"}',
        b'{"revision": 99999999999999999999, "versions": 0, "request": 5}',
        b'{"revision": 1, "versions": 0, "request": 5, "note": []}',
    ],
)
def test_what_no_page_of_ours_sends_is_refused_in_words(
    exam: Exam, account: Account, signed_in: Enter, sent: bytes
) -> None:
    browser = signed_in(account("radiologist"))
    for name, method in (("draft", "put"), ("preview", "post"), ("sign", "post")):
        address = reverse(f"reading:{name}", args=[exam.uuid])
        answer = getattr(browser, method)(address, sent, content_type="application/json")
        assert answer.status_code == 422
        assert answer.json()["why"]
        if method == "post":
            assert browser.post(address, {"revision": "1"}).status_code == 422


def test_a_signature_of_another_exam_or_of_versions_that_are_none_signs_and_shows_nothing(
    exam: Exam, account: Account, tmp_path: Path
) -> None:
    reader, other = account("radiologist"), exam_read(exam.site, tmp_path / "other", "normal", "W-2")
    theirs = signed(other, account("radiologist", "second"))
    draft = open_draft(exam, reader)
    with pytest.raises(Refused, match="Load the page again"):
        sign(exam, reader, draft.revision, 0, theirs.request)
    with pytest.raises(Refused, match="Load the page again"):
        sign(exam, reader, draft.revision, 7, uuid.uuid4())
    assert not exam.versions.exists()

"""Opening an exam, keeping a draft, signing it.

Nothing is overwritten: a draft that was changed meanwhile is refused with what is stored, and a signature is
a version that is added. Signing twice with the same request is signing once.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from calcscope.errors import CalcscopeError
from calcscope.server.audit.recording import record
from calcscope.server.exams import jobs
from calcscope.server.exams.models import Exam, Mode, State
from calcscope.server.people.models import User
from calcscope.server.reading.content import ReadingContent, faults_of, suggested
from calcscope.server.reading.models import Draft, Version
from calcscope.server.signals import report_was_signed


class Refused(CalcscopeError):
    """A draft that cannot be kept or signed; ``why`` says each reason in a sentence."""

    def __init__(self, *why: str) -> None:
        self.why = why
        super().__init__(" ".join(why))


@dataclass
class Changed(CalcscopeError):
    """Somebody, or the same reader in another window, changed the draft or signed meanwhile."""

    who: str
    revision: int
    content: dict[str, object]
    signed: bool = False


def double_reading(exam: Exam) -> bool:
    """Whether the site has each exam read by two."""
    return bool(exam.site.settings.get("readers") == 2)


def has_read(exam: Exam, reader: User) -> bool:
    """Whether the reader wrote one of the blind readings of an exam that has no report yet.

    She signs it no second time: neither as its second reader nor to arbitrate.
    """
    versions = exam.versions.all()
    return versions.filter(kind=Version.Kind.READING, author=reader).exists() and not (
        versions.exclude(kind=Version.Kind.READING).exists()
    )


def blind_readings(exam: Exam, reader: User) -> list[Version]:
    """The two readings that a third reader decides between; none before both are signed, and none after."""
    if exam.state != State.ARBITRATION or has_read(exam, reader):
        return []
    return list(exam.versions.filter(kind=Version.Kind.READING).select_related("author"))


@transaction.atomic
def open_draft(exam: Exam, reader: User) -> Draft:
    """The reader's draft, begun from the engine's latest reading, or from the last report for an addendum.

    A draft that nobody has touched follows a newer reading of the engine.
    """
    exam = Exam.objects.select_for_update().get(pk=exam.pk)
    reading = exam.reading
    if reading is None or exam.state == State.WAITING:
        raise Refused(_("The exam is being analysed. It is in the worklist when that is done."))
    if exam.state == State.FAILED:
        raise Refused(_("The exam could not be analysed as it is now; have it analysed again."))
    draft = Draft.objects.filter(exam=exam, reader=reader).first()
    if draft is None:
        last = exam.versions.filter(kind__in=["report", "addendum"]).last()
        content = (
            last.content
            if last is not None
            else suggested(reading.report()).model_dump(by_alias=True, mode="json")
        )
        based_on = last.based_on if last is not None else reading
        draft = Draft.objects.create(exam=exam, reader=reader, based_on=based_on, content=content)
    elif draft.revision == 1 and draft.based_on_id != reading.pk and not exam.versions.exists():
        draft.based_on, draft.content = (
            reading,
            suggested(reading.report()).model_dump(by_alias=True, mode="json"),
        )
        draft.save()
    exam.held_by, exam.held_at = reader, timezone.now()
    if exam.state == State.UNREAD:
        exam.state = State.BEGUN
    exam.save(update_fields=["held_by", "held_at", "state"])
    return draft


@transaction.atomic
def change_mode(exam: Exam, reader: User, mode: str, give_up: bool = False) -> None:
    """Have an exam that nobody has signed read anew as a screening or diagnostic one.

    Parameters
    ----------
    give_up : the reader's own draft, if there is one that she has worked on

    Raises
    ------
    Refused : for an exam that was signed, or on which somebody has worked
    """
    exam = Exam.objects.select_for_update().get(pk=exam.pk)
    if exam.versions.exists():
        raise Refused(_("The exam is signed; its mode stays. What is wrong in it, an addendum says."))
    for draft in Draft.objects.select_for_update().filter(exam=exam, revision__gt=1).select_related("reader"):
        if draft.reader_id != reader.pk:
            raise Refused(
                _("{who} has begun to read this exam; its mode is hers or his to change.").format(
                    who=draft.reader.display
                )
            )
        if not give_up:
            raise Refused(_("You have begun to read this exam. Say that the draft may be given up."))
    was = exam.mode
    if mode not in Mode.values or mode == was:
        raise Refused(_("The exam is {mode} already.").format(mode=exam.get_mode_display()))
    Draft.objects.filter(exam=exam).delete()
    jobs.change_mode(exam, mode)
    record("mode-changed", exam, user=reader, was=was, now=mode, draft_given_up=give_up)


@transaction.atomic
def keep_draft(exam: Exam, reader: User, revision: int, content: ReadingContent) -> int:
    """Keep the draft; its new revision. What is as it was stays, with its revision: a sign of life alone.

    Raises
    ------
    Changed : where ``revision`` is not the one that is stored
    """
    draft = Draft.objects.select_for_update().filter(exam=exam, reader=reader).first()
    if draft is None:
        raise Refused(_("The draft is gone: the exam was signed or released. Load the page again."))
    if draft.revision != revision:
        raise Changed(reader.display, draft.revision, draft.content)
    given = content.model_dump(by_alias=True, mode="json")
    if draft.content != given:
        draft.content = given
        draft.revision += 1
        draft.save()
    Exam.objects.filter(pk=exam.pk).update(held_by=reader, held_at=timezone.now())
    return draft.revision


@transaction.atomic
def sign(
    exam: Exam, reader: User, revision: int, seen: int, request: uuid.UUID, note: str = "",
    names: Collection[str] = (),
) -> Version:  # fmt: skip
    """Sign the draft as the exam's next version.

    Parameters
    ----------
    revision : of the draft that the reader sees
    seen : number of versions that the reader's page knows of
    request : made by the page for this signature: sent twice, it signs once
    note : for an addendum, why
    names : other names that the exam's images state, as the reader's page showed them

    Raises
    ------
    Changed : where the draft, or the signed versions, are not those the reader saw
    Refused : where something stands against it
    """
    exam = Exam.objects.select_for_update().get(pk=exam.pk)
    again: Version | None = Version.objects.filter(request=request).first()
    if again is not None and (again.exam_id, again.author_id) == (exam.pk, reader.pk):
        return again
    if again is not None:  # the number of a signature is made by chance: no page of hers sent that one
        raise Refused(_("There is no draft to sign. Load the page again."))
    draft = Draft.objects.select_for_update().filter(exam=exam, reader=reader).first()
    versions = list(exam.versions.all())
    visible = [one for one in versions if one.kind != Version.Kind.READING or one.author_id == reader.pk]
    if len(visible) != seen and exam.state not in (State.SECOND, State.ARBITRATION):
        if not visible:
            raise Refused(_("There is no draft to sign. Load the page again."))
        last = visible[-1]
        raise Changed(last.author.display, 0, last.content, signed=True)
    if draft is None:
        raise Refused(_("There is no draft to sign. Load the page again."))
    if draft.revision != revision:
        raise Changed(reader.display, draft.revision, draft.content)
    content = draft.read()
    faults = faults_of(content, draft.based_on.report())
    reports = [one for one in versions if one.kind in (Version.Kind.REPORT, Version.Kind.ADDENDUM)]
    if reports and not note.strip():
        faults.append(_("An addendum says why it was made."))
    if exam.other_name and not set(exam.other_names) <= set(names):  # they came since the page was loaded
        faults.append(_("Images that state another name came meanwhile. Load the page again."))
    if has_read(exam, reader):
        faults.append(_("You have read this exam; the second reader must be somebody else."))
    if faults:
        raise Refused(*faults)
    kind = _kind(exam, versions, reports)
    version = Version.objects.create(
        exam=exam, number=len(versions) + 1, kind=kind, author=reader, based_on=draft.based_on,
        request=request, content=draft.content, note=note.strip(),
    )  # fmt: skip
    draft.delete()
    _after(exam, version, content, versions)
    record("signed", version, user=reader, kind=kind, number=version.number)
    return version


def _kind(exam: Exam, versions: list[Version], reports: list[Version]) -> str:
    if reports:
        return Version.Kind.ADDENDUM
    readings = [one for one in versions if one.kind == Version.Kind.READING]
    if double_reading(exam) and len(readings) < 2:
        return Version.Kind.READING
    return Version.Kind.REPORT


def _after(exam: Exam, version: Version, content: ReadingContent, before: list[Version]) -> None:
    """What a signature makes of the exam; whoever waits for a report hears of it when the exam is stored."""
    exam.held_by = exam.held_at = None
    report = version if version.kind != Version.Kind.READING else None
    if report is None:
        others = [one for one in before if one.kind == Version.Kind.READING]
        if not others:
            exam.state = State.SECOND
        elif _agree(others[0].read(), content):
            report = Version.objects.create(
                exam=exam, number=version.number + 1, kind=Version.Kind.REPORT, author=version.author,
                based_on=version.based_on, request=uuid.uuid5(version.request, "agreed"),
                content=version.content, note="Both readers agree.",
            )  # fmt: skip
        else:
            exam.state = State.ARBITRATION
    if report is not None:
        exam.state, exam.category = State.SIGNED, content.assessment.overall
    exam.save()
    if report is not None:
        report_was_signed.send(sender=Version, version=report)


def _agree(one: ReadingContent, other: ReadingContent) -> bool:
    """Whether two readings ask for the same: category of each breast."""
    return one.assessment == other.assessment


def release(exam: Exam, reader: User) -> None:
    """Leave an exam: it is no longer open with the reader; her draft stays."""
    Exam.objects.filter(pk=exam.pk, held_by=reader).update(held_by=None, held_at=None)

"""The reading page and what it asks for, signed versions, and statistics."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpResponse, JsonResponse
from django.http.request import RawPostDataException
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from pydantic import ValidationError

from calcscope import lexicon
from calcscope.server.audit.recording import about
from calcscope.server.dates import day_of
from calcscope.server.exams.filters import WorklistFilter
from calcscope.server.exams.models import Exam, Mode, State
from calcscope.server.exams.views import HELD_FOR, KEPT, PAGE
from calcscope.server.languages.words import lexicon_text
from calcscope.server.people.access import Signed, only, with_forms
from calcscope.server.people.models import Role
from calcscope.server.reading.content import ReadingContent, previewed
from calcscope.server.reading.models import Version
from calcscope.server.reading.payload import payload
from calcscope.server.reading.placing import placed
from calcscope.server.reading.plots import NAMES, interval_plot
from calcscope.server.reading.signing import (
    Changed,
    Refused,
    blind_readings,
    change_mode,
    has_read,
    keep_draft,
    open_draft,
    release,
    sign,
)
from calcscope.server.reading.statistics import audits


def _exam(request: Signed, exam_uuid: uuid.UUID) -> Exam:
    """An exam of the reader's sites.

    Raises
    ------
    Http404
    """
    exams = Exam.objects.for_user(request.user).select_related("woman", "site")
    exam: Exam = get_object_or_404(exams, uuid=exam_uuid)
    about(request, exam)
    return exam


@never_cache
@require_safe
@only(Role.RADIOLOGIST)
def read(request: Signed, exam_uuid: uuid.UUID) -> HttpResponse:
    """The viewer with the draft."""
    exam = _exam(request, exam_uuid)
    try:
        draft = open_draft(exam, request.user)
    except Refused as refusal:
        return render(request, "reading/not_yet.html", {"exam": exam, "why": refusal.why}, status=409)
    exam.refresh_from_db()
    about(request, *exam.comparable())
    given = payload(exam, draft, request.user, csrf=get_token(request))
    about(request, *blind_readings(exam, request.user))
    return render(request, "reading/read.html", {"exam": exam, "payload": given})


def _content(request: Signed) -> tuple[int, ReadingContent]:
    """The revision and the draft that the page sent; 0 where it states no revision.

    Raises
    ------
    Refused : for what is no draft, naming the field
    """
    try:
        sent = _sent(request)
        return _counted(sent.get("revision", 0)), ReadingContent.model_validate(sent["content"])
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        raise Refused(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except NO_MESSAGE:
        raise Refused(_("What was sent is no draft; load the page again.")) from None


def _sent(request: Signed) -> Any:
    """What the page sent, as far as a database can hold it.

    Raises
    ------
    ValueError, RecursionError : for what is no JSON, or holds characters that are none
    """
    sent = json.loads(request.body)
    text = json.dumps(sent, ensure_ascii=False)
    text.encode()  # raises where half of a pair stands alone
    if "\\u0000" in text:
        raise ValueError("a zero character")
    return sent


def _counted(sent: Any) -> int:
    """A number that counts drafts or versions.

    Raises
    ------
    ValueError : for what is none, or more than any database holds
    """
    if not isinstance(sent, int) or not 0 <= sent < 1 << 31:
        raise ValueError(f"{type(sent).__name__} is no count")
    return sent


NO_MESSAGE = (
    ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, RawPostDataException,
)  # fmt: skip
"""What a text raises that no page of ours has sent; the last one a form instead of a text."""


def _refused(refusal: Refused, status: int = 422) -> JsonResponse:
    return JsonResponse({"why": list(refusal.why)}, status=status)


def _changed(change: Changed) -> JsonResponse:
    told = {
        "who": change.who,
        "revision": change.revision,
        "content": change.content,
        "signed": change.signed,
    }
    return JsonResponse(told, status=409)


@never_cache
@require_http_methods(["PUT"])
@only(Role.RADIOLOGIST)
def draft(request: Signed, exam_uuid: uuid.UUID) -> JsonResponse:
    """Keep the draft."""
    exam = _exam(request, exam_uuid)
    try:
        revision, content = _content(request)
        kept = keep_draft(exam, request.user, revision, content)
        request.__dict__["by_itself"] = kept == revision
        return JsonResponse({"revision": kept})
    except Refused as refusal:
        return _refused(refusal)
    except Changed as change:
        return _changed(change)


@never_cache
@require_POST
@only(Role.RADIOLOGIST)
def preview(request: Signed, exam_uuid: uuid.UUID) -> JsonResponse:
    """What the rules say of the draft as it stands in the page."""
    exam = _exam(request, exam_uuid)
    try:
        _revision, content = _content(request)
    except Refused as refusal:
        return _refused(refusal)
    # Of what the draft is about, and will be signed against; the engine may have read the exam again since.
    own = exam.drafts.filter(reader=request.user).select_related("based_on").first()
    reading = own.based_on if own else exam.reading
    if reading is None:
        return _refused(Refused(_("The exam has not been analysed.")), 409)
    report = reading.report()
    return JsonResponse(previewed(placed(content, report, exam), report).model_dump(mode="json"))


@never_cache
@require_POST
@only(Role.RADIOLOGIST)
def sign_exam(request: Signed, exam_uuid: uuid.UUID) -> JsonResponse:
    """Sign the draft as it is kept."""
    exam = _exam(request, exam_uuid)
    try:
        sent = _sent(request)
        revision, versions = _counted(sent["revision"]), _counted(sent["versions"])
        asked, note = uuid.UUID(sent["request"]), str(sent.get("note", ""))
        names = [str(each) for each in sent.get("names", [])]
    except NO_MESSAGE:
        return _refused(Refused(_("What was sent is no signature; load the page again.")))
    try:
        version = sign(exam, request.user, revision, versions, asked, note, names)
    except Refused as refusal:
        return _refused(refusal)
    except Changed as change:
        return _changed(change)
    return JsonResponse(
        {"version": version.number, "address": reverse("reading:version", args=[version.uuid])}
    )


@require_POST
@only(Role.RADIOLOGIST)
def release_exam(request: Signed, exam_uuid: uuid.UUID) -> HttpResponse:
    """Leave the exam."""
    release(_exam(request, exam_uuid), request.user)
    return HttpResponse(status=204)


@never_cache
@with_forms
@only(Role.RADIOLOGIST)
def mode(request: Signed, exam_uuid: uuid.UUID) -> HttpResponse:
    """Make a screening exam a diagnostic one, or the other way round."""
    exam = _exam(request, exam_uuid)
    other = Mode.SCREENING if exam.mode == Mode.DIAGNOSTIC else Mode.DIAGNOSTIC
    why: tuple[str, ...] = ()
    if request.method == "POST":
        try:
            change_mode(exam, request.user, request.POST.get("mode", ""), "give_up" in request.POST)
        except Refused as refusal:
            why = refusal.why
        else:
            messages.success(request, _("The mode is changed; the exam is being analysed anew."))
            return redirect("exams:worklist")
    own = exam.drafts.filter(reader=request.user, revision__gt=1).exists()
    shown = {"exam": exam, "other": other, "why": why, "own_draft": own, "signed": exam.versions.exists()}
    return render(request, "reading/mode.html", shown, status=409 if why else 200)


@never_cache
@require_safe
@only(Role.RADIOLOGIST, Role.COORDINATOR)
def version(request: Signed, version_uuid: uuid.UUID) -> HttpResponse:
    """A signed report, and every other version of it."""
    exams = Exam.objects.for_user(request.user)
    found = get_object_or_404(
        Version.objects.select_related("exam__woman"), uuid=version_uuid, exam__in=exams
    )
    about(request, found.exam)
    blind = found.kind == Version.Kind.READING and found.exam.state != State.SIGNED
    if blind and found.author_id != request.user.pk:
        raise Http404  # the second reader reads without knowing what the first one wrote
    others = [
        one
        for one in found.exam.versions.all()
        if one.kind != Version.Kind.READING or found.exam.state == State.SIGNED
    ]
    content = found.read()
    shown = {
        "version": found,
        "content": content,
        "others": others,
        "superseded_by": found.superseded_by,
        "exam": found.exam,
        "standing": content.standing,
        "overall": lexicon_text(lexicon.categories().categories[content.assessment.overall].display),
        "rejected": [one for one in content.findings if one.decision == "rejected"],
        "next_exam": _next_exam(request, found),
    }
    return render(request, "reading/version.html", shown)


def _next_exam(request: Signed, signed: Version) -> Exam | None:
    """The exam to read after one's own signature: the first of the worklist, as it is filtered and ordered,
    that waits for this reader and is open with nobody else."""
    if signed.author_id != request.user.pk:
        return None
    held = Q(held_at__gte=timezone.now() - HELD_FOR) & ~Q(held_by=request.user)
    listed = WorklistFilter(request.user, request.session.get(KEPT)).exams()
    waiting = listed.filter(site__in=request.user.sites([Role.RADIOLOGIST]), state__in=TO_READ)
    open_to_her = waiting.exclude(pk=signed.exam_id).exclude(held)
    return next((exam for exam in open_to_her[:PAGE] if not has_read(exam, request.user)), None)


TO_READ = (State.UNREAD, State.BEGUN, State.SECOND, State.ARBITRATION)
"""States of an exam that waits for a reader."""


@require_safe
@only(Role.RADIOLOGIST, Role.ADMINISTRATOR)
def statistics(request: Signed) -> HttpResponse:
    """The audit's figures as a table and as plots."""
    since, until = (day_of(request.GET.get(name, "")) for name in ("since", "until"))
    found = audits(Exam.objects.for_user(request.user), since, until)
    asked = {"since": since, "until": until}
    shown_audits = [*found["all"], *found["readers"]]
    plots = {
        name: interval_plot(shown_audits, name)
        for name in NAMES
        if any(audit.shares[name].of for audit in shown_audits)
    }
    shown = {"audits": found, "asked": asked, "plots": plots, "names": NAMES}
    return render(request, "reading/statistics.html", shown)

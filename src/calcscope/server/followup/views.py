"""The dashboard of follow-up, a step with its history, and what can be done to it."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST, require_safe

from calcscope import lexicon
from calcscope.server.audit.recording import about
from calcscope.server.exams.models import Exam
from calcscope.server.followup import chains, forms, letters
from calcscope.server.followup.chains import Refused
from calcscope.server.followup.models import Event, Step, StepQuerySet
from calcscope.server.patients.messages import messages_waiting
from calcscope.server.patients.results import appointment_of
from calcscope.server.people.access import Signed, only, with_forms
from calcscope.server.people.models import Role, User

PAGE = 50
SOON = timedelta(days=14)
KEPT = "followup"
TILES = {
    "overdue": gettext_lazy("overdue"),
    "due": gettext_lazy("due within two weeks"),
    "unreachable": gettext_lazy("not reached"),
    "proposed": gettext_lazy("an exam arrived that may be it"),
    "open": gettext_lazy("open in all"),
}
OPENED_AT = ("overdue", "due")
STAFF = (Role.COORDINATOR, Role.RADIOLOGIST, Role.TECHNOLOGIST)


@with_forms
@only(*STAFF)
def dashboard(request: Signed) -> HttpResponse:
    """What is due, overdue and out of reach, by category, site and age."""
    if request.method == "POST":
        asked = {key: request.POST.get(key, "") for key in ("category", "site", "mine")}
        asked["which"] = request.POST.get("which") or request.POST.get("show", "")
        request.session[KEPT] = asked
        return redirect("followup:dashboard")
    asked = {"which": "", "category": "", "site": "", "mine": "", **request.session.get(KEPT, {})}
    every = Step.objects.for_user(request.user).select_related(
        "chain__woman", "chain__site", "chain__exam", "owner"
    )
    today = timezone.localdate()
    kinds = {
        "overdue": every.overdue(today),
        "due": every.open().filter(due__gte=today, due__lte=today + SOON),
        "unreachable": every.filter(state=Step.State.UNREACHABLE),
        "proposed": _proposed(every),
        "open": every.open(),
    }
    # Who has chosen nothing yet sees what is late, where nothing is what comes soon, else all.
    asked["which"] = asked["which"] or next((each for each in OPENED_AT if kinds[each].exists()), "open")
    steps = kinds.get(asked["which"], kinds["open"])
    if asked["category"]:
        steps = steps.filter(chain__category=asked["category"])
    if asked["site"]:
        steps = steps.filter(chain__site__code=asked["site"])
    if asked["mine"]:
        roles = request.user.memberships.values_list("role", flat=True)
        steps = steps.filter(owner=request.user) | steps.filter(owner=None, owner_role__in=list(roles))
    page = Paginator(steps.order_by("due", "pk").prefetch_related("events"), PAGE).get_page(
        request.GET.get("page")
    )
    about(request, *(step.chain for step in page))
    late = [(today - due).days for due in every.overdue(today).values_list("due", flat=True)]
    ages = Counter(
        "0–7" if days <= 7 else "8–30" if days <= 30 else "31–60" if days <= 60 else "60+" for days in late
    )
    shown = {
        "page": page,
        "asked": asked,
        "tiles": [(key, kinds[key].count(), words) for key, words in TILES.items()],
        "late": len(late),
        "ages": [(name, ages.get(name, 0)) for name in ("0–7", "8–30", "31–60", "60+")],
        "sites": request.user.sites(),
        "categories": lexicon.categories().overall_order,
        "waiting_messages": messages_waiting(request.user),
    }
    return render(request, "followup/dashboard.html", shown)


def _proposed(steps: StepQuerySet) -> StepQuerySet:
    """Open steps with an exam that may be it and of which nobody has said that it is not."""
    refused = Event.objects.filter(kind=Event.Kind.NOT_IT, step=OuterRef("step"), exam=OuterRef("exam"))
    waiting = Event.objects.filter(~Exists(refused), kind=Event.Kind.PROPOSED).values("step")
    return steps.filter(state__in=Step.OPEN, pk__in=waiting)


def _may_fulfil(step: Step) -> QuerySet[Exam]:
    """Her other exams, but none from before the one that asks for the step; the newest first."""
    source = step.chain.exam
    others = step.chain.woman.exams.exclude(pk=source.pk).order_by("-date")
    return others.exclude(date__lt=source.date) if source.date else others


def _step(request: Signed, step_uuid: uuid.UUID) -> Step:
    """A step of the account's sites.

    Raises
    ------
    Http404
    """
    steps = Step.objects.for_user(request.user).select_related("chain__woman", "chain__exam", "chain__site")
    step: Step = get_object_or_404(steps, uuid=step_uuid)
    about(request, step)
    return step


@require_safe
@only(*STAFF)
def step(request: Signed, step_uuid: uuid.UUID) -> HttpResponse:
    """A step, its chain, its history, and what can be done."""
    found = _step(request, step_uuid)
    refused = set(found.events.filter(kind=Event.Kind.NOT_IT).values_list("exam_id", flat=True))
    proposed = [
        event.exam for event in found.events.filter(kind=Event.Kind.PROPOSED).select_related("exam")
        if event.exam_id not in refused
    ]  # fmt: skip
    colleagues = User.objects.filter(memberships__site=found.chain.site).exclude(
        memberships__role=Role.PATIENT
    )
    shown = {
        "step": found,
        "chain": found.chain,
        "steps": found.chain.steps.order_by("pk").prefetch_related("events"),
        "events": found.events.select_related("by", "exam"),
        "proposed": proposed,
        "exams": _may_fulfil(found),
        "appointment": appointment_of(found),
        "colleagues": colleagues.distinct(),
        "result_form": forms.ResultForm(found)
        if found.kind.by == "result" and _may_say(request, found)
        else None,
        "schedule_form": forms.ScheduleForm(),
        "attempt_form": forms.AttemptForm(),
        "move_form": forms.MoveForm(initial={"due": found.due}),
        "close_form": forms.CloseForm(),
    }
    return render(request, "followup/step.html", shown)


@require_POST
@only(*STAFF)
def act(request: Signed, step_uuid: uuid.UUID, what: str) -> HttpResponse:
    """Do something to a step."""
    found = _step(request, step_uuid)
    try:
        said = _ACTS[what](request, found)
    except KeyError:
        messages.error(request, _("That cannot be done here."))
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, said)
    return redirect("followup:step", step_uuid)


def _valid(form: Any) -> dict[str, Any]:
    """What a form says.

    Raises
    ------
    Refused : naming the first field that is wrong
    """
    if not form.is_valid():
        name, errors = next(iter(form.errors.items()))
        raise Refused(f"{form.fields[name].label}: {errors[0]}")
    return dict(form.cleaned_data)


def _schedule(request: Signed, found: Step) -> str:
    given = _valid(forms.ScheduleForm(request.POST))
    chains.schedule(found, given["day"], at=given["time"], by=request.user, note=given["note"])
    return _("The appointment is noted.")


def _attempt(request: Signed, found: Step) -> str:
    given = _valid(forms.AttemptForm(request.POST))
    chains.attempt(found, given["how"], given["reached"] == "yes", by=request.user, note=given["note"])
    return _("The attempt is noted.")


def _move(request: Signed, found: Step) -> str:
    given = _valid(forms.MoveForm(request.POST))
    chains.move(found, given["due"], given["why"], by=request.user)
    return _("The date is changed.")


def _close(request: Signed, found: Step) -> str:
    given = _valid(forms.CloseForm(request.POST))
    chains.close(found, given["reason"], by=request.user, note=given["note"])
    return _("The step is closed.")


def _reopen(request: Signed, found: Step) -> str:
    chains.reopen(found, request.POST.get("why", ""), by=request.user)
    return _("The step is open again.")


def _may_say(request: Signed, found: Step) -> bool:
    """Whether a biopsy took the right place, and what it means, is a radiologist's to say."""
    site = found.chain.site
    return found.kind.owner != Role.RADIOLOGIST or request.user.has_role(Role.RADIOLOGIST, site=site)


def _result(request: Signed, found: Step) -> str:
    if not _may_say(request, found):
        raise PermissionDenied
    form = forms.ResultForm(found, request.POST)
    given = _valid(form)
    facts = {name: given[name] for name in form.asked}
    opened = chains.write_result(found, given["result"], by=request.user, note=given["note"], facts=facts)
    if not opened:
        return _("The result is kept; this chain is finished.")
    return _("The result is kept. Next: {steps}.").format(steps=", ".join(each.display for each in opened))


def _give(request: Signed, found: Step) -> str:
    owner = get_object_or_404(User, username=request.POST.get("owner", ""))
    chains.give(found, owner, by=request.user)
    return _("The step has an owner.")


def _exam_of(request: Signed, found: Step) -> Exam:
    try:
        asked = uuid.UUID(request.POST.get("exam", ""))
    except ValueError:
        raise Refused(_("Choose an exam.")) from None
    exam: Exam = get_object_or_404(found.chain.woman.exams, uuid=asked)
    return exam


def _fulfil(request: Signed, found: Step) -> str:
    chains.fulfil(found, _exam_of(request, found), by=request.user)
    return _("The step is done.")


def _not_it(request: Signed, found: Step) -> str:
    chains.reject_proposal(found, _exam_of(request, found), by=request.user)
    return _("Noted: the exam is not it.")


def _letter(request: Signed, found: Step) -> str:
    letters.write(found, by=request.user, send=request.POST.get("send") == "email")
    return _("The letter is written.")


_ACTS = {
    "schedule": _schedule, "attempt": _attempt, "move": _move, "close": _close, "reopen": _reopen,
    "result": _result, "give": _give, "fulfil": _fulfil, "not-it": _not_it, "write": _letter,
}  # fmt: skip


@require_GET
@only(*STAFF)
def letter(request: Signed, step_uuid: uuid.UUID) -> HttpResponse:
    """The letter of a step, to be printed."""
    found = _step(request, step_uuid)
    made = letters.letter_of(found)
    shown = {"letter": made, "step": found, "why": letters.against(found, made)}
    return render(request, "followup/letter.html", shown)


@require_safe
@only(*STAFF)
def calendar(request: Signed, step_uuid: uuid.UUID) -> HttpResponse:
    """The step as a calendar file; it tells nothing of a result."""
    found = _step(request, step_uuid)
    answer = HttpResponse(letters.calendar_of(found), content_type="text/calendar; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="appointment.ics"'
    return answer

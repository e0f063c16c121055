"""The pages of a woman: her results, what comes next, her questions, her record. Each shows hers alone."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import date
from functools import wraps
from typing import Any

from django.contrib import messages as notes
from django.contrib.auth import login
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from calcscope.report.pdf import PdfUnavailable
from calcscope.server.audit.recording import about, record
from calcscope.server.exams.models import Woman
from calcscope.server.followup.chains import Refused as StepRefused
from calcscope.server.followup.letters import calendar_of
from calcscope.server.followup.models import Step
from calcscope.server.library.preferences import site_of, sites
from calcscope.server.patients import accounts, downloads, letters, messages, results
from calcscope.server.patients.explaining import composition
from calcscope.server.patients.forms import BeginForm, OwnAccountForm
from calcscope.server.patients.models import Invitation, Message, Result
from calcscope.server.patients.results import Gate
from calcscope.server.patients.seen import looks_at
from calcscope.server.people.access import Signed, only, with_forms
from calcscope.server.people.middleware import open_to_all
from calcscope.server.people.models import Role

PAGE = 50
CLAIMED, CLAIMED_FOR = "patients-claim", 15 * 60
"""In the session: which code was shown to be hers, and for how many seconds that counts."""


class Hers(Signed):
    """A request of a woman for her own record."""

    woman: Woman


def hers(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Lets a page be seen by a woman with an account of her own, and tells it who she is.

    The language that she chose for her pages is that of her letters too.
    """

    @never_cache
    @only(Role.PATIENT)
    @wraps(view)
    def checked(request: Hers, *args: Any, **kwargs: Any) -> HttpResponseBase:
        woman = Woman.objects.select_related("site").filter(account=request.user).first()
        if woman is None:
            raise Http404
        request.woman = woman
        chosen = request.user.language
        if chosen and chosen != woman.language:
            woman.language = chosen
            woman.save(update_fields=["language"])
            record("contact-changed", woman, request=request)
        return view(request, *args, **kwargs)

    return checked


# --- coming in ------------------------------------------------------------------------------------------


@never_cache
@open_to_all
@sensitive_post_parameters("code", "birth_date")
@with_forms
def begin(request: HttpRequest) -> HttpResponse:
    """A code from a letter and a date of birth, which nobody sees in an address."""
    if request.user.is_authenticated:
        return redirect("home")
    form, status = BeginForm(request.POST or None), 200
    if request.method == "POST" and form.is_valid():
        try:
            found = accounts.claim(form.cleaned_data["code"], form.cleaned_data["birth_date"], request)
        except accounts.Refused as refusal:
            form.add_error(None, str(refusal))
            status = 429 if isinstance(refusal, accounts.TooMany) else 422
        else:
            request.session.cycle_key()
            request.session[CLAIMED] = {"invitation": found.pk, "at": timezone.now().timestamp()}
            return redirect("patients:account")
    elif request.method == "POST":
        status = 422
    # Whom to call, where that is known: of the hospital whose pages sent her, or of the only one.
    shown = {"form": form, "site": site_of(request, sites())}
    return render(request, "patients/begin.html", shown, status=status)


@never_cache
@open_to_all
@sensitive_post_parameters("password", "again")
@with_forms
def account(request: HttpRequest) -> HttpResponse:
    """The name and password that she chooses."""
    claimed = request.session.get(CLAIMED) or {}
    fresh = timezone.now().timestamp() - float(claimed.get("at", 0)) < CLAIMED_FOR
    invitation = (
        Invitation.objects.select_related("woman__site", "woman__account")
        .filter(pk=int(claimed.get("invitation", 0)))
        .first()
    )
    if not fresh or invitation is None or not invitation.holds:
        request.session.pop(CLAIMED, None)
        return redirect("patients:begin")
    woman = invitation.woman
    form = OwnAccountForm(woman, request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            user = accounts.open_account(
                invitation, given.get("username", ""), given["password"], given["language"], request
            )
        except accounts.Refused as refusal:
            notes.error(request, str(refusal))
            return redirect("patients:begin")
        request.session.pop(CLAIMED, None)
        login(request, user, backend="django.contrib.auth.backends.ModelBackend")
        return redirect("patients:home")
    shown = {"form": form, "site": woman.site, "username": woman.account.username if woman.account else ""}
    return render(request, "patients/account.html", shown, status=422 if form.errors else 200)


# --- her results ----------------------------------------------------------------------------------------


@hers
@require_GET
def home(request: Hers) -> HttpResponse:
    """Her results and what comes next."""
    woman = request.woman
    about(request, woman)
    listed = _results(woman)
    steps = _steps(woman, listed)
    shown = {
        "woman": woman,
        "site": woman.site,
        "results": listed,
        "steps": steps[:3],
        "more": len(steps) > 3,
    }
    return render(request, "patients/home.html", shown)


def _results(woman: Woman) -> list[tuple[Result, Gate]]:
    """Her results that stand, and whether she may be told; the newest first, a biopsy by its result's day."""
    found = results.current(results.hers(woman)).select_related("exam", "site", "version")
    newest = sorted(found, key=_day_of, reverse=True)
    return [(each, results.gate(each, _language())) for each in newest]


def _day_of(result: Result) -> tuple[date, int]:
    day = None if result.is_biopsy else result.exam.date
    return day or timezone.localdate(result.signed_at), result.pk


def _language() -> str:
    return get_language() or "en"


def _result(request: Hers, result_uuid: uuid.UUID) -> tuple[Result, Gate]:
    """A result of hers, and whether she may be told it.

    Raises
    ------
    Http404 : for anybody else's; that somebody asked for it is in the audit of the one whose it is
    """
    found = Result.objects.select_related("exam", "site", "version__author", "woman").filter(uuid=result_uuid)
    result: Result | None = found.filter(pk__in=results.hers(request.woman)).first()
    if result is None:
        if (other := found.exclude(woman=request.woman).first()) is not None:
            record("refused-to-another-woman", other, request=request)
        raise Http404
    about(request, result)
    return result, results.gate(result, _language())


@hers
@require_GET
def result(request: Hers, result_uuid: uuid.UUID) -> HttpResponse:
    """A result in plain words; until it may be told, that it is at the clinic."""
    found, gate = _result(request, result_uuid)
    shown = {"result": found, "gate": gate, "site": found.site, "woman": request.woman}
    if not gate.open or gate.explanation is None:
        return render(request, "patients/not_yet.html", shown)
    results.opened(found, request.user, _language(), gate.explanation)
    shown["explanation"] = gate.explanation
    shown["corrected"] = results.is_corrected(found)
    return render(request, "patients/result.html", shown)


@hers
@require_GET
def letter(request: Hers, result_uuid: uuid.UUID) -> HttpResponse:
    """The same as a letter, PDF."""
    found, gate = _result(request, result_uuid)
    if not gate.open or gate.explanation is None:
        raise Http404
    try:
        made = letters.pdf_of(found, _language(), gate.explanation)
    except PdfUnavailable:
        notes.error(request, _("The letter cannot be made now. You can print the page instead."))
        return redirect("patients:result", result_uuid)
    results.opened(found, request.user, _language(), gate.explanation)
    return _pdf(made, "letter.pdf")


def _pdf(content: bytes, name: str) -> HttpResponse:
    answer = HttpResponse(content, content_type="application/pdf")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


# --- what comes next ------------------------------------------------------------------------------------


PLAINLY: Mapping[str, Promise] = {
    "magnification_views": gettext_lazy("More pictures of the breast"),
    "short_interval": gettext_lazy("Mammogram after some months"),
    "follow_up_6_months": gettext_lazy("Mammogram after your biopsy"),
    "routine": gettext_lazy("Your usual mammogram"),
    "biopsy": gettext_lazy("Biopsy: a small sample of the breast"),
    "repeat_or_excision": gettext_lazy("Another sample of the breast"),
    "surgical_opinion": gettext_lazy("A talk with a breast surgeon"),
    "referral": gettext_lazy("A visit to a breast specialist"),
}
"""The steps of follow-up in words for her."""


def _plainly(step: Step) -> str:
    return str(PLAINLY.get(step.code, step.display))


def _steps(woman: Woman, listed: list[tuple[Result, Gate]]) -> list[Step]:
    """What she is to come for, the first due first; of results that she may not be told yet, none."""
    shut = {each.exam_id for each, gate in listed if not gate.open and not each.is_biopsy}
    samples = results.told_samples(each for each, gate in listed if gate.open)
    told = [code for code in composition().steps if code != "prior_films"]
    found = Step.objects.open().filter(chain__woman=woman, chain__exam__other_name=False, code__in=told)
    found = found.exclude(chain__exam__in=shut)
    steps = []
    for each in found.select_related("chain__exam").order_by("due", "pk"):
        sample = results.sample_before(each)
        if sample is None or sample.pk in samples:
            each.__dict__["appointment"] = results.appointment_of(each)
            each.__dict__["plainly"] = _plainly(each)
            each.__dict__["comes"] = _has_said(each, Message.Kind.COMES)
            steps.append(each)
    return steps


def _has_said(step: Step, kind: str) -> bool:
    """Whether she has said so since the appointment was made."""
    made = step.events.filter(kind="scheduled").last()
    said = step.messages.filter(kind=kind)
    return said.filter(at__gte=made.at).exists() if made else False


@hers
@require_GET
def steps(request: Hers) -> HttpResponse:
    """Her appointments and next steps, with their dates."""
    about(request, request.woman)
    steps = _steps(request.woman, _results(request.woman))
    return render(request, "patients/steps.html", {"steps": steps, "site": request.woman.site})


def _step(request: Hers, step_uuid: uuid.UUID) -> Step:
    """A step of hers that she is told of.

    Raises
    ------
    Http404
    """
    for each in _steps(request.woman, _results(request.woman)):
        if each.uuid == step_uuid:
            about(request, each)
            return each
    other = Step.objects.select_related("chain").filter(uuid=step_uuid).first()
    if other is not None and other.chain.woman_id != request.woman.pk:
        record("refused-to-another-woman", other, request=request)
    raise Http404


SAID = {"comes": Message.Kind.COMES, "other-day": Message.Kind.OTHER_DAY}


@hers
@require_POST
def say(request: Hers, step_uuid: uuid.UUID, what: str) -> HttpResponse:
    """She comes to an appointment, or asks for one, or for another day."""
    step = _step(request, step_uuid)
    if what not in SAID:
        raise Http404
    try:
        messages.say(request.woman, request.user, SAID[what], request.POST.get("text", ""), step)
    except (messages.Refused, StepRefused) as refusal:
        notes.error(request, str(refusal))
    else:
        notes.success(
            request,
            _("Thank you. The clinic sees that you will come.")
            if what == "comes"
            else _("Your wish is with the clinic. They answer here, or call you."),
        )
    return redirect("patients:steps")


@hers
@require_GET
def calendar(request: Hers, step_uuid: uuid.UUID) -> HttpResponse:
    """An appointment as a calendar file."""
    answer = HttpResponse(calendar_of(_step(request, step_uuid)), content_type="text/calendar; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="appointment.ics"'
    return answer


# --- questions and her record ---------------------------------------------------------------------------


@hers
@with_forms
def questions(request: Hers) -> HttpResponse:
    """What she and the clinic have written, and a question more."""
    about(request, request.woman)
    text = request.POST.get("text", "")
    if request.method == "POST":
        try:
            messages.say(request.woman, request.user, Message.Kind.QUESTION, text)
        except messages.Refused as refusal:
            notes.error(request, str(refusal))
        else:
            notes.success(request, _("Your question is with the clinic. They answer here, or call you."))
            return redirect("patients:questions")
    said = Message.objects.filter(woman=request.woman).select_related("by", "step").order_by("-pk")
    page = Paginator(said, PAGE).get_page(request.GET.get("page"))
    for each in page:
        if each.step is not None:
            each.step.__dict__["plainly"] = _plainly(each.step)
    shown = {
        "page": page,
        "site": request.woman.site,
        "text": text,
        "longest": messages.LONGEST,
    }
    return render(request, "patients/questions.html", shown, status=422 if request.method == "POST" else 200)


@hers
@require_GET
def seen(request: Hers) -> HttpResponse:
    """Who looked at her record, and what she can take with her."""
    about(request, request.woman)
    looks = looks_at(request.woman)
    shown = {
        "page": Paginator(looks, PAGE).get_page(request.GET.get("page")),
        "site": request.woman.site,
    }
    return render(request, "patients/seen.html", shown)


@hers
@require_GET
def everything(request: Hers) -> HttpResponseBase:
    """Everything of hers, as one archive."""
    woman = request.woman
    about(request, woman, *results.current(Result.objects.filter(woman=woman)))
    record("downloaded-everything", woman, request=request)
    parts = downloads.everything(woman, _language())
    answer = StreamingHttpResponse(
        downloads.archive(parts, timezone.localtime()), content_type="application/zip"
    )
    answer["Content-Disposition"] = 'attachment; filename="my-record.zip"'
    return answer

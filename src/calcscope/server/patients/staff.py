"""The pages of the clinic: passages to approve, results to tell, codes, what women write."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages as notes
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST, require_safe

from calcscope.report.pdf import PdfUnavailable
from calcscope.server.audit.recording import about
from calcscope.server.exams.models import Woman
from calcscope.server.followup.chains import Refused as StepRefused
from calcscope.server.languages import Language, available
from calcscope.server.languages.words import plain
from calcscope.server.patients import accounts, approvals, letters, messages, results
from calcscope.server.patients.models import Happening, Invitation, Message, Result, seen_by
from calcscope.server.patients.passages import blocks, load
from calcscope.server.people.access import Signed, only, with_forms
from calcscope.server.people.models import Role, Site

PAGE = 50
CLINIC = (Role.RADIOLOGIST, Role.COORDINATOR)
LISTS = {
    "late": gettext_lazy("late"),
    "untold": gettext_lazy("to tell"),
    "held": gettext_lazy("held"),
    "told": gettext_lazy("told"),
}


# --- results to tell ------------------------------------------------------------------------------------


@never_cache
@require_safe
@only(*CLINIC)
def results_list(request: Signed) -> HttpResponse:
    """Results that nobody has told yet, the late ones first; and those that were."""
    every = (
        seen_by(request.user, Result.objects.all())
        .select_related("woman", "site", "exam", "telling", "concordance__step__after")
        .prefetch_related("happenings")
    )
    open_ones, today = results.untold(every), timezone.localdate()
    held = Subquery(
        Happening.objects.filter(result=OuterRef("pk"), kind__in=["held", "released"])
        .order_by("-pk")
        .values("kind")[:1]
    )
    lists: dict[str, QuerySet[Result]] = {
        "late": open_ones.filter(telling__due__lt=today),
        "untold": open_ones,
        "held": open_ones.annotate(last=held).filter(last="held"),
        "told": results.told(results.current(every)).order_by("-pk"),
    }
    which = request.GET.get("show", "untold")
    which = which if which in lists else "untold"
    page = Paginator(lists[which], PAGE).get_page(request.GET.get("page"))
    about(request, *page)
    listed = [
        {
            "result": each,
            "category": each.exam.category,  # of a result that stands it is the report's
            "biopsy": results.words_of_biopsy(each),
            "due": each.telling.due if each.telling else None,
            "last": next(reversed(each.happenings.all()), None),
        }
        for each in page
    ]
    shown = {
        "page": page,
        "listed": listed,
        "which": which,
        "today": today,
        "tabs": [(key, words, lists[key].count()) for key, words in LISTS.items()],
        "unapproved": _unapproved(request),
    }
    return render(request, "patients/staff_results.html", shown)


def _unapproved(request: Signed) -> list[tuple[Site, Language, int]]:
    """Where passages are not approved in a language that women of a site read, and how many."""
    found = []
    for site in request.user.sites(CLINIC):
        read = Woman.objects.filter(site=site, results__isnull=False).values_list("language", flat=True)
        for code in sorted(set(read) & set(available())):
            every = {each.id: each.sha256 for each in load(code)}
            if count := len(approvals.missing(site, code, every)):
                found.append((site, available()[code], count))
    return found


def _result(request: Signed, result_uuid: uuid.UUID) -> Result:
    """A result of the account's sites.

    Raises
    ------
    Http404
    """
    found = seen_by(request.user, Result.objects.all()).select_related(
        "woman__account", "site", "exam", "version"
    )
    result: Result = get_object_or_404(found, uuid=result_uuid)
    about(request, result)
    return result


@never_cache
@require_GET
@only(*CLINIC)
def preview(request: Signed, result_uuid: uuid.UUID) -> HttpResponse:
    """What she would read, before anything leaves; and what can be done."""
    result = _result(request, result_uuid)
    language = request.GET.get("language", result.woman.language)
    language = language if language in available() else result.woman.language
    gate = results.gate(result, language)
    shown = {
        "result": result,
        "woman": result.woman,
        "site": result.site,
        "gate": gate,
        "explanation": gate.explanation,
        "language": language,
        "previews": available().values(),
        "hers": language == result.woman.language,
        "own_language": available()[result.woman.language].name,
        "category": result.version.content["assessment"]["overall"],
        "biopsy": results.words_of_biopsy(result),
        "happenings": result.happenings.select_related("by"),
        "told": results.is_told(result),
        "may_release": request.user.has_role(Role.RADIOLOGIST, site=result.site),
        "density": results.density_of(result),
        "asks_density": results.asks_density(result),
    }
    return render(request, "patients/staff_result.html", shown)


@never_cache
@require_GET
@only(*CLINIC)
def preview_letter(request: Signed, result_uuid: uuid.UUID) -> HttpResponse:
    """The letter as PDF; one that may not leave yet has that written across it."""
    result = _result(request, result_uuid)
    language = request.GET.get("language", result.woman.language)
    if language not in available():
        raise Http404
    gate = results.gate(result, language)
    if gate.explanation is None:
        raise Http404
    try:
        made = letters.pdf_of(result, language, gate.explanation, draft=True)
    except PdfUnavailable as error:
        notes.error(request, str(error))
        return redirect("patients:staff-result", result_uuid)
    return _pdf(made, "preview.pdf", inline=True)


def _pdf(content: bytes, name: str, inline: bool = False) -> HttpResponse:
    answer = HttpResponse(content, content_type="application/pdf")
    answer["Content-Disposition"] = f'{"inline" if inline else "attachment"}; filename="{name}"'
    return answer


@never_cache
@require_POST
@only(*CLINIC)
def act(request: Signed, result_uuid: uuid.UUID, what: str) -> HttpResponse:
    """Hold or release a result, print its letter, tell her by email that it is ready."""
    result = _result(request, result_uuid)
    if what not in _ACTS:
        raise Http404
    try:
        answer = _ACTS[what](request, result)
    except (results.Refused, StepRefused, PdfUnavailable) as refusal:
        notes.error(request, str(refusal))
        return redirect("patients:staff-result", result_uuid)
    if isinstance(answer, HttpResponse):
        return answer
    notes.success(request, answer)
    return redirect("patients:staff-result", result_uuid)


def _doctor(request: Signed, result: Result) -> None:
    if not request.user.has_role(Role.RADIOLOGIST, site=result.site):
        raise PermissionDenied


def _hold(request: Signed, result: Result) -> str:
    _doctor(request, result)
    results.hold(result, request.user, request.POST.get("note", ""))
    return _("Held: neither page nor letter tells her.")


def _release(request: Signed, result: Result) -> str:
    _doctor(request, result)
    results.release(result, request.user, request.POST.get("note", ""))
    return _("Released: her page tells her, and a letter may leave.")


def _spoken(request: Signed, result: Result) -> str:
    _doctor(request, result)
    results.spoken(result, request.user, request.POST.get("note", ""))
    return _("Noted: she knows of it.")


def _density(request: Signed, result: Result) -> str:
    _doctor(request, result)
    results.state_density(result, request.POST.get("density", ""), request.user)
    return _("The density is kept.")


def _print(request: Signed, result: Result) -> HttpResponse:
    return _pdf(letters.print_letter(result, request.user), "letter.pdf")


def _email(request: Signed, result: Result) -> str:
    letters.notify(result, request.user, request.build_absolute_uri(reverse("patients:home")))
    return _("The email is sent. The result counts as told when she has opened it.")


_ACTS: dict[str, Callable[[Signed, Result], str | HttpResponse]] = {
    "hold": _hold, "release": _release, "spoken": _spoken, "density": _density, "print": _print,
    "email": _email,
}  # fmt: skip


# --- passages to approve --------------------------------------------------------------------------------


def _site(request: Signed, given: QueryDict, *roles: str) -> Site:
    """The site that is asked for, or the account's first.

    Raises
    ------
    Http404 : for none of the account's in one of the roles
    """
    sites = request.user.sites(roles)
    code = given.get("site", "")
    found = sites.filter(code=code).first() if code else sites.first()
    if found is None:
        raise Http404
    return found


@never_cache
@require_GET
@only(*CLINIC)
def passages(request: Signed) -> HttpResponse:
    """Every passage of a language, with what the site's radiologists have said of it."""
    site = _site(request, request.GET, *CLINIC)
    language = request.GET.get("language", "en")
    if language not in available():
        raise Http404
    parts: dict[str, list[dict[str, Any]]] = {}
    for each in approvals.listed(site, language):
        told = {"listed": each, "passage": each.passage, "blocks": blocks(each.passage.text)}
        parts.setdefault(each.part, []).append(told)
    counts = []
    for one in available().values():
        said = approvals.listed(site, one.code)
        counts.append((one, sum(each.approval is not None for each in said), len(said)))
    about(request, site)
    shown = {
        "site": site,
        "sites": request.user.sites(CLINIC),
        "language": language,
        "counts": counts,
        "parts": [(part, plain(part).capitalize(), listed) for part, listed in parts.items()],
        "may_approve": request.user.has_role(Role.RADIOLOGIST, site=site),
    }
    return render(request, "patients/staff_passages.html", shown)


@never_cache
@require_POST
@only(Role.RADIOLOGIST)
def approve(request: Signed) -> HttpResponse:
    """Approve passages as they were shown, or take an approval back."""
    site = _site(request, request.POST, Role.RADIOLOGIST)
    language = request.POST.get("language", "")
    if language not in available():
        raise Http404
    if name := request.POST.get("withdraw", ""):
        approvals.withdraw(site, language, [name], request.user)
        notes.success(request, _("The approval is taken back: nothing leaves with this passage."))
    else:
        shas = dict(each.split(":", 1) for each in request.POST.getlist("passage") if ":" in each)
        done = approvals.approve(site, language, shas, request.user)
        notes.success(
            request,
            translation.ngettext("{n} passage approved.", "{n} passages approved.", done).format(n=done),
        )
    part = request.POST.get("part", "")
    query = QueryDict(mutable=True)
    query.update({"site": site.code, "language": language})
    anchor = f"#{part}" if part.replace("_", "").isalnum() else ""
    return redirect(f"{reverse('patients:passages')}?{query.urlencode()}{anchor}")


# --- codes ----------------------------------------------------------------------------------------------


@never_cache
@with_forms
@only(*CLINIC)
def code(request: Signed, woman_uuid: uuid.UUID) -> HttpResponse:
    """A letter with a code for a woman's own account; the code is shown this once."""
    women = Woman.objects.for_user(request.user).select_related("site", "account")
    woman = get_object_or_404(women, uuid=woman_uuid)
    about(request, woman)
    shown: dict[str, Any] = {"woman": woman, "site": woman.site}
    if request.method == "POST":
        try:
            invitation, made = accounts.make_code(woman, request.user)
        except accounts.Refused as refusal:
            notes.error(request, str(refusal))
        else:
            shown |= {
                "code": made,
                "until": timezone.localdate(invitation.expires_at),
                "begin": request.build_absolute_uri(reverse("patients:begin")),
                "today": timezone.localdate(),
                "language": woman.language,
            }
            return render(request, "patients/staff_code_letter.html", shown)
    now = timezone.now()
    shown["waiting"] = Invitation.objects.filter(
        woman=woman, used_at=None, void_at=None, expires_at__gt=now
    ).last()
    return render(request, "patients/staff_code.html", shown)


# --- what women write -----------------------------------------------------------------------------------


@never_cache
@require_GET
@only(*CLINIC, Role.TECHNOLOGIST)
def messages_list(request: Signed) -> HttpResponse:
    """What waits for an answer, the oldest first; or all of it, the newest first."""
    every = seen_by(request.user, Message.objects.all()).select_related(
        "woman", "by", "site", "step__chain", "answers"
    )
    everything = request.GET.get("show") == "all"
    found = every.order_by("-pk") if everything else messages.waiting(every)
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    about(request, *page)
    for each in page:
        each.__dict__["her_language"] = available()[each.woman.language].name
    return render(
        request,
        "patients/staff_messages.html",
        {"page": page, "everything": everything, "longest": messages.LONGEST},
    )


@never_cache
@require_POST
@only(*CLINIC, Role.TECHNOLOGIST)
def answer(request: Signed, message_uuid: uuid.UUID) -> HttpResponse:
    """Answer a woman; she reads it on her pages."""
    message = get_object_or_404(seen_by(request.user, Message.objects.all()), uuid=message_uuid)
    about(request, message)
    try:
        messages.answer(message, request.user, request.POST.get("text", ""))
    except (messages.Refused, StepRefused) as refusal:
        notes.error(request, str(refusal))
    else:
        notes.success(request, _("The answer is on her pages."))
    return redirect("patients:staff-messages")

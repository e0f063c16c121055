"""The pages that belong to no room: the front door, health, and what to say when something is wrong."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import TooManyFilesSent
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden, JsonResponse
from django.shortcuts import redirect, render
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView

from calcscope.server.followup.daily import last_run, missed
from calcscope.server.people.access import Signed
from calcscope.server.people.models import Role
from calcscope.server.room import free_bytes

FRONT = {
    Role.RADIOLOGIST: "exams:worklist",
    Role.TECHNOLOGIST: "exams:worklist",
    Role.COORDINATOR: "followup:dashboard",
    Role.ADMINISTRATOR: "audit:search",
    Role.PATIENT: "patients:home",
}
"""The page each role works on, the first that fits."""


@require_safe
def home(request: Signed) -> HttpResponse:
    """Where somebody works."""
    for role, page in FRONT.items():
        if request.user.has_role(role):
            return redirect(page)
    return render(request, "nothing_here.html")


@never_cache
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """200 while the server can work, 503 with the reason when it cannot; and whether it did its daily work.

    A day that was missed, or somebody lost, is said and is no 503: pages are no better for being taken away.
    """
    checks = {"database": _database(), "disk": _disk()}
    well = all(checks.values())
    daily = _daily() if checks["database"] else {}
    return JsonResponse({"well": well, **checks, **daily}, status=200 if well else 503)


def _daily() -> dict[str, object]:
    last = last_run()
    return {
        "daily": not missed(),
        "daily_at": last.ended_at.isoformat(timespec="seconds") if last and last.ended_at else None,
        "nobody_lost": last.lost == 0 if last else None,
    }


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return bool(cursor.fetchone() == (1,))
    except Exception:
        return False


def _disk() -> bool:
    return free_bytes() > 0


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus metrics, for who is on this machine or has the token of the file ``metrics-token``."""
    here = (
        request.META.get("REMOTE_ADDR") in ("127.0.0.1", "::1") and "HTTP_X_FORWARDED_FOR" not in request.META
    )
    path = settings.CONFIG.data / "metrics-token"
    token = path.read_text().strip() if path.exists() else ""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not here and not (token and constant_time_compare(given, token)):
        return HttpResponseForbidden()
    return ExportToDjangoView(request)  # type: ignore[no-any-return]


def _sorry(request: HttpRequest, status: int, title: str, words: str) -> HttpResponse:
    return render(request, "sorry.html", {"title": title, "words": words}, status=status)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400; files beyond the number that the server takes at once are told so."""
    if isinstance(exception, TooManyFilesSent):
        most = settings.DATA_UPLOAD_MAX_NUMBER_FILES
        words = _(
            "Those are more than {n} files, the most at once. None was taken. Bring them in parts, or "
            "pack them into a zip archive."
        ).format(n=most)
        if request.headers.get("X-Requested-With") == "fetch":
            return JsonResponse({"why": words}, status=400)
        return _sorry(request, 400, _("Too many files at once"), words)
    return _sorry(request, 400, _("That could not be understood"), _("Go back and try it again."))


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403."""
    return _sorry(request, 403, _("That is not for you"), _("Your account has no right to this page."))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404; also for what exists and belongs to another site or woman."""
    return _sorry(request, 404, _("Nothing is here"), _("It may have moved, or belong to somebody else."))


def broken(request: HttpRequest) -> HttpResponse:
    """500."""
    words = _("Nothing of what was saved is lost. The log of the server says what happened.")
    try:
        return _sorry(request, 500, _("Something went wrong here"), words)
    except Exception:  # the page asks the database who is signed in, and that may be what is wrong
        return HttpResponse(words, status=500, content_type="text/plain; charset=utf-8")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form sent from a page that was open before a new sign-in, or from elsewhere."""
    words = _("The page was older than your sign-in. Go back, load it again and send it once more.")
    return _sorry(request, 403, _("Send it once more"), words)

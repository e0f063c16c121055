"""What a reader chose: hospital and size of text, in cookies of our own that tell nothing about her."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from calcscope.server.people.models import Role, Site, User

SITE, TEXT = "library-site", "library-text"
SIZES = {"normal": _("normal"), "large": _("large"), "larger": _("very large")}
DAYS = 365
ASKED = ("language", "site", "text")


def sites() -> list[Site]:
    """Hospitals shown in the library: each whose settings do not say ``"library": false``."""
    return [site for site in Site.objects.all() if site.settings.get("library", True) is not False]


def site_of(request: HttpRequest, known: list[Site]) -> Site | None:
    """Whose name and number the pages show: of who is signed in, else as chosen, else the only one."""
    chosen = request.COOKIES.get(SITE, "")
    if isinstance(request.user, User):
        mine = set(request.user.sites(Role.values).values_list("pk", flat=True))
        known = [site for site in known if site.pk in mine] or known
        if mine and known:
            return next((site for site in known if site.code == chosen), known[0])
    return next((site for site in known if site.code == chosen), known[0] if len(known) == 1 else None)


def text_size(request: HttpRequest) -> str:
    """One of :data:`SIZES`."""
    chosen = request.COOKIES.get(TEXT, "")
    return chosen if chosen in SIZES else "normal"


def taken(request: HttpRequest) -> HttpResponseBase | None:
    """Keep what an address asks for (``?site=north``, ``?text=large``, ``?language=es``); go on without it.

    So an address can be handed on, and the next page is shown the same way.
    """
    if request.method != "GET" or not any(name in request.GET for name in ASKED):
        return None
    rest = request.GET.copy()
    given = {name: rest.pop(name)[-1] for name in ASKED if name in rest}
    response = HttpResponseRedirect(request.path + (f"?{rest.urlencode()}" if rest else ""))
    # Lax, not strict: the link is followed from a hospital's own pages too.
    ours: dict[str, Any] = {
        "max_age": DAYS * 86400, "httponly": True, "secure": settings.CONFIG.https, "samesite": "Lax",
        "path": reverse("library:index"),
    }  # fmt: skip
    if given.get("site") in {site.code for site in sites()}:
        response.set_cookie(SITE, given["site"], **ours)
    if given.get("text") in SIZES:
        response.set_cookie(TEXT, given["text"], **ours)
    if given.get("language") in dict(settings.LANGUAGES):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME, given["language"], max_age=settings.LANGUAGE_COOKIE_AGE,
            path=settings.LANGUAGE_COOKIE_PATH, secure=settings.CONFIG.https, httponly=True, samesite="Lax",
        )  # fmt: skip
    return response

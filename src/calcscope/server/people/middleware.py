"""Nobody sees anything without signing in."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, resolve_url
from django.utils import translation
from django.utils.http import urlencode

from calcscope.server.people.models import User

Answer = Callable[[HttpRequest], HttpResponseBase]
OPEN = {"people:sign-in", "people:code", "people:sign-out", "people:language", "health", "metrics"}
"""Pages for those who have not signed in; ``metrics`` asks for its own token."""
ENROLLING = {"people:code", "people:enrol", "people:sign-out", "people:language"}
CHOOSING = ENROLLING | {"people:password"}
"""Pages for those whose password is an administrator's."""


def open_to_all(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Mark a view that anybody may see, such as an article of the library."""
    view.open_to_all = True  # type: ignore[attr-defined]
    return view


class SignedIn:
    """Sends who is not signed in, or not with a second factor where one is asked for, to do so first.

    The default is closed: a new page is seen by nobody who has not signed in.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], args: object, kwargs: object
    ) -> HttpResponseBase | None:
        """Before any page."""
        name = request.resolver_match.view_name if request.resolver_match else ""
        if name in OPEN or getattr(view, "open_to_all", False):
            return None
        user = request.user
        if not isinstance(user, User):
            if request.headers.get("X-Requested-With") == "fetch":
                # A page that is open in a browser keeps what was typed and asks to sign in again.
                return HttpResponse(status=401)
            return redirect(f"{resolve_url('people:sign-in')}?{urlencode({'next': request.path})}")
        if settings.CONFIG.two_factor and user.is_member and name not in ENROLLING and not user.is_verified():  # type: ignore[attr-defined]
            if request.headers.get("X-Requested-With") == "fetch":
                return HttpResponse(status=401)
            page = resolve_url("people:code" if has_device(user) else "people:enrol")
            onward = f"?{urlencode({'next': request.path})}" if request.method == "GET" else ""
            return redirect(page + onward)
        if user.one_time_until is not None and name not in CHOOSING:
            if request.headers.get("X-Requested-With") == "fetch":
                return HttpResponse(status=401)
            onward = f"?{urlencode({'next': request.path})}" if request.method == "GET" else ""
            return redirect(resolve_url("people:password") + onward)
        return None


class InItsLanguage:
    """Shows who has signed in the pages in the account's language; everybody else in the browser's."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        user = request.user
        if isinstance(user, User) and user.language in dict(settings.LANGUAGES):
            translation.activate(user.language)
            request.LANGUAGE_CODE = translation.get_language()
        return self.get_response(request)


class UsedByHand:
    """Prolongs a session by what somebody does, not by what an open page asks for by itself.

    A page that looks for news (a GET by its script), or only says that it is still open (``by_itself``), does
    not keep an unattended screen signed in.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        looks = request.method == "GET" and request.headers.get("X-Requested-With") == "fetch"
        if not (looks or getattr(request, "by_itself", False) or request.session.is_empty()):
            request.session.modified = True
        return response


def has_device(user: User) -> bool:
    """Whether the account has a confirmed second factor."""
    from django_otp import user_has_device

    return bool(user_has_device(user, confirmed=True))

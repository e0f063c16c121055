"""What holds for every page: the rights it is seen with, and that no browser keeps it."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponseBase

from calcscope.server.people.middleware import Answer
from calcscope.server.people.models import User


class InItsRole:
    """Has a page show what belongs to the sites at which the account has a role the page is for.

    Somebody may be a radiologist at one hospital and a coordinator at another: what only radiologists see and
    sign is hers at the first one alone. :meth:`OfSites.for_user` asks for ``acting``.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], args: object, kwargs: object
    ) -> None:
        """Before any page."""
        if isinstance(request.user, User):
            request.user.__dict__["acting"] = getattr(view, "roles", None)


class WithoutZeros:
    """Answers 400 to a field that holds a zero character: no browser sends one, and PostgreSQL holds none."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], args: object, kwargs: object
    ) -> None:
        """Before any page.

        Raises
        ------
        BadRequest
        """
        for fields in (request.GET, request.POST):
            if any("\0" in name or any("\0" in value for value in values) for name, values in fields.lists()):
                raise BadRequest("a zero character in a field")


class NotKept:
    """Tells browsers to keep no page that does not ask for it: who comes next goes back to none."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "no-store, private"
        return response

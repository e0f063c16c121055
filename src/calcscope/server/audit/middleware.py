"""Every page that somebody who has signed in asks for is an event."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase

from calcscope.server.audit.models import Event
from calcscope.server.audit.recording import address_of, pointing
from calcscope.server.people.middleware import OPEN, Answer
from calcscope.server.people.models import User


class Audited:
    """Adds an event for each request to a page, whatever the page does: none can forget to."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        match = request.resolver_match
        if match is None or match.view_name in OPEN or getattr(match.func, "unaudited", False):
            return response
        user = request.user if isinstance(request.user, User) else None
        records = getattr(request, "audited", None) or [None]
        told = {str(key): str(value) for key, value in match.kwargs.items()}
        Event.objects.bulk_create(
            Event(
                action=match.view_name, user=user, method=request.method or "", status=response.status_code,
                address=address_of(request), detail=told, **pointing(each),
            )
            for each in records
        )  # fmt: skip
        return response

"""Which pages are for whom."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_http_methods

from calcscope.server.people.models import User


class Signed(HttpRequest):
    """A request of somebody who has signed in."""

    user: User


View = Callable[..., HttpResponseBase]

with_forms = require_http_methods(["GET", "HEAD", "POST"])
"""For a page that is shown, and takes what is filled in on it."""


def only(*roles: str) -> Callable[[View], View]:
    """Lets a page be seen by those who have one of the roles at any site; what of it, its queries decide.

    Raises
    ------
    PermissionDenied : for everybody else
    """

    def guarded(view: View) -> View:
        @wraps(view)
        def checked(request: Signed, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.has_role(*roles):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        checked.roles = roles  # type: ignore[attr-defined]
        return checked

    return guarded

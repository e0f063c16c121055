"""Who signs in and out, and what was refused, are events too."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from calcscope.server.audit.recording import record
from calcscope.server.people.models import User


@receiver(user_logged_in)
def came(request: HttpRequest | None, user: User, **_unused: Any) -> None:
    """With a password; the second factor is an event of its own page."""
    record("signed-in", user=user, request=request)


@receiver(user_logged_out)
def went(request: HttpRequest | None, user: User | None, **_unused: Any) -> None:
    """By hand; a session that ends by itself is no event."""
    if user is not None:
        record("signed-out", user=user, request=request)


@receiver(user_login_failed)
def was_refused(credentials: dict[str, Any], request: HttpRequest | None = None, **_unused: Any) -> None:
    """Of a name that is no account nothing is kept: people type passwords there."""
    found = User.objects.filter(username=str(credentials.get("username", ""))).first()
    record("sign-in-refused", user=found, request=request)

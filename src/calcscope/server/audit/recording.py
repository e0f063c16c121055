"""Adding to the audit."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.http import HttpRequest

from calcscope.server.audit.models import Event
from calcscope.server.people.models import User


def about(request: HttpRequest, *records: models.Model) -> None:
    """Tell the audit which records a page shows; the request's own event will point at them."""
    request.__dict__.setdefault("audited", []).extend(records)


def record(
    action: str,
    of: models.Model | None = None,
    *,
    user: User | None = None,
    request: HttpRequest | None = None,
    **detail: Any,
) -> Event:
    """Add an event of its own, such as ``signed``, beside that of the request.

    Parameters
    ----------
    action : what was done
    of : to which record
    user, request : by whom, and from where
    detail : more, JSON; no names, dates of birth or identifiers of women
    """
    if user is None and request is not None and isinstance(request.user, User):
        user = request.user
    return Event.objects.create(
        action=action, user=user, detail=detail, address=address_of(request), **pointing(of)
    )


def pointing(of: models.Model | None) -> dict[str, Any]:
    """The columns that point at a record: itself, its woman and its site."""
    if of is None:
        return {}
    name = of._meta.model_name or ""
    woman = of.pk if name == "woman" else getattr(of, "woman_id", None)
    site = of.pk if name == "site" else getattr(of, "site_id", None)
    return {"subject": name, "subject_id": str(of.pk), "woman_id": woman, "site_id": site}


def address_of(request: HttpRequest | None) -> str | None:
    """Where a request comes from."""
    return None if request is None else request.META.get("REMOTE_ADDR") or None

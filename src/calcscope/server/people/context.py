"""What every page shows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from calcscope import lexicon
from calcscope.server.languages.words import lexicon_text
from calcscope.server.people.models import Role, User


def of_page(request: HttpRequest) -> dict[str, Any]:
    """For templates: notice, whether this is the demo, languages by their own names, roles of who is in."""
    user = getattr(request, "user", None)
    roles = set(user.memberships.values_list("role", flat=True)) if isinstance(user, User) else set()
    notice = lexicon_text(lexicon.notices().research_use)
    verified = getattr(user, "is_verified", lambda: False)()
    entered = isinstance(user, User) and (verified or not settings.CONFIG.two_factor or not user.is_member)
    return {
        "notice": notice,
        "demo": settings.CONFIG.demo,
        "languages": settings.LANGUAGES,
        "roles": roles if entered else set(),
        "Role": Role,
    }

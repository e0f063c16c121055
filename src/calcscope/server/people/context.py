"""What every page shows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from calcscope import lexicon
from calcscope.server.languages.words import lexicon_text
from calcscope.server.people.models import Role, User

ASK_ARCHIVES = (Role.RADIOLOGIST, Role.TECHNOLOGIST, Role.COORDINATOR)
"""Who may look for exams in a site's archive, where it has one."""


def of_page(request: HttpRequest) -> dict[str, Any]:
    """For templates: notice, whether this is the demo, languages by their own names, roles of who is in, and
    whether a site of hers or his has an archive."""
    user = getattr(request, "user", None)
    held = list(user.memberships.values_list("role", "site__settings")) if isinstance(user, User) else []
    roles = {role for role, _settings in held}
    notice = lexicon_text(lexicon.notices().research_use)
    verified = getattr(user, "is_verified", lambda: False)()
    entered = isinstance(user, User) and (verified or not settings.CONFIG.two_factor or not user.is_member)
    return {
        "notice": notice,
        "demo": settings.CONFIG.demo,
        "languages": settings.LANGUAGES,
        "roles": roles if entered else set(),
        "has_archive": any(role in ASK_ARCHIVES and of_site.get("dicomweb") for role, of_site in held),
        "Role": Role,
    }

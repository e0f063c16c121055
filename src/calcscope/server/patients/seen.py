"""Who looked at a woman's record, in her own words, from the audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Q
from django.db.models.functions import TruncDate
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from calcscope.server.audit.models import Event
from calcscope.server.exams.models import Woman
from calcscope.server.people.models import STAFF, Membership, Role, User

REFUSED = ("refused-to-another-woman", "code-refused")
"""Tries that showed nobody anything; a page that refused has its status."""
WORDS: Mapping[str, Promise] = {
    "exams:worklist": _("saw your name in a list of exams"),
    "exams:woman": _("opened your record"),
    "exams:": _("looked at your images"),
    "reading:version": _("read the doctor's report"),
    "reading:": _("read your exam"),
    "signed": _("signed the doctor's report"),
    "outputs:": _("downloaded the doctor's report"),
    "sources:": _("looked for earlier images of yours"),
    "followup:dashboard": _("saw your name in a list of next steps"),
    "followup:": _("looked after your next steps"),
    "follow-up:": _("looked after your next steps"),
    "patients:staff-messages": _("saw your name in a list of messages"),
    "patients:staff-results": _("saw your name in a list of results"),
    "message:": _("answered your message"),
    "patients:": _("prepared your result, letter or code"),
    "result:": _("prepared your result, letter or code"),
    "code-made": _("prepared your result, letter or code"),
    "contact-changed": _("changed how to reach you"),
    "birth-date-entered": _("entered your date of birth"),
    "": _("worked on your record"),
}
"""What an action of the audit is to her; the longest beginning that fits counts."""


@dataclass(frozen=True)
class Look:
    """Somebody at her record, on one day.

    Parameters
    ----------
    last : the last time of that day
    who, roles : None for the program itself
    what : in words
    times : how often
    """

    last: datetime
    who: str | None
    roles: str
    what: str
    times: int


def words_of(action: str) -> str:
    """An action of the audit in her words."""
    fits = max((begin for begin in WORDS if action.startswith(begin)), key=len)
    return str(WORDS[fits])


def looks_at(woman: Woman) -> list[Look]:
    """Who looked at a woman's record, newest first, together what one did on one day; not she herself.

    What was refused is left out: nobody saw anything. Who has left the hospital since is not.
    """
    seen = Q(status=None) | Q(status__lt=400)
    events = Event.objects.filter(seen, woman_id=woman.pk).exclude(action__in=REFUSED)
    if woman.account_id is not None:
        events = events.exclude(user_id=woman.account_id)
    grouped = (
        events.annotate(day=TruncDate("at")).order_by().values("day", "user", "action")
        .annotate(times=Count("pk"), last=Max("at"))
    )  # fmt: skip
    people = User.objects.in_bulk({each["user"] for each in grouped if each["user"]})
    roles = _roles(woman, people)
    found: dict[tuple[object, ...], Look] = {}
    for each in grouped:
        what, who = words_of(each["action"]), each["user"]
        key = each["day"], who, what
        before = found.get(key)
        found[key] = Look(
            max(each["last"], before.last) if before else each["last"],
            people[who].display if who else None,
            roles.get(who, ""),
            what,
            each["times"] + (before.times if before else 0),
        )
    return sorted(found.values(), key=lambda look: look.last, reverse=True)


def _roles(woman: Woman, people: Mapping[int, User]) -> dict[int, str]:
    held = Membership.objects.filter(user__in=people.values(), site=woman.site_id, role__in=STAFF)
    said: dict[int, list[str]] = {}
    for each in held.order_by("role"):
        said.setdefault(each.user_id, []).append(str(Role(each.role).label))
    return {user: ", ".join(roles) for user, roles in said.items()}

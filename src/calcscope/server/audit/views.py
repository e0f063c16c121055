"""Searching the audit."""

from __future__ import annotations

import re

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from calcscope.server.audit.models import Event
from calcscope.server.dates import day_of
from calcscope.server.people.access import Signed, only
from calcscope.server.people.models import Membership, Role

PAGE = 100


@require_safe
@only(Role.ADMINISTRATOR)
def search(request: Signed) -> HttpResponse:
    """Events at the administrator's sites, newest first, and those of no site by their people."""
    sites = list(request.user.sites([Role.ADMINISTRATOR]).values_list("pk", flat=True))
    theirs = Membership.objects.filter(site__in=sites).values("user")
    of_no_site = Q(site_id=None) & (Q(user=None) | Q(user__in=theirs))
    events = Event.objects.select_related("user").filter(Q(site_id__in=sites) | of_no_site)
    asked = {
        name: request.GET.get(name, "").replace("\0", "").strip()
        for name in ("who", "what", "woman", "since", "until")
    }
    if asked["who"]:
        events = events.filter(user__username__icontains=asked["who"])
    if asked["what"]:
        events = events.filter(action__icontains=asked["what"])
    if re.fullmatch("[0-9]{1,18}", asked["woman"]):
        events = events.filter(woman_id=int(asked["woman"]))
    for name, lookup in (("since", "at__date__gte"), ("until", "at__date__lte")):
        day = day_of(asked[name])
        if day is not None:
            events = events.filter(**{lookup: day})
    page = Paginator(events, PAGE).get_page(request.GET.get("page"))
    return render(request, "audit/search.html", {"page": page, "asked": asked})

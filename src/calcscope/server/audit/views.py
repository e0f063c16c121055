"""Searching the audit."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render

from calcscope.server.audit.models import Event
from calcscope.server.dates import day_of
from calcscope.server.people.access import Signed, only
from calcscope.server.people.models import Role

PAGE = 100


@only(Role.ADMINISTRATOR)
def search(request: Signed) -> HttpResponse:
    """Events at the administrator's sites, newest first, and those that belong to no site."""
    sites = request.user.sites([Role.ADMINISTRATOR]).values_list("pk", flat=True)
    events = Event.objects.select_related("user")
    events = events.filter(site_id__in=list(sites)) | events.filter(site_id=None)
    asked = {name: request.GET.get(name, "").strip() for name in ("who", "what", "woman", "since", "until")}
    if asked["who"]:
        events = events.filter(user__username__icontains=asked["who"])
    if asked["what"]:
        events = events.filter(action__icontains=asked["what"])
    if asked["woman"].isdigit():
        events = events.filter(woman_id=int(asked["woman"]))
    for name, lookup in (("since", "at__date__gte"), ("until", "at__date__lte")):
        day = day_of(asked[name])
        if day is not None:
            events = events.filter(**{lookup: day})
    page = Paginator(events, PAGE).get_page(request.GET.get("page"))
    return render(request, "audit/search.html", {"page": page, "asked": asked})

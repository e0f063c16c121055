"""Asking an archive for studies."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from calcscope.server.audit.recording import record
from calcscope.server.exams.models import Upload
from calcscope.server.people.access import Signed, only, with_forms
from calcscope.server.people.models import Role
from calcscope.server.sources.web import ArchiveFault, Study, fetch_study, search

ROLES = (Role.RADIOLOGIST, Role.TECHNOLOGIST, Role.COORDINATOR)


@with_forms
@only(*ROLES)
def archive(request: Signed) -> HttpResponse:
    """Look for a woman's studies in the site's archive, and bring one."""
    sites = [site for site in request.user.sites(ROLES) if site.settings.get("dicomweb")]
    shown: dict[str, object] = {"sites": sites}
    if request.method == "POST":
        site = get_object_or_404(request.user.sites(ROLES), code=request.POST.get("site", ""))
        shown["site"] = site
        if study := request.POST.get("study", ""):
            upload = Upload.objects.create(site=site, by=request.user)
            record("fetched", upload, request=request)
            fetch_study.enqueue(str(upload.uuid), study)
            return redirect(reverse("exams:upload", args=[upload.uuid]))
        found: list[Study] = []
        try:
            found = search(site, request.POST.get("patient", ""), request.POST.get("accession", ""))
        except ArchiveFault as fault:
            shown["why"] = str(fault)
        record("searched-archive", site, request=request, studies=len(found))
        shown["studies"] = found
    return render(request, "sources/archive.html", shown)

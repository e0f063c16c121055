"""Downloading what was made of a signed report."""

from __future__ import annotations

import uuid

from django.http import FileResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET

from calcscope.server.audit.recording import about
from calcscope.server.exams.models import Exam
from calcscope.server.outputs.models import Object
from calcscope.server.people.access import Signed, only
from calcscope.server.people.models import Role


@require_GET
@only(Role.RADIOLOGIST, Role.COORDINATOR)
def download(request: Signed, version_uuid: uuid.UUID, pk: int) -> FileResponse:
    """A file made of a signed report."""
    exams = Exam.objects.for_user(request.user)
    made = get_object_or_404(Object, pk=pk, version__uuid=version_uuid, version__exam__in=exams)
    about(request, made.version.exam)
    return FileResponse(made.path.open("rb"), as_attachment=True, filename=made.name)

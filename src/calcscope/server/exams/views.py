"""The worklist, taking files in, and the files of images."""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.core.paginator import Paginator
from django.http import FileResponse, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_POST

from calcscope.server.audit.recording import about, record
from calcscope.server.exams import jobs
from calcscope.server.exams.arriving import no_room
from calcscope.server.exams.files import plain_path
from calcscope.server.exams.filters import WorklistFilter
from calcscope.server.exams.forms import BirthDateForm
from calcscope.server.exams.intake import clear
from calcscope.server.exams.models import Exam, Image, Job, Mode, SavedList, State, Upload, Woman
from calcscope.server.exams.previews import made_preview
from calcscope.server.exams.uploads import take_in_upload, try_again
from calcscope.server.patients.results import current
from calcscope.server.people.access import Signed, only, with_forms
from calcscope.server.people.models import Role
from calcscope.server.room import free_bytes

PAGE = 50
HELD_FOR = timedelta(minutes=2)
"""An exam counts as open with somebody so long after the last sign of life of the page."""
KEPT = "worklist"


@with_forms
@only(Role.RADIOLOGIST, Role.TECHNOLOGIST, Role.COORDINATOR)
def worklist(request: Signed) -> HttpResponse:
    """The exams of the reader's sites; filters stay for the session."""
    if request.method == "POST":
        asked = {key: value[:100] for key, value in request.POST.items() if key in WorklistFilter.base_fields}
        request.session[KEPT] = asked
        if name := request.POST.get("save", "").strip()[:60]:
            kept = {key: value for key, value in asked.items() if key != "search"}
            SavedList.objects.update_or_create(user=request.user, name=name, defaults={"filters": kept})
        return redirect("exams:worklist")
    form = WorklistFilter(request.user, request.session.get(KEPT))
    page = Paginator(form.exams().prefetch_related("jobs"), PAGE).get_page(request.GET.get("page"))
    about(request, *page)
    return render(
        request,
        "exams/worklist.html",
        {
            "form": form,
            "page": page,
            "lists": request.user.lists.all(),
            "may_read": request.user.has_role(Role.RADIOLOGIST),
            "held_since": timezone.now() - HELD_FOR,
            "changeable": (State.FAILED, State.UNREAD, State.BEGUN),
            "busy": any(exam.state == State.WAITING for exam in page),
        },
    )


@require_POST
@only(Role.RADIOLOGIST, Role.TECHNOLOGIST, Role.COORDINATOR)
def saved_list(request: Signed, pk: int) -> HttpResponse:
    """Show or forget a saved list."""
    kept = get_object_or_404(SavedList, pk=pk, user=request.user)
    if "forget" in request.POST:
        kept.delete()
    else:
        request.session[KEPT] = kept.filters
    return redirect("exams:worklist")


@require_GET
@only(Role.RADIOLOGIST, Role.TECHNOLOGIST, Role.COORDINATOR)
def progress(request: Signed) -> JsonResponse:
    """How far the exams are that are being analysed; asked for by the worklist's page."""
    exams = Exam.objects.for_user(request.user).filter(state=State.WAITING)
    told = {str(each): str(State.WAITING.label) for each in exams.values_list("uuid", flat=True)}
    open_jobs = Job.objects.filter(exam__in=exams, state__in=["queued", "running"]).select_related("exam")
    told |= {str(job.exam.uuid): job.progress or job.get_state_display() for job in open_jobs}
    return JsonResponse({"waiting": told})


@with_forms
@only(Role.RADIOLOGIST, Role.TECHNOLOGIST, Role.COORDINATOR)
def bring(request: Signed) -> HttpResponse:
    """Bring files or folders."""
    sites = request.user.sites([Role.RADIOLOGIST, Role.TECHNOLOGIST, Role.COORDINATOR])
    shown = {"sites": sites, "modes": Mode.choices, "room": free_bytes()}
    if request.method != "POST":
        return render(request, "exams/bring.html", shown)
    site = get_object_or_404(sites, code=request.POST.get("site", ""))
    given = request.FILES.getlist("files")
    if no_room(request):
        return _not_brought(request, shown, str(NO_ROOM), 507)
    if not given:
        why = _("No file came with it. Choose files or a folder, or drop them on the page.")
        return _not_brought(request, shown, why, 400)
    mode = request.POST.get("mode", "")
    upload = Upload.objects.create(
        site=site, by=request.user, files=len(given), mode=mode if mode in Mode.values else "",
        names=[PurePosixPath(each.name or "").name[:200] for each in given],
    )  # fmt: skip
    try:
        for number, each in enumerate(given):
            _keep(upload, number, each)
    except OSError:
        clear(upload.folder)
        upload.delete()
        return _not_brought(request, shown, str(NO_ROOM), 507)
    record("brought", upload, request=request, files=len(given))
    take_in_upload.enqueue(str(upload.uuid))
    if request.headers.get("X-Requested-With") == "fetch":
        return JsonResponse({"upload": upload_address(upload)})
    return redirect(upload_address(upload))


NO_ROOM = gettext_lazy(
    "There is no room left on the server's disk. None of these files was taken, and nothing that is here was "
    "touched. Tell an administrator, who makes room; then bring them again."
)


def _not_brought(request: Signed, shown: dict[str, Any], why: str, status: int) -> HttpResponse:
    """The page again, or for its script the words alone."""
    if request.headers.get("X-Requested-With") == "fetch":
        return JsonResponse({"why": why}, status=status)
    return render(request, "exams/bring.html", {**shown, "why": why}, status=status)


def upload_address(upload: Upload) -> str:
    """The page of an upload."""
    return reverse("exams:upload", args=[upload.uuid])


def _keep(upload: Upload, number: int, given: UploadedFile[bytes]) -> None:
    """Write a file beside the others of its upload; of its name only the ending is believed."""
    ending = PurePosixPath(given.name or "").suffix.lower()[:8]
    upload.folder.mkdir(parents=True, exist_ok=True)
    with (upload.folder / f"{number:05d}{ending}").open("xb") as file:
        for chunk in given.chunks():
            file.write(chunk)


@with_forms
@only(Role.RADIOLOGIST, Role.TECHNOLOGIST, Role.COORDINATOR)
def upload(request: Signed, upload_uuid: uuid.UUID) -> HttpResponse:
    """What became of files that were brought."""
    found = get_object_or_404(Upload.objects.for_user(request.user), uuid=upload_uuid)
    about(request, found)
    if request.method == "POST":
        try_again(found)
        return redirect(upload_address(found))
    if request.headers.get("X-Requested-With") == "fetch":
        return JsonResponse({"done": found.done_at is not None or bool(found.failures)})
    return render(
        request, "exams/upload.html", {"upload": found, "exams": found.exams.select_related("woman")}
    )


@require_POST
@only(Role.RADIOLOGIST, Role.TECHNOLOGIST)
def analyse_again(request: Signed, exam_uuid: uuid.UUID) -> HttpResponse:
    """Have the engine read an exam again."""
    exam = get_object_or_404(Exam.objects.for_user(request.user), uuid=exam_uuid)
    jobs.ask(exam)
    record("analyse-again", exam, request=request)
    return redirect("exams:worklist")


@with_forms
@only(Role.RADIOLOGIST, Role.TECHNOLOGIST, Role.COORDINATOR)
def woman(request: Signed, woman_uuid: uuid.UUID) -> HttpResponse:
    """A woman's exams and how to reach her."""
    found = get_object_or_404(Woman.objects.for_user(request.user), uuid=woman_uuid)
    about(request, found)
    if request.method == "POST":
        for name in ("email", "phone", "address", "language"):
            setattr(found, name, request.POST.get(name, getattr(found, name)).strip())
        try:
            found.full_clean(exclude=["site", "account"])
        except ValidationError as error:
            for name, why in error.message_dict.items():
                messages.error(request, f"{found._meta.get_field(name).verbose_name}: {why[0]}")
            return _woman(request, found, status=400)
        found.save()
        record("contact-changed", found, request=request)
        messages.success(request, _("Saved."))
        return redirect("exams:woman", woman_uuid)
    return _woman(request, found)


@require_POST
@only(Role.RADIOLOGIST, Role.TECHNOLOGIST, Role.COORDINATOR)
def birth_date(request: Signed, woman_uuid: uuid.UUID) -> HttpResponse:
    """Enter a woman's date of birth where none is known; one that is known stays."""
    found = get_object_or_404(Woman.objects.for_user(request.user), uuid=woman_uuid)
    about(request, found)
    form = BirthDateForm(request.POST)
    if not form.is_valid():
        return _woman(request, found, status=400, born=form)
    unknown = Woman.objects.filter(pk=found.pk, birth_date=None)
    if unknown.update(birth_date=form.cleaned_data["birth_date"]):
        record("birth-date-entered", found, request=request)
        messages.success(request, _("Saved."))
    else:
        messages.error(request, _("Her date of birth is known already; it was not changed."))
    return redirect("exams:woman", woman_uuid)


@require_POST
@only(Role.RADIOLOGIST, Role.TECHNOLOGIST, Role.COORDINATOR)
def same_woman(request: Signed, exam_uuid: uuid.UUID) -> HttpResponse:
    """Somebody says that the other name that an exam's images state is the woman's too."""
    exam = get_object_or_404(Exam.objects.for_user(request.user), uuid=exam_uuid)
    about(request, exam)
    # The names that the page showed: of others that came since nobody has said anything.
    asked = Exam.objects.filter(pk=exam.pk, other_name=True, other_names=request.POST.getlist("name"))
    if asked.update(other_name=False):
        record("same-woman", exam, request=request)
        jobs.compare_anew(exam)
        messages.success(request, _("Noted: the images are hers."))
    return redirect("exams:woman", exam.woman.uuid)


def _woman(
    request: Signed, found: Woman, status: int = 200, born: BirthDateForm | None = None
) -> HttpResponse:
    shown = {
        "woman": found,
        "born": born or BirthDateForm(),
        "exams": found.exams.order_by("-date"),
        "standing": set(current(found.results.all()).values_list("pk", flat=True)),
        "may_see_reports": request.user.has_role(Role.RADIOLOGIST, Role.COORDINATOR),
    }
    return render(request, "exams/woman.html", shown, status=status)


def _image(request: Signed, image_uuid: uuid.UUID) -> Image:
    """An image the account may see.

    Raises
    ------
    Http404
    """
    exams = Exam.objects.for_user(request.user)
    image = get_object_or_404(Image.objects.select_related("exam"), uuid=image_uuid, exam__in=exams)
    about(request, image.exam)
    return image


@require_GET
@cache_control(private=True, max_age=3600)
@only(Role.RADIOLOGIST, Role.TECHNOLOGIST, Role.COORDINATOR)
def pixels(request: Signed, image_uuid: uuid.UUID) -> FileResponse:
    """An image as a DICOM file that the viewer shows at once."""
    return FileResponse(plain_path(_image(request, image_uuid)).open("rb"), content_type="application/dicom")


@require_GET
@cache_control(private=True, max_age=3600)
@only(Role.RADIOLOGIST, Role.TECHNOLOGIST, Role.COORDINATOR)
def preview(request: Signed, image_uuid: uuid.UUID) -> FileResponse:
    """A small picture of an image."""
    return FileResponse(made_preview(_image(request, image_uuid)).open("rb"), content_type="image/jpeg")

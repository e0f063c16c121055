"""Taking an upload in, by a worker."""

from __future__ import annotations

import logging
from collections.abc import Collection

from django.db.models import F, Q
from django.utils import timezone
from django_tasks import task

from calcscope.server.exams.intake import clear, take_in
from calcscope.server.exams.models import Upload
from calcscope.server.exams.workers import LEASE, Heart, name_of, waiting

log = logging.getLogger(__name__)

ATTEMPTS = 3
"""After so many dead workers files are left out: they may be what kills them."""


@task()
def take_in_upload(upload_uuid: str) -> None:
    """Take in the files of an upload. Done again after a dead worker it changes nothing that was done."""
    open_upload = Upload.objects.filter(uuid=upload_uuid, done_at=None)
    if not open_upload.filter(worker="").update(
        worker=name_of(), heartbeat=timezone.now(), failures=[], attempts=F("attempts") + 1
    ):  # fmt: skip
        return  # another worker has it
    mine = open_upload.filter(worker=name_of())
    upload = Upload.objects.select_related("site").get(uuid=upload_uuid)
    with Heart(mine):
        try:
            taken = take_in(upload.site, [upload.folder], mode=upload.mode)
        except OSError as error:
            log.exception("upload %s", upload.uuid)
            reason = (
                f"The server found no room or no right to write ({error.strerror}). Your files are kept "
                "here; when an administrator has made room, choose Try again."
            )
            mine.update(failures=[{"source": "", "reason": reason}], worker=STOPPED)
            return
    upload.exams.set([*taken.exams, *taken.known])
    failures = [{**each, "source": _named(upload, each["source"])} for each in taken.failures]
    if mine.update(failures=failures, done_at=timezone.now()):
        clear(upload.folder)


def _named(upload: Upload, source: str) -> str:
    """A file as whoever brought it calls it, with the member where it is an archive."""
    stored, bang, member = source.partition("!")
    number, _dot, _ending = stored.partition(".")
    known = number.isdecimal() and int(number) < len(upload.names)
    return (str(upload.names[int(number)]) if known else stored) + bang + member


STOPPED = "stopped"
"""In place of a worker's name: somebody is to make room first."""


def try_again(upload: Upload) -> None:
    """Take in an upload that had stopped."""
    if Upload.objects.filter(pk=upload.pk, done_at=None, worker=STOPPED).update(
        worker="", failures=[], attempts=0
    ):
        take_in_upload.enqueue(str(upload.uuid))


def retake_lost(dead: Collection[str] = ()) -> int:
    """Have others take in the uploads of dead workers; how many. What has stopped several is given up."""
    stale = timezone.now() - LEASE
    gone = Q(heartbeat__lt=stale) | Q(worker__in=dead)
    begun = Upload.objects.filter(gone, done_at=None).exclude(worker__in=["", STOPPED])
    forgotten = Upload.objects.filter(Q(heartbeat=None) | Q(heartbeat__lt=stale), done_at=None, worker="")
    for upload in begun.filter(attempts__gte=ATTEMPTS):
        reason = (
            f"Taking these files in stopped the server's worker {upload.attempts} times, and they were left "
            "out. Bring them in smaller parts; tell an administrator which of them it is."
        )
        gave_up = {"failures": [{"source": "", "reason": reason}], "done_at": timezone.now()}
        if begun.filter(pk=upload.pk).update(**gave_up):
            log.error("upload %s: given up after %d attempts", upload.uuid, upload.attempts)
            clear(upload.folder)
    lost = [
        *begun.filter(attempts__lt=ATTEMPTS),
        *(each for each in forgotten.filter(at__lt=stale) if str(each.uuid) not in waiting()),
    ]
    for upload in lost:
        Upload.objects.filter(pk=upload.pk, done_at=None).update(worker="", heartbeat=timezone.now())
        take_in_upload.enqueue(str(upload.uuid))
    return len(lost)

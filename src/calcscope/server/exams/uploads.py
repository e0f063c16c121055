"""Taking an upload in, by a worker."""

from __future__ import annotations

import logging
from collections.abc import Collection

from django.db.models import Q
from django.utils import timezone
from django_tasks import task

from calcscope.server.exams.intake import clear, take_in
from calcscope.server.exams.models import Upload
from calcscope.server.exams.workers import LEASE, Heart, name_of, waiting

log = logging.getLogger(__name__)


@task()
def take_in_upload(upload_uuid: str) -> None:
    """Take in the files of an upload. Done again after a dead worker it changes nothing that was done."""
    open_upload = Upload.objects.filter(uuid=upload_uuid, done_at=None)
    if not open_upload.filter(worker="").update(worker=name_of(), heartbeat=timezone.now(), failures=[]):
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
    """A file as whoever brought it calls it; a member of an archive has its own name."""
    number, _dot, _ending = source.partition(".")
    known = number.isdecimal() and int(number) < len(upload.names)
    return str(upload.names[int(number)]) if known else source


STOPPED = "stopped"
"""In place of a worker's name: somebody is to make room first."""


def try_again(upload: Upload) -> None:
    """Take in an upload that had stopped."""
    if Upload.objects.filter(pk=upload.pk, done_at=None, worker=STOPPED).update(worker="", failures=[]):
        take_in_upload.enqueue(str(upload.uuid))


def retake_lost(dead: Collection[str] = ()) -> int:
    """Have others take in the uploads of dead workers; how many."""
    stale = timezone.now() - LEASE
    gone = Q(heartbeat__lt=stale) | Q(worker__in=dead)
    begun = Upload.objects.filter(gone, done_at=None).exclude(worker__in=["", STOPPED])
    forgotten = Upload.objects.filter(Q(heartbeat=None) | Q(heartbeat__lt=stale), done_at=None, worker="")
    lost = [
        *begun,
        *(each for each in forgotten.filter(at__lt=stale) if str(each.uuid) not in waiting()),
    ]
    for upload in lost:
        Upload.objects.filter(pk=upload.pk, done_at=None).update(worker="", heartbeat=timezone.now())
        take_in_upload.enqueue(str(upload.uuid))
    return len(lost)

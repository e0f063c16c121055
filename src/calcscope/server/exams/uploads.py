"""Taking an upload in, by a worker."""

from __future__ import annotations

import logging

from django.utils import timezone
from django_tasks import task

from calcscope.server.exams.intake import clear, take_in
from calcscope.server.exams.models import Upload

log = logging.getLogger(__name__)


@task()
def take_in_upload(upload_uuid: str) -> None:
    """Take in the files of an upload. Done again after a dead worker it changes nothing that was done."""
    upload = Upload.objects.select_related("site").get(uuid=upload_uuid)
    if upload.done_at is not None:
        return
    try:
        taken = take_in(upload.site, [upload.folder])
    except OSError as error:
        log.exception("upload %s", upload.uuid)
        reason = (
            f"found no room or no right to write ({error.strerror}); the files are kept; "
            "an administrator makes room and starts it again"
        )
        upload.failures = [{"source": "", "reason": reason}]
        upload.save(update_fields=["failures"])
        raise
    upload.exams.set([*taken.exams, *taken.known])
    upload.failures, upload.done_at = taken.failures, timezone.now()
    upload.save(update_fields=["failures", "done_at"])
    clear(upload.folder)

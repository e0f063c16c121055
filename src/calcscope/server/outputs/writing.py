"""Making the objects of a signed report, and sending them until they are there.

What is to go out is a row as soon as it is made. A worker that dies between sending and its note sends once
more, with the same UIDs: archives keep one.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.dispatch import receiver
from django.utils import timezone
from django_tasks import task
from pydicom import Dataset, dcmread

from calcscope.errors import CalcscopeError
from calcscope.node.config import DicomPlace, FolderPlace, NodeConfig, Place, WebPlace
from calcscope.node.sending import store_all, stow
from calcscope.report.writing import write_atomically
from calcscope.server.outputs.models import Delivery, Object
from calcscope.server.outputs.places import MADE, FaultyPlaces, places_of, takes
from calcscope.server.reading.models import Version
from calcscope.server.signals import report_was_signed
from calcscope.standards.exporting import KINDS, Kind, objects_of
from calcscope.standards.subject import Subject, subject_of

log = logging.getLogger(__name__)

FIRST_WAIT, LONGEST_WAIT, GIVE_UP = timedelta(seconds=10), timedelta(hours=1), timedelta(days=7)
AT_ONCE = 50
TITLE = "CALCSCOPE"


@receiver(report_was_signed)
def ask_for_objects(version: Version, **_unused: Any) -> None:
    """Have the objects made once the signature is on the disk."""
    transaction.on_commit(lambda: make_objects.enqueue(str(version.uuid)))


@task()
def make_objects(version_uuid: str) -> None:
    """Make every kind of object of a signed report, and set down where each is to go."""
    version = Version.objects.select_related("exam__site").get(uuid=version_uuid)
    subject = subject_of_version(version)
    for kind in MADE:
        try:
            written = objects_of(replace(subject, replaces=_replaced(version, kind)), kind)
        except CalcscopeError as error:
            log.error("version %s: no %s (%s)", version.uuid, kind, type(error).__name__)
            continue
        for name, content in written.items():
            made = Object(version=version, kind=kind, name=name)
            write_atomically(made.path, content)
            if name.endswith(".dcm"):
                made.sop_class = str(dcmread(made.path, stop_before_pixels=True).SOPClassUID)
            with transaction.atomic():
                made, _new = Object.objects.get_or_create(
                    version=version, name=name, defaults={"kind": kind, "sop_class": made.sop_class}
                )
                _address(made)
    send_due()


def subject_of_version(version: Version) -> Subject:
    """A signed report with the headers of its images, ready to be written as anything."""
    report = version.whole()
    images = [image.path for image in version.exam.images.all()]
    earlier = [image.path for exam in version.exam.earlier() for image in exam.images.all()]
    signed = timezone.localtime(version.signed_at).replace(tzinfo=None, microsecond=0)
    return subject_of(report, report.exams[0], signed, [*images, *earlier])


def _replaced(version: Version, kind: Kind) -> Dataset | None:
    """The object of the same kind of the version before, where an object can say whose place it takes.

    Structured reports can (predecessor documents, PS3.3 C.17.2.1); segmentations and presentation states
    cannot.
    """
    if KINDS[kind].replaces is None:
        return None
    before = Object.objects.filter(
        version__exam=version.exam, version__number__lt=version.number, kind=kind
    ).last()
    return dcmread(before.path, stop_before_pixels=True) if before else None


def _address(made: Object) -> None:
    try:
        places = places_of(made.version.exam.site)
    except FaultyPlaces as fault:
        log.error("nothing is sent: %s", fault)
        return
    for place in places:
        if takes(place, made.kind):
            Delivery.objects.get_or_create(made=made, place=place.name)


def send_due() -> int:
    """Send what is due; how many arrived.

    What a later version has superseded is not sent any more: it could arrive after it, and in a folder lie in
    its place.
    """
    due = Delivery.objects.filter(state=Delivery.State.WAITING, due__lte=timezone.now())
    sent = 0
    for delivery in due.select_related("made__version__exam__site")[:AT_ONCE]:
        later = delivery.made.version.superseded_by
        if later is not None and later.files.exists():
            delivery.state = Delivery.State.SUPERSEDED
            delivery.save()
            continue
        try:
            places = {place.name: place for place in places_of(delivery.made.version.exam.site)}
            place = places.get(delivery.place)
            reason = (
                "the place is no longer in the site's settings"
                if place is None
                else _send(place, delivery.made)
            )
        except (CalcscopeError, OSError) as error:
            reason = str(error)[:200]
        sent += _note(delivery, reason)
    return sent


def _send(place: Place, made: Object) -> str | None:
    """None where it arrived, else why not."""
    match place:
        case DicomPlace():
            config = NodeConfig(folder=settings.CONFIG.data, title=TITLE)
            return store_all(config, place, [{"sop_class": made.sop_class}], [made.path])[0]  # type: ignore[list-item]
        case WebPlace():
            return stow(place, made.path)
        case FolderPlace():
            study = made.version.exam.study_uid.strip(".") or "study"  # never a folder above
            write_atomically(place.folder / study / made.name, made.path.read_bytes())
            return None


def _note(delivery: Delivery, reason: str | None) -> bool:
    delivery.attempts += 1
    if reason is None:
        delivery.state, delivery.sent_at, delivery.reason = Delivery.State.SENT, timezone.now(), ""
    else:
        late = timezone.now() - delivery.made.made_at > GIVE_UP
        delivery.state = Delivery.State.GIVEN_UP if late else Delivery.State.WAITING
        delivery.reason = reason[:200]
        delivery.due = timezone.now() + min(FIRST_WAIT * 2 ** min(delivery.attempts - 1, 20), LONGEST_WAIT)
        log.warning("delivery %s to %s: %s", delivery.pk, delivery.place, reason)
    delivery.save()
    return reason is None

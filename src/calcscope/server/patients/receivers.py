"""What the other rooms tell this one."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from calcscope.server.followup.models import Event, Step
from calcscope.server.patients import results
from calcscope.server.patients.models import Happening
from calcscope.server.people.models import Role
from calcscope.server.reading.models import Version
from calcscope.server.signals import report_was_signed, result_was_written


@receiver(report_was_signed)
def tell_of_report(version: Version, **_unused: Any) -> None:
    """A signature and the result that it is are one transaction."""
    results.of_report(version)


@receiver(result_was_written)
def tell_of_biopsy(step: Step, event: Event, **_unused: Any) -> None:
    """Histology is told after a radiologist has compared it with the images."""
    if step.code == "concordance" and event.by is not None:
        if event.by.has_role(Role.RADIOLOGIST, site=step.chain.site):
            results.of_biopsy(event)
    elif step.code == results.TELL:
        _note_telling(step, event)


def _note_telling(step: Step, event: Event) -> None:
    """Somebody wrote down in follow-up that she was told."""
    result = getattr(step, "result_to_tell", None)
    if result is not None and not result.happenings.filter(kind__in=Happening.TELLS).exists():
        kind = Happening.Kind.PRINTED if event.result == "letter" else Happening.Kind.SPOKEN
        results.happen(result, kind, by=event.by, note=event.note)

"""What the other rooms tell this one."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver
from django.utils.translation import gettext as _

from calcscope.server.followup.chains import Refused
from calcscope.server.followup.models import Event, Step
from calcscope.server.patients import results
from calcscope.server.patients.rules import FaultyRules
from calcscope.server.people.models import Role
from calcscope.server.reading import signing
from calcscope.server.reading.models import Version
from calcscope.server.signals import report_was_signed, result_was_written


@receiver(report_was_signed)
def tell_of_report(version: Version, **_unused: Any) -> None:
    """A signature and the result that it is are one transaction.

    Raises
    ------
    Refused : for settings of the site that cannot be used, in words for who signs
    """
    try:
        results.of_report(version)
    except FaultyRules as fault:
        raise signing.Refused(str(fault)) from fault


@receiver(result_was_written)
def tell_of_biopsy(step: Step, event: Event, **_unused: Any) -> None:
    """Histology is told after a radiologist has compared it with the images; too little tissue as it is.

    Raises
    ------
    Refused : for settings of the site that cannot be used, and for a telling that did not happen
    """
    compared = step.code == "concordance" and event.by is not None
    if compared and not event.by.has_role(Role.RADIOLOGIST, site=step.chain.site):  # type: ignore[union-attr]
        return
    try:
        if compared or (step.code == "histology" and event.result == "insufficient"):
            results.of_biopsy(event)
        elif step.code == results.TELL:
            _note_telling(step, event)
    except (FaultyRules, results.Refused) as fault:
        raise Refused(str(fault)) from fault


def _note_telling(step: Step, event: Event) -> None:
    """Somebody wrote down in follow-up that she was told.

    A letter that was printed and a page that she opened are known; by hand, only a talk is written down.
    """
    result = getattr(step, "result_to_tell", None)
    if result is None or results.is_told(result) or event.by is None:
        return
    if event.result != "spoken":
        raise Refused(
            _("No letter was printed and no page opened yet. Print the letter where the result is prepared.")
        )
    results.spoken(result, event.by, event.note)

"""Letters, reminders, calendar files: they ask a woman to come; what was found is left to the doctor."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from smtplib import SMTPException

from django.core.mail import EmailMessage
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from icalendar import Calendar
from icalendar import Event as Entry

from calcscope import lexicon
from calcscope.server.followup.chains import Refused, add_event
from calcscope.server.followup.models import Event, Step
from calcscope.server.people.models import User

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Letter:
    """A letter in the woman's language."""

    to: str
    address: str
    site: str
    contact: str
    day: date
    subject: str
    paragraphs: tuple[str, ...]

    @property
    def text(self) -> str:
        """As an email says it."""
        return "\n\n".join([*self.paragraphs, self.contact])


def letter_of(step: Step) -> Letter:
    """The letter that asks a woman to come for a step."""
    chain = step.chain
    site, woman = chain.site, chain.woman
    with translation.override(woman.language):
        scheduled = step.events.filter(kind=Event.Kind.SCHEDULED).last()
        when = (
            _("You have an appointment on {day}.").format(day=scheduled.data["on"])
            if scheduled
            else _("Please make an appointment for a day before {day}.").format(day=step.due.isoformat())
        )
        visits = {
            "magnification_views": _("More pictures of the breast are needed to see it clearly."),
            "short_interval": _("It is time for the mammogram that was planned at your last visit."),
            "follow_up_6_months": _("It is time for the mammogram that was planned after your biopsy."),
            "routine": _("It is time for your next mammogram."),
            "biopsy": _(
                "The doctor who read your mammogram would like to take a small sample of the breast."
            ),
            "surgical_opinion": _("Your doctor would like you to speak with a breast surgeon."),
            "referral": _("Your doctor would like you to see a breast specialist."),
        }
        why = visits.get(step.code, _("Your doctor has planned a next step after your mammogram."))
        paragraphs = (
            _("Dear patient,"),
            why,
            when,
            _("On that day please use no deodorant, cream or powder on the breast or under the arm."),
            _("Please call us if you cannot come or have a question."),
            _("If it is urgent, call your doctor or the emergency number; this letter is not for that."),
        )  # fmt: skip
        contact = ", ".join(filter(None, (site.name, site.phone, site.email)))
        subject = _("Your appointment")
    return Letter(woman.display, woman.address, site.name, contact, timezone.localdate(), subject, paragraphs)


def write(step: Step, *, by: User | None, send: bool = False, reminder: int = 0) -> Letter:
    """Write the letter of a step down as written; send it by email where asked.

    Parameters
    ----------
    reminder : so many days before the date, for one that is sent by itself

    Raises
    ------
    Refused : where there is no address to send it to, or the mail server does not take it
    """
    letter = letter_of(step)
    woman = step.chain.woman
    if send and not woman.email:
        raise Refused(_("No email address of hers is known; print the letter, or add one."))
    kind = Event.Kind.REMINDER if reminder else Event.Kind.LETTER
    if send:
        message = EmailMessage(letter.subject, letter.text, step.chain.site.email or None, [woman.email])
        message.attach("appointment.ics", calendar_of(step), "text/calendar")
        # Sent first, written down then: a letter that did not leave is never in her history as sent.
        try:
            message.send()
        except (OSError, SMTPException) as error:
            log.warning("step %s: no email left (%s)", step.uuid, type(error).__name__)
            raise Refused(
                _("The mail server did not take the email. Print the letter, or try again later.")
            ) from None
    with transaction.atomic():
        data: dict[str, object] = {"by": "email" if send else "print"}
        if reminder:
            data |= {"days": reminder, "due": step.due.isoformat()}
        add_event(step, kind, None, by=by, data=data)
    return letter


def calendar_of(step: Step) -> bytes:
    """A calendar file (RFC 5545) for the appointment, or for the day a step is due."""
    scheduled = step.events.filter(kind=Event.Kind.SCHEDULED).last()
    day = date.fromisoformat(scheduled.data["on"]) if scheduled else step.due
    site = step.chain.site
    calendar, entry = Calendar(), Entry()
    calendar.add("prodid", "-//Calcscope//follow-up//")
    calendar.add("version", "2.0")
    entry.add("uid", f"{step.uuid}@calcscope")
    entry.add("dtstamp", datetime.combine(timezone.localdate(), time(), UTC))
    entry.add("dtstart", day)
    entry.add("dtend", day + timedelta(days=1))
    entry.add("summary", f"Appointment, {site.name}")
    entry.add("location", site.address)
    calendar.add_component(entry)
    return bytes(calendar.to_ical())


def remind(today: date | None = None) -> tuple[int, int]:
    """Send each reminder whose day has come, once; how many went out, and how many could not.

    One of a day that was missed, or that could not be sent, goes out later, as long as the date is to come.
    """
    today = today or timezone.localdate()
    stages = sorted(lexicon.chains().reminders.value)
    sent = unsent = 0
    steps = Step.objects.open().filter(due__gt=today, due__lte=today + timedelta(days=stages[-1]))
    for step in steps.exclude(chain__woman__email="").select_related("chain__woman", "chain__site"):
        stage = next(days for days in stages if step.due <= today + timedelta(days=days))
        if _has_its_reminder(step, stage):
            continue
        try:
            write(step, by=None, send=True, reminder=stage)
            sent += 1
        except Refused:
            unsent += 1
    return sent, unsent


def _has_its_reminder(step: Step, stage: int) -> bool:
    """Whether the reminder so many days before was sent, or its day was over when the date was set."""
    sent = step.events.filter(kind=Event.Kind.REMINDER).values_list("data", flat=True)
    dated = (Event.Kind.OPENED, Event.Kind.MOVED, Event.Kind.REOPENED)
    told = any(data.get("days") == stage and data.get("due") == step.due.isoformat() for data in sent)
    return told or step.events.filter(kind__in=dated, at__date__gt=step.due - timedelta(days=stage)).exists()

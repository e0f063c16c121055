"""Letters, reminders, calendar files: they ask a woman to come; what was found is left to the doctor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.core.mail import EmailMessage
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from icalendar import Calendar
from icalendar import Event as Entry

from calcscope import lexicon
from calcscope.server.followup.chains import Refused, _add
from calcscope.server.followup.models import Event, Step
from calcscope.server.people.models import User


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


@transaction.atomic
def write(step: Step, *, by: User | None, send: bool = False, reminder: bool = False) -> Letter:
    """Write the letter of a step down as written; send it by email where asked.

    Raises
    ------
    Refused : where there is no address to send it to
    """
    letter = letter_of(step)
    woman = step.chain.woman
    if send and not woman.email:
        raise Refused("No email address of hers is known; print the letter, or add one.")
    kind = Event.Kind.REMINDER if reminder else Event.Kind.LETTER
    _add(step, kind, None, by=by, data={"by": "email" if send else "print"})
    if send:
        message = EmailMessage(letter.subject, letter.text, step.chain.site.email or None, [woman.email])
        message.attach("appointment.ics", calendar_of(step), "text/calendar")
        transaction.on_commit(message.send)
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


def remind(today: date | None = None) -> int:
    """Send each reminder whose day has come, once; how many went out."""
    today = today or timezone.localdate()
    sent = 0
    for before in lexicon.chains().reminders.value:
        for step in (
            Step.objects.open().filter(due=today + timedelta(days=before)).select_related("chain__woman")
        ):
            told = step.events.filter(kind=Event.Kind.REMINDER, at__date=today).exists()
            if step.chain.woman.email and not told:
                write(step, by=None, send=True, reminder=True)
                sent += 1
    return sent

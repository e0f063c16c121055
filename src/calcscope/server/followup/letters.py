"""Letters, reminders, calendar files: they ask a woman to come; what was found is left to the doctor."""

from __future__ import annotations

import logging
from collections.abc import Mapping
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
from calcscope.server.patients import approvals, passages, results
from calcscope.server.people.models import User

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Letter:
    """A letter in the woman's language.

    Parameters
    ----------
    passages : SHA-256 of each passage that it was made of
    """

    to: str
    address: str
    site: str
    contact: str
    day: date
    subject: str
    paragraphs: tuple[str, ...]
    language: str
    passages: Mapping[str, str]

    @property
    def text(self) -> str:
        """As an email says it."""
        return "\n\n".join([*self.paragraphs, self.contact])


MAMMOGRAMS = ("magnification_views", "short_interval", "follow_up_6_months", "routine")
"""For these nothing may be on the skin."""


def letter_of(step: Step) -> Letter:
    """The letter that asks a woman to come for a step: fixed passages with the date filled in."""
    chain = step.chain
    site, woman = chain.site, chain.woman
    texts = passages.load(woman.language)
    made, today = results.appointment_of(step), timezone.localdate()
    to_come = made is not None and made.day >= today
    day, when = (made.day, "letter_appointment") if made and to_come else (step.due, "letter_due")
    if day <= today and when == "letter_due":
        when = "letter_overdue"
    own = f"letter_{step.code}"
    names = [
        own if own in texts.ids else "letter_other",
        when,
        *(["letter_skin"] if step.code in MAMMOGRAMS else []),
        "letter_call",
        "letter_emergency",
    ]
    with translation.override(woman.language):
        greeting, subject = _("Dear patient,"), _("Your appointment")
        said = texts.date(day)
        if made and to_come and made.at:
            said = _("{day} at {time}").format(day=said, time=made.at.isoformat("minutes"))
    return Letter(
        woman.as_addressed,
        woman.address,
        site.name,
        ", ".join(filter(None, (site.name, site.phone, site.email))),
        timezone.localdate(),
        subject,
        (greeting, *(texts.fill(name, date=said) for name in names)),
        woman.language,
        {name: texts[name].sha256 for name in (*names, passages.WORDS)},
    )


def against(step: Step, letter: Letter) -> list[str]:
    """Why the letter may not leave, in sentences; empty where it may."""
    if not step.kind.visit:
        return [_("She does not come for this step: no letter asks her to.")]
    said = results.against_asking(step)
    missing = approvals.missing(step.chain.site, letter.language, letter.passages)
    if missing:
        said.append(
            _("Passages that no radiologist of the site has approved in her language: {n}.").format(
                n=len(missing)
            )
        )
    return said


def write(step: Step, *, by: User | None, send: bool = False, reminder: int = 0) -> Letter:
    """Write the letter of a step down as written; send it by email where asked.

    Parameters
    ----------
    reminder : so many days before the date, for one that is sent by itself

    Raises
    ------
    Refused : where it may not leave, there is no address to send it to, or the mail server does not take it
    """
    letter = letter_of(step)
    woman = step.chain.woman
    if why := against(step, letter):
        raise Refused(" ".join(why))
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
    """A calendar file (RFC 5545) for the appointment, or for the day a step is due.

    A time is in the server's time zone. Where that is UTC, as it is unless somebody has set it, the time is
    a floating one: her calendar shows what the clinic wrote, wherever it is.
    """
    day, at = results.appointment_of(step) or results.Appointment(step.due)
    site = step.chain.site
    with translation.override(step.chain.woman.language):
        what = _("Your appointment")
    calendar, entry = Calendar(), Entry()
    calendar.add("prodid", "-//Calcscope//follow-up//")
    calendar.add("version", "2.0")
    entry.add("uid", f"{step.uuid}@calcscope")
    entry.add("dtstamp", datetime.combine(timezone.localdate(), time(), UTC))
    if at is None:
        entry.add("dtstart", day)
        entry.add("dtend", day + timedelta(days=1))
    else:  # without an end, which nobody has stated
        zone = timezone.get_default_timezone()
        entry.add("dtstart", datetime.combine(day, at, None if str(zone) == "UTC" else zone))
    entry.add("summary", f"{what}, {site.name}")
    entry.add("location", site.address)
    calendar.add_component(entry)
    calendar.add_missing_timezones()
    return bytes(calendar.to_ical())


def remind(today: date | None = None) -> tuple[int, int]:
    """Send each reminder whose day has come, once; how many went out, and how many could not.

    One of a day that was missed, or that could not be sent, goes out later, as long as the date is to come.
    """
    today = today or timezone.localdate()
    stages = sorted(lexicon.chains().reminders.value)
    sent = unsent = 0
    visits = [code for code, kind in lexicon.chains().steps.items() if kind.visit]
    soon = today + timedelta(days=stages[-1])
    steps = Step.objects.open().filter(code__in=visits, due__gt=today, due__lte=soon)
    for step in steps.exclude(chain__woman__email="").select_related("chain__woman", "chain__site"):
        stage = next(days for days in stages if step.due <= today + timedelta(days=days))
        if _has_its_reminder(step, stage):
            continue
        try:
            write(step, by=None, send=True, reminder=stage)
            sent += 1
        except Refused:
            unsent += 1
        except passages.PassageError as fault:  # one language at fault keeps nobody else's reminder back
            unsent += 1
            log.error("step %s: no reminder (%s)", step.uuid, fault)
    return sent, unsent


def _has_its_reminder(step: Step, stage: int) -> bool:
    """Whether the reminder so many days before was sent, or its day was over when the date was set."""
    sent = step.events.filter(kind=Event.Kind.REMINDER).values_list("data", flat=True)
    dated = (Event.Kind.OPENED, Event.Kind.MOVED, Event.Kind.REOPENED)
    told = any(data.get("days") == stage and data.get("due") == step.due.isoformat() for data in sent)
    return told or step.events.filter(kind__in=dated, at__date__gt=step.due - timedelta(days=stage)).exists()

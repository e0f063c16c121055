"""Chains of steps, and the events that are all that ever happens to a step."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from calcscope import lexicon
from calcscope.lexicon.model import ChainStep
from calcscope.server.appendonly import AppendOnly
from calcscope.server.exams.models import Exam, OfSites, Woman
from calcscope.server.languages.words import lexicon_text, plain
from calcscope.server.people.models import Role, Site
from calcscope.server.reading.models import Version


class Chain(models.Model):
    """What follows from one recommendation for one breast, or for both."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="chains")
    woman = models.ForeignKey(Woman, on_delete=models.PROTECT, related_name="chains")
    exam = models.ForeignKey(Exam, on_delete=models.PROTECT, related_name="chains")
    code = models.CharField(_("recommendation"), max_length=40)
    side = models.CharField(_("side"), max_length=1, blank=True)
    category = models.CharField(_("category"), max_length=2)
    opened_at = models.DateTimeField(auto_now_add=True)

    objects = OfSites.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        return f"chain {self.pk}"


class Answer(AppendOnly):
    """That a chain answers for a signed finding, or for an exam without one."""

    chain = models.ForeignKey(Chain, on_delete=models.PROTECT, related_name="answers")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="answers")
    finding = models.CharField(max_length=32, blank=True)

    def __str__(self) -> str:
        return f"answer {self.pk}"


class StepQuerySet(OfSites):
    """Steps, by what is to be done about them."""

    site_field = "chain__site"

    def open(self) -> Self:
        """Neither done nor closed."""
        return self.filter(state__in=Step.OPEN)

    def overdue(self, today: date | None = None) -> Self:
        """Open and due before today."""
        return self.open().filter(due__lt=today or timezone.localdate())


class Step(models.Model):
    """Something that is to happen. Its state is that of its last event, kept here to be found by."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        SCHEDULED = "scheduled", _("appointment made")
        UNREACHABLE = "unreachable", _("woman not reached")
        DONE = "done", _("done")
        CLOSED = "closed", _("closed")

    OPEN: ClassVar = (State.OPEN, State.SCHEDULED, State.UNREACHABLE)

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    chain = models.ForeignKey(Chain, on_delete=models.PROTECT, related_name="steps")
    code = models.CharField(_("step"), max_length=40)
    due = models.DateField(_("due"), db_index=True)
    after = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="before")
    state = models.CharField(
        _("state"), max_length=12, choices=State.choices, default=State.OPEN, db_index=True
    )
    owner_role = models.CharField(_("owner"), max_length=20, choices=Role.choices)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="steps"
    )
    opened_at = models.DateTimeField(auto_now_add=True)

    objects = StepQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["due", "pk"]

    def __str__(self) -> str:
        return f"step {self.pk}"

    @property
    def woman_id(self) -> int:
        """Of the chain; the audit points at her."""
        return self.chain.woman_id

    @property
    def site_id(self) -> int:
        """Of the chain."""
        return self.chain.site_id

    @property
    def kind(self) -> ChainStep:
        """What the lexicon says of the step."""
        return lexicon.chains().steps[self.code]

    @property
    def display(self) -> str:
        """The step in words."""
        return lexicon_text(self.kind.display)

    @property
    def is_open(self) -> bool:
        """Whether it is neither done nor closed."""
        return self.state in self.OPEN

    @property
    def days_late(self) -> int:
        """How many days it is overdue; 0 or less where it is not."""
        return (timezone.localdate() - self.due).days if self.is_open else 0

    @property
    def earliest(self) -> date:
        """From when on an exam may fulfil it."""
        exam = None if self.after_id else self.chain.exam.date
        opened = exam or timezone.localdate(self.opened_at)
        # A step of an exam that was signed late is due later, but what it waits for may come as planned.
        days = min((self.due - opened).days, self.usual_days)
        return opened + timedelta(days=max(1, int(days * self.kind.earliest_share)))

    @property
    def usual_days(self) -> int:
        """Within which it is due by the lexicon."""
        own = self.kind.due_days or lexicon.next_steps().steps[self.code].due_days
        return int(own.value)

    @property
    def attempts(self) -> int:
        """How often somebody tried to reach the woman without success since she was last reached."""
        count = 0
        for event in reversed(self.events.all()):  # of a list of steps they are fetched at once
            if event.kind in (Event.Kind.SCHEDULED, Event.Kind.REACHED):
                break
            count += event.kind == Event.Kind.ATTEMPT
        return count


class Event(AppendOnly):
    """Something that happened to a step."""

    class Kind(models.TextChoices):
        OPENED = "opened", _("opened")
        OWNER = "owner", _("given to")
        SCHEDULED = "scheduled", _("appointment made")
        LETTER = "letter", _("letter written")
        REMINDER = "reminder", _("reminder sent")
        ATTEMPT = "attempt", _("tried to reach her")
        REACHED = "reached", _("reached her")
        PROPOSED = "proposed", _("an exam arrived that may be it")
        NOT_IT = "not_it", _("the exam was not it")
        DONE = "done", _("done")
        CLOSED = "closed", _("closed")
        MOVED = "moved", _("due date changed")
        ESCALATED = "escalated", _("passed on")
        REOPENED = "reopened", _("opened again")

    step = models.ForeignKey(Step, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    at = models.DateTimeField(auto_now_add=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    exam = models.ForeignKey(Exam, on_delete=models.PROTECT, null=True, related_name="+")
    result = models.CharField(max_length=40, blank=True)
    reason = models.CharField(max_length=40, blank=True)
    note = models.TextField(blank=True)
    data = models.JSONField(default=dict)

    class Meta:
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        return f"event {self.pk}"

    @property
    def words(self) -> str:
        """What happened, for the reader of the history."""
        return ", ".join(filter(None, (str(self.get_kind_display()), self.outcome)))

    @property
    def outcome(self) -> str:
        """What came of it: the result or reason, and what is known beside."""
        chains = lexicon.chains()
        parts = []
        if self.result and self.result != self.kind:
            parts.append(chains.steps[self.step.code].results.get(self.result, plain(self.result)))
        if self.reason:
            parts.append(chains.closing.get(self.reason, plain(self.reason)))
        said = [lexicon_text(part) for part in parts]
        # PostgreSQL keeps what is in a JSON object in an order of its own.
        known = sorted(self.data, key=lambda name: (ORDER.get(name, len(ORDER)), name))
        return ", ".join([*said, *(_fact(name, self.data[name]) for name in known)])


FACTS = {
    "after_days": pgettext_lazy("event", "after days"),
    "by": pgettext_lazy("event", "by"),
    "days": pgettext_lazy("event", "days"),
    "due": pgettext_lazy("event", "due"),
    "from": pgettext_lazy("event", "from"),
    "how": pgettext_lazy("event", "how"),
    "on": pgettext_lazy("event", "on"),
    "at": pgettext_lazy("event", "at"),
    "to": pgettext_lazy("event", "to"),
    "email": pgettext_lazy("event", "email"),
    "in_person": pgettext_lazy("event", "in person"),
    "letter": pgettext_lazy("event", "letter"),
    "phone": pgettext_lazy("event", "phone"),
    "print": pgettext_lazy("event", "print"),
    **dict(Role.choices),
}
"""Names and values of what is known of an event beside its result, in the order in which they are said; those
that a step asks for are the lexicon's."""

ORDER = {name: place for place, name in enumerate(FACTS)}


def _fact(name: str, value: object) -> str:
    return ": ".join(str(FACTS.get(each, lexicon_text(plain(each)))) for each in (name, str(value)))


class DailyRun(models.Model):
    """That what is done once a day was done, and what came of it."""

    day = models.DateField(unique=True)
    begun_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    passed_on = models.PositiveIntegerField(default=0)
    reminders = models.PositiveIntegerField(default=0)
    unsent = models.PositiveIntegerField(default=0)
    lost = models.PositiveIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["-day"]

    def __str__(self) -> str:
        return f"daily run {self.day}"

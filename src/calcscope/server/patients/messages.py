"""What a woman says on her pages, and what the clinic answers. Nothing is changed; all of it is kept."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from calcscope.errors import CalcscopeError
from calcscope.server.audit.recording import record
from calcscope.server.exams.models import Woman
from calcscope.server.followup import chains
from calcscope.server.followup.models import Step
from calcscope.server.patients.models import Message, seen_by
from calcscope.server.people.models import User

LONGEST = 2000
AT_ONCE = 20
"""So many may wait for an answer; who needs more is served better by a call."""


class Refused(CalcscopeError):
    """A message that cannot be taken; the message says why in a sentence."""


def waiting(messages: QuerySet[Message]) -> QuerySet[Message]:
    """Those that nobody has answered yet, the oldest first."""
    answered = Message.objects.filter(answers=OuterRef("pk"))
    return messages.filter(~Exists(answered), kind__in=Message.ASKS).order_by("pk")


def messages_waiting(user: User) -> int:
    """How many wait at the sites at which an account works."""
    return waiting(seen_by(user, Message.objects.all())).count()


@transaction.atomic
def say(woman: Woman, by: User, kind: str, text: str = "", step: Step | None = None) -> Message:
    """Keep what a woman says; that she was reached is noted at the step it is about.

    Raises
    ------
    Refused : without a text where one is needed, with one that is too long, or for too many at once
    """
    text = text.strip()
    if kind == Message.Kind.QUESTION and not text:
        raise Refused(_("Write your question first."))
    if len(text) > LONGEST:
        raise Refused(_("That is too long; write at most {n} characters.").format(n=LONGEST))
    if kind in Message.ASKS and waiting(Message.objects.filter(woman=woman)).count() >= AT_ONCE:
        raise Refused(_("Many of your messages still wait for an answer. Please call the clinic."))
    made: Message = Message.objects.create(
        site=woman.site, woman=woman, kind=kind, by=by, step=step, text=text
    )
    record(f"message:{kind}", made, user=by)
    if step is not None and step.is_open:
        chains.attempt(step, "her page", True, by=by, note=str(made.get_kind_display()))
    return made


@transaction.atomic
def answer(message: Message, by: User, text: str) -> Message:
    """Answer a woman; once.

    Raises
    ------
    Refused : without a text, for an answer to an answer, or where a colleague was first
    """
    text = text.strip()
    if not text:
        raise Refused(_("Write the answer first."))
    if len(text) > LONGEST:
        raise Refused(_("That is too long; write at most {n} characters.").format(n=LONGEST))
    if message.kind not in Message.ASKS:
        raise Refused(_("This message asks for no answer."))
    Woman.objects.select_for_update().get(pk=message.woman_id)  # one at a time, whoever answers
    if message.answered_by.exists():
        raise Refused(_("Somebody has answered meanwhile."))
    made: Message = Message.objects.create(
        site=message.site, woman=message.woman, kind=Message.Kind.ANSWER, by=by, step=message.step,
        answers=message, text=text,
    )  # fmt: skip
    record("message:answer", made, user=by)
    if message.step is not None and message.step.is_open:
        chains.attempt(message.step, "her page", True, by=by, note=_("Her message is answered."))
    return made
